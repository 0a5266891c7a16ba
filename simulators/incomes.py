"""The agencies' other incomes (其他项目收入): their file, what happens in a month, and books of our own of what 财表四 must say.

Late fees (滞纳金) are reckoned here day by day, with fractions: slowly, and by other arithmetic than the hub's.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Final, NamedTuple

from simulators.agency import Paper, money, sealed
from simulators.amounts import NIL, Four, add, four_of, less, over_zero, yuan
from simulators.chance import draw

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
    settled: list[tuple[date, Four]]

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
            cost = [sofar + each * rate for sofar, each in zip(cost, over_zero(left), strict=True)]
            day += timedelta(days=1)
        pension, unemployment, injury, maternity = (floor(each + Fraction(1, 2)) for each in cost)
        return (pension, unemployment, injury, maternity)


class IncomeBook:
    """What was booked, and what each finance close must report (财表四)."""

    def __init__(self) -> None:
        self.booked: list[tuple[datetime, str, Income]] = []
        self.closes: dict[str, dict[tuple[str, str], tuple[int, Four]]] = {}
        self._owed: dict[str, tuple[str, Owed]] = {}  # by monthly bill, with its agency
        self._closed_at: datetime | None = None

    def opened(self, at: datetime, bill: str, agency: str, unit: str, period: str, missing: Four) -> None:
        """The month's end left so much of a bill in arrears, which may be nothing."""
        self._owed[bill] = (agency, Owed(unit, period, (at + timedelta(days=1)).date(), missing, []))

    def settled(self, day: date, bill: str, amounts: Four) -> None:
        """Money came for a monthly bill, itself or by a repayment, or went back where it is negative, and counts from ``day`` on.

        Before its month's end it costs nothing: what was missing by then is what ``opened`` says.
        """
        if bill in self._owed:
            self._owed[bill][1].settled.append((day, amounts))

    def papers(self, seed: int, agency: str, day: date, no: int) -> tuple[Paper, Paper | None]:
        """What an agency tells on a day; and the same with a fen more of a late fee than has accrued, if there is one."""
        told = list(ordinary(seed, agency, day))
        fees = list(self._late_fees(seed, agency, day))
        if not fees:
            return paper(agency, day, no, told), None
        most = self._unpaid(fees[0].unit, fees[0].period, day)
        beyond = fees[0]._replace(no=f"{fees[0].no}-X", amounts=add(most, (1, 0, 0, 0)))
        return paper(agency, day, no, [*told, *fees]), paper(agency, day, no, [*told, beyond])

    def _late_fees(self, seed: int, agency: str, day: date) -> Iterator[Income]:
        """Some units pay all that has accrued, some half of it."""
        for of_agency, owed in self._owed.values():
            luck = draw(seed, "late-fee", owed.unit, owed.period, day)
            unpaid = self._unpaid(owed.unit, owed.period, day)
            if of_agency == agency and luck % 100 < 40:
                pension, unemployment, injury, maternity = (part // (1 + luck % 2) for part in unpaid)
                if pension + unemployment + injury + maternity:
                    no = f"ZNJ-{owed.unit}-{owed.period}-{day:%m%d}"
                    yield Income(no, LATE_FEE, owed.unit, owed.period, (pension, unemployment, injury, maternity), day)

    def _unpaid(self, unit: str, period: str, day: date) -> Four:
        (owed,) = [each for _, each in self._owed.values() if (each.unit, each.period) == (unit, period)]
        return over_zero(less(owed.accrued(day), self.paid(unit, period)))

    def take(self, at: datetime, accepted: Paper) -> tuple[int, int]:
        """An accepted file; answers how many incomes it holds and their total in fen."""
        header, *rows = [line.split("|") for line in accepted.data.decode().splitlines()]
        told = [
            Income(row[2], row[3], row[4], row[5], four_of(row[6:10]), date.fromisoformat(row[11]))
            for row in rows
            if row[0] == "D"
        ]
        self.booked += [(at, header[3], one) for one in told]
        return len(told), sum(sum(one.amounts) for one in told)

    def met(self) -> dict[str, int]:
        """How many incomes these books have seen, and late fees among them."""
        return {"incomes": len(self.booked), "late_fees": sum(one.item == LATE_FEE for _, _, one in self.booked)}

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
