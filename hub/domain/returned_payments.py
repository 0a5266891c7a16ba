"""Returned payments (退票): a cheque or a collection that was booked and came back unpaid (rules section 6)."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from hub.domain.dues import Kind
from hub.domain.faults import Fault, FaultCode, in_file_order, repeated
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BillNo, ReceiptNo, ReturnNo, UnitNo
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period
from hub.domain.receipts import Method


class ReturnsHeader(NamedTuple):
    """The ``H`` line. ``no``: four digits, as text."""

    agency: AgencyCode
    date: datetime.date
    no: str


class ReturnLine(NamedTuple):
    """A ``D`` line: a receipt that came back; ``amount`` in fen, the whole receipt."""

    line: int
    return_no: ReturnNo
    receipt_no: ReceiptNo
    amount: Fen
    reason: str
    returned_on: datetime.date

    @property
    def file_line(self) -> int:
        """Where it stands in the file, from 1: the header is line 1."""
        return self.line + 1


@dataclass(frozen=True, slots=True)
class ReturnsFile:
    """A returns file whose lines could all be read."""

    header: ReturnsHeader
    lines: Sequence[ReturnLine]


class BookedReceipt(NamedTuple):
    """A receipt as it was booked: the bill it paid and its fen per fund. ``returned``: it has come back already."""

    receipt_id: int
    receipt_no: ReceiptNo
    bill_id: int
    bill_no: BillNo
    agency: AgencyCode
    unit: UnitNo
    shard: int
    kind: Kind
    period: Period
    method: Method
    received_on: datetime.date
    amounts: FundAmounts
    returned: bool


def check_returns(file: ReturnsFile) -> tuple[Fault, ...]:
    """Every fault that shows without the books, in the order of the file (contract section 2)."""
    return in_file_order(fault for rule in RETURNS_RULES for fault in rule(file))


def amounts_over_zero(file: ReturnsFile) -> list[Fault]:
    """What comes back is money."""
    return [
        Fault(line.file_line, "amount", FaultCode.AMOUNT, "more than 0.00", print_yuan(line.amount))
        for line in file.lines
        if line.amount == 0
    ]


def returns_named_once(file: ReturnsFile) -> list[Fault]:
    """A return id stands for one return."""
    return repeated("return id", ((line.file_line, line.return_no) for line in file.lines))


def receipts_returned_once(file: ReturnsFile) -> list[Fault]:
    """A receipt comes back whole, so it comes back once."""
    return repeated("receipt id", ((line.file_line, line.receipt_no) for line in file.lines))


RETURNS_RULES: Final[tuple[Callable[[ReturnsFile], list[Fault]], ...]] = (
    amounts_over_zero,
    returns_named_once,
    receipts_returned_once,
)

COMES_BACK: Final = (Method.CHEQUE, Method.COLLECTION)
"""Methods whose money is not certain when it is booked; cash is."""


def check_return(line: ReturnLine, receipt: BookedReceipt | None) -> list[Fault]:
    """One return against the receipt that it names, None when its agency has no such receipt (rules section 6).

    The day of the return is held against that of the receipt, never against the clock.
    """
    at = line.file_line
    if receipt is None:
        return [Fault(at, "receipt id", FaultCode.UNKNOWN_RECEIPT, "a receipt of this agency", line.receipt_no)]
    if receipt.returned:
        return [Fault(at, "receipt id", FaultCode.RETURNED, "a receipt that has not come back", line.receipt_no)]
    faults: list[Fault] = []
    if receipt.method not in COMES_BACK:
        expected = f"a receipt by {' or '.join(COMES_BACK)}"
        faults.append(Fault(at, "receipt id", FaultCode.METHOD, expected, receipt.method.value))
    if line.amount != receipt.amounts.total:
        expected = f"{print_yuan(receipt.amounts.total)}, the whole receipt"
        faults.append(Fault(at, "amount", FaultCode.AMOUNT, expected, print_yuan(line.amount)))
    if line.returned_on < receipt.received_on:
        expected = f"{receipt.received_on} or later, when it was received"
        faults.append(Fault(at, "returned on", FaultCode.DATE, expected, line.returned_on.isoformat()))
    return faults


def opens_arrears(kind: Kind, period: Period, booking_period: Period) -> bool:
    """Whether money taken back in the books of ``booking_period`` opens arrears of the bill's ``period`` (欠缴).

    In its own month a monthly bill is unarrived again, and the month's end decides; after it, the period's arrears are
    opened at once. The arrears that a repayment had settled stand again, whenever that was. A supplement never becomes
    arrears (C10, C11).
    """
    return kind is Kind.REPAYMENT or (kind is Kind.MONTHLY and booking_period > period)
