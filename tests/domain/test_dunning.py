"""Who is dunned (C9, C11), and who may be required to declare himself (C8)."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.dunning import DunningState, dunning_state, months_running, must_declare
from hub.domain.periods import Period

JUNE = Period("2026-06")


@pytest.mark.parametrize(("by_bank", "asked", "unanswered", "named"), list(product([False, True], repeat=4)))
def test_where_a_unit_stands(by_bank: bool, asked: bool, unanswered: bool, named: bool) -> None:
    state = dunning_state(by_bank=by_bank, asked=asked, unanswered=unanswered, named=named)
    assert (state is DunningState.UNANSWERED) is unanswered, "nobody is dunned for a bank's silence"
    if not unanswered:
        assert (state is DunningState.NAMED) is named
        assert (state is DunningState.NOT_ASKED) is (by_bank and not asked and not named)


@pytest.mark.parametrize(
    ("wholly", "last_billed", "running"),
    [
        ([], "2026-06", []),
        (["2026-06"], "2026-06", ["2026-06"]),
        (["2026-05", "2026-06"], "2026-06", ["2026-05", "2026-06"]),
        (["2026-04", "2026-05"], "2026-06", []),  # something arrived for the last one
        (["2026-04", "2026-06"], "2026-06", ["2026-06"]),  # and in between
        (["2025-12", "2026-01"], "2026-01", ["2025-12", "2026-01"]),  # over the year
        (["2026-04", "2026-05"], "2026-05", ["2026-04", "2026-05"]),  # no bill since: no report without a declaration
    ],
)
def test_months_running(wholly: list[str], last_billed: str, running: list[str]) -> None:
    found = months_running([Period(month) for month in wholly], Period(last_billed))
    assert list(found) == running
    assert must_declare(found) is (len(running) >= 2)


@given(st.sets(st.integers(0, 30)), st.integers(0, 30))
def test_the_months_are_the_longest_run_that_ends_with_the_last_one_billed(places: set[int], last: int) -> None:
    months = [JUNE]
    for _ in range(30):
        months.append(months[-1].next())
    found = months_running({months[place] for place in places}, months[last])
    first = last - len(found) + 1
    assert list(found) == months[first : last + 1]
    assert set(range(first, last + 1)) <= places
    assert first - 1 not in places
