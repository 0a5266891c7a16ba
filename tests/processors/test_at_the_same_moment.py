"""Doors and schedule at the same moment: whichever transaction comes first, the money is booked, and booked once."""

import hashlib
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from connectors.bank.failures import PermissionRefusedError
from hub.app import schedule
from hub.domain.periods import Period
from hub.domain.timetable import ScheduledStep, Step
from hub.ledger import flight
from hub.processors import release_results, take_in_receipts
from simulators.agency import Paper
from simulators.amounts import Four
from tests.fakes import FakeBankDoor, Trouble
from tests.processors.city import PERIOD, City, bill

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
LIMIT_SECONDS = 30.0


def posting_step(city: City, bank: str) -> ScheduledStep:
    return ScheduledStep(Period(PERIOD), Step.POSTING, 1, bank, city.moment("11-04T09:00"))


def until_waiting_or_done(city: City, other: threading.Thread) -> None:
    """Lets the other transaction run until it waits for a lock of ours, or is through."""
    waits = text("select count(*) from pg_locks where not granted")
    for _ in range(int(LIMIT_SECONDS / 0.02)):
        other.join(0.02)
        if not other.is_alive():
            return
        with city.hub.engine.connect() as conn:
            if conn.execute(waits).scalar_one() > 0:
                return
    raise AssertionError("the other transaction neither waits nor ends")


def test_an_answer_polled_while_the_posting_step_commits_is_posted(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    city.answer("ICBC")
    original = release_results.release_if_due
    others: list[threading.Thread] = []

    def with_the_step_meanwhile(conn: Any, batch_no: str, now: Any) -> bool:
        released = original(conn, batch_no, now)
        city.time_passes("11-04T09:00")
        step = posting_step(city, "ICBC")
        others.append(threading.Thread(target=schedule._carry_out, args=(city.hub, step)))
        others[0].start()
        until_waiting_or_done(city, others[0])
        return released

    monkeypatch.setattr(release_results, "release_if_due", with_the_step_meanwhile)
    assert city.poll("ICBC") == ["taken"]
    others[0].join(LIMIT_SECONDS)
    city.pump.drain()
    assert city.collected("A-1") == DUE
    assert city.rows("select state from batch") == [("POSTED",)]


def test_a_receipt_is_booked_as_it_was_judged_when_an_answer_is_released_meanwhile(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    city.answer("ICBC")
    assert city.poll("ICBC") == ["taken"]
    city.time_passes("11-04T09:00")
    original: Callable[..., None] = take_in_receipts.keep

    def with_the_release_meanwhile(*given: Any) -> None:
        schedule._carry_out(city.hub, posting_step(city, "ICBC"))
        original(*given)

    monkeypatch.setattr(take_in_receipts, "keep", with_the_release_meanwhile)
    city.accept(city.receipts(("R-1", "A-1", WHOLE)))
    city.pump.drain()
    assert city.collected("A-1") == DUE
    assert city.rows("select source, pension + unemployment + injury + maternity from collection") == [
        ("RECEIPT", WHOLE)
    ]
    assert city.rows("select pension + unemployment + injury + maternity from suspense") == [(WHOLE,)]
    assert len(city.work("suspense")) == 1


def test_a_file_that_cannot_be_moved_away_was_taken_all_the_same(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    city.answer("ICBC")
    with monkeypatch.context() as broken:

        def refuse(_door: FakeBankDoor, _name: str) -> str:
            raise PermissionRefusedError("done: not permitted")

        broken.setattr(FakeBankDoor, "move_to_done", refuse)
        assert [city.poll("ICBC") for _ in range(3)] == [["taken"], ["repeat"], ["repeat"]]
        assert [item["field"] for item in city.work("unsent")] == ["done_dir"]
    assert city.poll("ICBC") == ["repeat"]
    assert (city.poll("ICBC"), city.work("unsent"), city.work("quarantine")) == ([], [], [])
    assert city.rows("select outcome from file_intake where door = 'bank' order by id") == [("accepted",), ("repeat",)]


def test_a_bank_that_takes_nothing_keeps_neither_its_other_files_nor_the_clock(new_city: Callable[..., City]) -> None:
    city = new_city(max_lines=1)
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.servers["ICBC"].trouble = Trouble.REFUSES
    city.advance("11-02T09:10")
    with city.hub.engine.connect() as conn:
        assert flight.waiting(conn).total == 0
    assert len(city.work("unsent")) == 2
    city.servers["ICBC"].trouble = None
    city.advance("11-02T10:00")
    assert city.rows("select state from batch") == [("SENT",), ("SENT",)]
    assert city.work("unsent") == []


@pytest.mark.parametrize(
    ("name", "header", "total"),
    [
        ("DUES_110105_2026-11_M_0099.txt", "H|DUES|1|110105|2026-11|M|0099|2026-10-28\n", "0.00"),
        ("RCPT_110105_20261028_0099.txt", "H|RECEIPTS|1|110105|2026-10-28|0099\n", "0.00"),
        ("AGAIN_110105_2026-11_0099.txt", "H|AGAIN|1|110105|2026-11|0099|2026-10-28\n", ""),
    ],
)
def test_a_file_without_lines_is_a_file(city: City, name: str, header: str, total: str) -> None:
    data = header.encode()
    trailer = f"T|0|{total}|{hashlib.sha256(data).hexdigest()}\n".encode()
    answer = city.accept(Paper(name, data + trailer))
    assert (answer.bills, answer.total) == (0, 0)


def test_the_same_batch_answered_with_other_bytes_shows_the_difference(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    city.put("ICBC", city.result(request))
    assert city.poll("ICBC") == ["taken"]
    city.put("ICBC", city.result(request, {"A-1": "02"}))
    assert city.poll("ICBC") == ["quarantined"]
    ((detail,),) = city.rows("select detail from work_item where queue = 'quarantine'")
    shown = [fault for fault in detail["faults"] if fault["line"] is not None]
    assert shown
    assert shown[0]["expected"].split("|")[-2] == "00"
    assert shown[0]["found"].split("|")[-2] == "02"
