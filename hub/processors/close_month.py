"""Step 12, close the month (C9-6): after the books are closed, arrived and unpaid go to the city (财表一), unpaid to arrears.

Reads: the period's monthly bills and what is on them. Writes: the month of each agency, period-closed in bundles.
Rule: due = arrived + arrears opened, for every bill; supplements and repayments never become arrears.
Repeat: the step is marked done in the transaction that draws the month up; that the hour has come may be said twice.

Nothing that books waits while a month of any size is drawn up, and nothing that books meanwhile can change the month:

1. ``steps.let_the_hour_come``: from here on the period is over for everybody: dues and receipts of the period are refused,
   answers are released into the next period, and with them all money that follows. What was booked before is in the books.
2. ``_draw_up`` then sees one snapshot of the books. In it are all bills of the period, all its receipts, and all its
   answers that were released in time. Of these answers some may not be posted yet, or be in the middle of it: a posting
   puts its money on bills, or into suspense, and counts its lines in one transaction, so in a snapshot a line's money
   is either on its bill or coming (``arrivals.coming``), and never both or neither. Money that is booked into a later
   period does not count, whoever is first.

Cut off anywhere, the step is done again: the hour stays come, and the month is drawn up whole or not at all.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, Engine

import topics
from hub.domain.timetable import ScheduledStep
from hub.ledger import arrears_book, clock, outbox, steps
from hub.ledger.database import leave_room, lock_books_shared, one_snapshot, set_based
from hub.wire.events import Event


def carry_out(engine: Engine, step: ScheduledStep) -> int:
    """Closes the month of ``step`` and returns for how many agencies."""
    steps.let_the_hour_come(engine, step)
    return _draw_up(engine, step)


def _draw_up(engine: Engine, step: ScheduledStep) -> int:
    with one_snapshot(engine) as conn:
        lock_books_shared(conn)  # no session closes beside it
        set_based(conn)
        leave_room(conn)
        now = clock.now(conn)
        steps.mark_done(conn, step, now)
        agencies = arrears_book.close(conn, str(step.period), now)
        outbox.append(conn, _closed(conn, step, now))
        return agencies


def _closed(conn: Connection, step: ScheduledStep, now: datetime) -> Iterator[Event]:
    for bundle in arrears_book.unarrived_bundles(conn, str(step.period), topics.BUNDLE_LINES):
        yield Event(
            topic=topics.PERIOD_CLOSED,
            key=f"{bundle.agency}/{bundle.shard}",
            subject=f"{step.period}/{bundle.agency}/{bundle.shard}/{bundle.part}",
            occurred_at=now,
            lane=str(step.period),
            lines=len(bundle.columns[0]),
            record={
                "period": str(step.period), "agency": bundle.agency, "shard": bundle.shard, "part": bundle.part,
                "opened_on": step.period.last_day,
                **dict(zip(arrears_book.UNARRIVED_COLUMNS, bundle.columns, strict=True)),
            },
        )  # fmt: skip
