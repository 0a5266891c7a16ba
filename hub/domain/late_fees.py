"""Late fees (滞纳金): what arrears cost a day, per fund, in whole fen (rules section 5, our reading; C15, R13).

Simple, not compound: the principal outstanding of each day, times the rate of that day, added up, and rounded half up once.
The day on which money comes costs nothing any more; the first day is the one after the month end that opened the arrears.
"""

import datetime
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final, NamedTuple

from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.money import Fen

UNIT_OF_RATE: Final = 10_000


class LateFeeRate(NamedTuple):
    """What a day costs from a day on, in parts of ten thousand (万分之几) of the principal."""

    effective_from: datetime.date
    per_ten_thousand: int


LATE_FEE_RATES: Final[tuple[LateFeeRate, ...]] = (
    LateFeeRate(datetime.date(2004, 12, 1), 20),  # 2‰ a day
    LateFeeRate(datetime.date(2011, 7, 1), 5),  # 0.5‰ a day
)
"""In order of ``effective_from``. A change of the rate is a new row, never an edit of an old one. A day costs what the row in
force on that day says, whenever the arrears were opened; days before the first row cost nothing."""


class Change(NamedTuple):
    """From ``day`` on, the principal is so many fen more per fund, or less where it is negative."""

    day: datetime.date
    amounts: FundAmounts


def outstanding(changes: Iterable[Change], day: datetime.date) -> FundAmounts:
    """The principal on a day, in fen; a fund that holds more than it was due owes nothing."""
    total = NOTHING
    for change in changes:
        if change.day <= day:
            total = total.plus(change.amounts)
    return FundAmounts(*(Fen(max(each, 0)) for each in total))


def accrued(
    changes: Sequence[Change], received_on: datetime.date, rates: Sequence[LateFeeRate] = LATE_FEE_RATES
) -> FundAmounts:
    """What has accrued on arrears, in fen per fund, when it is received on a day: of the days before it."""
    cost = [0, 0, 0, 0]  # fen, in parts of ten thousand
    for first, end, rate in _spans(changes, received_on, rates):
        for fund, principal in enumerate(outstanding(changes, first)):
            cost[fund] += principal * (end - first).days * rate
    return FundAmounts(*(Fen((2 * each + UNIT_OF_RATE) // (2 * UNIT_OF_RATE)) for each in cost))


def days_late(changes: Sequence[Change], by: datetime.date) -> int:
    """On how many days before ``by`` anything was outstanding."""
    spans = _spans(changes, by, (LateFeeRate(datetime.date.min, 0),))
    return sum((end - first).days for first, end, _ in spans if outstanding(changes, first).total)


def _spans(
    changes: Sequence[Change], end: datetime.date, rates: Sequence[LateFeeRate]
) -> Iterator[tuple[datetime.date, datetime.date, int]]:
    """Days from, days up to and the rate: spans in which neither principal nor rate changes."""
    turns = {change.day for change in changes} | {rate.effective_from for rate in rates}
    for first, next_ in pairwise(sorted({turn for turn in turns if turn < end} | {end})):
        in_force = [rate.per_ten_thousand for rate in rates if rate.effective_from <= first]
        if in_force:
            yield first, next_, in_force[-1]


class FeeStatus(StrEnum):
    """Whether arrears and their late fees are settled, as they must be before a unit is deregistered (R13)."""

    OWED = "owed"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class LateFees:
    """The arrears of a unit for one period: how their principal changed, and the late fees paid for them so far."""

    changes: Sequence[Change]
    paid: FundAmounts = NOTHING

    @property
    def ever_owed(self) -> bool:
        """Whether there ever was a day with something outstanding."""
        return any(outstanding(self.changes, change.day).total for change in self.changes)

    def unpaid(self, received_on: datetime.date) -> FundAmounts:
        """What may still be paid on a day: accrued before it and not paid, in fen.

        Money that is told later than it came may have made less accrue than was paid by then; nothing is owed then.
        """
        owed = accrued(self.changes, received_on).minus(self.paid)
        return FundAmounts(*(Fen(max(each, 0)) for each in owed))

    def pay(self, amounts: FundAmounts) -> "LateFees":
        return replace(self, paid=self.paid.plus(amounts))
