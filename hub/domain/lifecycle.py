"""The life of a bank batch and the standing of a bill. States are told here and nowhere else."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hub.domain.dues import Kind
from hub.domain.funds import FundAmounts


class BatchState(StrEnum):
    """Where a bank file is on its way there and back. A quarantined answer leaves its batch SENT, open for another."""

    BATCHED = "BATCHED"  # closed by the city, 财表七 made
    SENDING = "SENDING"  # being delivered; after a crash the outcome is unknown until one has looked
    SENT = "SENT"  # read back from the bank's server
    ANSWERED = "ANSWERED"  # an answer that fits was taken in
    POSTING = "POSTING"  # released to be posted (回款)
    POSTED = "POSTED"  # every line is in the books, notices are out


class DeliveryOutcome(StrEnum):
    """What came of the last try to deliver a bank file."""

    NONE = ""  # none was made
    DELIVERED = "delivered"  # read back, or proven by the bank's answer
    REFUSED = "refused"  # it is not there whole: not written, not renamed, or its .ok is not there
    UNKNOWN = "unknown"  # the reply to a rename was lost; the next try looks at both names before it does anything


def after_failure(before: DeliveryOutcome, *, unknown: bool | None) -> DeliveryOutcome:
    """What is known after a try that failed. ``unknown``: whether the file may be there all the same; None: nobody looked.

    Who did not get as far as looking cannot resolve what an earlier try left open.
    """
    if unknown or (unknown is None and before is DeliveryOutcome.UNKNOWN):
        return DeliveryOutcome.UNKNOWN
    return DeliveryOutcome.REFUSED


MOVES: Final[Mapping[BatchState, frozenset[BatchState]]] = {
    BatchState.BATCHED: frozenset({BatchState.SENDING}),
    BatchState.SENDING: frozenset({BatchState.SENT}),  # never back: it may have arrived
    BatchState.SENT: frozenset({BatchState.ANSWERED}),
    BatchState.ANSWERED: frozenset({BatchState.POSTING}),
    BatchState.POSTING: frozenset({BatchState.POSTED}),
    BatchState.POSTED: frozenset(),
}


def move(state: BatchState, to: BatchState) -> BatchState:
    """The new state of a batch; a move that is not in the table is a mistake of the program."""
    assert to in MOVES[state], f"a batch cannot go from {state.value} to {to.value}"
    return to


class Cancelled(StrEnum):
    """Why a supplement or a repayment was cancelled (注销, C10, C11): it has to be filed again."""

    FAILED = "failed"  # the bank deducted nothing
    UNPAID = "unpaid"  # sporadic, and not paid by the finance close
    RETURNED = "returned"  # 退票: what had paid it came back
    SETTLED = "settled"  # the arrears it was to repay were settled otherwise before its money came


CANCELLED_BECAUSE: Final[Mapping[Kind, frozenset[Cancelled]]] = {
    Kind.MONTHLY: frozenset(),  # what is not paid of it becomes arrears
    Kind.SUPPLEMENT: frozenset({Cancelled.FAILED, Cancelled.UNPAID, Cancelled.RETURNED}),
    Kind.REPAYMENT: frozenset(Cancelled),
}
"""Which bills may be cancelled, and why. A cancelled one stays so."""


class BillStatus(StrEnum):
    """The ``status`` of a bill in the ``unit`` export (contract section 7)."""

    OPEN = "open"  # nothing has come in
    ARRIVED = "arrived"  # every fund is covered in full
    PART = "part"  # some money has come in
    CANCELLED = "cancelled"  # 注销 (C10, C11)
    ARREARS = "arrears"  # 欠缴, opened at month end and not settled yet (C9-6)


def bill_status(due: FundAmounts, arrived: FundAmounts, in_arrears: bool, cancelled: bool) -> BillStatus:
    """How a bill stands. ``arrived`` is all that was applied to it; ``in_arrears``: month end opened arrears for it."""
    if cancelled:
        return BillStatus.CANCELLED
    if all(came >= owed for came, owed in zip(arrived, due, strict=True)):
        return BillStatus.ARRIVED
    if in_arrears:
        return BillStatus.ARREARS
    return BillStatus.PART if arrived.total > 0 else BillStatus.OPEN
