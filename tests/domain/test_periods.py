"""A period is the month whose 1st opens its collection."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.periods import Period

days = st.dates(date(2000, 1, 1), date(2100, 12, 31))
periods = days.map(Period.of)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026", "2026-1", "2026-00", "2026-13", "202612", "2026-12-01", " 2026-12", "2026-12\n", "26-12",
        "２０２６-12", "2026-１２", "2026–12", "2026/12", "-026-12", "+026-12", "0000-12", "0001-01", "9999-12",
        "2026-1²",
    ],
)  # fmt: skip
def test_a_text_that_is_no_month(text: str) -> None:
    assert Period.parse(text) is None


@given(periods)
def test_a_period_is_its_text(period: Period) -> None:
    assert Period.parse(str(period)) == period
    assert f"{period}" == str(period) == period
    assert len({period, str(period)}) == 1


@given(days)
def test_a_period_reaches_from_its_first_day_to_its_last(day: date) -> None:
    period = Period.of(day)
    assert period.first_day <= day <= period.last_day
    assert Period.of(period.first_day - timedelta(days=1)) == period.previous()
    assert Period.of(period.last_day + timedelta(days=1)) == period.next()
    assert period.day(1) == period.first_day


@given(periods)
def test_next_and_previous_are_neighbours(period: Period) -> None:
    assert period.next().previous() == period == period.previous().next()
    assert period.previous() < period < period.next()
    assert type(period.next()) is type(period.previous()) is Period


@given(periods, periods)
def test_periods_sort_by_time(one: Period, other: Period) -> None:
    assert (one < other) is (one.first_day < other.first_day)


def test_the_first_and_the_last_month_that_can_be_read_have_neighbours() -> None:
    first, last = Period.parse("0002-01"), Period.parse("9998-12")
    assert first is not None
    assert last is not None
    assert (first.previous(), last.next()) == ("0001-12", "9999-01")


def test_a_period_is_never_made_of_something_else() -> None:
    with pytest.raises(AssertionError):
        Period("2026-13")
