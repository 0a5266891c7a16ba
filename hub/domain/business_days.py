"""Working days (工作日): neither weekend nor holiday, or a make-up day (调休上班); known up to a horizon."""

from collections.abc import Mapping
from datetime import date, timedelta

from hub.domain.errors import CalendarHorizonError

_ADVICE = "import the missing year: hub calendar import FILE"


class WorkingDays:
    """One calendar: the city's, which the agencies follow, or a bank's own (rules section 3). Unchangeable.

    A day the calendar does not know is never guessed: it raises CalendarHorizonError, which stops only the step
    that needs that day.
    """

    __slots__ = ("_days", "horizon")

    def __init__(self, days: Mapping[date, bool]) -> None:
        """``days``: True for a working day. ``horizon`` is the last day known."""
        self._days = dict(days)
        self.horizon = max(self._days, default=date.min)

    def is_working(self, day: date) -> bool:
        known = self._days.get(day)
        if known is None:
            raise CalendarHorizonError(f"the calendar does not say whether {day} is a working day", advice=_ADVICE)
        return known

    def first_on_or_after(self, day: date) -> date:
        """The first working day from ``day`` on, ``day`` itself included."""
        while not self.is_working(day):
            day += timedelta(days=1)
        return day

    def next_after(self, day: date) -> date:
        """The first working day later than ``day``."""
        return self.first_on_or_after(day + timedelta(days=1))
