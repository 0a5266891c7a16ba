"""Subsidies of flexible workers (社会保险补贴, C10): what unemployment finance books once a personal part has arrived.

Of a supplement with a 表四-1 the unit parts of pension and unemployment, and the medical subsidy: each once, never before the
personal part has arrived in full. When that comes back (退票), each is brought back once, exactly.
"""

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.faults import Fault, FaultCode, in_file_order, repeated
from hub.domain.ids import AgencyCode, BillNo, SubsidyNo
from hub.domain.money import Fen, print_yuan


class Movement(StrEnum):
    """What is moved; the value stands in the file."""

    UNIT = "UNIT"  # 单位缴费部分: unemployment expenditure account → income accounts of pension and unemployment
    MEDICAL = "MEDICAL"  # 医疗补助: unemployment expenditure account → medical income account
    UNIT_BACK = "UNIT-BACK"  # 退回
    MEDICAL_BACK = "MEDICAL-BACK"


TAKES_BACK: Final[Mapping[Movement, Movement]] = {
    Movement.UNIT_BACK: Movement.UNIT,
    Movement.MEDICAL_BACK: Movement.MEDICAL,
}


class SubsidyState(StrEnum):
    """Where a movement of a bill stands."""

    WAITING = "waiting"  # the personal part has not arrived in full, or its bill is not filed yet
    DUE = "due"  # to be booked now
    BOOKED = "booked"
    TO_BRING_BACK = "to-bring-back"  # the personal part came back
    BROUGHT_BACK = "brought-back"
    LAPSED = "lapsed"  # the bill was cancelled before anything was booked


def subsidy_state(*, arrived: bool, cancelled: bool, booked: bool, brought_back: bool) -> SubsidyState:
    """The state of one movement of one bill; the order of the questions is the order of their weight."""
    if brought_back:
        return SubsidyState.BROUGHT_BACK
    if booked:
        return SubsidyState.TO_BRING_BACK if cancelled else SubsidyState.BOOKED
    if cancelled:
        return SubsidyState.LAPSED
    return SubsidyState.DUE if arrived else SubsidyState.WAITING


class SubsidyAmounts(NamedTuple):
    """Fen of a movement: unit parts of pension and unemployment, medical subsidy."""

    pension: Fen
    unemployment: Fen
    medical: Fen

    @property
    def total(self) -> Fen:
        return Fen(sum(self))


class SubsidiesHeader(NamedTuple):
    """The ``H`` line. ``no``: four digits, as text."""

    agency: AgencyCode
    date: datetime.date
    no: str


class SubsidyLine(NamedTuple):
    """A ``D`` line: one movement of one bill, booked by unemployment finance on a day."""

    line: int
    subsidy_no: SubsidyNo
    bill_no: BillNo
    movement: Movement
    amounts: SubsidyAmounts
    booked_on: datetime.date

    @property
    def file_line(self) -> int:
        """Where it stands in the file, from 1: the header is line 1."""
        return self.line + 1


@dataclass(frozen=True, slots=True)
class SubsidiesFile:
    """A subsidies file whose lines could all be read."""

    header: SubsidiesHeader
    lines: Sequence[SubsidyLine]


class BookedSubsidy(NamedTuple):
    """A movement as it was booked."""

    subsidy_no: SubsidyNo
    amounts: SubsidyAmounts
    booked_on: datetime.date


class SubsidisedBill(NamedTuple):
    """A bill as its subsidies see it: what its 表四-1 says, and how its personal part stands.

    ``due``: by movement, None without a 表四-1. ``arrived_on``: the day of the last of its money, None without any.
    """

    bill_id: int
    bill_no: BillNo
    agency: AgencyCode
    shard: int
    personal: Fen
    arrived: Fen
    arrived_on: datetime.date | None
    cancelled: bool
    due: Mapping[Movement, SubsidyAmounts] | None
    booked: Mapping[Movement, BookedSubsidy]


def check_subsidies(file: SubsidiesFile) -> tuple[Fault, ...]:
    """Every fault that shows without the books, in the order of the file."""
    return in_file_order(fault for rule in SUBSIDIES_RULES for fault in rule(file))


def amounts_over_zero(file: SubsidiesFile) -> list[Fault]:
    """What is moved is money."""
    return [
        Fault(line.file_line, "total", FaultCode.AMOUNT, "more than 0.00", print_yuan(line.amounts.total))
        for line in file.lines
        if line.amounts.total == 0
    ]


