"""Sporadic receipts (零星缴费收款): money a unit paid to its agency (C9-1, C9-5, C10, C11)."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.dues import Kind
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.ids import AgencyCode, BillNo, ReceiptNo
from hub.domain.money import Fen, print_yuan


class Method(StrEnum):
    """How sporadic money is paid."""

    CASH = "CASH"  # 现金
    CHEQUE = "CHEQUE"  # 支票
    COLLECTION = "COLLECTION"  # 托收


class ReceiptsHeader(NamedTuple):
    """The ``H`` line. ``no``: four digits, as text."""

    agency: AgencyCode
    date: datetime.date
    no: str


class ReceiptLine(NamedTuple):
    """A ``D`` line: one receipt for one bill; ``amount`` in fen, all that is outstanding on the bill."""

    line: int
    receipt_no: ReceiptNo
    bill_no: BillNo
    method: Method
    cheque_no: str  # '' unless the method is CHEQUE
    amount: Fen
    received_on: datetime.date


@dataclass(frozen=True, slots=True)
class ReceiptsFile:
    """A receipts file whose lines could all be read."""

    header: ReceiptsHeader
    lines: Sequence[ReceiptLine]


def check_receipts(file: ReceiptsFile) -> tuple[Fault, ...]:
    """Every fault that shows without the books, in the order of the file (contract section 2)."""
    return in_file_order(fault for rule in RECEIPTS_RULES for fault in rule(file))


def amounts_over_zero(file: ReceiptsFile) -> list[Fault]:
    """A receipt is of money."""
    return [
        Fault(_file_line(line), "amount", FaultCode.AMOUNT, "more than 0.00", print_yuan(line.amount))
        for line in file.lines
        if line.amount == 0
    ]


def receipts_named_once(file: ReceiptsFile) -> list[Fault]:
    """A receipt id stands for one receipt."""
    first: dict[str, int] = {}
    return [
        _repeated(line, "receipt id", line.receipt_no, first[line.receipt_no])
        for line in file.lines
        if first.setdefault(line.receipt_no, line.line) != line.line
    ]


def bills_paid_once(file: ReceiptsFile) -> list[Fault]:
    """A receipt pays all that is outstanding, so a second one for the same bill has nothing left to pay."""
    first: dict[str, int] = {}
    return [
        _repeated(line, "bill id", line.bill_no, first[line.bill_no])
        for line in file.lines
        if first.setdefault(line.bill_no, line.line) != line.line
    ]


def cheques_numbered(file: ReceiptsFile) -> list[Fault]:
    """A cheque has its number, other methods have none."""
    faults: list[Fault] = []
    for line in file.lines:
        if bool(line.cheque_no) is not (line.method is Method.CHEQUE):
            expected = "the cheque's number" if line.method is Method.CHEQUE else f"nothing for {line.method.value}"
            faults.append(Fault(_file_line(line), "cheque no", FaultCode.METHOD, expected, line.cheque_no))
    return faults


RECEIPTS_RULES: Final[tuple[Callable[[ReceiptsFile], list[Fault]], ...]] = (
    amounts_over_zero,
    receipts_named_once,
    bills_paid_once,
    cheques_numbered,
)


def method_allowed(method: Method, kind: Kind) -> bool:
    """Arrears are repaid by bank, cash or cheque (C11-1), so not by collection 托收; other bills by any method."""
    return not (method is Method.COLLECTION and kind is Kind.REPAYMENT)


def _repeated(line: ReceiptLine, field: str, found: str, first: int) -> Fault:
    return Fault(_file_line(line), field, FaultCode.DUPLICATE, f"a {field} not in D line {first} already", found)


def _file_line(line: ReceiptLine) -> int:
    return line.line + 1
