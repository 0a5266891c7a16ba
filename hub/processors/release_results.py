"""Step 6, release a bank's answers for posting (C9-3): at the session's posting step, or at once when that has passed.

Reads: the answered batches of a session and bank. Writes: first-result or second-result, in bundles.
Rule: booking period and date are fixed here, so that nothing later depends on when an event is taken.
Repeat: a batch goes from ANSWERED to POSTING once.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

import topics
from hub.domain.lifecycle import BatchState
from hub.domain.periods import Period
from hub.domain.timetable import ScheduledStep, Step
from hub.ledger import batches, outbox, results, steps
from hub.ledger.batches import Batch
from hub.ledger.database import lock_books_shared, set_based
from hub.wire.events import Event


def carry_out(conn: Connection, step: ScheduledStep, now: datetime) -> int:
    """The posting step of a session at a bank: releases what it has answered and returns how many batches."""
    lock_books_shared(conn)
    steps.mark_done(conn, step, now)
    answered = [
        batch
        for batch in batches.of_session(conn, str(step.period), step.round, step.bank)
        if batch.state is BatchState.ANSWERED
    ]
    for batch in answered:
        _release(conn, batch, now, late=False)
    return len(answered)


def release_if_due(conn: Connection, batch_no: str, now: datetime) -> bool:
    """An answer that comes after its posting step is posted when it comes, into the open period, as late."""
    batch = batches.by_number(conn, batch_no, lock=True)
    assert batch is not None and batch.state is BatchState.ANSWERED, f"{batch_no} was answered just now"
    if not steps.is_done(conn, Period(batch.period), Step.POSTING, batch.round, batch.bank):
        return False
    _release(conn, batch, now, late=True)
    return True


def _release(conn: Connection, batch: Batch, now: datetime, *, late: bool) -> None:
    period = steps.open_period(conn, now)
    set_based(conn)
    batches.advance(
        conn, batch, BatchState.POSTING, booking_period=str(period), posting_date=now.date(), released_at=now, late=late
    )
    outbox.append(conn, _results(conn, batch, period, now, late))


def _results(conn: Connection, batch: Batch, period: Period, now: datetime, late: bool) -> Iterator[Event]:
    for bundle in results.bundles(conn, batch, topics.BUNDLE_LINES):
        yield Event(
            topic=topics.FIRST_RESULT if batch.round == 1 else topics.SECOND_RESULT,
            key=f"{bundle.agency}/{bundle.shard}",
            subject=f"{batch.batch_no}/{bundle.agency}/{bundle.shard}/{bundle.first_line}",
            occurred_at=now,
            lane=batch.batch_no,
            lines=len(bundle.columns[0]),
            record={
                "period": batch.period, "round": batch.round, "agency": bundle.agency, "bank": batch.bank,
                "shard": bundle.shard, "part": bundle.part, "batch_no": batch.batch_no, "booking_period": str(period),
                "business_date": now.date(), "late": late, "first_line": bundle.first_line,
                **dict(zip(results.RESULT_COLUMNS, bundle.columns, strict=True)),
            },
        )  # fmt: skip
