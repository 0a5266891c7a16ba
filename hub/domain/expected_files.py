"""What must come by when (rules.md section 3): our file at a bank, the bank's answer to it.

Expected is not wrong: a file is awaited until its time has passed, and only then does somebody have to look.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from hub.domain.lifecycle import BatchState
from hub.domain.work import Queue

DELIVERED_WITHIN: Final = timedelta(hours=1)
"""From the city batch to the proof that the bank has its file. Our reading: the regulation names the day only."""


class Awaited(StrEnum):
    """What a batch waits for outside the hub."""

    DELIVERY = "delivery"  # of the request: read back from the bank's server
    RESULT = "result"  # the bank's answer


class Timeliness(StrEnum):
    """How an expected file stands at a moment."""

    EXPECTED = "expected"
    OVERDUE = "overdue"


_AWAITED: Final = {
    BatchState.BATCHED: Awaited.DELIVERY,
    BatchState.SENDING: Awaited.DELIVERY,
    BatchState.SENT: Awaited.RESULT,
}


def awaited(state: BatchState) -> Awaited | None:
    """What a batch in this state waits for; None from its answer on."""
    return _AWAITED.get(state)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedFile:
    """A file of a session that has not come yet. ``file_name`` is the request's, which an answer names."""

    bank: str
    period: str
    round: int
    batch_no: str
    file_name: str
    awaited: Awaited
    since: datetime
    due_at: datetime | None  # None: beyond the calendar's horizon, so never overdue

    def timeliness(self, now: datetime) -> Timeliness:
        """Overdue from its hour on."""
        return Timeliness.OVERDUE if self.due_at is not None and self.due_at <= now else Timeliness.EXPECTED

    def is_overdue(self, now: datetime) -> bool:
        return self.timeliness(now) is Timeliness.OVERDUE

    @property
    def queue(self) -> Queue:
        """Where it waits for a person once it is overdue."""
        return Queue.MISSING if self.awaited is Awaited.DELIVERY else Queue.LATE


def delivery_due(batched_at: datetime) -> datetime:
    """When the bank must have a file whose batch was closed at ``batched_at``."""
    return batched_at + DELIVERED_WITHIN
