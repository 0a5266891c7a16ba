"""The oracle's own books: whatever agencies and banks do, nothing is lost and nothing doubled (rules, section 12)."""

from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulators import agency
from simulators.amounts import NIL, add, in_order
from simulators.forms import Export, Row, add_up, expected
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
