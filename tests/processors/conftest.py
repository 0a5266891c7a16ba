"""A city for each test, in a database of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.app import schedule
from tests.processors.answers import DUE, UNITS
from tests.processors.city import City, bill, open_city

NewCity = Callable[..., City]


@pytest.fixture
def new_city(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewCity]:
    """Opens the city of this test; the schedule's waiting for the pipeline is the pump's work."""
    opened: list[City] = []

    def begin(**wishes: Any) -> City:
        city = open_city(database, tmp_path / "city", **wishes)
        for waiting in ("drain", "settle"):
            monkeypatch.setattr(schedule, waiting, lambda _hub: city.pump.drain())
        opened.append(city)
        return city

    yield begin
    for city in opened:
        city.close()


@pytest.fixture
def city(new_city: NewCity) -> City:
    return new_city()


@pytest.fixture
def asked(city: City) -> City:
    """3 November, 10:00: ICBC is asked for A-1, A-2 and A-3 in lines 1 to 3, CCB for A-4."""
    bills = [bill(f"A-{n}", unit, DUE) for n, unit in enumerate(UNITS, start=1)]
    city.accept(city.dues(*bills, bill("A-4", 5, DUE, bank="CCB")))
    city.advance("11-02T09:10")
    city.advance("11-03T10:00")
    return city
