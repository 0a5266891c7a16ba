"""A period's states, all moves, and the change against the month before."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.period_life import MOVES, PeriodState, per_mille, period_state
from hub.domain.timetable import Step

ALLOWED = {
    ("open", "finance-close"): "finance-closed",
    ("open", "month-close"): "closed",
    ("finance-closed", "month-close"): "closed",
    ("closed", "finance-close"): "closed",
}


@pytest.mark.parametrize(("state", "step"), list(product(PeriodState, Step)))
def test_every_move(state: PeriodState, step: Step) -> None:
    to = MOVES[state].get(step)
    assert ALLOWED.get((state.value, step.value)) == (None if to is None else to.value)


@given(st.sets(st.sampled_from(Step)))
def test_the_state_follows_from_the_closes_that_were_carried_out(done: set[Step]) -> None:
    state = period_state(done)
    assert (state is PeriodState.CLOSED) is (Step.MONTH_CLOSE in done)
    assert (state is PeriodState.OPEN) is (not done & {Step.FINANCE_CLOSE, Step.MONTH_CLOSE})


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (0, 0, None), (0, 5, None), (1000, 1000, 0), (1000, 1001, 1), (1000, 0, -1000), (1000, 3000, 2000),
        (2000, 2001, 1), (2000, 1999, -1), (2001, 2002, 0), (3, 4, 333), (3, 5, 667), (3, 1, -667),
    ],
)  # fmt: skip
def test_the_change_in_whole_per_mille(before: int, now: int, change: int | None) -> None:
    assert per_mille(before, now) == change


@given(st.integers(1, 10**18), st.integers(0, 10**18))
def test_the_change_is_exact_to_half_a_per_mille(before: int, now: int) -> None:
    change = per_mille(before, now)
    assert change is not None
    assert abs(2 * 1000 * (now - before) - 2 * change * before) <= before
