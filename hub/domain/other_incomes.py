"""Other incomes (其他项目收入, C15): what the funds receive beside contributions, as an agency tells it, item by item."""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.faults import Fault, FaultCode, in_file_order, repeated
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import AgencyCode, IncomeNo, UnitNo
from hub.domain.late_fees import LateFees
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period
from hub.domain.reconciliation import ControlTotals, control_faults
from hub.domain.repayments import Arrears


class Item(StrEnum):
    """What an income is of: the items of C15, in the regulation's order."""

    TRANSFER = "TRANSFER"  # 转移收入
    INTEREST = "INTEREST"  # 利息收入
    SUBSIDY = "SUBSIDY"  # 财政补贴收入
    LATE_FEE = "LATE-FEE"  # 滞纳金收入
    RETAINED = "RETAINED"  # 三资留存
    DEPOSITED = "DEPOSITED"  # 沉淀基金
    BANKRUPTCY = "BANKRUPTCY"  # 预提破产企业收入
    OTHER = "OTHER"  # 其他收入


ITEM_WORDS: Final[Mapping[Item, str]] = {
    Item.TRANSFER: "转移收入",
    Item.INTEREST: "利息收入",
    Item.SUBSIDY: "财政补贴收入",
    Item.LATE_FEE: "滞纳金收入",
    Item.RETAINED: "三资留存",
    Item.DEPOSITED: "沉淀基金",
    Item.BANKRUPTCY: "预提破产企业收入",
    Item.OTHER: "其他收入",
}
"""The items in the regulation's words, for papers."""


class IncomesHeader(NamedTuple):
    """The ``H`` line. ``no``: four digits, as text."""

    agency: AgencyCode
    date: datetime.date
    no: str


class IncomeLine(NamedTuple):
    """A ``D`` line: one income, fen per fund. ``unit``: '' for none; ``period``: whose arrears a late fee is for."""

    line: int
    income_no: IncomeNo
    item: Item
    unit: UnitNo
    period: Period | None
    amounts: FundAmounts
    received_on: datetime.date

    @property
    def file_line(self) -> int:
        """Where it stands in the file, from 1: the header is line 1."""
        return self.line + 1


class ItemControl(NamedTuple):
    """A ``C`` line. ``file_line``: where it stands in the file."""

    file_line: int
    item: Item
    totals: ControlTotals


@dataclass(frozen=True, slots=True)
class IncomesFile:
    """An incomes file whose lines could all be read."""

    header: IncomesHeader
    lines: Sequence[IncomeLine]
    controls: Sequence[ItemControl]


def check_incomes(file: IncomesFile) -> tuple[Fault, ...]:
    """Every fault that shows without the books, in the order of the file."""
    return in_file_order(fault for rule in INCOMES_RULES for fault in rule(file))


def amounts_over_zero(file: IncomesFile) -> list[Fault]:
    """An income is money."""
    return [
        Fault(line.file_line, "total", FaultCode.AMOUNT, "more than 0.00", print_yuan(line.amounts.total))
        for line in file.lines
        if line.amounts.total == 0
    ]


def incomes_named_once(file: IncomesFile) -> list[Fault]:
    """An income id stands for one income."""
    return repeated("income id", ((line.file_line, line.income_no) for line in file.lines))


def late_fees_name_their_arrears(file: IncomesFile) -> list[Fault]:
    """A late fee (滞纳金) is of the arrears of a unit and a period; no other income has a period."""
    faults: list[Fault] = []
    for line in file.lines:
        is_fee = line.item is Item.LATE_FEE
        if is_fee and not line.unit:
            faults.append(Fault(line.file_line, "unit", FaultCode.ITEM, "the unit in arrears", ""))
        if is_fee and line.period is None:
            faults.append(Fault(line.file_line, "period", FaultCode.ITEM, "the period of the arrears", ""))
        if not is_fee and line.period is not None:
            expected = f"nothing for item {line.item.value}"
            faults.append(Fault(line.file_line, "period", FaultCode.ITEM, expected, line.period))
    return faults