def amounts_by_movement(file: SubsidiesFile) -> list[Fault]:
    """A unit part has no medical amount, a medical subsidy nothing else."""
    faults: list[Fault] = []
    for line in file.lines:
        medical = TAKES_BACK.get(line.movement, line.movement) is Movement.MEDICAL
        for field, fen in line.amounts._asdict().items():
            if fen and (field == "medical") is not medical:
                expected = f"0.00 for {line.movement.value}"
                faults.append(Fault(line.file_line, field, FaultCode.KIND, expected, print_yuan(fen)))
    return faults


def subsidies_named_once(file: SubsidiesFile) -> list[Fault]:
    """A subsidy id stands for one movement."""
    return repeated("subsidy id", ((line.file_line, line.subsidy_no) for line in file.lines))


def movements_told_once(file: SubsidiesFile) -> list[Fault]:
    """Once each: a bill and a movement stand in one line."""
    found = ((line.file_line, f"{line.movement.value} of {line.bill_no}") for line in file.lines if line.bill_no)
    return repeated("movement", found)


SUBSIDIES_RULES: Final[tuple[Callable[[SubsidiesFile], list[Fault]], ...]] = (
    amounts_over_zero,
    amounts_by_movement,
    subsidies_named_once,
    movements_told_once,
)


def judge_subsidy(line: SubsidyLine, bill: SubsidisedBill | None) -> list[Fault]:
    """One movement against its bill, None when the agency has no such bill: every fault of it."""
    at = line.file_line
    if bill is None:
        return [Fault(at, "bill id", FaultCode.UNKNOWN_BILL, "a bill of this agency", line.bill_no)]
    if bill.due is None:
        return [Fault(at, "bill id", FaultCode.NO_MEMBERS, "a supplement with a 表四-1", line.bill_no)]
    if line.movement in TAKES_BACK:
        return _judge_back(line, bill, TAKES_BACK[line.movement])
    faults = _twice(line, bill)
    if bill.cancelled:
        expected = "a bill that is not cancelled, nor its money returned"
        faults.append(Fault(at, "bill id", FaultCode.CANCELLED, expected, line.bill_no))
    elif bill.arrived != bill.personal:
        expected = f"a personal part of {print_yuan(bill.personal)} that has arrived in full"
        faults.append(Fault(at, "bill id", FaultCode.NOT_ARRIVED, expected, print_yuan(bill.arrived)))
    elif bill.arrived_on is not None and line.booked_on < bill.arrived_on:
        expected = f"{bill.arrived_on} or later, when the personal part arrived"
        faults.append(Fault(at, "booked on", FaultCode.DATE, expected, line.booked_on.isoformat()))
    return faults + _differences(line, bill.due[line.movement])


def _judge_back(line: SubsidyLine, bill: SubsidisedBill, movement: Movement) -> list[Fault]:
    """What is brought back was booked, on a personal part that came back, and is exactly that."""
    at, original = line.file_line, bill.booked.get(movement)
    if original is None:
        expected = f"{movement.value} of {line.bill_no}, booked before"
        return [Fault(at, "movement", FaultCode.NOT_OUTSTANDING, expected, "")]
    faults = _twice(line, bill)
    if not bill.cancelled:
        expected = "a bill whose personal part has come back"
        faults.append(Fault(at, "bill id", FaultCode.NOT_OUTSTANDING, expected, line.bill_no))
    if line.booked_on < original.booked_on:
        expected = f"{original.booked_on} or later, when it was booked"
        faults.append(Fault(at, "booked on", FaultCode.DATE, expected, line.booked_on.isoformat()))
    return faults + _differences(line, original.amounts)


def _twice(line: SubsidyLine, bill: SubsidisedBill) -> list[Fault]:
    before = bill.booked.get(line.movement)
    if before is None:
        return []
    expected = f"one {line.movement.value} of a bill"
    return [Fault(line.file_line, "movement", FaultCode.DUPLICATE, expected, f"booked as {before.subsidy_no}")]


def _differences(line: SubsidyLine, expected: SubsidyAmounts) -> list[Fault]:
    return [
        Fault(line.file_line, field, FaultCode.MISMATCH, print_yuan(wanted), print_yuan(found))
        for field, wanted, found in zip(SubsidyAmounts._fields, expected, line.amounts, strict=True)
        if wanted != found
    ]
