"""The agencies' other incomes (其他项目收入): their file, what happens in a month, and books of our own of what 财表四 must say.

Late fees (滞纳金) are reckoned here day by day, with fractions: slowly, and by other arithmetic than the hub's.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Final, NamedTuple

from simulators.agency import Paper, money, sealed
from simulators.amounts import NIL, Four, add, less, yuan
from simulators.chance import draw

__all__ = ["Income", "IncomeBook", "Owed", "ordinary", "paper", "sealed"]

ITEMS: Final = ("TRANSFER", "INTEREST", "SUBSIDY", "RETAINED", "DEPOSITED", "BANKRUPTCY", "OTHER")
"""What comes in of itself; late fees come of arrears."""
LATE_FEE: Final = "LATE-FEE"


class Income(NamedTuple):
    """One income: fen per fund. ``unit`` may be empty; ``period`` is empty but for late fees."""

    no: str
    item: str
    unit: str
    period: str
    amounts: Four
    received_on: date


def paper(agency: str, day: date, no: int, told: Sequence[Income]) -> Paper:
    """``INC_…``: other incomes told on one day, with one control line (``C``) per item."""
    lines = [f"H|INCOME|1|{agency}|{day}|{no:04d}"]
    counts: dict[str, int] = {}
    sums: dict[str, Four] = {}
    for number, one in enumerate(told, 1):
        lines.append(f"D|{number}|{one.no}|{one.item}|{one.unit}|{one.period}|{money(one.amounts)}|{one.received_on}")
        counts[one.item] = counts.get(one.item, 0) + 1
        sums[one.item] = add(sums.get(one.item, NIL), one.amounts)
    lines += [f"C|{item}|{counts[item]}|{money(sums[item])}" for item in counts]
    total = sum(sum(amounts) for amounts in sums.values())
    return Paper(f"INC_{agency}_{day:%Y%m%d}_{no:04d}.txt", sealed(lines, len(told), yuan(total)))


def ordinary(seed: int, agency: str, day: date) -> Iterator[Income]:
    """A few incomes of a day that are of no arrears."""
    for number in range(1 + draw(seed, "incomes", agency, day) % 4):
        item = ITEMS[draw(seed, "item", agency, day, number) % len(ITEMS)]
        parts = [draw(seed, "income", agency, day, number, fund) % 1_000_000 for fund in range(4)]
        amounts = (parts[0] + 1, parts[1], parts[2], parts[3])
        received = day - timedelta(days=draw(seed, "came", agency, day, number) % 3)
        yield Income(f"QT-{agency}-{day:%Y%m%d}-{number:03d}", item, "", "", amounts, received)


class Owed(NamedTuple):
    """Arrears of one bill: when they began to cost, how much they were, and what came of them on which days."""

    unit: str
    period: str
    first_day: date
    opened: Four
    settled: Sequence[tuple[date, Four]]

    def accrued(self, received_on: date) -> Four:
        """Fen per fund, of every day before ``received_on``."""
        cost = [Fraction(0)] * 4
        day = self.first_day
        while day < received_on:
            rate = Fraction(2, 1000) if day < date(2011, 7, 1) else Fraction(1, 2000)
            left = self.opened
            for on, amounts in self.settled:
                if on <= day:
                    left = less(left, amounts)
            cost = [sofar + each * rate for sofar, each in zip(cost, left, strict=True)]
            day += timedelta(days=1)
        pension, unemployment, injury, maternity = (floor(each + Fraction(1, 2)) for each in cost)
        return (pension, unemployment, injury, maternity)


class IncomeBook:
    """What was booked, and what each finance close must report (财表四)."""

    def __init__(self) -> None:
        self.booked: list[tuple[datetime, str, Income]] = []
        self.closes: dict[str, dict[tuple[str, str], tuple[int, Four]]] = {}
        self.settled: defaultdict[str, list[tuple[date, Four]]] = defaultdict(list)
        """By monthly bill: money of days after its month's end, its own or its repayments'."""
        self._closed_at: datetime | None = None

    def take(self, at: datetime, agency: str, told: Iterable[Income]) -> None:
        """An accepted file."""
        self.booked += [(at, agency, one) for one in told]

    def paid(self, unit: str, period: str) -> Four:
        """Late fees paid so far for the arrears of a unit and a period."""
        found = NIL
        for _, _, one in self.booked:
            if (one.item, one.unit, one.period) == (LATE_FEE, unit, period):
                found = add(found, one.amounts)
        return found

    def close(self, period: str, at: datetime) -> None:
        """The finance close: what was booked since the one before."""
        rows: dict[tuple[str, str], tuple[int, Four]] = {}
        for when, agency, one in self.booked:
            if when < at and (self._closed_at is None or when >= self._closed_at):
                count, amounts = rows.get((agency, one.item), (0, NIL))
                rows[agency, one.item] = (count + 1, add(amounts, one.amounts))
        self.closes[period] = rows
        self._closed_at = at
