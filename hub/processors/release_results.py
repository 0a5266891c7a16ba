"""Step 6, release a bank's answers for posting (C9-3): at the session's posting step, or at once when that has passed.

Reads: the answered batches of a session and bank. Writes: first-result or second-result, in bundles; cancellations;
from the first posting to the second, a work item for each agency that has to dun (C9).
Rule: booking period and date are fixed here, so that nothing later depends on when an event is taken. So is what a failed
deduction cancels: a supplement or a repayment (C10, C11), unless it was paid at the counter before.
Repeat: a batch goes from ANSWERED to POSTING once.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

import topics
from hub.domain.lifecycle import BatchState, Cancelled
from hub.domain.periods import Period
from hub.domain.timetable import ScheduledStep, Step
from hub.domain.work import Queue
from hub.ledger import batches, cancellations, outbox, results, steps, work_items
from hub.ledger.batches import Batch
from hub.ledger.database import lock_books_shared, lock_shards, set_based
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
    if step.round == 1:
        _call_for_dunning(conn, step, answered, now)
    else:
        work_items.settle_all(conn, Queue.DUNNING, f"{step.period}/", "the second posting has begun", now)
    return len(answered)


def _call_for_dunning(conn: Connection, step: ScheduledStep, answered: Sequence[Batch], now: datetime) -> None:
    """One item an agency and period, however many banks have answered; the units are in the list that it names.

    Called at the posting step, for what had been answered by then: who is short later, or pays at the counter, is in the list.
    """
    for agency in sorted({agency for batch in answered for agency in results.agencies_short(conn, batch)}):
        about = f"{step.period}/{agency}"
        if not work_items.was_raised(conn, Queue.DUNNING, about):
            command = f"hub dunning list --agency {agency} --period {step.period}"
            summary = f"{step.period}: units are not paid in full after the first posting; dun them: {command}"
            work_items.raise_item(conn, queue=Queue.DUNNING, agency=agency, summary=summary, about=about, at=now)


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
    others = [section for section in batches.sections(conn, batch.id) if section.kind != "M"]
    if others:
        lock_shards(conn, {(section.agency, section.shard) for section in others})
        failed = results.failed(conn, batch, others)
        cancellations.cancel(conn, failed, Cancelled.FAILED, at=now, period=period, cause=batch.batch_no)
    set_based(conn)
    batches.advance(
        conn, batch, BatchState.POSTING,
        booking_period=str(period), posting_date=now.date(), released_at=now, late=late,
    )  # fmt: skip
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
