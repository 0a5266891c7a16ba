"""The life of a period (C9-6): its states, a preview that is the close itself, and no way into a closed month."""

from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from hub.domain.period_life import PeriodState
from hub.domain.periods import Period
from hub.ledger import arrears_book, period_board
from hub.ledger.database import engine
from hub.ledger.forms import FORMS, Question, fill
from hub.ledger.forms.form import Measure
from hub.ledger.period_board import PeriodPage, PreviewRow
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
NEXT = "2026-12"
BANKS = ("ICBC", "CCB")


@pytest.fixture
def month(city: City) -> City:
    """24 November: A-1 paid, A-2 paid in part, A-3 never, A-4 unanswered, A-5 at the counter; B-1 refused."""
    city.accept(
        city.dues(
            bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE, bank=""), bill("A-4", 4, DUE, bank="CCB"),
            bill("A-5", 5, DUE, bank=""),
        )
    )  # fmt: skip
    city.accept(city.dues(bill("B-1", 1, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.first_deduction(ICBC={"A-2": 10400, "B-1": "02"})
    city.accept(city.cheques(("R-5", "A-5", WHOLE)))
    city.advance("11-24T19:00")
    return city


def preview(city: City, period: str = PERIOD) -> dict[str, PreviewRow]:
    with city.hub.engine.connect() as conn:
        return {row.agency: row for row in period_board.preview(conn, Period(period))}


def written(city: City, period: str = PERIOD) -> dict[str, tuple[Measure, ...]]:
    with city.hub.engine.connect() as conn:
        return {row.keys[0]: row.measures for row in fill(conn, FORMS["f1"], Question(period=period)).rows}


def page(city: City, period: str = PERIOD) -> PeriodPage:
    with city.hub.engine.connect() as conn:
        return period_board.page(conn, Period(period), BANKS)


def states(city: City) -> dict[str, tuple[str, bool]]:
    with city.hub.engine.connect() as conn:
        found = period_board.rows(conn, period_board.known(conn), BANKS)
    return {str(row.period): (row.state.value, row.is_open) for row in found}


# ── states ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_period_is_open_then_its_finances_are_closed_then_it_is(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    assert states(city) == {"2026-10": ("open", True), PERIOD: ("open", False)}
    city.advance("11-23T17:59")
    assert states(city) == {"2026-10": ("closed", False), PERIOD: ("open", True)}
    city.advance("11-24T18:00")
    assert states(city)[PERIOD] == ("finance-closed", True)
    city.advance("11-30T22:59")
    assert states(city)[PERIOD] == ("finance-closed", True)
    city.advance("11-30T23:00")
    assert states(city) == {"2026-10": ("closed", False), PERIOD: ("closed", False), NEXT: ("open", True)}


def test_dues_of_a_far_month_bring_no_months_before_it(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE, bank=""), period="9998-12"))
    assert states(city) == {"2026-10": ("open", True), "9998-12": ("open", False)}


def test_a_period_that_is_over_takes_nothing_before_its_close_is_carried_out(month: City) -> None:
    month.time_passes("11-30T23:00")
    assert states(month) == {"2026-10": ("closed", False), PERIOD: ("finance-closed", False), NEXT: ("open", True)}


def test_what_is_still_open_in_a_period(month: City) -> None:
    found = page(month)
    assert found.row.state is PeriodState.FINANCE_CLOSED
    assert [(each.bank, each.round, each.lines, each.state) for each in found.batches] == [("CCB", 1, 1, "SENT")]
    assert found.work_items == {"late": 1}
    assert found.row.next_step is not None and found.row.next_step.step.value == "month-close"
    assert [step.step.value for step, done in found.steps if done is None] == ["month-close"]


def test_the_totals_are_the_preview_until_the_close_and_the_form_after_it(month: City) -> None:
    before = page(month).totals
    month.advance("11-30T23:00")
    assert page(month).totals == before == fill_total(month)


def fill_total(city: City) -> tuple[Measure, ...]:
    with city.hub.engine.connect() as conn:
        return fill(conn, FORMS["f1"], Question(period=PERIOD)).total


# ── the preview ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_preview_is_what_the_close_writes(month: City) -> None:
    shown = preview(month)
    assert written(month) == {}, "looking has written nothing"
    month.advance("11-30T23:00")
    assert {agency: row.now for agency, row in shown.items()} == written(month)
    assert shown[CHAOYANG].now[2].total == 3 * WHOLE - 10400


def test_what_would_be_in_doubt_is_what_then_is(month: City) -> None:
    assert preview(month)[CHAOYANG].in_doubt == Measure(1, *DUE)
    month.advance("11-30T23:00")
    assert month.rows("select count(*), sum(pension) from arrears where in_doubt") == [(1, DUE[0])]


def test_the_largest_are_the_first(month: City) -> None:
    with month.hub.engine.connect() as conn:
        found = arrears_book.largest(conn, PERIOD, 3)
        assert arrears_book.largest(conn, PERIOD, 10)[:3] == found
    assert [(each.bill_no, each.in_doubt, each.missing) for each in found] == [
        ("A-3", False, DUE), ("A-4", True, DUE), ("B-1", False, DUE),
    ], "A-2 lacks less"  # fmt: skip


def test_the_preview_stands_beside_the_month_before(month: City) -> None:
    assert preview(month)[CHAOYANG].before is None, "October had no bills here"
    month.advance("12-01T10:00")
    month.accept(month.dues(bill("C-1", 1, DUE, bank=""), period=NEXT))
    shown = preview(month, NEXT)
    assert {agency: row.before for agency, row in shown.items()} == written(month)
    assert (shown[CHAOYANG].now[0].count, shown[HAIDIAN].now[0].count) == (1, 0), (
        "who has no bills now is there with nothing"
    )
    both = period_board.added(list(shown.values()))
    assert both.before == fill_total(month)


def test_the_preview_needs_no_right_but_to_read(month: City, database: str) -> None:
    reader = engine(database, "hub_read")
    with reader.connect() as conn:
        conn.execute(text("set transaction read only"))
        assert period_board.preview(conn, Period(PERIOD))
        assert arrears_book.largest(conn, PERIOD, 1)
    reader.dispose()


# ── after the close ─────────────────────────────────────────────────────────────────────────────────────────────


def entries(city: City) -> Mapping[str, int]:
    """Journal entries by the period they are booked in."""
    return dict(city.rows("select booking_period, count(*) from journal_entry group by 1"))  # type: ignore[arg-type]


def test_no_way_leads_into_a_closed_month_and_corrections_are_entries_of_the_open_one(month: City) -> None:
    """Every door and every command that books: refused, or booked in December; November's form and entries stand."""
    month.advance("12-02T10:00")
    before, form = entries(month), written(month)
    refused: list[Any] = [
        month.submit(month.dues(bill("L-1", 8, DUE, bank=""))),
        month.submit(month.receipts(("R-7", "A-3", WHOLE))),
        month.submit(month.again((unit_of(3), "S"))),
    ]
    assert not any(answer.accepted for answer in refused)
    month.accept(month.returns(("X-1", "R-5", WHOLE)))
    month.answer("CCB")
    month.put("ICBC", month.change("ICBC", ("A-1-1", WHOLE, 0, "04")))
    assert (month.poll("CCB"), month.poll("ICBC")) == (["taken"], ["taken"])
    repayment = bill("P-3", 3, DUE, bank="")._replace(refers_to=PERIOD)
    month.accept(month.dues(repayment, period=NEXT, kind="A"))
    month.accept(month.receipts(("R-8", "P-3", WHOLE)))
    month.pump.drain()
    month.pump.repeat_everything()
    month.advance("12-05T10:00")
    after = entries(month)
    assert (after[PERIOD], written(month)) == (before[PERIOD], form)
    booked = {
        what for (what,) in month.rows("select distinct what from journal_entry where booking_period = :p", p=NEXT)
    }
    assert len(booked) >= 4, booked
    outstanding = month.total("arrears", "outstanding", period=PERIOD)
    assert outstanding == (4, WHOLE + WHOLE - 10400 + WHOLE + WHOLE), "A-1 and A-5 stand again, B-1 and A-2 still"
