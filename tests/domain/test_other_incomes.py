"""Other incomes (C15): what shows without the books, and what late fees may be paid."""

from datetime import date

from hub.domain.faults import FaultCode
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, IncomeNo, UnitNo
from hub.domain.late_fees import Change, LateFees
from hub.domain.money import Fen
from hub.domain.other_incomes import (
    ITEM_WORDS,
    IncomeLine,
    IncomesFile,
    IncomesHeader,
    Item,
    ItemControl,
    check_incomes,
    judge_late_fees,
    totals_by_item,
)
from hub.domain.periods import Period
from hub.domain.reconciliation import ControlTotals
from hub.domain.repayments import Arrears
from tests.domain.strategies import fund_amounts

DAY = date(2026, 12, 11)
UNIT = UnitNo("110105000001")
NOVEMBER = Period("2026-11")
OWED = fund_amounts(10_000, 1_000, 0, 0)


def income(
    place: int, item: Item, amounts: FundAmounts, unit: str = "", period: Period | None = None, day: date = DAY
) -> IncomeLine:
    return IncomeLine(place, IncomeNo(f"I-{place}"), item, UnitNo(unit), period, amounts, day)


def fee(place: int, *fen: int, period: Period = NOVEMBER, unit: str = UNIT, day: date = DAY) -> IncomeLine:
    return income(place, Item.LATE_FEE, FundAmounts(*map(Fen, fen)), unit, period, day)


def file(*lines: IncomeLine) -> IncomesFile:
    controls = [
        ItemControl(len(lines) + 1 + place, item, totals)
        for place, (item, totals) in enumerate(totals_by_item(lines).items(), start=1)
    ]
    return IncomesFile(IncomesHeader(AgencyCode("110105"), DAY, "0001"), lines, controls)


def found(checked: IncomesFile) -> list[tuple[int | None, str, FaultCode]]:
    return [(fault.line, fault.field, fault.code) for fault in check_incomes(checked)]


def judged(
    *lines: IncomeLine, paid: FundAmounts | None = None, today: date = DAY
) -> list[tuple[int | None, str, FaultCode]]:
    fees = LateFees([Change(date(2026, 12, 1), OWED)], paid or fund_amounts(0, 0, 0, 0))
    never = LateFees([Change(date(2026, 12, 1), fund_amounts(0, 0, 0, 0))])
    known = {Arrears(UNIT, NOVEMBER): fees, Arrears("110105000002", NOVEMBER): never}
    faults = judge_late_fees(lines, known, frozenset({NOVEMBER, Period("2026-10")}), today)
    return [(fault.line, fault.field, fault.code) for fault in faults]


def test_every_item_of_the_article_has_its_words() -> None:
    assert list(ITEM_WORDS) == list(Item)


def test_a_good_file_has_no_fault() -> None:
    assert found(file(income(1, Item.INTEREST, fund_amounts(5, 4, 3, 2)), fee(2, 1, 0, 0, 0))) == []


def test_a_late_fee_names_unit_and_period_and_nothing_else_has_a_period() -> None:
    wrong = file(
        income(1, Item.LATE_FEE, fund_amounts(1, 0, 0, 0)),
        income(2, Item.SUBSIDY, fund_amounts(1, 0, 0, 0), UNIT, NOVEMBER),
        income(3, Item.TRANSFER, fund_amounts(1, 0, 0, 0), UNIT),
    )
    assert found(wrong) == [(2, "unit", FaultCode.ITEM), (2, "period", FaultCode.ITEM), (3, "period", FaultCode.ITEM)]


def test_an_income_is_money_named_once_and_received_by_then() -> None:
    line = income(2, Item.OTHER, fund_amounts(1, 0, 0, 0), day=date(2026, 12, 12))
    wrong = file(income(1, Item.OTHER, fund_amounts(0, 0, 0, 0)), line._replace(income_no=IncomeNo("I-1")))
    assert found(wrong) == [
        (2, "total", FaultCode.AMOUNT), (3, "income id", FaultCode.DUPLICATE), (3, "received on", FaultCode.DATE),
    ]  # fmt: skip


def test_control_lines_are_one_an_item_and_equal_their_lines() -> None:
    good = file(income(1, Item.OTHER, fund_amounts(1, 0, 0, 0)), income(2, Item.INTEREST, fund_amounts(2, 0, 0, 0)))
    other, interest = good.controls
    more = ControlTotals(2, fund_amounts(1, 0, 0, 1))
    wrong = IncomesFile(
        good.header, good.lines, [other._replace(totals=more), other, interest._replace(item=Item.SUBSIDY)]
    )
    assert found(wrong) == [
        (None, "C", FaultCode.CONTROL_TOTAL),
        (4, "count", FaultCode.CONTROL_TOTAL), (4, "maternity", FaultCode.CONTROL_TOTAL), (4, "item", FaultCode.DUPLICATE),
        (5, "item", FaultCode.CONTROL_TOTAL),
    ]  # fmt: skip


def test_a_late_fee_is_at_most_what_has_accrued_and_is_not_paid() -> None:
    """Ten days of 10,000 yuan pension and 1,000 yuan unemployment: 50 yuan and 5."""
    assert judged(fee(1, 5000, 500, 0, 0)) == []
    over = (FaultCode.NOT_OUTSTANDING,)
    assert judged(fee(1, 5001, 500, 0, 0)) == [(2, "pension", *over)]
    assert judged(fee(1, 5000, 501, 1, 0)) == [(2, "unemployment", *over), (2, "injury", *over)]
    assert judged(fee(1, 1, 0, 0, 0), paid=fund_amounts(50, 0, 0, 0)) == [(2, "pension", *over)]
    assert judged(fee(1, 4001, 0, 0, 0, day=date(2026, 12, 9))) == [(2, "pension", *over)]


def test_the_lines_of_a_file_pay_one_after_the_other() -> None:
    assert judged(fee(1, 3000, 0, 0, 0), fee(2, 2000, 0, 0, 0)) == []
    assert judged(fee(1, 3000, 0, 0, 0), fee(2, 2001, 0, 0, 0)) == [(3, "pension", FaultCode.NOT_OUTSTANDING)]
    refused = fee(1, 9999, 0, 0, 0)
    assert judged(refused, fee(2, 5000, 0, 0, 0)) == [(2, "pension", FaultCode.NOT_OUTSTANDING)]


def test_what_accrues_after_today_cannot_be_paid_whatever_day_a_line_names() -> None:
    assert judged(fee(1, 501, 0, 0, 0), today=date(2026, 12, 2)) == [(2, "pension", FaultCode.NOT_OUTSTANDING)]
    assert judged(fee(1, 500, 0, 0, 0), today=date(2026, 12, 2)) == []


def test_a_late_fee_is_of_arrears_that_are_known() -> None:
    assert judged(fee(1, 1, 0, 0, 0, period=Period("2026-12"))) == [(2, "period", FaultCode.PERIOD_OPEN)]
    assert judged(fee(1, 1, 0, 0, 0, period=Period("2026-10"))) == [(2, "period", FaultCode.UNKNOWN_ARREARS)]
    assert judged(fee(1, 1, 0, 0, 0, unit="110105000002")) == [(2, "period", FaultCode.UNKNOWN_ARREARS)]
