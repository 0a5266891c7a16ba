"""Second collection (再次扣款): the units an agency asks again in the month, with a new date and mode (C9-5)."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hub.domain.dues import Mode
from hub.domain.faults import Fault, repeated
from hub.domain.ids import AgencyCode, UnitNo
from hub.domain.periods import Period


class AgainHeader(NamedTuple):
    """The ``H`` line. ``no``: four digits, as text."""

    agency: AgencyCode
    period: Period
    no: str
    date: datetime.date


class AgainLine(NamedTuple):
    """A ``D`` line: one unit. ``mode`` S ends bank requests for the month; ``pay_on`` is information."""

    line: int
    unit: UnitNo
    mode: Mode
    pay_on: datetime.date

    @property
    def file_line(self) -> int:
        """Where it stands in the file, from 1: the header is line 1."""
        return self.line + 1


@dataclass(frozen=True, slots=True)
class AgainFile:
    """A second-collection file whose lines could all be read."""

    header: AgainHeader
    lines: Sequence[AgainLine]


def check_again(file: AgainFile) -> tuple[Fault, ...]:
    """Every fault that shows without the books: a unit is named once, or its mode would be in doubt."""
    return tuple(repeated("unit", ((line.file_line, line.unit) for line in file.lines)))