def received_by_the_day_of_the_file(file: IncomesFile) -> list[Fault]:
    """A file tells what has been received; the days are held against each other, never against the clock."""
    day = file.header.date
    return [
        Fault(line.file_line, "received on", FaultCode.DATE, f"{day} or earlier", line.received_on.isoformat())
        for line in file.lines
        if line.received_on > day
    ]


def controls_equal_lines(file: IncomesFile) -> list[Fault]:
    """One ``C`` line per item that occurs, none else, each equal to what its lines add up to."""
    counted = totals_by_item(file.lines)
    declared: set[Item] = set()
    faults: list[Fault] = []
    for control in file.controls:
        at, item = control.file_line, control.item
        if item in declared:
            faults.append(Fault(at, "item", FaultCode.DUPLICATE, "one C line per item", item.value))
        elif item not in counted:
            faults.append(Fault(at, "item", FaultCode.CONTROL_TOTAL, "an item of the D lines", item.value))
        else:
            faults += control_faults(at, control.totals, counted[item])
        declared.add(item)
    missing = [item for item in counted if item not in declared]
    return faults + [Fault(None, "C", FaultCode.CONTROL_TOTAL, f"a C line for {item.value}", "") for item in missing]


INCOMES_RULES: Final[tuple[Callable[[IncomesFile], list[Fault]], ...]] = (
    amounts_over_zero,
    incomes_named_once,
    late_fees_name_their_arrears,
    received_by_the_day_of_the_file,
    controls_equal_lines,
)


def totals_by_item(lines: Iterable[IncomeLine]) -> dict[Item, ControlTotals]:
    """What the ``C`` lines have to say, in the order in which items first occur."""
    amounts: dict[Item, list[FundAmounts]] = {}
    for line in lines:
        amounts.setdefault(line.item, []).append(line.amounts)
    return {item: ControlTotals.of(each) for item, each in amounts.items()}


def judge_late_fees(
    lines: Iterable[IncomeLine], fees: Mapping[Arrears, LateFees], closed: frozenset[Period], today: datetime.date
) -> list[Fault]:
    """Every fault of a file's late fees: none beyond what had accrued by its day and is not paid yet (rules section 5).

    ``fees``: of the agency's own bills, by unit and period; ``closed``: the periods named whose month end has closed. What
    accrues after ``today`` cannot be paid yet, whatever day a line names. The lines of a file pay one after the other.
    """
    left = dict(fees)
    faults: list[Fault] = []
    for line in lines:
        if line.item is not Item.LATE_FEE or not line.unit or line.period is None:
            continue  # late or not, faults of the file itself
        named = Arrears(line.unit, line.period)
        if line.period not in closed:
            expected = "a period whose month end has closed"
            faults.append(Fault(line.file_line, "period", FaultCode.PERIOD_OPEN, expected, line.period))
        elif named not in left or not left[named].ever_owed:
            expected = f"a period of whose dues {line.unit} is or was in arrears at this agency"
            faults.append(Fault(line.file_line, "period", FaultCode.UNKNOWN_ARREARS, expected, line.period))
        else:
            by = min(line.received_on, today)
            over = _beyond(line, left[named].unpaid(by), by)
            faults += over
            if not over:
                left[named] = left[named].pay(line.amounts)
    return faults


def _beyond(line: IncomeLine, unpaid: FundAmounts, by: datetime.date) -> list[Fault]:
    return [
        Fault(
            line.file_line,
            fund,
            FaultCode.NOT_OUTSTANDING,
            f"at most {print_yuan(Fen(most))}, accrued before {by} on the arrears of {line.period} and not paid yet",
            print_yuan(paid),
        )
        for fund, paid, most in zip(FUND_NAMES, line.amounts, unpaid, strict=True)
        if paid > most
    ]
