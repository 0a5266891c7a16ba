"""The month's timetable (C8, C9; rules section 3), by the State Council's calendar of 2026."""

import calendar
from datetime import date, datetime, timedelta
from typing import NamedTuple

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.business_days import WorkingDays
from hub.domain.periods import Period
from hub.domain.timetable import MONTH_RULES, TZ, ScheduledStep, Step, rule_for, timetable

YEAR = {day: chinese_calendar.is_workday(day) for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(365))}
CITY = WorkingDays(YEAR)
ICBC = {"ICBC": CITY}

months_of_2026 = st.integers(1, 12).map(lambda month: Period(f"2026-{month:02d}"))


def due(steps: tuple[ScheduledStep, ...], step: Step, round_no: int = 0, bank: str = "") -> datetime | None:
    """When a step is due; it must be there exactly once."""
    [found] = [each for each in steps if (each.step, each.round, each.bank) == (step, round_no, bank)]
    return found.due_at


def at(month: str, day_and_time: str) -> datetime:
    day, clock = day_and_time.split()
    return datetime.fromisoformat(f"{month}-{int(day):02d}T{clock}+08:00")


class Worked(NamedTuple):
    """A month as the rules work it out: days of the month, and the first upload's hour."""

    month: str
    upload: str
    batch: int
    results: int
    posting: int
    second_batch: int
    second_posting: int
    close: int


WORKED_OUT = [
    Worked("2026-02", "1 18:00", 2, 3, 4, 24, 25, 25),  # Spring Festival until the 23rd
    Worked("2026-05", "6 08:00", 6, 7, 8, 20, 21, 22),  # Labour Day until the 5th
    Worked("2026-06", "1 18:00", 2, 3, 4, 22, 23, 23),
    Worked("2026-10", "8 08:00", 8, 9, 10, 20, 21, 22),  # National Day until the 7th; the 10th is a make-up Saturday
    Worked("2026-11", "1 18:00", 2, 3, 4, 20, 23, 23),
    Worked("2026-12", "1 18:00", 2, 3, 4, 21, 22, 22),
]


@pytest.mark.parametrize("row", WORKED_OUT, ids=lambda row: row.month)
def test_the_months_the_rules_work_out(row: Worked) -> None:
    month, last_day = row.month, calendar.monthrange(2026, int(row.month[5:]))[1]
    steps = timetable(Period(month), CITY, ICBC)
    assert [(step.step, step.round, step.bank, step.due_at) for step in steps] == [
        (Step.UPLOAD_CLOSE, 1, "", at(month, row.upload)),
        (Step.CITY_BATCH, 1, "", at(month, f"{row.batch} 09:00")),
        (Step.RESULTS_DUE, 1, "ICBC", at(month, f"{row.results} 20:00")),
        (Step.POSTING, 1, "ICBC", at(month, f"{row.posting} 09:00")),
        (Step.UPLOAD_CLOSE, 2, "", at(month, f"{row.second_batch} 12:00")),
        (Step.CITY_BATCH, 2, "", at(month, f"{row.second_batch} 14:00")),
        (Step.RESULTS_DUE, 2, "ICBC", at(month, f"{row.second_batch} 20:00")),
        (Step.POSTING, 2, "ICBC", at(month, f"{row.second_posting} 09:00")),
        (Step.FINANCE_CLOSE, 0, "", at(month, f"{row.close} 18:00")),
        (Step.MONTH_CLOSE, 0, "", at(month, f"{last_day} 23:00")),
    ]


@given(months_of_2026)
def test_every_step_stands_once_and_in_order(period: Period) -> None:
    steps = timetable(period, CITY, {"ICBC": CITY, "CCB": CITY})
    assert len(steps) == 2 * 2 + 2 * 2 * 2 + 2
    assert len({(step.step, step.round, step.bank) for step in steps}) == len(steps)
    times = [step.due_at for step in steps if step.due_at is not None]
    assert len(times) == len(steps)
    assert times == sorted(times)
    assert all(time.tzinfo is TZ for time in times)


@given(months_of_2026)
def test_nothing_but_the_month_close_and_the_first_upload_falls_on_a_day_off(period: Period) -> None:
    for step in timetable(period, CITY, ICBC):
        assert step.due_at is not None
        if step.step is not Step.MONTH_CLOSE and (step.step, step.round) != (Step.UPLOAD_CLOSE, 1):
            assert CITY.is_working(step.due_at.date())


@given(months_of_2026)
def test_the_finance_close_reports_the_last_posting(period: Period) -> None:
    steps = timetable(period, CITY, ICBC)
    posting, close = due(steps, Step.POSTING, 2, "ICBC"), due(steps, Step.FINANCE_CLOSE)
    assert posting is not None
    assert close is not None
    assert posting < close


def closed(*days: date) -> WorkingDays:
    """The city's days, except that the bank is closed on some."""
    return WorkingDays({**YEAR, **dict.fromkeys(days, False)})


