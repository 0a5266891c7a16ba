"""Step 2, request deductions (C9-1): when an upload closes, each agency's requests and their 财表六 go to the city.

Reads: bills, second collections, what has been collected. Writes: instructions, deduction-requested, deduction-declared.
Rule: a bill is asked for exactly what is outstanding, once a round, and never while an earlier request is unanswered.
Repeat: the step is marked done in the same transaction; an instruction id exists once.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection

import topics
from hub.domain.funds import FUND_NAMES
from hub.domain.timetable import ScheduledStep
from hub.ledger import outbox, requests, steps
from hub.ledger.database import draw_statistics, lock_books, set_based
from hub.ledger.requests import Upload
from hub.wire.events import Event


def carry_out(conn: Connection, step: ScheduledStep, now: datetime, banks: Collection[str]) -> int:
    """Closes the upload of ``step`` at all ``banks`` and returns the number of instructions."""
    assert step.due_at is not None, "a step beyond the calendar is not carried out"
    lock_books(conn)
    set_based(conn)
    draw_statistics(conn, "bill", "instruction", "collection")
    steps.mark_done(conn, step, now)
    count = requests.open_instructions(conn, str(step.period), step.round, step.due_at, banks)
    draw_statistics(conn, "instruction")
    uploads = requests.uploads(conn, str(step.period), step.round)
    outbox.append(conn, _requested(conn, step, uploads, now))
    outbox.append(conn, _declared(step, uploads, now))
    return count


def _requested(conn: Connection, step: ScheduledStep, uploads: Sequence[Upload], now: datetime) -> Iterator[Event]:
    session = f"{step.period}/{step.round}"
    for bundle in requests.bundles(conn, uploads, topics.BUNDLE_LINES):
        upload, columns = bundle.upload, dict(zip(FUND_NAMES, bundle.amounts, strict=True))
        yield Event(
            topic=topics.DEDUCTION_REQUESTED,
            key=f"{upload.agency}/{upload.shard}",
            subject=f"{session}/{upload.agency}/{upload.bank}/{upload.kind}/{upload.shard}/{bundle.part}",
            occurred_at=now,
            lane=f"{session}/{upload.agency}",
            lines=len(bundle.amounts[0]),
            record={
                "period": str(step.period), "round": step.round, "agency": upload.agency, "bank": upload.bank, "kind": upload.kind,
                "shard": upload.shard, "part": bundle.part, "first": bundle.first, **columns,
            },
        )  # fmt: skip


def _declared(step: ScheduledStep, uploads: Sequence[Upload], now: datetime) -> Iterator[Event]:
    totals = requests.declared_totals(uploads)
    for agency, rows in groupby(totals, key=lambda total: total.agency):
        columns = list(zip(*rows, strict=True))
        names = ("banks", "kinds", "lines", "pension", "unemployment", "injury", "maternity")
        yield Event(
            topic=topics.DEDUCTION_DECLARED,
            key=agency,
            subject=f"{step.period}/{step.round}/{agency}",
            occurred_at=now,
            lines=len(columns[0]),
            record={
                "period": str(step.period), "round": step.round, "agency": agency,
                **dict(zip(names, columns[1:], strict=True)),
            },
        )  # fmt: skip
