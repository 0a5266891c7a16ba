"""Sporadic receipts (零星缴费收款): money a unit paid to its agency (C9-1, C9-5, C10, C11)."""

import datetime
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.arrears import unarrived
from hub.domain.dues import Kind
from hub.domain.faults import Fault, FaultCode, in_file_order, repeated
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BillNo, ReceiptNo
from hub.domain.money import Fen, print_yuan
from hub.domain.standing import Standing


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

    @property
    def file_line(self) -> int:
        """Where it stands in the file, from 1: the header is line 1."""
        return self.line + 1


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
        Fault(line.file_line, "amount", FaultCode.AMOUNT, "more than 0.00", print_yuan(line.amount))
        for line in file.lines
        if line.amount == 0
    ]


def receipts_named_once(file: ReceiptsFile) -> list[Fault]:
    """A receipt id stands for one receipt."""
    return repeated("receipt id", ((line.file_line, line.receipt_no) for line in file.lines))


def bills_paid_once(file: ReceiptsFile) -> list[Fault]:
    """A receipt pays all that is outstanding, so a second one for the same bill has nothing left to pay."""
    return repeated("bill id", ((line.file_line, line.bill_no) for line in file.lines))


def cheques_numbered(file: ReceiptsFile) -> list[Fault]:
    """A cheque has its number, other methods have none."""
    faults: list[Fault] = []
    for line in file.lines:
        if bool(line.cheque_no) is not (line.method is Method.CHEQUE):
            expected = "the cheque's number" if line.method is Method.CHEQUE else f"nothing for {line.method.value}"
            faults.append(Fault(line.file_line, "cheque no", FaultCode.METHOD, expected, line.cheque_no))
    return faults


RECEIPTS_RULES: Final[tuple[Callable[[ReceiptsFile], list[Fault]], ...]] = (
    amounts_over_zero,
    receipts_named_once,
    bills_paid_once,
    cheques_numbered,
)


def judge_receipt(
    line: ReceiptLine,
    bill: Standing | None,
    closed: Collection[str],
    finance_closed_at: datetime.datetime | None,
    arrears: FundAmounts | None,
) -> list[Fault]:
    """One receipt against its bill: it pays all that is outstanding, or it is refused (contract section 2).

    ``closed``: periods whose month end has closed, and whose monthly bills take no receipt. ``finance_closed_at``: the hour
    of the last finance close, which cancels what was sporadic, filed before it and not paid (C10, C11), even when it is
    carried out later; None: there was none. ``arrears``: what is outstanding of those a repayment repays.
    """

    if bill is None:
        return [Fault(line.file_line, "bill id", FaultCode.UNKNOWN_BILL, "a bill of this agency", line.bill_no)]
    found: list[Fault] = []
    if not method_allowed(line.method, Kind(bill.kind)):
        expected = "CASH or CHEQUE for a repayment of arrears"
        found.append(Fault(line.file_line, "method", FaultCode.METHOD, expected, line.method))
    why_not = _takes_none(bill, closed, finance_closed_at)
    outstanding = unarrived(bill.due, bill.collected).total
    if why_not is not None:
        code, expected = why_not
        told = bill.period if code is FaultCode.PERIOD_CLOSED else line.bill_no
        found.append(Fault(line.file_line, "bill id", code, expected, told))
    elif line.amount != outstanding:
        expected = f"{print_yuan(outstanding)}, all that is outstanding"
        found.append(Fault(line.file_line, "amount", FaultCode.NOT_OUTSTANDING, expected, print_yuan(line.amount)))
    elif bill.kind == Kind.REPAYMENT.value and (arrears is None or min(arrears.minus(bill.due)) < 0):
        expected = f"arrears of {bill.refers_to} that are outstanding in full"
        found.append(Fault(line.file_line, "bill id", FaultCode.NOT_OUTSTANDING, expected, line.bill_no))
    return found


def _takes_none(
    bill: Standing, closed: Collection[str], finance_closed_at: datetime.datetime | None
) -> tuple[FaultCode, str] | None:
    """Why a bill takes no receipt, with what one that does would be; None when it takes one."""
    monthly, is_paid = bill.kind == Kind.MONTHLY.value, bill.due == bill.collected
    missed = finance_closed_at is not None and bill.mode == "S" and bill.accepted_at < finance_closed_at
    if monthly and bill.period in closed:
        return FaultCode.PERIOD_CLOSED, "a bill whose month end has not closed"
    if bill.cancelled or (not monthly and not is_paid and missed):
        return FaultCode.CANCELLED, "a bill that is not cancelled"
    if is_paid:
        return FaultCode.NOT_OUTSTANDING, "a bill with something outstanding"
    return None


def method_allowed(method: Method, kind: Kind) -> bool:
    """Arrears are repaid by bank, cash or cheque (C11-1), so not by collection 托收; other bills by any method."""
    return not (method is Method.COLLECTION and kind is Kind.REPAYMENT)
