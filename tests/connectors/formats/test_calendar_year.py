"""A year of the working-day calendar is taken whole: every day of it, or every fault of the file."""

from datetime import date
from io import BytesIO

import pytest

from connectors.formats.calendar_year import CalendarYear, parse_calendar
from hub.domain.faults import FaultCode
from hub.ports import Refused

GOOD = """\
H|CALENDAR|1|2027|city
D|2027-01-01|HOLIDAY|元旦
D|2027-02-06|HOLIDAY|春节
D|2027-02-14|WORKDAY|春节调休
T|3
"""


def test_days_not_named_are_worked_from_monday_to_friday() -> None:
    read = parse_calendar("2027.txt", BytesIO(GOOD.encode()))
    assert isinstance(read, CalendarYear)
    worked = {day: working for day, working, _ in read.days}
    assert (read.calendar, read.year, len(worked)) == ("city", 2027, 365)
    assert [worked[date(2027, 1, day)] for day in (1, 2, 3, 4)] == [False, False, False, True]
    assert worked[date(2027, 2, 14)], "a Sunday that makes up for the holiday (调休上班)"


@pytest.mark.parametrize(
    ("was", "found", "line", "code"),
    [
        ("2027-01-01", "2028-01-01", None, FaultCode.DATE),
        ("2027-02-06", "2027-02-30", 3, FaultCode.DATE),
        ("2027-02-06", "2027-01-01", 3, FaultCode.DUPLICATE),
        ("WORKDAY", "MAYBE", 4, FaultCode.KIND),
        ("T|3", "T|2", 5, FaultCode.COUNT),
        ("H|CALENDAR|1", "H|CALENDER|1", 1, FaultCode.HEADER),
        ("T|3\n", "", None, FaultCode.TRAILER_MISSING),
    ],
)
def test_a_year_at_fault_is_refused_with_the_line(was: str, found: str, line: int | None, code: FaultCode) -> None:
    read = parse_calendar("2027.txt", BytesIO(GOOD.replace(was, found).encode()))
    assert isinstance(read, Refused)
    assert (line, code) in [(fault.line, fault.code) for fault in read.faults]
