"""The month's timetable (C8, C9; rules section 3): when each step of a period is due.

The regulation names days of the month. Hours, days off and the second session are our reading, so they are data: a
dated table, of which a period uses the row in force on its first day.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from hub.domain.business_days import WorkingDays
from hub.domain.errors import CalendarHorizonError
from hub.domain.periods import Period

TZ: Final = ZoneInfo("Asia/Shanghai")


class Step(StrEnum):
    """A scheduled step. Of steps due at one moment, the one named first here goes first."""

    UPLOAD_CLOSE = "upload-close"  # agencies' deduction data, 财表六
    CITY_BATCH = "city-batch"  # 表二十六, 财表七, files to the banks
    RESULTS_DUE = "results-due"  # a bank's answer is late from here on
    POSTING = "posting"  # 财表八, 表二十七
    FINANCE_CLOSE = "finance-close"  # 财表二, 三, 四
    MONTH_CLOSE = "month-close"  # 财表一, arrears (C9-6)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRule:
    """When one deduction session happens. Days are days of the month; hours are Asia/Shanghai."""

    round: int
    batch_from_day: int  # the city batch: first working day of the city from this day on
    batch_at: time
    upload_close_day: int | None  # None: on the batch's day
    upload_close_at: time  # on upload_close_day, unless days off push the batch past batch_from_day
    upload_close_on_batch_day_at: time  # on the batch's day
    results_on_batch_day: bool  # True: the batch's day if the bank works then; False: its next banking day
    results_at: time
    posting_at: time  # on the city's working day after the results


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRule:
    """The sessions and closes of a month, for periods whose first day is ``effective_from`` or later."""

    effective_from: date
    sessions: tuple[SessionRule, ...]
    finance_close_from_day: int  # first working day from this day on, or the last posting's day if that is later
    finance_close_at: time
    month_close_at: time  # on the last calendar day


MONTH_RULES: Final[tuple[MonthRule, ...]] = (
    MonthRule(
        effective_from=date(2004, 12, 1),
        sessions=(
            SessionRule(
                round=1,
                batch_from_day=2,
                batch_at=time(9),
                upload_close_day=1,
                upload_close_at=time(18),
                upload_close_on_batch_day_at=time(8),
                results_on_batch_day=False,
                results_at=time(20),
                posting_at=time(9),
            ),
            SessionRule(
                round=2,
                batch_from_day=20,
                batch_at=time(14),
                upload_close_day=None,
                upload_close_at=time(12),
                upload_close_on_batch_day_at=time(12),
                results_on_batch_day=True,
                results_at=time(20),
                posting_at=time(9),
            ),
        ),
        finance_close_from_day=22,
        finance_close_at=time(18),
        month_close_at=time(23),
    ),
)
"""In order of ``effective_from``. A change of the rules is a new row, never an edit of an old one."""


@dataclass(frozen=True, slots=True)
class ScheduledStep:
    """A step and its time. ``round`` is 0 and ``bank`` '' where it has none; ``due_at`` None: beyond the horizon."""

    period: Period
    step: Step
    round: int
    bank: str
    due_at: datetime | None

    @property
    def order(self) -> tuple[bool, datetime, Period, int, int, str]:
        """Sorts steps, of several periods too, in the order they are carried out; undated ones last."""
        due = datetime.max.replace(tzinfo=TZ) if self.due_at is None else self.due_at
        return (self.due_at is None, due, self.period, _PLACE[self.step], self.round, self.bank)


_PLACE: Final = {step: place for place, step in enumerate(Step)}


def rule_for(period: Period) -> MonthRule:
    """The row in force on the period's first day; for periods before the first row, the first."""
    in_force = [rule for rule in MONTH_RULES if rule.effective_from <= period.first_day]
    return in_force[-1] if in_force else MONTH_RULES[0]


def timetable(period: Period, city: WorkingDays, banks: Mapping[str, WorkingDays]) -> tuple[ScheduledStep, ...]:
    """Every step of a period in order; RESULTS_DUE and POSTING one per bank.

    A step that needs a day beyond the calendar's horizon has no time; the others are not touched by that.
    """
    rule = rule_for(period)
    steps: list[ScheduledStep] = []

    def add(step: Step, round_no: int, bank: str, day: date | None, at: time) -> None:
        due_at = None if day is None else datetime.combine(day, at, tzinfo=TZ)
        steps.append(ScheduledStep(period, step, round_no, bank, due_at))

    for session in rule.sessions:
        batch_day = _first_working(city, period.day(session.batch_from_day))
        add(Step.UPLOAD_CLOSE, session.round, "", *_upload_close(period, session, batch_day))
        add(Step.CITY_BATCH, session.round, "", batch_day, session.batch_at)
        for bank, banking_days in banks.items():
            results_day = _results_day(session, batch_day, banking_days)
            posting_day = _first_working(city, _day_after(results_day))
            add(Step.RESULTS_DUE, session.round, bank, results_day, session.results_at)
            add(Step.POSTING, session.round, bank, posting_day, session.posting_at)
    add(Step.FINANCE_CLOSE, 0, "", _finance_close_day(period, rule, city, banks), rule.finance_close_at)
    add(Step.MONTH_CLOSE, 0, "", period.last_day, rule.month_close_at)
    return tuple(sorted(steps, key=lambda step: step.order))


def _upload_close(period: Period, session: SessionRule, batch_day: date | None) -> tuple[date | None, time]:
    """On the batch's day, unless the rule names a day of its own and no day off has pushed the batch back."""
    on_time = batch_day == period.day(session.batch_from_day)
    if session.upload_close_day is not None and on_time:
        return period.day(session.upload_close_day), session.upload_close_at
    return batch_day, session.upload_close_on_batch_day_at


def _results_day(session: SessionRule, batch_day: date | None, banking_days: WorkingDays) -> date | None:
    return _first_working(banking_days, batch_day if session.results_on_batch_day else _day_after(batch_day))


def _finance_close_day(
    period: Period, rule: MonthRule, city: WorkingDays, banks: Mapping[str, WorkingDays]
) -> date | None:
    """Not before the last posting of the last session, which it reports; without banks, by the city's days."""
    last = rule.sessions[-1]
    batch_day = _first_working(city, period.day(last.batch_from_day))
    days = [_first_working(city, period.day(rule.finance_close_from_day))]
    for banking_days in banks.values() or [city]:
        days.append(_first_working(city, _day_after(_results_day(last, batch_day, banking_days))))
    known = [day for day in days if day is not None]
    return max(known) if len(known) == len(days) else None


def _first_working(days: WorkingDays, start: date | None) -> date | None:
    """The first working day from ``start`` on; None when it lies beyond the horizon, as ``start`` may already."""
    if start is None:
        return None
    try:
        return days.first_on_or_after(start)
    except CalendarHorizonError:
        return None


def _day_after(day: date | None) -> date | None:
    return None if day is None else day + timedelta(days=1)
