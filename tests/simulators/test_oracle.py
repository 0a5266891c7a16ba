"""The oracle's own books: whatever agencies and banks do, nothing is lost and nothing doubled (rules, section 12)."""

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators import agency
from simulators.amounts import NIL, add, in_order
from simulators.forms import Export, Row, add_up, expected, status_of
from simulators.oracle import Oracle
from simulators.sessions import booked_in, dates_of
from tests.simulators.conftest import PaperHub

FUND = st.integers(0, 10_000_000)
PERIOD = "2026-09"


@given(st.tuples(FUND, FUND, FUND, FUND), st.data())
def test_money_is_poured_in_statutory_order(wanted, data) -> None:
    money = data.draw(st.integers(0, sum(wanted)))
    got = in_order(money, wanted)
    assert sum(got) == money
    for place in range(4):
        assert 0 <= got[place] <= wanted[place]
        assert got[place] == 0 or got[:place] == wanted[:place], "a fund is paid while an earlier one is short"


def totals(rows: list[Row], *measures: str) -> dict[str, dict[str, int]]:
    return add_up(rows, measures)


def check_session(oracle: Oracle, number: int) -> None:
    """Requested = arrived + unarrived + unanswered, counts and every fund."""
    for form in ("f8", "t27"):
        rows = expected(oracle, Export(form, PERIOD, number))
        sums = totals(rows, "requested", "arrived", "unarrived", "unanswered")
        for column, requested in sums["requested"].items():
            assert requested == sums["arrived"][column] + sums["unarrived"][column] + sums["unanswered"][column]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), late=st.sampled_from(["", "ICBC", "BOC"]), after_close=st.booleans(), data=st.data())
