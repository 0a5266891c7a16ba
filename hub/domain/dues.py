"""Dues (应缴): an agency's bills as it uploads them (contract section 2).

Monthly bills (表八, C8), supplements (表五, C10) and arrears repayments (表十, C11). The rules here need the whole file
and no books; each is one function, and ``DUES_RULES`` lists them.
"""

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.faults import Fault, FaultCode, in_file_order, repeated
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BankCode, BillNo, UnitNo
from hub.domain.money import print_yuan
from hub.domain.periods import Period
from hub.domain.reconciliation import ControlTotals, control_faults


class Kind(StrEnum):
    """What a bill is for."""

    MONTHLY = "M"  # 月报, the month before the period
    SUPPLEMENT = "S"  # 补缴
    REPAYMENT = "A"  # 还欠


class Mode(StrEnum):
    """How a unit pays (C9-1)."""

    BANK = "B"  # 银行扣款
    SPORADIC = "S"  # 零星缴费


class DuesHeader(NamedTuple):
    """The ``H`` line. ``no``: four digits, as text."""

    agency: AgencyCode
    period: Period
    kind: Kind
    no: str
    date: datetime.date


class DuesLine(NamedTuple):
    """A ``D`` line: one bill. ``line`` is its place among the ``D`` lines, from 1."""

    line: int
    bill_no: BillNo
    unit: UnitNo
    unit_name: str
    mode: Mode
    bank: BankCode  # '' for mode S, as are the next two
    account: str
    account_name: str
    amounts: FundAmounts
    refers_to: Period | None  # None: the field is empty

    @property
    def file_line(self) -> int:
        """Where it stands in the file, from 1: the header is line 1."""
        return self.line + 1


class ControlLine(NamedTuple):
    """A ``C`` line. ``file_line``: where it stands in the file."""

    file_line: int
    mode: Mode
    bank: BankCode
    totals: ControlTotals


@dataclass(frozen=True, slots=True)
class DuesFile:
    """A dues file whose lines could all be read."""

    header: DuesHeader
    lines: Sequence[DuesLine]
    controls: Sequence[ControlLine]


def check_dues(file: DuesFile) -> tuple[Fault, ...]:
    """Every fault that shows without the books, in the order of the file (contract section 2)."""
    return in_file_order(fault for rule in DUES_RULES for fault in rule(file))


def amounts_over_zero(file: DuesFile) -> list[Fault]:
    """A bill's total is over zero (contract section 1)."""
    return [
        Fault(line.file_line, "total", FaultCode.AMOUNT, "more than 0.00", print_yuan(line.amounts.total))
        for line in file.lines
        if line.amounts.total == 0
    ]


def bills_named_once(file: DuesFile) -> list[Fault]:
    """A bill id is unique for ever, so within a file too."""
    return repeated("bill id", ((line.file_line, line.bill_no) for line in file.lines))


def one_monthly_bill_a_unit(file: DuesFile) -> list[Fault]:
    """One bill for all funds (一单托收, C3): one ``M`` bill per unit and period; ``S`` and ``A`` may be several."""
    if file.header.kind is not Kind.MONTHLY:
        return []
    return repeated("unit", ((line.file_line, line.unit) for line in file.lines))


def months_referred_to(file: DuesFile) -> list[Fault]:
    """``refers to``: empty for ``M``; an earlier month for ``S`` (C10) and for ``A``, whose arrears it repays (C11)."""
    kind, period = file.header.kind, file.header.period
    faults: list[Fault] = []
    expected = "nothing" if kind is Kind.MONTHLY else f"a month before {period}"
    for line in file.lines:
        found = line.refers_to
        if (found is None) is not (kind is Kind.MONTHLY):
            wanted = f"{expected} for kind {kind.value}"
            faults.append(Fault(line.file_line, "refers to", FaultCode.KIND, wanted, found or ""))
        elif found is not None and found >= period:
            faults.append(Fault(line.file_line, "refers to", FaultCode.DATE, expected, found))
    return faults


def accounts_by_mode(file: DuesFile) -> list[Fault]:
    """Bank, account and account name: all three for mode ``B``, none for ``S`` (C9-1)."""
    faults: list[Fault] = []
    for line in file.lines:
        wanted = line.mode is Mode.BANK
        expected = f"{'a value' if wanted else 'nothing'} for mode {line.mode.value}"
        for field, found in (("bank", line.bank), ("account", line.account), ("account name", line.account_name)):
            if bool(found) is not wanted:
                faults.append(Fault(line.file_line, field, FaultCode.MODE, expected, found))
    return faults


def controls_equal_lines(file: DuesFile) -> list[Fault]:
    """One ``C`` line per (mode, bank) that occurs, none else, each equal to what its lines add up to (财表六, C9-1)."""
    return controls_against(file.controls, totals_by_mode_and_bank(file.lines))


def controls_against(
    controls: Iterable[ControlLine], counted: Mapping[tuple[Mode, BankCode], ControlTotals]
) -> list[Fault]:
    """The ``C`` lines against what the ``D`` lines add up to by mode and bank."""
    declared: set[tuple[Mode, BankCode]] = set()
    faults: list[Fault] = []
    for control in controls:
        key = (control.mode, control.bank)
        if key in declared:
            expected = "one C line per mode and bank"
            faults.append(Fault(control.file_line, "bank", FaultCode.DUPLICATE, expected, _named(key)))
        elif key not in counted:
            expected = "a mode and bank of the D lines"
            faults.append(Fault(control.file_line, "bank", FaultCode.CONTROL_TOTAL, expected, _named(key)))
        else:
            faults += control_faults(control.file_line, control.totals, counted[key])
        declared.add(key)
    missing = [key for key in counted if key not in declared]
    faults += [Fault(None, "C", FaultCode.CONTROL_TOTAL, f"a C line for {_named(key)}", "") for key in missing]
    return faults


DUES_RULES: Final[tuple[Callable[[DuesFile], list[Fault]], ...]] = (
    amounts_over_zero,
    bills_named_once,
    one_monthly_bill_a_unit,
    months_referred_to,
    accounts_by_mode,
    controls_equal_lines,
)


def totals_by_mode_and_bank(lines: Sequence[DuesLine]) -> dict[tuple[Mode, BankCode], ControlTotals]:
    """What the ``C`` lines have to say, in the order in which modes and banks first occur."""
    amounts: dict[tuple[Mode, BankCode], list[FundAmounts]] = {}
    for line in lines:
        amounts.setdefault((line.mode, line.bank), []).append(line.amounts)
    return {key: ControlTotals.of(each) for key, each in amounts.items()}


def _named(key: tuple[Mode, BankCode]) -> str:
    mode, bank = key
    return f"mode {mode.value}" + (f", bank {bank}" if bank else "")
