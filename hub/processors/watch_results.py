"""A bank's answer is late from its hour on (rules.md section 3): a work item says which file is awaited.

Reads: the batches of a session and bank that have no answer. Writes: work items.
Rule: a late line is unanswered, neither collected nor unarrived, and is never called failed by guess.
Repeat: the step is marked done in the same transaction; one open item a batch.
"""

from datetime import datetime

from sqlalchemy import Connection

from hub.domain.lifecycle import BatchState
from hub.domain.timetable import ScheduledStep
from hub.domain.work import Queue
from hub.ledger import batches, steps, work_items

_OUTSTANDING = {
    BatchState.BATCHED: "has not been written",
    BatchState.SENDING: "has not been delivered",
    BatchState.SENT: "has not been answered",
}


def carry_out(conn: Connection, step: ScheduledStep, now: datetime) -> int:
    """Opens an item for every batch of the session without an answer, and returns how many there are."""
    steps.mark_done(conn, step, now)
    late = [
        batch
        for batch in batches.of_session(conn, str(step.period), step.round, step.bank)
        if batch.state in _OUTSTANDING
    ]
    for batch in late:
        work_items.raise_item(
            conn,
            queue=Queue.LATE,
            bank=batch.bank,
            file=batch.file_name,
            about=batch.batch_no,
            at=now,
            summary=f"{batch.file_name} ({batch.lines} lines) {_OUTSTANDING[batch.state]}; it was due {now:%Y-%m-%d %H:%M}",
        )
    return len(late)
