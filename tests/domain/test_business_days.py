"""Working days come from the calendar, and beyond its horizon nothing is guessed."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.business_days import WorkingDays
from hub.domain.errors import CalendarHorizonError

FIRST = date(2026, 1, 1)

calendars = st.lists(st.booleans(), min_size=1, max_size=40).map(
    lambda working: {FIRST + timedelta(days=n): each for n, each in enumerate(working)}
)
days_near = st.integers(-2, 45).map(lambda n: FIRST + timedelta(days=n))


@given(calendars, days_near)
def test_the_first_working_day_is_working_and_none_lies_before_it(known: dict[date, bool], start: date) -> None:
    days = WorkingDays(known)
    working = [day for day, works in known.items() if works and day >= start]
    if start in known and working:
        assert days.first_on_or_after(start) == min(working)
    else:
        with pytest.raises(CalendarHorizonError):
            days.first_on_or_after(start)


@given(calendars, days_near)
def test_the_next_working_day_is_later(known: dict[date, bool], start: date) -> None:
    days = WorkingDays(known)
    later = [day for day, works in known.items() if works and day > start]
    if start + timedelta(days=1) in known and later:
        assert days.next_after(start) == min(later)
    else:
        with pytest.raises(CalendarHorizonError):
            days.next_after(start)


@given(calendars)
def test_the_horizon_is_the_last_day_known(known: dict[date, bool]) -> None:
    days = WorkingDays(known)
    assert days.is_working(days.horizon) is known[days.horizon]
    with pytest.raises(CalendarHorizonError, match=str(days.horizon + timedelta(days=1))):
        days.is_working(days.horizon + timedelta(days=1))


def test_a_gap_in_the_calendar_is_not_stepped_over() -> None:
    days = WorkingDays({date(2026, 5, 1): False, date(2026, 5, 3): True})
    with pytest.raises(CalendarHorizonError, match="2026-05-02") as failure:
        days.first_on_or_after(date(2026, 5, 1))
    assert "hub calendar import" in failure.value.advice
    assert not failure.value.retriable


def test_a_calendar_does_not_change_with_what_it_was_made_of() -> None:
    known = {FIRST: True}
    days = WorkingDays(known)
    known[FIRST] = False
    assert days.is_working(FIRST)


def test_an_empty_calendar_knows_nothing() -> None:
    days = WorkingDays({})
    assert days.horizon == date.min
    with pytest.raises(CalendarHorizonError):
        days.is_working(FIRST)
