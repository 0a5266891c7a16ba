"""The numbers banks give their results (contract section 4): a gap or a repeat is worth a warning, no more.

The numbers are a bank's own. Most begin anew each day, as ours do, and some run on; both are understood. What is told
here depends on which numbers have come and never on the order they came in.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import NamedTuple


class ResultNumber(NamedTuple):
    """A bank's number of a result, and the day in its name."""

    day: date
    number: int


class Gap(NamedTuple):
    """Consecutive numbers of a day that have not come, both ends included."""

    first: int
    last: int

    def holds(self, other: "Gap") -> bool:
        return self.first <= other.first and other.last <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


Gaps = Mapping[date, tuple[Gap, ...]]
"""The gaps of each day that has any, in ascending order."""


def gaps(came: Collection[ResultNumber], repeated: Collection[ResultNumber] = ()) -> Gaps:
    """What is missing below the last number of each day.

    A day begins with 1. Where all its numbers are beyond those of the day before, they may run on, so it begins right
    after these. ``repeated`` are numbers under which a file came that was there before: such a file fills its place
    and opens no gap, since the same bytes again have no effect (contract section 1).
    """
    found: dict[date, tuple[Gap, ...]] = {}
    last = 0
    for day, of_day in groupby(sorted(set(came)), key=lambda each: each.day):
        numbers = [each.number for each in of_day]
        first = last + 1 if numbers[0] > last else 1
        last = numbers[-1]
        filled = {each.number for each in repeated if each.day == day and first <= each.number < last}
        missing = tuple(_between(first, sorted({*numbers, *filled})))
        if missing:
            found[day] = missing
    return found


def _between(first: int, numbers: Collection[int]) -> Iterator[Gap]:
    expected = first
    for number in numbers:
        if number > expected:
            yield Gap(expected, number - 1)
        expected = max(expected, number + 1)


@dataclass(frozen=True, slots=True)
class Change:
    """A day whose gaps are others now. ``grew``: a number is missing that was not missed before."""

    day: date
    gaps: tuple[Gap, ...]
    grew: bool

    @property
    def is_filled(self) -> bool:
        return not self.gaps


def changes(before: Gaps, after: Gaps) -> list[Change]:
    """The days whose gaps are others after an arrival than before it, in order."""
    found = []
    for day in sorted({*before, *after}):
        was, now = before.get(day, ()), after.get(day, ())
        if was != now:
            grew = any(not any(old.holds(new) for old in was) for new in now)
            found.append(Change(day, now, grew))
    return found
