"""Step 2, request deductions (C9-1): when an upload closes, each agency's requests and their 财表六 go to the city.

Reads: bills, second collections, what has been collected. Writes: instructions, deduction-requested, deduction-declared.
Rule: a bill is asked for exactly what is outstanding, once a round, and never while an earlier request is unanswered. Of
a bank that is in shadow nothing is asked.
Repeat: what an agency asks is written whole or not at all; agencies that have asked are passed over, and the step is done
when all have.

Nothing that books waits while a session of any size is drawn up, and nothing that books meanwhile changes it, for business
times decide what counts. ``steps.let_the_hour_come``: from here on the upload is closed for everybody, and what was done by
then is in the books. Dues, choices and receipts count by the hour, answers by the moment in which the session was begun.
So the agencies may be drawn up side by side, and after a cut those that are left as if there had been none. Money that
comes after the hour is late: what the bank then brings too much goes to suspense.
"""

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Final

from sqlalchemy import Connection, Engine

import topics
from hub.domain.funds import FUND_NAMES
from hub.domain.timetable import ScheduledStep
from hub.ledger import outbox, requests, shadow, steps
from hub.ledger.database import draw_statistics, lock_books_shared, set_based
from hub.ledger.requests import Asking, Upload
from hub.wire.events import Event

AT_ONCE: Final = 2
"""Transactions side by side. Each is PostgreSQL's work on one core for most of its time."""
TOGETHER: Final = 100_000
"""Dues whose agencies ask in one transaction, at least."""
GROUPS: Final = 8
"""Transactions at most: each reads all bills of the period once, and in the second round all instructions."""


def carry_out(engine: Engine, step: ScheduledStep, banks: Collection[str], in_shadow: Collection[str] = ()) -> int:
    """Closes the upload of ``step`` at all ``banks`` and returns the number of instructions it made.

    ``in_shadow``: those of them for which another system collects.
    """
    begun_at = steps.let_the_hour_come(engine, step)
    with engine.begin() as conn:
        banks = shadow.asked_banks(conn, step, banks, in_shadow)
        draw_statistics(conn, "bill", "instruction", "collection")
    with engine.begin() as conn:
        groups = requests.asking(conn, str(step.period), step.round, TOGETHER, GROUPS)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload") as pool:
        made = sum(pool.map(partial(_ask, engine, step, begun_at, banks), groups))
    with engine.begin() as conn:
        draw_statistics(conn, "instruction")
        steps.mark_done(conn, step, begun_at)
    return made


def _ask(engine: Engine, step: ScheduledStep, begun_at: datetime, banks: Collection[str], asking: Asking) -> int:
    assert step.due_at is not None, "a step beyond the calendar is not carried out"
    with engine.begin() as conn:
        lock_books_shared(conn)  # should this process die, whoever does the step again waits until this has ended
        set_based(conn)
        uploads = requests.open_instructions(conn, str(step.period), step.round, step.due_at, begun_at, banks, asking)
        outbox.append(conn, _requested(conn, step, uploads, begun_at))
        outbox.append(conn, _declared(step, uploads, begun_at))
        return sum(upload.lines for upload in uploads)


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
