"""The board of the periods: how far each is, what is still open in one, and what its close would write. Nothing is written."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.period_life import PeriodState, period_state
from hub.domain.periods import Period
from hub.domain.timetable import TZ, ScheduledStep, Step
from hub.ledger import arrears_book, clock, quarantine, steps
from hub.ledger.forms import FORMS, Question, fill
from hub.ledger.forms.form import ZERO_MEASURE, Measure

MEASURES: Final = ("due", "arrived", "arrears")
"""The measures of 财表一."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """How far a period is. ``is_open``: money of this moment is booked in it; ``next_step`` None: nothing is to come."""

    period: Period
    state: PeriodState
    is_open: bool
    finance_closed_at: datetime | None
    closed_at: datetime | None
    next_step: ScheduledStep | None


def known(conn: Connection) -> list[Period]:
    """The periods of these books, oldest first: from the one they were begun in to the open one, and later ones with dues.

    Months between those are left out: dues may be filed, by mistake or not, for a month thousands of years away.
    """
    found = [Period.of(clock.started_at(conn).date())]
    until = steps.open_period(conn, clock.now(conn))
    while found[-1] < until:
        found.append(found[-1].next())
    later = conn.execute(
        text("""
            select distinct split_part(identity, '/', 3) as period from file_intake
            where outcome = 'accepted' and split_part(identity, '/', 1) = 'DUES' and split_part(identity, '/', 3) > :last
            order by period
        """),
        {"last": str(found[-1])},
    )
    return [*found, *map(Period, later.scalars())]


def rows(conn: Connection, periods: Sequence[Period], banks: Collection[str]) -> list[PeriodRow]:
    """How far each of these periods is."""
    now, started = clock.now(conn), clock.started_at(conn)
    done, open_now = _done(conn, periods), steps.open_period(conn, now)
    found = []
    for period, sessions in zip(periods, steps.timetables(conn, periods, banks), strict=True):
        mine = done.get(period, {})
        state = period_state({Step(step) for step, _, _ in mine})
        found.append(
            PeriodRow(
                period=period,
                state=state,
                is_open=period == open_now,
                finance_closed_at=mine.get((Step.FINANCE_CLOSE.value, 0, "")),
                closed_at=mine.get((Step.MONTH_CLOSE.value, 0, "")),
                next_step=next((step for step in sessions if _is_to_come(step, mine, state, started)), None),
            )
        )
    return found


_Key = tuple[str, int, str]
"""Step, round, bank."""


def _key(step: ScheduledStep) -> _Key:
    return (step.step.value, step.round, step.bank)


def _is_to_come(step: ScheduledStep, done: Mapping[_Key, datetime], state: PeriodState, started: datetime) -> bool:
    if _key(step) in done or (step.due_at is not None and step.due_at < started):
        return False
    return state is not PeriodState.CLOSED or step.step not in (Step.UPLOAD_CLOSE, Step.CITY_BATCH)


def _done(conn: Connection, periods: Collection[Period]) -> dict[str, dict[_Key, datetime]]:
    """When what has been carried out of each period was."""
    found = conn.execute(
        text("select period, step, round, bank, done_at from step_done where period = any(cast(:periods as bpchar[]))"),
        {"periods": [str(period) for period in periods]},
    )
    done: dict[str, dict[_Key, datetime]] = {}
    for row in found:
        done.setdefault(row.period, {})[row.step, row.round, row.bank] = row.done_at.astimezone(TZ)
    return done


class OpenBatch(NamedTuple):
    """A bank file of a period that is not posted: where it is on its way."""

    bank: str
    round: int
    file: str
    lines: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodPage:
    """A period in full. ``quarantined`` and ``work_items`` (by queue) are the hub's, of whatever period.

    ``totals``: 财表一, as it would be now, or as it was written at the close.
    """

    row: PeriodRow
    steps: Sequence[tuple[ScheduledStep, datetime | None]]
    batches: Sequence[OpenBatch]
    quarantined: Sequence[quarantine.Held]
    work_items: Mapping[str, int]
    totals: tuple[Measure, ...]


def page(conn: Connection, period: Period, banks: Collection[str]) -> PeriodPage:
    """Everything about one period."""
    (row,), (sessions,) = rows(conn, [period], banks), steps.timetables(conn, [period], banks)
    done = _done(conn, [period]).get(period, {})
    batches = conn.execute(
        text("""
            select bank, round, file_name, lines, state from batch
            where period = :period and state <> 'POSTED' order by round, bank, id
        """),
        {"period": str(period)},
    )
    items = conn.execute(
        text("select queue, count(*) as items from work_item where state = 'open' group by 1 order by 1")
    )
    return PeriodPage(
        row=row,
        steps=[(step, done.get(_key(step))) for step in sessions],
        batches=[OpenBatch(*each) for each in batches],
        quarantined=quarantine.held(conn),
        work_items={each.queue: each.items for each in items},
        totals=_written_total(conn, period) if row.state is PeriodState.CLOSED else added(preview(conn, period)).now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """An agency's 财表一 as the close would write it now, what of it is in doubt, and the month before as it was written.

    ``before`` is None where the month before was not closed here. An agency without bills now stands with zeros.
    """

    agency: str
    now: tuple[Measure, ...]
    in_doubt: Measure
    before: tuple[Measure, ...] | None


def preview(conn: Connection, period: Period) -> list[PreviewRow]:
    """What the month's close would write now, by agency, beside what that of the month before wrote."""
    nothing = (ZERO_MEASURE,) * len(MEASURES)
    sheet = fill(conn, FORMS["f1"], Question(period=str(period.previous())))
    before = {row.keys[0]: row.measures for row in sheet.rows}
    coming = {each.agency: each for each in arrears_book.preview(conn, str(period))}
    found = []
    for agency in sorted(before.keys() | coming.keys()):
        now = coming.get(agency)
        found.append(
            PreviewRow(
                agency=agency,
                now=nothing if now is None else (now.due, now.arrived, now.arrears),
                in_doubt=ZERO_MEASURE if now is None else now.in_doubt,
                before=before.get(agency, nothing) if before else None,
            )
        )
    return found


def added(found: Sequence[PreviewRow]) -> PreviewRow:
    """The agencies added up; its ``agency`` is empty."""
    nothing = (ZERO_MEASURE,) * len(MEASURES)
    before = [row.before for row in found if row.before is not None]
    return PreviewRow(
        agency="",
        now=_sums([nothing, *(row.now for row in found)]),
        in_doubt=_sums([(ZERO_MEASURE,), *((row.in_doubt,) for row in found)])[0],
        before=_sums(before) if before else None,
    )


def _sums(found: Sequence[tuple[Measure, ...]]) -> tuple[Measure, ...]:
    sums = found[0]
    for row in found[1:]:
        sums = tuple(sofar.plus(more) for sofar, more in zip(sums, row, strict=True))
    return sums


def _written_total(conn: Connection, period: Period) -> tuple[Measure, ...]:
    return fill(conn, FORMS["f1"], Question(period=str(period))).total
