"""With the system clock steps are carried out by their hour, each bank is visited by its own rhythm, and none delays another."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from hub.app import connector, schedule
from hub.app.connector import run_connector
from hub.domain.timetable import TZ, ScheduledStep, Step
from hub.ledger.database import engine
from hub.ports import RemoteFile
from simulators.amounts import Four
from tests.fakes import FakeBankDoor, Trouble
from tests.processors.city import HAIDIAN, City, bill, unit_of

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
LIMIT_SECONDS = 30.0


@pytest.fixture(autouse=True)
def settling_is_the_pumps_work(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "settle", lambda _hub: city.pump.drain())


def everybody(_code: str, _since: datetime) -> bool:
    return True


def names(steps: list[ScheduledStep]) -> list[tuple[Step, str]]:
    return [(step.step, step.bank) for step in steps]


@pytest.fixture
def answered(city: City) -> City:
    """Both banks have been asked and have answered, before the hour of the posting; nobody has looked."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.advance("11-03T20:00")
    city.answer("ICBC")
    city.answer("CCB")
    city.time_passes("11-04T09:00")
    return city


def test_a_banks_step_waits_for_its_own_visit_and_for_no_other_bank(answered: City) -> None:
    city, asked = answered, list[tuple[str, datetime]]()

    def visited(code: str, since: datetime) -> bool:
        asked.append((code, since))
        return code == "CCB"

    assert city.poll("CCB") == ["taken"]
    waiting = schedule.keep_up(city.hub, city.moment("11-04T09:00"), visited)
    assert names(waiting) == [(Step.POSTING, "ICBC")]
    assert sorted(asked) == [(code, city.moment("11-04T09:00")) for code in ("CCB", "ICBC")]
    assert city.rows("select bank, state, late from batch order by bank") == [
        ("CCB", "POSTING", False), ("ICBC", "SENT", False),
    ]  # fmt: skip
    assert city.poll("ICBC") == ["taken"]
    assert schedule.keep_up(city.hub, city.moment("11-04T09:00"), everybody) == []
    city.pump.drain()
    assert city.collected("A-1") == city.collected("A-2") == DUE
    assert city.rows("select late from batch") == [(False,), (False,)]


def test_what_is_answered_is_posted_by_its_hour_whatever_else_is_in_flight(
    answered: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = answered

    def never(_hub: Any) -> None:
        raise AssertionError("a posting waits for nothing")

    monkeypatch.setattr(schedule, "settle", never)
    assert [city.poll(bank) for bank in ("ICBC", "CCB")] == [["taken"], ["taken"]]
    assert schedule.keep_up(city.hub, city.moment("11-04T09:00"), everybody) == []
    assert city.rows("select state from batch") == [("POSTING",), ("POSTING",)]


def test_a_step_of_the_city_waits_for_all_banks_and_holds_back_what_follows(answered: City) -> None:
    city = answered
    city.time_passes("11-20T14:00")
    waiting = schedule.keep_up(city.hub, city.moment("11-20T14:00"), lambda code, _: code == "CCB")
    assert names(waiting) == [(Step.POSTING, "ICBC"), (Step.UPLOAD_CLOSE, ""), (Step.CITY_BATCH, "")]
    assert schedule.keep_up(city.hub, city.moment("11-20T14:00"), everybody) == []
    assert schedule.keep_up(city.hub, city.moment("11-20T14:00"), everybody) == []


def test_a_month_by_the_system_clock_gives_the_same_books(new_city: Callable[..., City]) -> None:
    """Files come at the same moments; the schedule is ``hub clock advance`` once, and the connector's the other time."""

    def live(city: City, to: Callable[[str], object]) -> dict[str, list[tuple[Any, ...]]]:
        city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE, bank="CCB")))
        city.accept(city.dues(bill("B-1", 1, DUE, bank="CCB", agency_code=HAIDIAN), agency_code=HAIDIAN))
        to("11-03T10:00")
        city.answer("ICBC", {"A-2": 10400})
        to("11-05T09:00")
        city.accept(city.again((unit_of(2), "B")))
        city.answer("CCB", {"A-3": "02"})
        to("11-06T09:00")
        city.accept(city.receipts(("R-1", "A-3", WHOLE)))
        to("11-20T15:00")
        city.answer("ICBC")
        to("12-01T09:00")
        return city.books()

    city = new_city()
    kept_up = live(city, lambda to: keep_up_to(city, to))
    with engine(str(city.hub.engine.url.render_as_string(hide_password=False)), role=None).begin() as owner:
        tables = owner.execute(text("select string_agg(tablename, ', ') from pg_tables where schemaname = 'public'"))
        owner.execute(text(f"truncate {tables.scalar_one()} restart identity cascade"))
    again = new_city()
    assert live(again, again.advance) == kept_up


