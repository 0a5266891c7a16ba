"""Working-day calendar of a year, for ``hub calendar import``: the days that differ from Monday to Friday.

``H|CALENDAR|1|<year>|<city or bank>``, ``D|<date>|<HOLIDAY or WORKDAY>|<name>``, ``T|<number of D lines>``, in the
grammar of all line files (contract section 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import BinaryIO, Final

from connectors.formats.grammar import VERSION, Record, constant, count, day, digits, one_of, parse_date, text
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.ports import Refused

HEADER: Final = Record("H", constant("file type", "CALENDAR"), VERSION, digits("year", 4), text("calendar"))
DETAIL: Final = Record("D", day("date"), one_of("kind", ("HOLIDAY", "WORKDAY"), FaultCode.KIND), text("name"))
TRAILER: Final = Record("T", count("count"))
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER, numbered=False)
SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """Every day of a year of one calendar: day, whether it is worked, and the name of what makes it differ."""

    calendar: str
    year: int
    days: Sequence[tuple[date, bool, str]]


def parse_calendar(_name: str, data: BinaryIO) -> CalendarYear | Refused:
    """The whole year, or every fault of the file. The file's name does not matter."""
    faults: list[Fault] = []
    named: dict[date, tuple[bool, str]] = {}

    def take(number: int, fields: tuple[str, ...], sound: bool) -> None:
        on, kind, name = fields
        when = parse_date(on)
        if when is None:
            if sound:
                faults.extend(DETAIL.faults(number, fields))
        elif when in named:
            faults.append(Fault(number, "date", FaultCode.DUPLICATE, "each day once", on))
        else:
            named[when] = (kind == "WORKDAY", name)

    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), take)
    if frame.header is None or frame.trailer is None or faults:
        return Refused(in_file_order(faults))
    _, _, year_text, calendar = frame.header
    year = int(year_text)
    if not date.min.year < year < date.max.year:
        faults.append(Fault(1, "year", FaultCode.DATE, "a year of the calendar", year_text))
    faults += [
        Fault(None, "date", FaultCode.DATE, f"days of {year}", when.isoformat()) for when in named if when.year != year
    ]
    if frame.trailer[0] != str(len(named)):
        faults.append(Fault(frame.trailer_line, "count", FaultCode.COUNT, str(len(named)), frame.trailer[0]))
    return Refused(in_file_order(faults)) if faults else CalendarYear(calendar, year, _whole_year(year, named))


def _whole_year(year: int, named: dict[date, tuple[bool, str]]) -> list[tuple[date, bool, str]]:
    first = date(year, 1, 1)
    days = [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]
    return [(on, *named.get(on, (on.weekday() < SATURDAY, ""))) for on in days]
