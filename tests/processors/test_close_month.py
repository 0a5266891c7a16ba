"""Step 12 (C9-6): at month end due = arrived + arrears for every bill, and what no bank has answered is in doubt."""

import pytest

from hub.domain.periods import Period
from hub.domain.timetable import ScheduledStep, Step
from hub.processors import close_month
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of
from tests.processors.test_post_arrivals import journal

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


def month_close(city: City) -> ScheduledStep:
    return ScheduledStep(Period(PERIOD), Step.MONTH_CLOSE, 0, "", city.moment("11-30T23:00"))


@pytest.fixture
def closed(city: City) -> City:
    """A-1 paid, A-2 in part, A-3 refused twice, A-4 unanswered, A-5 at the counter, A-6 never; B-1 unanswered, then paid."""
    city.accept(
        city.dues(
            bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE), bill("A-4", 4, DUE, bank="CCB"),
            bill("A-5", 5, DUE, bank=""), bill("A-6", 6, DUE, bank=""),
        )
    )  # fmt: skip
    city.accept(city.dues(bill("B-1", 1, DUE, bank="CCB", agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.first_deduction(ICBC={"A-2": 10400, "A-3": "02"})
    city.accept(city.again((unit_of(3), "B")))
    city.accept(city.receipts(("R-1", "A-5", WHOLE)))
    city.accept(city.receipts(("R-2", "B-1", WHOLE), agency_code=HAIDIAN))
    city.second_deduction(ICBC={"A-3": "06"})
    city.advance("11-30T23:00")
    return city


def test_due_is_arrived_plus_arrears(closed: City) -> None:
    assert closed.total("f1", "due", period=PERIOD) == (7, 7 * WHOLE)
    assert closed.total("f1", "arrived", period=PERIOD) == (3, 3 * WHOLE + 10400)
    assert closed.total("f1", "arrears", period=PERIOD) == (4, 4 * WHOLE - 10400)
    by_agency = {row["agency"]: row["arrears"]["total"] for row in closed.form("f1", period=PERIOD)["rows"]}
    assert by_agency == {CHAOYANG: 4 * WHOLE - 10400, HAIDIAN: 0}


def test_arrears_stand_by_unit_and_the_unanswered_are_in_doubt(closed: City) -> None:
    query = """
        select b.bill_no, a.pension, a.unemployment, a.injury, a.maternity, a.in_doubt
        from arrears a join bill b on b.id = a.bill_id order by 1
    """
    assert closed.rows(query) == [
        ("A-2", 0, 600, 500, 300, False), ("A-3", *DUE, False), ("A-4", *DUE, True), ("A-6", *DUE, False),
    ]  # fmt: skip
    assert closed.total("arrears", "outstanding") == closed.total("f1", "arrears", period=PERIOD)


def test_what_leaves_the_dues_is_what_the_arrears_open_with(closed: City) -> None:
    assert journal(closed, "AGENCY", "MEMO_ARREARS", "D") == 4 * WHOLE - 10400
    assert journal(closed, "AGENCY", "MEMO_DUES", "D") == journal(closed, "AGENCY", "MEMO_DUES", "C")


def test_money_from_23_00_on_belongs_to_the_next_month(closed: City) -> None:
    closed.answer("CCB", {})
    assert closed.poll("CCB") == ["taken"]
    closed.pump.drain()
    assert closed.rows(
        "select distinct booking_period from collection where source = 'BANK' and business_date = '2026-11-30'"
    ) == [("2026-12",)]
    assert closed.value("select count(*) from suspense") == 1, "B-1 was paid at the counter"


def test_a_month_is_closed_once(closed: City) -> None:
    before = closed.books()
    closed.advance("12-01T10:00")
    closed.pump.repeat_everything()
    assert closed.books() == before


def test_a_close_that_comes_late_closes_by_its_hour(city: City) -> None:
    """The hub was down over month end: what came on the 1st is the next month's, and is no arrival of this one."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="")))
    city.first_deduction()
    city.advance("11-29T10:00")
    city.time_passes("12-01T09:00")
    refused = city.submit(city.receipts(("R-1", "A-2", WHOLE)))
    assert [fault.code.value for fault in refused.faults] == ["period-closed"]
    city.answer("ICBC")
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    city.advance("12-01T09:30")
    assert city.total("f1", "arrived", period=PERIOD) == (0, 0)
    assert city.total("f1", "arrears", period=PERIOD) == (2, 2 * WHOLE)
    assert city.total("arrears", "outstanding") == (1, WHOLE)
    assert city.rows("select b.bill_no, a.in_doubt from arrears a join bill b on b.id = a.bill_id order by 1") == [
        ("A-1", True), ("A-2", False),
    ]  # fmt: skip
    assert journal(city, "AGENCY", "MEMO_ARREARS", "D") - journal(city, "AGENCY", "MEMO_ARREARS", "C") == WHOLE


@pytest.mark.parametrize("posted", [False, True])
def test_an_answer_right_before_the_close_arrives_in_the_month(city: City, posted: bool) -> None:
    """It was released before the hour; that its posting is still in flight at the close must not matter."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction()
    city.advance("11-30T22:50")
    city.answer("ICBC", {"A-1": 10400})
    assert city.poll("ICBC") == ["taken"]
    if posted:
        city.pump.drain()
    city.time_passes("11-30T23:00")
    close_month.carry_out(city.hub.engine, month_close(city))
    city.pump.drain()
    assert city.total("f1", "arrived", period=PERIOD) == (0, 10400)
    assert city.total("f1", "arrears", period=PERIOD) == (1, WHOLE - 10400)
    assert city.total("arrears", "outstanding") == (1, WHOLE - 10400)
    assert city.rows("select in_doubt from arrears") == [(False,)]
