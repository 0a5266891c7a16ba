"""The collection month (所属期): the month whose 1st opens the collection of its bills (C8, C9)."""

import calendar
import re
from datetime import date
from typing import Final

PERIOD_GRAMMAR: Final = "a month, YYYY-MM"

_PERIOD = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)


class Period(str):
    """A month, ``YYYY-MM``. It is its own text, so it sorts by time and goes into tables and events as it is.

    A monthly bill of the period is for the month before, its dues month (``previous``).
    """

    __slots__ = ()

    def __new__(cls, text: str) -> "Period":
        """For text known to be a period, from the books; text of a file goes through :meth:`parse`."""
        assert _PERIOD.fullmatch(text) and text >= "0001", f"not a period: {text!r}"
        return super().__new__(cls, text)

    @classmethod
    def parse(cls, text: str) -> "Period | None":
        """The period, or None when the text is not one. The first and last year of the calendar lack a neighbour."""
        found = _PERIOD.fullmatch(text)
        return cls(text) if found is not None and "0001" < found[1] < "9999" else None

    @classmethod
    def of(cls, day: date) -> "Period":
        """The period a day lies in."""
        return cls(f"{day.year:04d}-{day.month:02d}")

    @property
    def first_day(self) -> date:
        return date(int(self[:4]), int(self[5:]), 1)

    @property
    def last_day(self) -> date:
        first = self.first_day
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])

    def day(self, number: int) -> date:
        """A day of the month, counted from 1."""
        return self.first_day.replace(day=number)

    def next(self) -> "Period":
        year, month = int(self[:4]), int(self[5:])
        return Period(f"{year + month // 12:04d}-{month % 12 + 1:02d}")

    def previous(self) -> "Period":
        year, month = int(self[:4]), int(self[5:])
        return Period(f"{year - (month == 1):04d}-{(month + 10) % 12 + 1:02d}")