def keep_up_to(city: City, to: str) -> None:
    """Business time goes on from hour to hour; the banks are visited and the schedule is kept at each."""
    target = city.moment(to)
    while True:
        with city.hub.engine.connect() as conn:
            following = schedule.next_step(conn, city.hub, city.moment(f"{city.today()}T00:00"))
        at = target if following is None or following.due_at is None else min(target, following.due_at)
        for bank in city.servers:
            city.poll(bank)
        city.pump.drain()
        city.time_passes(f"{at:%Y-%m-%dT%H:%M}")
        assert schedule.keep_up(city.hub, at, everybody) == []
        city.pump.drain()
        if at == target:
            return


@asynccontextmanager
async def connected(city: City) -> AsyncIterator[None]:
    """The connector runs, with the system's clock."""
    with engine(str(city.hub.engine.url.render_as_string(hide_password=False)), role=None).begin() as owner:
        owner.execute(text("update business_clock set mode = 'system'"))
    stop = asyncio.Event()
    running = asyncio.create_task(run_connector(city.hub, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(running, LIMIT_SECONDS)


async def until(holds: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, f"not within {LIMIT_SECONDS} s: {what}"
        await asyncio.sleep(0.02)


@pytest.fixture
def nothing_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "keep_up", lambda *_: [])


@pytest.mark.usefixtures("nothing_is_due")
async def test_a_silent_bank_keeps_no_other_from_its_turn(
    new_city: Callable[..., City], monkeypatch: pytest.MonkeyPatch
) -> None:
    city = new_city(poll_seconds=1, banks=[*(f"BANK{n}" for n in range(12)), "CCB"], no_parts=())
    city.accept(city.dues(bill("A-2", 2, DUE, bank="CCB"), bill("A-3", 3, DUE, bank="BANK3")))
    city.advance("11-03T10:00")
    original, answered, silent_ones = FakeBankDoor.list_results, threading.Event(), list[FakeBankDoor]()

    def silent(door: FakeBankDoor) -> list[RemoteFile]:
        if door._server is not city.servers["CCB"]:
            silent_ones.append(door)
            assert answered.wait(LIMIT_SECONDS)
        return original(door)

    monkeypatch.setattr(FakeBankDoor, "list_results", silent)
    async with connected(city):
        await until(lambda: len(silent_ones) == len(city.servers) - 1, "all the others are being waited for")
        city.answer("CCB")
        await until(lambda: city.rows("select state from batch where bank = 'CCB'") == [("ANSWERED",)], "it is read")
        answered.set()


@pytest.mark.usefixtures("nothing_is_due")
async def test_a_bank_that_takes_no_file_is_read_all_the_same(new_city: Callable[..., City]) -> None:
    city = new_city(poll_seconds=1)
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    (first,) = city.requests("ICBC")
    city.accept(city.dues(bill("A-2", 2, DUE)))
    city.servers["ICBC"].trouble = Trouble.READ_ONLY
    city.advance("11-20T14:10")
    assert len(city.work("unsent")) == 1
    async with connected(city):
        city.put("ICBC", city.result(first))
        await until(
            lambda: city.rows("select state from batch order by id") == [("POSTING",), ("SENDING",)], "it is read"
        )
        city.servers["ICBC"].trouble = None
        await until(lambda: city.rows("select state from batch order by id") == [("POSTING",), ("SENT",)], "it is sent")


async def test_a_step_has_the_bank_visited_at_its_hour(
    new_city: Callable[..., City], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next visit by its own rhythm is an hour away, and the bank's last one has failed."""
    city = new_city(poll_seconds=3600)
    city.servers["ICBC"].trouble = Trouble.REFUSES
    original, looks, answers, hour = FakeBankDoor.list_results, list[FakeBankDoor](), list[bool](), threading.Event()

    def counted(door: FakeBankDoor) -> list[RemoteFile]:
        if door._server is city.servers["ICBC"]:
            looks.append(door)
        return original(door)

    def keep_up(_hub: Any, now: datetime, visited: schedule.Visited) -> list[ScheduledStep]:
        if hour.is_set():
            answers.append(visited("ICBC", came))
        return []

    monkeypatch.setattr(schedule, "keep_up", keep_up)
    monkeypatch.setattr(FakeBankDoor, "list_results", counted)
    monkeypatch.setattr(connector, "SCHEDULE_SECONDS", 0.05)
    async with connected(city):
        await until(lambda: looks, "the first visit fails")
        city.servers["ICBC"].trouble = None
        came = datetime.now(TZ)
        hour.set()
        await until(lambda: True in answers, "it is visited")
    assert (answers[0], len(looks)) == (False, 2)


async def test_visits_over_and_over_take_what_comes_until_they_are_told_to_end(answered: City) -> None:
    """``hub bank poll --every``: of the banks named, and of no other; with either clock."""
    city, stop = answered, asyncio.Event()
    visits = asyncio.create_task(connector.visit_banks(city.hub, ["ICBC"], 0.05, stop))

    async def until_state(of: str, state: str) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while city.value("select state from batch where bank = :bank", bank=of) != state:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)

    await until_state("ICBC", "ANSWERED")
    stop.set()
    await asyncio.wait_for(visits, LIMIT_SECONDS)
    assert city.value("select state from batch where bank = 'CCB'") == "SENT"
