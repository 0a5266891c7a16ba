"""Step 12, close the month (C9-6): after the books are closed, arrived and unpaid go to the city (财表一), unpaid to arrears.

Reads: the period's monthly bills and what is on them. Writes: the month of each agency, period-closed in bundles.
Rule: due = arrived + arrears opened, for every bill; supplements and repayments never become arrears.
Repeat: the step is marked done in the same transaction.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

import topics
from hub.domain.timetable import ScheduledStep
from hub.ledger import arrears_book, outbox, steps
from hub.ledger.database import lock_books, set_based
from hub.wire.events import Event


def carry_out(conn: Connection, step: ScheduledStep, now: datetime) -> int:
    """Closes the month of ``step`` and returns for how many agencies."""
    lock_books(conn)
    set_based(conn)
    steps.mark_done(conn, step, now)
    agencies = arrears_book.close(conn, str(step.period), now)
    outbox.append(conn, _closed(conn, step, now))
    return agencies


def _closed(conn: Connection, step: ScheduledStep, now: datetime) -> Iterator[Event]:
    for bundle in arrears_book.unarrived_bundles(conn, topics.BUNDLE_LINES):
        yield Event(
            topic=topics.PERIOD_CLOSED,
            key=f"{bundle.agency}/{bundle.shard}",
            subject=f"{step.period}/{bundle.agency}/{bundle.shard}/{bundle.part}",
            occurred_at=now,
            lines=len(bundle.columns[0]),
            record={
                "period": str(step.period), "agency": bundle.agency, "shard": bundle.shard, "part": bundle.part,
                "opened_on": step.period.last_day,
                **dict(zip(arrears_book.UNARRIVED_COLUMNS, bundle.columns, strict=True)),
            },
        )  # fmt: skip
