"""Late fees (滞纳金): simple, by the day, two dated rates, rounded half up once per fund (rules section 5)."""

from datetime import date, timedelta
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.funds import FundAmounts
from hub.domain.late_fees import LATE_FEE_RATES, Change, LateFeeRate, LateFees, accrued, days_late, outstanding
from hub.domain.money import Fen
from tests.domain.strategies import amounts, fund_amounts

DECEMBER = date(2026, 12, 1)
"""The day after the month end of November."""


def pension(fen: int) -> FundAmounts:
    return FundAmounts(Fen(fen), Fen(0), Fen(0), Fen(0))


def of(*changes: tuple[str, int]) -> list[Change]:
    return [Change(date.fromisoformat(day), pension(fen)) for day, fen in changes]


@pytest.mark.parametrize(
    ("changes", "received_on", "fee"),
    [
        # 10,000 yuan at 0.5‰ a day: 5 yuan
        (of(("2026-12-01", 1_000_000)), "2026-12-01", 0),
        (of(("2026-12-01", 1_000_000)), "2026-12-02", 500),
        (of(("2026-12-01", 1_000_000)), "2027-01-01", 31 * 500),
        # a half is repaid on the 11th, which costs no more on the whole
        (of(("2026-12-01", 1_000_000), ("2026-12-11", -500_000)), "2026-12-21", 10 * 500 + 10 * 250),
        # what was settled accrues no more
        (of(("2026-12-01", 1_000_000), ("2026-12-11", -1_000_000)), "2030-01-01", 10 * 500),
        # 2‰ up to the last of June 2011, 0.5‰ from July on
        (of(("2011-06-01", 1_000_000)), "2011-07-01", 30 * 2000),
        (of(("2011-06-01", 1_000_000)), "2011-07-03", 30 * 2000 + 2 * 500),
        # before the rules nothing accrues
        (of(("2004-11-01", 1_000_000)), "2004-12-02", 2000),
        # half a fen is a whole one, less is none; once, not day by day
        (of(("2026-12-01", 999)), "2026-12-02", 0),
        (of(("2026-12-01", 1000)), "2026-12-02", 1),
        (of(("2026-12-01", 999)), "2026-12-03", 1),
        (of(("2026-12-01", 1000)), "2026-12-03", 1),
    ],
)
def test_what_arrears_cost_by_the_day_they_are_paid(changes: list[Change], received_on: str, fee: int) -> None:
    assert accrued(changes, date.fromisoformat(received_on)) == pension(fee)


days = st.dates(date(2010, 1, 1), date(2014, 1, 1))
rate_tables = st.lists(
    st.builds(LateFeeRate, days, st.integers(0, 10_000)), max_size=4, unique_by=lambda rate: rate.effective_from
).map(sorted)


@st.composite
def histories(draw: st.DrawFn) -> list[Change]:
    """Opened, and then more or less of it."""
    first = draw(days)
    later = st.builds(Change, st.dates(first, first + timedelta(days=400)), amounts)
    turned = later.map(lambda change: Change(change.day, FundAmounts(*(Fen(-each // 2) for each in change.amounts))))
    return [Change(first, draw(amounts)), *draw(st.lists(later | turned, max_size=5))]


@given(histories(), st.integers(0, 500), rate_tables)
def test_the_fee_is_every_days_principal_times_its_rate_rounded_once(
    changes: list[Change], late: int, rates: list[LateFeeRate]
) -> None:
    """The same by fractions, a day at a time."""
    first = changes[0].day
    exact = [Fraction(0)] * 4
    for number in range(late):
        day = first + timedelta(days=number)
        in_force = [rate for rate in rates if rate.effective_from <= day]
        rate = Fraction(in_force[-1].per_ten_thousand, 10_000) if in_force else Fraction(0)
        for fund in range(4):
            principal = sum(change.amounts[fund] for change in changes if change.day <= day)
            exact[fund] += max(principal, 0) * rate
    expected = tuple(floor(each + Fraction(1, 2)) for each in exact)
    assert accrued(changes, first + timedelta(days=late), rates) == expected


@given(histories(), days, st.integers(0, 100))
def test_waiting_never_makes_it_cheaper(changes: list[Change], day: date, longer: int) -> None:
    now, later = accrued(changes, day), accrued(changes, day + timedelta(days=longer))
    assert all(more >= less for more, less in zip(later, now, strict=True))


@given(histories(), histories(), days)
def test_the_order_in_which_changes_are_told_decides_nothing(one: list[Change], other: list[Change], day: date) -> None:
    told = [*one, *other]
    assert accrued(told, day) == accrued(told[::-1], day)
    assert outstanding(told, day) == outstanding(told[::-1], day)


def test_money_that_was_never_there_leaves_no_trace() -> None:
    paid, taken_back = of(("2026-12-05", -1_000_000), ("2026-12-05", 1_000_000))
    opened = of(("2026-12-01", 1_000_000))
    day = date(2027, 2, 1)
    assert accrued([*opened, paid, taken_back], day) == accrued(opened, day)
    assert days_late([*opened, paid, taken_back], day) == days_late(opened, day) == 62


def test_days_without_a_debt_do_not_count() -> None:
    changes = of(("2026-12-01", 100), ("2026-12-11", -100), ("2026-12-21", 50))
    assert days_late(changes, date(2026, 12, 31)) == 20
    assert days_late(changes, date(2026, 12, 1)) == 0


def test_no_fund_makes_up_for_another() -> None:
    """A fund that holds too much does not lessen what the others owe."""
    changes = [Change(DECEMBER, FundAmounts(Fen(1_000_000), Fen(-1_000_000), Fen(0), Fen(0)))]
    assert outstanding(changes, DECEMBER) == pension(1_000_000)
    assert accrued(changes, DECEMBER + timedelta(days=2)) == pension(1000)


def test_what_is_paid_is_owed_no_longer() -> None:
    fees = LateFees([Change(DECEMBER, fund_amounts(10_000, 1_000, 500, 300))])
    day = DECEMBER + timedelta(days=10)
    assert fees.unpaid(day) == fund_amounts(50, 5, 0, 0)._replace(injury=Fen(250), maternity=Fen(150))
    part = fees.pay(fund_amounts(20, 5, 0, 0))
    assert part.unpaid(day) == fund_amounts(30, 0, 0, 0)._replace(injury=Fen(250), maternity=Fen(150))
    assert part.unpaid(DECEMBER).total == 0, "nothing had accrued by then, and no more than nothing is owed"


def test_who_never_owed_anything_has_no_late_fees() -> None:
    assert not LateFees([Change(DECEMBER, pension(0))]).ever_owed
    assert not LateFees([Change(DECEMBER, pension(100)), Change(DECEMBER, pension(-100))]).ever_owed
    assert LateFees([Change(DECEMBER, pension(100)), Change(DECEMBER + timedelta(days=1), pension(-100))]).ever_owed


def test_the_rates_are_those_of_the_rules_in_order_of_their_days() -> None:
    assert ((date(2004, 12, 1), 20), (date(2011, 7, 1), 5)) == LATE_FEE_RATES
    assert list(LATE_FEE_RATES) == sorted(LATE_FEE_RATES)
