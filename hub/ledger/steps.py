"""Which scheduled steps have been carried out, and which period the books are open for."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Engine, text

from hub.domain.periods import Period
from hub.domain.timetable import TZ, ScheduledStep, Step, timetable
from hub.ledger import calendars, clock
from hub.ledger.database import await_bookings


def timetables(
    conn: Connection, periods: Sequence[Period], banks: Iterable[str]
) -> Iterator[tuple[ScheduledStep, ...]]:
    """The timetable of each period by the calendars as they stand now."""
    city, own = calendars.load(conn, banks)
    return (timetable(period, city, own) for period in periods)


def unfinished_periods(conn: Connection, to: date) -> list[Period]:
    """The periods up to a day in which a step may still be due: from the one before the last whose month end has closed."""
    closed = conn.execute(
        text("select max(period) from step_done where step = :step"), {"step": Step.MONTH_CLOSE.value}
    ).scalar_one()
    first = Period.of(clock.started_at(conn).date())
    if closed is not None:
        first = max(first, Period(closed).previous())
    periods = [first]
    while periods[-1] < Period.of(to):
        periods.append(periods[-1].next())
    return periods


def due_at(conn: Connection, period: Period, step: Step, round_: int = 0) -> datetime | None:
    """When a step of the city is due; None beyond the calendar's horizon."""
    of_city = next(timetables(conn, [period], ()))
    found = [each for each in of_city if each.step is step and each.round == round_]
    assert len(found) == 1, f"{step} {round_} is not one step of the city"
    return found[0].due_at


def last_due(conn: Connection, step: Step, at: datetime, banks: Iterable[str]) -> datetime | None:
    """The latest hour up to ``at`` of a step that comes once a month, carried out yet or not; None before the first."""
    period = Period.of(at.date())
    hours = [
        each.due_at
        for sessions in timetables(conn, (period.previous(), period), banks)
        for each in sessions
        if each.step is step
    ]
    return max((hour for hour in hours if hour is not None and hour <= at), default=None)


def is_done(conn: Connection, period: Period, step: Step, round_: int = 0, bank: str = "") -> bool:
    return bool(
        conn.execute(
            text(
                "select exists (select from step_done"
                " where period = :period and step = :step and round = :round and bank = :bank)"
            ),
            {"period": str(period), "step": step.value, "round": round_, "bank": bank},
        ).scalar_one()
    )


def is_over(conn: Connection, period: Period, at: datetime) -> bool:
    """Whether a period takes no more monthly bills and receipts: its month end has come, or has closed already.

    The hour decides, also when the close is carried out later (or, for a month before the books were opened, never).
    """
    ends = due_at(conn, period, Step.MONTH_CLOSE)
    assert ends is not None, "the last day of a month needs no calendar"
    return ends <= at or is_done(conn, period, Step.MONTH_CLOSE)


def has_closed(conn: Connection, period: Period, step: Step, round_: int, at: datetime) -> bool:
    """Whether the hour of a step has come, or the step was carried out while this transaction waited for the books."""
    closes = due_at(conn, period, step, round_)
    return (closes is not None and closes <= at) or is_done(conn, period, step, round_)


def done(conn: Connection, periods: Iterable[Period]) -> set[tuple[str, str, int, str]]:
    """(period, step, round, bank) of what has been carried out."""
    found = conn.execute(
        text("select period, step, round, bank from step_done where period = any(:periods)"),
        {"periods": [str(period) for period in periods]},
    )
    return {(row.period, row.step, row.round, row.bank) for row in found}


def coming(conn: Connection, now: datetime, banks: Collection[str]) -> list[ScheduledStep]:
    """The steps of this period and the next that are not carried out, in order; those beyond the calendar left out."""
    period = Period.of(now.date())
    periods = (period, period.next())
    carried_out, started = done(conn, periods), clock.started_at(conn)
    found = [
        step
        for sessions in timetables(conn, periods, banks)
        for step in sessions
        if (str(step.period), step.step.value, step.round, step.bank) not in carried_out
        and step.due_at is not None
        and step.due_at >= started
    ]
    return sorted(found, key=lambda step: step.order)


def mark_done(conn: Connection, step: ScheduledStep, at: datetime) -> None:
    """Written in the transaction that carries the step out, so that it happens once."""
    conn.execute(
        text(
            "insert into step_done (period, step, round, bank, due_at, done_at)"
            " values (:period, :step, :round, :bank, :due_at, :at)"
        ),
        {
            "period": str(step.period), "step": step.step.value, "round": step.round, "bank": step.bank,
            "due_at": step.due_at, "at": at,
        },
    )  # fmt: skip


def let_the_hour_come(engine: Engine, step: ScheduledStep) -> datetime:
    """Returns when the hour of a step has come for everybody, and whoever had taken the books before it is through.

    Whoever takes the books from here on and then reads the business time, as everything that books does, finds that the
    hour has come, were his clock behind or not. Whoever had taken them before may have read an earlier time, and goes by it
    to his end: for just these we wait. So all that was done by the hour is in the books.

    The moment returned is that of the first time: a step that was cut off goes by it when it is done again.
    """
    assert step.due_at is not None, "a step beyond the calendar is not carried out"
    with engine.begin() as conn:
        clock.move_to(conn, step.due_at)
        names = {"period": str(step.period), "step": step.step.value, "round": step.round}
        conn.execute(
            text(
                "insert into step_begun (period, step, round, due_at, begun_at)"
                " values (:period, :step, :round, :due_at, :at) on conflict do nothing"
            ),
            {**names, "due_at": step.due_at, "at": clock.now(conn)},
        )
        begun = text("select begun_at from step_begun where period = :period and step = :step and round = :round")
        begun_at: datetime = conn.execute(begun, names).scalar_one()
    with engine.connect() as conn:
        await_bookings(conn)
    return begun_at.astimezone(TZ)


def open_period(conn: Connection, at: datetime) -> Period:
    """The period that money of this moment is booked in: the month, or the next one from its month end on."""
    period = Period.of(at.date())
    return period.next() if is_over(conn, period, at) else period
