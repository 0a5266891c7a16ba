"""Doors and schedule at the same moment: whichever transaction comes first, the money is booked, and booked once."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import text

from connectors.bank.failures import PermissionRefusedError
from connectors.formats.dues import parse_dues
from connectors.formats.incomes import parse_incomes
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from hub.app import schedule
from hub.domain.periods import Period
from hub.domain.timetable import ScheduledStep, Step
from hub.ledger import arrears_book, arrivals, flight, requests, steps
from hub.ledger.verification import Evidence, verify
from hub.processors import release_results, request_deductions, take_in_dues, take_in_receipts
from simulators.agency import Paper
from simulators.amounts import Four
from tests.fakes import FakeBankDoor, Trouble
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of, waterfall
from tests.processors.pump import DiedError

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


@pytest.fixture
def month_end(city: City) -> City:
    """The hour has come. A-1 is answered and released in time, not posted; A-2 is asked for and A-3 to be paid at the counter."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB"), bill("A-3", 3, DUE, bank="")))
    city.first_deduction()
    city.advance("11-30T22:50")
    city.answer("ICBC", {"A-1": 10400})
    assert city.poll("ICBC") == ["taken"]
    return city


def close(city: City) -> int:
    step = ScheduledStep(Period(PERIOD), Step.MONTH_CLOSE, 0, "", city.moment("11-30T23:00"))
    return schedule._carry_out(city.hub, step)


def all_is_proven(city: City) -> bool:
    hub = city.hub
    evidence = Evidence(
        archive=hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
        read_incomes=parse_incomes, format_of=hub.formats.get,
    )  # fmt: skip
    return [outcome for outcome in verify(hub.engine, evidence) if not outcome.ok] == []


def closed_as_of_the_hour(city: City) -> None:
    """What the month must come to, whatever happened beside its close: A-1 in part, the others in arrears."""
    city.pump.drain()
    assert city.total("f1", "arrived", period=PERIOD) == (0, 10400)
    assert city.total("f1", "arrears", period=PERIOD) == (3, 3 * WHOLE - 10400)
    assert all_is_proven(city)


@contextmanager
def while_drawing_up(city: City, monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[], None]) -> Iterator[None]:
    """``meanwhile`` happens when the period is over and the close has its snapshot of the books, and is not through."""
    original = arrears_book.close

    def with_something_meanwhile(*given: Any) -> int:
        meanwhile()
        return original(*given)

    with monkeypatch.context() as slow:
        slow.setattr(arrears_book, "close", with_something_meanwhile)
        yield