def test_a_bank_follows_its_own_days_and_only_its_own_steps_move() -> None:
    month = "2026-12"
    plain = timetable(Period(month), CITY, {"CCB": CITY, "ICBC": CITY})
    steps = timetable(Period(month), CITY, {"CCB": closed(date(2026, 12, 3), date(2026, 12, 21)), "ICBC": CITY})
    assert due(steps, Step.RESULTS_DUE, 1, "CCB") == at(month, "4 20:00")
    assert due(steps, Step.POSTING, 1, "CCB") == at(month, "7 09:00")  # the 5th and 6th are a weekend
    assert due(steps, Step.RESULTS_DUE, 2, "CCB") == at(month, "22 20:00")
    assert due(steps, Step.POSTING, 2, "CCB") == at(month, "23 09:00")
    assert due(steps, Step.FINANCE_CLOSE) == at(month, "23 18:00")  # the 22nd, were it not for that posting
    assert [step for step in steps if step.bank == "ICBC"] == [step for step in plain if step.bank == "ICBC"]


def test_a_bank_that_works_on_the_citys_day_off_answers_then_and_is_posted_on_the_citys_next_day() -> None:
    weekend = {date(2026, 12, 5): True, date(2026, 12, 6): True}
    bank = WorkingDays({**YEAR, **weekend, date(2026, 12, 3): False, date(2026, 12, 4): False})
    steps = timetable(Period("2026-12"), CITY, {"ICBC": bank})
    assert due(steps, Step.RESULTS_DUE, 1, "ICBC") == at("2026-12", "5 20:00")
    assert due(steps, Step.POSTING, 1, "ICBC") == at("2026-12", "7 09:00")


def test_without_banks_the_finance_close_stands_where_it_would_with_one() -> None:
    for month in range(1, 13):
        period = Period(f"2026-{month:02d}")
        assert due(timetable(period, CITY, {}), Step.FINANCE_CLOSE) == due(
            timetable(period, CITY, ICBC), Step.FINANCE_CLOSE
        )


@given(months_of_2026, st.integers(-1, 31))
def test_the_horizon_stops_only_the_steps_that_need_a_day_beyond_it(period: Period, known_days: int) -> None:
    horizon = period.first_day + timedelta(days=known_days - 1)
    city = WorkingDays({day: works for day, works in YEAR.items() if day <= horizon})
    whole = timetable(period, CITY, ICBC)
    cut = timetable(period, city, {"ICBC": city})
    batch = due(whole, Step.CITY_BATCH, 1)
    assert batch is not None
    for step in whole:
        assert step.due_at is not None
        # the first upload closes by the day of the batch, which therefore has to be known
        needed = batch.date() if (step.step, step.round) == (Step.UPLOAD_CLOSE, 1) else step.due_at.date()
        is_known = needed <= horizon or step.step is Step.MONTH_CLOSE
        assert due(cut, step.step, step.round, step.bank) == (step.due_at if is_known else None)
    undated = [step.due_at is None for step in cut]
    assert undated == sorted(undated), "undated steps stand last"


def test_a_banks_own_horizon_stops_that_bank_and_the_finance_close() -> None:
    short = WorkingDays({day: works for day, works in YEAR.items() if day <= date(2026, 12, 10)})
    steps = timetable(Period("2026-12"), CITY, {"CCB": short, "ICBC": CITY})
    assert {(step.step, step.round, step.bank) for step in steps if step.due_at is None} == {
        (Step.RESULTS_DUE, 2, "CCB"),
        (Step.POSTING, 2, "CCB"),
        (Step.FINANCE_CLOSE, 0, ""),
    }


def test_a_year_without_a_calendar_has_its_month_closes() -> None:
    dated = [step for step in timetable(Period("2027-01"), CITY, ICBC) if step.due_at is not None]
    assert [(step.step, step.due_at) for step in dated] == [(Step.MONTH_CLOSE, at("2027-01", "31 23:00"))]


def test_at_one_moment_the_earlier_kind_of_step_goes_first() -> None:
    moment = datetime(2026, 12, 2, 9, tzinfo=TZ)
    steps = [ScheduledStep(Period("2026-12"), step, 1, "", moment) for step in Step]
    earlier = ScheduledStep(Period("2026-11"), Step.MONTH_CLOSE, 0, "", moment)
    undated = ScheduledStep(Period("2026-10"), Step.POSTING, 1, "", None)
    assert sorted([undated, *reversed(steps), earlier], key=lambda step: step.order) == [earlier, *steps, undated]


def test_a_period_uses_the_rule_in_force_on_its_first_day() -> None:
    assert [rule.effective_from for rule in MONTH_RULES] == sorted(rule.effective_from for rule in MONTH_RULES)
    assert rule_for(Period("2004-12")) is MONTH_RULES[0]
    assert rule_for(Period("2026-12")) is MONTH_RULES[-1]
    assert rule_for(Period("2004-11")) is MONTH_RULES[0]