def test_a_month_ends_arrived_or_in_arrears(seed: int, late: str, after_close: bool, data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        hub = PaperHub(Path(folder), seed, 25)
        oracle, dates = hub.oracle, dates_of(PERIOD)
        hub.file_dues(PERIOD)
        for number in (1, 2):
            assert hub.ask_banks(PERIOD, number) == []
            for bank in hub.programs:
                if bank != late:
                    hub.answer(bank, PERIOD, number)
            oracle.advance(dates.session(number).posting)
            check_session(oracle, number)
            if number == 1:
                ask_again(oracle, data)
        pay_at_counter(oracle, data)
        if late and not after_close:
            answer_late(hub, late)
        oracle.advance(dates.month_close.replace(minute=30))
        closed = expected(oracle, Export("f1", PERIOD))
        check_close(oracle, closed)
        if late and after_close:
            told = expected(oracle, Export("f8", PERIOD, 1))
            answer_late(hub, late)
            assert expected(oracle, Export("f1", PERIOD)) == closed, "a closed form was restated"
            assert expected(oracle, Export("f8", PERIOD, 1)) == told, "a closed form was restated"
        check_books(oracle)


def ask_again(oracle: Oracle, data: st.DataObject) -> None:
    waiting = oracle.unanswered(PERIOD)
    units = [
        agency.Again(line.bill.unit, data.draw(st.sampled_from("BS")), date(2026, 9, 20))
        for line in oracle.lines[PERIOD, 1]
        if line.bill.no not in waiting and not line.bill.covered and data.draw(st.booleans())
    ]
    oracle.again(agency.again("110105", PERIOD, 1, date(2026, 9, 13), units))


def pay_at_counter(oracle: Oracle, data: st.DataObject) -> None:
    taken = [
        agency.Receipt(f"RC-{bill.no}", bill.no, "CASH", "", sum(bill.missing), date(2026, 9, 25))
        for bill in oracle.bills.values()
        if not bill.covered and data.draw(st.integers(0, 3)) == 0
    ]
    oracle.receipts(agency.receipts("110105", date(2026, 9, 25), 1, taken))


def answer_late(hub: PaperHub, bank: str) -> None:
    for number in (1, 2):
        hub.answer(bank, PERIOD, number)
    hub.oracle.polled(bank)


def check_close(oracle: Oracle, closed: list[Row]) -> None:
    """Due = arrived + arrears; the arrears stand unit by unit."""
    sums = totals(closed, "due", "arrived", "arrears")
    due = totals(expected(oracle, Export("t8", PERIOD)), "due")["due"]
    outstanding = totals(expected(oracle, Export("arrears", PERIOD)), "outstanding")["outstanding"]
    collected = totals(expected(oracle, Export("balances", PERIOD)), "collected")["collected"]
    assert due == sums["due"]
    assert outstanding == sums["arrears"]
    for column, value in due.items():
        assert value == sums["arrived"][column] + sums["arrears"][column]
    assert collected["total"] == sums["arrived"]["total"]


def check_books(oracle: Oracle) -> None:
    """Every fen a bank sent or a counter took is on a bill or in suspense, and no bill holds more than its due."""
    came = NIL
    for number in (1, 2):
        for line in oracle.lines[PERIOD, number]:
            came = add(came, line.came or NIL)
    for amounts in [oracle.sporadic(PERIOD)]:
        came = add(came, amounts)
    kept = NIL
    for bill in oracle.bills.values():
        kept = add(kept, bill.arrived)
        assert min(bill.missing) >= 0
        assert sum(sum(part) for part in bill.booked.values()) == sum(bill.arrived)
    for amounts in oracle.suspense.values():
        kept = add(kept, amounts)
    assert came == kept


def sporadic(*bills: agency.Bill, period: str = PERIOD, kind: str = "M") -> agency.Paper:
    return agency.dues("110105", period, 1, date(2026, 8, 28), bills, kind)


def at_counter(no: str, refers_to: str = "") -> agency.Bill:
    return agency.Bill(no, "110105000001", "甲", "S", "", "", "", (100, 20, 10, 5), refers_to)


def paid_and_returned(oracle: Oracle, no: str, paid_at: str, returned_at: str) -> None:
    oracle.advance(datetime.fromisoformat(paid_at))
    day = oracle.now.date()
    oracle.receipts(agency.receipts("110105", day, 1, [agency.Receipt(f"RC-{no}", no, "CHEQUE", "1", 135, day)]))
    oracle.advance(datetime.fromisoformat(returned_at))
    day = oracle.now.date()
    oracle.returns(agency.returns("110105", day, 1, [agency.Returned(f"RT-{no}", f"RC-{no}", 135, "退票", day)]))


@pytest.mark.parametrize(("returned_at", "arrears"), [("2026-09-16T10:00", 0), ("2026-10-07T10:00", 135)])
def test_what_comes_back_is_unarrived_in_its_month_and_arrears_after_it(returned_at: str, arrears: int) -> None:
    oracle = Oracle(datetime.fromisoformat("2026-08-28T08:00"))
    oracle.dues(sporadic(at_counter("M-1")))
    paid_and_returned(oracle, "M-1", "2026-09-15T10:00", returned_at)
    assert oracle.bills["M-1"].arrived == NIL
    assert totals(expected(oracle, Export("arrears")), "outstanding")["outstanding"]["total"] == arrears
    assert totals(expected(oracle, Export("balances")), "collected")["collected"]["total"] == 0
    booked = totals(expected(oracle, Export("balances", "2026-10")), "collected")["collected"]
    assert (booked["count"], booked["total"]) == (0, -arrears)


def test_a_supplement_that_comes_back_is_cancelled_and_its_closed_form_stands() -> None:
    oracle = Oracle(datetime.fromisoformat("2026-08-28T08:00"))
    oracle.dues(sporadic(at_counter("S-1", "2026-07"), kind="S"))
    paid_and_returned(oracle, "S-1", "2026-09-15T10:00", "2026-09-26T10:00")
    assert status_of(oracle.bills["S-1"]) == "cancelled"
    assert totals(expected(oracle, Export("f3", PERIOD)), "arrived")["arrived"]["total"] == 135
    oracle.advance(datetime.fromisoformat("2026-10-23T10:00"))
    assert expected(oracle, Export("f3", "2026-10")) == []


@pytest.mark.parametrize(
    ("no", "receipt", "amount", "fields"),
    [
        ("RT-2", "RC-M-1", 135, {"receipt id"}),
        ("RT-M-1", "RC-M-1", 135, {"return id", "receipt id"}),
        ("RT-2", "RC-M-2", 135, {"receipt id"}),
        ("RT-2", "NONE", 135, {"receipt id"}),
    ],
)
def test_what_cannot_come_back(no: str, receipt: str, amount: int, fields: set[str]) -> None:
    oracle = Oracle(datetime.fromisoformat("2026-08-28T08:00"))
    oracle.dues(sporadic(at_counter("M-1")))
    paid_and_returned(oracle, "M-1", "2026-09-15T10:00", "2026-09-16T10:00")
    assert oracle.why_no_return("110105", no, receipt, amount) == fields


def test_money_is_booked_in_the_open_period() -> None:
    table = [
        ("2026-09-01T00:00", "2026-09"),
        ("2026-09-30T22:59", "2026-09"),
        ("2026-09-30T23:30", "2026-10"),
        ("2026-12-31T23:30", "2027-01"),
    ]
    for moment, period in table:
        assert booked_in(datetime.fromisoformat(moment)) == period


def test_the_announced_days_of_2026_are_those_of_the_rules() -> None:
    """Batch, results, posting; second batch, posting; close."""
    table = {
        "2026-02": "2/3/4 24/25 25",
        "2026-05": "6/7/8 20/21 22",
        "2026-06": "2/3/4 22/23 23",
        "2026-10": "8/9/10 20/21 22",
        "2026-11": "2/3/4 20/23 23",
        "2026-12": "2/3/4 21/22 22",
    }
    for period, days in table.items():
        d = dates_of(period)
        one, two = d.first, d.second
        first = f"{one.batch.day}/{one.results.day}/{one.posting.day}"
        assert f"{first} {two.batch.day}/{two.posting.day} {d.finance_close.day}" == days