def test_nothing_that_books_waits_for_the_close_or_changes_the_month(
    month_end: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = month_end

    def meanwhile() -> None:
        refused = city.submit(city.receipts(("R-1", "A-3", WHOLE)))
        assert [fault.code.value for fault in refused.faults] == ["period-closed"]
        refused = city.submit(city.dues(bill("A-4", 4, DUE, bank="")))
        assert [fault.code.value for fault in refused.faults] == ["period-closed"]
        city.answer("CCB")
        assert city.poll("CCB") == ["taken"]
        city.pump.drain()
        assert city.collected("A-1") == waterfall(10400, DUE)
        assert city.collected("A-2") == DUE

    with while_drawing_up(city, monkeypatch, meanwhile):
        assert close(city) == 1
    closed_as_of_the_hour(city)
    assert city.rows(
        "select b.bill_no, c.booking_period from collection c join bill b on b.id = c.bill_id order by 1"
    ) == [("A-1", "2026-11"), ("A-2", "2026-12")]
    assert city.rows("select in_doubt from arrears a join bill b on b.id = a.bill_id order by b.bill_no") == [
        (False,), (True,), (False,),
    ]  # fmt: skip


@pytest.mark.parametrize("commits", ["before the snapshot", "after the snapshot"])
def test_a_posting_in_the_middle_counts_once(month_end: City, monkeypatch: pytest.MonkeyPatch, commits: str) -> None:
    """Its money is on the bill, or coming, in the snapshot that the month is drawn up from."""
    city = month_end
    booked, go_on = threading.Event(), threading.Event()
    original: Callable[..., Any] = arrivals.count_posted

    def slowly(*given: Any) -> Any:
        booked.set()
        assert go_on.wait(LIMIT_SECONDS)
        return original(*given)

    monkeypatch.setattr(arrivals, "count_posted", slowly)
    posting = threading.Thread(target=city.pump.drain)
    city.time_passes("11-30T23:00")

    def meanwhile() -> None:
        if commits == "after the snapshot":  # it began when the period was over already, so nobody waits for it
            posting.start()
            assert booked.wait(LIMIT_SECONDS)

    if commits == "before the snapshot":
        posting.start()
        assert booked.wait(LIMIT_SECONDS)
        threading.Timer(0.3, go_on.set).start()
    with while_drawing_up(city, monkeypatch, meanwhile):
        close(city)
    go_on.set()
    posting.join(LIMIT_SECONDS)
    closed_as_of_the_hour(city)


def test_a_receipt_that_was_judged_before_the_hour_is_waited_for(
    month_end: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city = month_end
    closing = threading.Thread(target=close, args=(city,))
    original: Callable[..., None] = take_in_receipts.keep

    def slowly(*given: Any) -> None:
        city.time_passes("11-30T23:00")
        closing.start()
        closing.join(0.3)
        assert closing.is_alive(), "the month is not drawn up before the receipt is in the books"
        late = city.submit(city.dues(bill("B-1", 1, DUE, bank="", agency_code=HAIDIAN), agency_code=HAIDIAN))
        assert [fault.code.value for fault in late.faults] == ["period-closed"], "and others do not wait for it"
        original(*given)

    monkeypatch.setattr(take_in_receipts, "keep", slowly)
    city.accept(city.receipts(("R-1", "A-3", WHOLE)))
    closing.join(LIMIT_SECONDS)
    city.pump.drain()
    assert city.total("f1", "arrived", period=PERIOD) == (1, WHOLE + 10400)
    assert city.total("f1", "arrears", period=PERIOD) == (2, 2 * WHOLE - 10400)


def test_a_close_that_was_cut_off_is_done_again(month_end: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city = month_end
    city.time_passes("11-30T23:00")

    def die() -> None:
        raise DiedError

    with while_drawing_up(city, monkeypatch, die), pytest.raises(DiedError):
        close(city)
    assert city.rows("select period from period_close") == []
    close(city)
    closed_as_of_the_hour(city)


def upload_step(city: City) -> ScheduledStep:
    return ScheduledStep(Period(PERIOD), Step.UPLOAD_CLOSE, 1, "", city.moment("11-01T18:00"))


def close_upload(city: City) -> int:
    return schedule._carry_out(city.hub, upload_step(city))


def test_nothing_that_books_waits_for_an_upload_or_changes_it(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Money that comes while the requests are drawn up is as late as money that comes right after."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="")))
    original = requests.open_instructions

    def with_bookings_meanwhile(*given: Any) -> Any:
        city.accept(city.receipts(("R-1", "A-2", WHOLE), ("R-2", "A-1", WHOLE)))
        city.accept(city.dues(bill("A-3", 3, DUE)))
        return original(*given)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(requests, "open_instructions", with_bookings_meanwhile)
        assert close_upload(city) == 1
    assert (city.collected("A-1"), city.collected("A-2")) == (DUE, DUE)
    city.first_deduction()
    assert city.asked("ICBC") == {"A-1-1": DUE}
    city.answer("ICBC")
    city.advance("11-20T14:10")
    assert set(city.asked("ICBC")) == {"A-3-2"}
    assert city.value("select sum(pension + unemployment + injury + maternity) from suspense") == WHOLE
    assert all_is_proven(city)


def test_dues_that_were_judged_before_the_hour_are_asked_for(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    closing = threading.Thread(target=close_upload, args=(city,))
    original: Callable[..., bool] = take_in_dues.take_in

    def slowly(*given: Any) -> bool:
        city.time_passes("11-01T18:00")
        closing.start()
        closing.join(0.3)
        assert closing.is_alive(), "the requests are not drawn up before the dues are in the books"
        return original(*given)

    monkeypatch.setattr(take_in_dues, "take_in", slowly)
    city.accept(city.dues(bill("A-1", 1, DUE)))
    closing.join(LIMIT_SECONDS)
    city.advance("11-02T09:10")
    assert city.asked("ICBC") == {"A-1-1": DUE}


@pytest.mark.parametrize("mode", ["B", "S"])
def test_a_unit_that_is_about_to_be_asked_is_not_named_again(
    city: City, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """From the hour on it waits for its bank, whether or not its request is drawn up yet."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="")))
    original = requests.open_instructions

    def with_a_choice_meanwhile(*given: Any) -> Any:
        refused = city.submit(city.again((unit_of(1), mode), (unit_of(2), "S")))
        assert [(fault.line, fault.code.value) for fault in refused.faults] == [(2, "unanswered")]
        return original(*given)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(requests, "open_instructions", with_a_choice_meanwhile)
        assert close_upload(city) == 1


@pytest.fixture
def two_agencies(city: City, monkeypatch: pytest.MonkeyPatch) -> City:
    """Each asks in a transaction of its own."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.accept(city.dues(bill("B-1", 3, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN))
    monkeypatch.setattr(request_deductions, "TOGETHER", 1)
    return city


@contextmanager
def cut_off_after_one(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The first agency has asked when the process dies."""
    original, made = requests.open_instructions, list[Any]()

    def the_second_dies(*given: Any) -> Any:
        if made:
            raise DiedError
        made.append(original(*given))
        return made[-1]

    with monkeypatch.context() as cut:
        cut.setattr(request_deductions, "AT_ONCE", 1)
        cut.setattr(requests, "open_instructions", the_second_dies)
        with pytest.raises(DiedError):
            yield


def test_an_upload_that_was_cut_off_goes_on_as_if_it_had_not_been(
    two_agencies: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is paid between the two tries is as late for the one agency as for the other."""
    city = two_agencies
    with cut_off_after_one(monkeypatch):
        close_upload(city)
    assert city.rows("select agency, count(*) from instruction group by agency") == [(CHAOYANG, 2)]
    city.pump.drain()
    assert not all_is_proven(city), "an upload that nobody goes on with is told"
    city.time_passes("11-01T20:00")
    city.accept(city.receipts(("R-1", "A-1", WHOLE)))
    city.accept(city.receipts(("R-2", "B-1", WHOLE), agency_code=HAIDIAN))
    assert close_upload(city) == 1
    city.advance("11-02T09:10")
    assert city.asked("ICBC") == {"A-1-1": DUE, "A-2-1": DUE, "B-1-1": DUE}
    assert city.total("f6", "requested", period=PERIOD, round=1) == (3, 3 * WHOLE)
    assert all_is_proven(city)


def test_agencies_ask_side_by_side(two_agencies: City, monkeypatch: pytest.MonkeyPatch) -> None:
    both, original = threading.Barrier(2), requests.open_instructions

    def together(*given: Any) -> Any:
        both.wait(LIMIT_SECONDS)
        return original(*given)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(requests, "open_instructions", together)
        assert close_upload(two_agencies) == 3
    two_agencies.advance("11-02T09:10")
    assert set(two_agencies.asked("ICBC")) == {"A-1-1", "A-2-1", "B-1-1"}
    assert all_is_proven(two_agencies)


def test_an_upload_that_is_done_again_waits_for_what_the_dead_one_left_running(
    two_agencies: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL may still be at work for a process that has died."""
    city, original = two_agencies, requests.bundles
    inside, go_on = threading.Event(), threading.Event()

    def slowly(*given: Any) -> Any:
        inside.set()
        assert go_on.wait(LIMIT_SECONDS)
        return original(*given)

    first = threading.Thread(target=lambda: made.append(close_upload(city)))
    made: list[int] = []
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(requests, "bundles", slowly)
        first.start()
        assert inside.wait(LIMIT_SECONDS)
    again = threading.Thread(target=steps.let_the_hour_come, args=(city.hub.engine, upload_step(city)))
    again.start()
    again.join(0.3)
    assert again.is_alive(), "what it has asked is not in the books yet"
    go_on.set()
    first.join(LIMIT_SECONDS)
    again.join(LIMIT_SECONDS)
    assert made == [3]


def test_two_agencies_with_the_same_bill_at_the_same_moment(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither waits for the other's file as a whole; the database lets one bill in, and the other file is refused."""
    ours, theirs = (
        city.dues(bill("A-1", 1, DUE)),
        city.dues(bill("A-1", 1, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN),
    )
    original: Callable[..., bool] = take_in_dues.take_in
    answers: list[Any] = []
    other = threading.Thread(target=lambda: answers.append(city.submit(theirs)))

    def with_the_other_meanwhile(*given: Any) -> bool:
        taken = original(*given)
        if other.ident is None:
            other.start()
            until_waiting_or_done(city, other)
            assert other.is_alive(), "it waits for this bill to be there, or not"
        return taken

    monkeypatch.setattr(take_in_dues, "take_in", with_the_other_meanwhile)
    city.accept(ours)
    other.join(LIMIT_SECONDS)
    (answer,) = answers
    assert [(fault.field, fault.code.value) for fault in answer.faults] == [("bill id", "duplicate")]
    assert city.rows("select agency from bill") == [(CHAOYANG,)]


def test_a_file_that_cannot_be_moved_away_was_taken_all_the_same(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    city.answer("ICBC")
    with monkeypatch.context() as broken:

        def refuse(_door: FakeBankDoor, _name: str, _fingerprint: str | None = None) -> str:
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
