"""Step 11, close the finances (C10, C11, C15): what became of supplements and repayments (财表三, 财表二), what is unpaid of them
is cancelled; and what other incomes were booked (财表四).

Reads: supplements and repayments, their money and cancellations; other incomes. Writes: cancellations, the account of each
agency.
Rule: filed = arrived + cancelled + pending; a sporadic bill without money by the hour is cancelled; what a bank was asked for
and has not answered stays pending.
Repeat: the step is marked done in the transaction that draws the account up; that the hour has come may be said twice.

``steps.let_the_hour_come``: from here on nobody pays a sporadic bill that was filed before the hour, and whoever was about to
is through. So what is unpaid in the snapshot stays unpaid, and the bills need no locks.
"""

from sqlalchemy import Engine

from hub.domain.lifecycle import Cancelled
from hub.domain.timetable import TZ, ScheduledStep
from hub.ledger import cancellations, clock, finance_book, incomes, steps
from hub.ledger.database import lock_books_shared, one_snapshot


def carry_out(engine: Engine, step: ScheduledStep) -> int:
    """Closes the finances of ``step`` and returns how many bills it cancelled."""
    assert step.due_at is not None, "a step beyond the calendar is not carried out"
    steps.let_the_hour_come(engine, step)
    with one_snapshot(engine) as conn:
        # Gather
        lock_books_shared(conn)
        at = step.due_at.astimezone(TZ)
        since = finance_book.closed_before(conn, at)
        unpaid = finance_book.unpaid(conn, at, since)
        # Apply
        steps.mark_done(conn, step, clock.now(conn))
        period = steps.open_period(conn, at)
        cause = f"FINANCE-CLOSE/{step.period}"
        cancelled = cancellations.cancel(conn, unpaid, Cancelled.UNPAID, at=at, period=period, cause=cause)
        finance_book.draw_up(conn, str(step.period), at, since)
        incomes.close(conn, str(step.period), at, since)
        return cancelled
