"""The numbers banks give their results (contract section 4): what is missing follows from what has come, in any order."""

from collections.abc import Mapping, Sequence
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.result_numbers import Gap, ResultNumber, changes, gaps

DAYS = [date(2026, 11, day) for day in (3, 4, 20)]


def came(*numbers_of_days: str) -> list[ResultNumber]:
    """Numbers of the first day, the second, the third."""
    return [
        ResultNumber(day, int(number))
        for day, numbers in zip(DAYS, numbers_of_days, strict=False)
        for number in numbers.split()
    ]


def told(found: Mapping[date, Sequence[Gap]]) -> list[str]:
    """What is missing of each of the days."""
    return [", ".join(map(str, found.get(day, ()))) for day in DAYS]


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        (["1 2 3"], ["", "", ""]),
        (["1 3"], ["2", "", ""]),
        (["1 4 6"], ["2 to 3, 5", "", ""]),
        (["2"], ["1", "", ""]),  # a day begins with 1
        (["1", "1", "1"], ["", "", ""]),  # and so does each
        (["1 2", "2"], ["", "1", ""]),
        (["1 2", "3 4", "5"], ["", "", ""]),  # or the numbers run on
        (["1 2", "3 5"], ["", "4", ""]),
        (["1 2", "4"], ["", "3", ""]),
        (["4711", "4712"], ["1 to 4710", "", ""]),  # where they began was not known
        (["9999", "1"], ["1 to 9998", "", ""]),  # a number of four digits begins anew some day
        ([], ["", "", ""]),
    ],
)
def test_what_is_missing(numbers: list[str], missing: list[str]) -> None:
    assert told(gaps(came(*numbers))) == missing


@pytest.mark.parametrize(
    ("repeated", "missing"),
    [("2", "3"), ("2 3", ""), ("99", "2 to 3"), ("5", "2 to 3"), ("1 4", "2 to 3")],
)
def test_the_same_bytes_under_another_number_fill_a_gap_and_open_none(repeated: str, missing: str) -> None:
    assert told(gaps(came("1 4"), came(repeated))) == [missing, "", ""]


numbers = st.builds(ResultNumber, st.sampled_from(DAYS), st.integers(1, 9))


class Worklist:
    """The items as a bank's files open and settle them; each day has one at most."""

    def __init__(self) -> None:
        self.came: set[ResultNumber] = set()
        self.open: dict[date, tuple[Gap, ...]] = {}
        self.opened: list[date] = []

    def take(self, number: ResultNumber) -> None:
        before = gaps(self.came)
        self.came.add(number)
        for change in changes(before, gaps(self.came)):
            if change.is_filled:
                del self.open[change.day]
            elif change.day in self.open:
                self.open[change.day] = change.gaps
            else:
                assert change.grew, "what is missing less than before needs no new item"
                self.open[change.day] = change.gaps
                self.opened.append(change.day)


@given(st.lists(numbers, unique=True).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_fault_75_sequence_gap_the_open_items_are_the_gaps_whatever_the_order(
    orders: tuple[list[ResultNumber], list[ResultNumber]],
) -> None:
    first, second = Worklist(), Worklist()
    for number in orders[0]:
        first.take(number)
    for number in orders[1]:
        second.take(number)
    assert first.open == second.open == gaps(orders[0])


@given(st.integers(1, 9).flatmap(lambda last: st.permutations(range(1, last + 1))))
def test_fault_75_sequence_gap_that_is_filled_settles(order: list[int]) -> None:
    worklist = Worklist()
    for number in order:
        worklist.take(ResultNumber(DAYS[0], number))
    assert worklist.open == {}
    assert (worklist.opened == []) is (order == sorted(order))


@given(st.lists(numbers, unique=True), st.lists(numbers, unique=True))
def test_no_number_is_both_there_and_missing(there: list[ResultNumber], repeated: list[ResultNumber]) -> None:
    found = gaps(there, repeated)
    for day, missing in found.items():
        of_day = {each.number for each in there if each.day == day}
        assert all(gap.first <= gap.last < max(of_day) for gap in missing)
        assert not any(gap.first <= number <= gap.last for gap in missing for number in of_day)


def test_a_day_changes_only_when_its_gaps_do() -> None:
    before, after = gaps(came("1 5", "1 3")), gaps(came("1 3 5", "1 3"))
    (change,) = changes(before, after)
    assert (change.day, change.gaps, change.grew) == (DAYS[0], (Gap(2, 2), Gap(4, 4)), False)
    (back,) = changes(after, before)
    assert back.grew
