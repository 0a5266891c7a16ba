"""The days on which the parties expect things to happen in 2026, as the city announced them; dates only, no rules."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_ANNOUNCED: Final[dict[str, tuple[int, int, int, int, int, int]]] = {
    # period: first batch, results, posting; second batch, posting; finance close
    "2026-01": (4, 5, 6, 20, 21, 22),
    "2026-02": (2, 3, 4, 24, 25, 25),
    "2026-03": (2, 3, 4, 20, 23, 23),
    "2026-04": (2, 3, 7, 20, 21, 22),
    "2026-05": (6, 7, 8, 20, 21, 22),
    "2026-06": (2, 3, 4, 22, 23, 23),
    "2026-07": (2, 3, 6, 20, 21, 22),
    "2026-08": (3, 4, 5, 20, 21, 24),
    "2026-09": (2, 3, 4, 20, 21, 22),
    "2026-10": (8, 9, 10, 20, 21, 22),
    "2026-11": (2, 3, 4, 20, 23, 23),
    "2026-12": (2, 3, 4, 21, 22, 22),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One deduction (扣款) of a period. Times are those of the city, without a zone, as the command line takes them."""

    round: int
    upload: datetime
    batch: datetime
    results: datetime
    posting: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The days of one period: the month whose 1st opens its collection."""

    period: str
    first: Session
    second: Session
    finance_close: datetime
    month_close: datetime

    def session(self, number: int) -> Session:
        return self.first if number == 1 else self.second

    def day(self, number: int, hour: int, minute: int = 0) -> datetime:
        return datetime.fromisoformat(f"{self.period}-{number:02d}T{hour:02d}:{minute:02d}")


def dates_of(period: str) -> Dates:
    """The announced days of ``period``. Raises KeyError for a month nobody announced."""
    batch1, results1, posting1, batch2, posting2, finance = _ANNOUNCED[period]
    year, month = (int(part) for part in period.split("-"))

    def at(day: int, hour: int, minute: int = 0) -> datetime:
        return datetime.fromisoformat(f"{period}-{day:02d}T{hour:02d}:{minute:02d}")

    return Dates(
        period=period,
        first=Session(
            round=1,
            upload=at(1, 18) if batch1 == 2 else at(batch1, 8),
            batch=at(batch1, 9),
            results=at(results1, 20),
            posting=at(posting1, 9),
        ),
        second=Session(
            round=2, upload=at(batch2, 12), batch=at(batch2, 14), results=at(batch2, 20), posting=at(posting2, 9)
        ),
        finance_close=at(finance, 18),
        month_close=at(monthrange(year, month)[1], 23),
    )


def previous(period: str) -> str:
    year, month = (int(part) for part in period.split("-"))
    return f"{year - (month == 1)}-{12 if month == 1 else month - 1:02d}"


def following(period: str) -> str:
    year, month = (int(part) for part in period.split("-"))
    return f"{year + (month == 12)}-{1 if month == 12 else month + 1:02d}"


def periods_between(first: str, last: str) -> tuple[str, ...]:
    """Every period from ``first`` to ``last``, both included."""
    found = [first]
    while found[-1] < last:
        found.append(following(found[-1]))
    return tuple(found)


def booked_in(moment: datetime) -> str:
    """The open period at ``moment``: its month, or the next one once the last day's 23:00 has passed."""
    period = f"{moment:%Y-%m}"
    closes = moment.replace(day=monthrange(moment.year, moment.month)[1], hour=23, minute=0)
    return following(period) if moment >= closes else period
