"""Answers that come in the wrong order, and answers that change (faults 67 and 68)."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import psycopg
import pytest

from hub.app import schedule
from simulators.agency import Paper
from simulators.amounts import Four
from tests.processors.city import City, bill, open_city, unit_of

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
NOTHING: Four = (0, 0, 0, 0)


@pytest.fixture
def lived(
    postgres_url: str, migrated_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[tuple[str, ...]], dict[str, object]]:
    """The books after a month in which the bank's files came in this order, in a database of its own."""

    def live(order: tuple[str, ...]) -> dict[str, object]:
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute("drop database if exists fault_67 with (force)")
            owner.execute(f"create database fault_67 template {migrated_template}")
        city = open_city(f"{postgres_url.rpartition('/')[0]}/fault_67", tmp_path / "-".join(order))
        for waiting in ("drain", "settle"):
            monkeypatch.setattr(schedule, waiting, lambda _hub: city.pump.drain())
        try:
            return in_order(city, order)
        finally:
            city.close()

    return live


def in_order(city: City, order: tuple[str, ...]) -> dict[str, object]:
    """Result, correction of one line, reversal of another: they lie there in this order, and all are late."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE)))
    city.advance("11-05T10:00")
    (request,) = city.requests("ICBC")
    papers = {
        "result": city.result(request, {"A-2": "02"}),
        "correction": city.change("ICBC", ("A-2-1", 0, WHOLE, "00")),
        "reversal": city.change("ICBC", ("A-1-1", WHOLE, 0, "99")),
    }
    for name in order:
        city.put("ICBC", papers[name])
        for outcome in city.poll("ICBC"):
            assert outcome == "taken"
        city.pump.drain()
    city.poll("ICBC")
    city.pump.drain()
    city.put("ICBC", Paper(papers["reversal"].name.replace(".txt", "9.txt"), papers["reversal"].data))
    assert city.poll("ICBC") == ["repeat"]
    assert (city.collected("A-1"), city.collected("A-2"), city.collected("A-3")) == (NOTHING, DUE, DUE)
    assert city.servers["ICBC"].inbound == {}
    books: dict[str, object] = dict(city.books())
    books.pop("work")  # who waited is told to a person
    return books


def test_fault_67_second_result_correction_or_reversal_first(
    lived: Callable[[tuple[str, ...]], dict[str, object]],
) -> None:
    """Every order of a result, a correction and a reversal gives the same books."""
    orders = list(permutations(("result", "correction", "reversal")))
    expected = lived(orders[0])
    for order in orders[1:]:
        found = lived(order)
        for name, rows in expected.items():
            assert found[name] == rows, f"{order}: {name} differs"


def test_fault_67_a_second_result_of_a_batch_changes_nothing(city: City) -> None:
    """Only a file of changes changes an answer: another result of the same batch is quarantined whole."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    city.put("ICBC", city.result(request))
    assert city.poll("ICBC") == ["taken"]
    city.advance("11-05T09:00")
    before = city.books()
    city.put("ICBC", city.result(request, {"A-1": "02"}))
    assert city.poll("ICBC") == ["quarantined"]
    assert {name: rows for name, rows in city.books().items() if name != "work"} == {
        name: rows for name, rows in before.items() if name != "work"
    }


@pytest.mark.parametrize("seed_part", range(3))
def test_fault_68_return_after_success_and_failed_turns_success(city: City, seed: int, seed_part: int) -> None:
    """The original split is reversed, fen for fen, whatever the bank had deducted; and the other way round."""
    came = 1 + (seed + seed_part * 7919) % (WHOLE - 1)
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.first_deduction(ICBC={"A-1": came, "A-2": "03"})
    booked = city.collected("A-1")
    city.put("ICBC", city.change("ICBC", ("A-1-1", came, 0, "02"), ("A-2-1", 0, came, "01")))
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    assert (city.collected("A-1"), city.collected("A-2")) == (NOTHING, booked)
    rows = """
        select c.source, c.pension, c.unemployment, c.injury, c.maternity
        from collection c join bill b on b.id = c.bill_id where b.bill_no = 'A-1'
    """
    assert sorted(city.rows(rows)) == [("BANK", *booked), ("BANK_REVERSAL", *(-fen for fen in booked))]
    assert city.value("select sum(case side when 'D' then amount_fen else -amount_fen end) from journal_posting") == 0
    city.accept(city.again((unit_of(1), "B")))
    city.advance("11-20T14:10")
    assert city.asked("ICBC") == {"A-1-2": DUE}
