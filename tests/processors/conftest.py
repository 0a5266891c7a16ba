"""A city for each test, in a database of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.app import schedule
from tests.processors.city import City, open_city

NewCity = Callable[..., City]


@pytest.fixture
def new_city(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NewCity]:
    """Opens the city of this test; the schedule's waiting for the pipeline is the pump's work."""
    opened: list[City] = []

    def begin(**wishes: Any) -> City:
        city = open_city(database, tmp_path / "city", **wishes)
        monkeypatch.setattr(schedule, "drain", lambda _hub: city.pump.drain())
        opened.append(city)
        return city

    yield begin
    for city in opened:
        city.close()


@pytest.fixture
def city(new_city: NewCity) -> City:
    return new_city()
