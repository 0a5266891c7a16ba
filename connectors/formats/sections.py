"""The frame every line file shares: one header, its detail lines, control lines where there are any, one trailer.

The frame checks the order of the records and the numbering of the details; what the columns mean is the business of
the module of each record kind, which is called for every line.
"""

from collections.abc import Callable
from typing import NamedTuple

from connectors.formats.grammar import LINE, Record, shown
from connectors.formats.line_file import LineFile
from hub.domain.faults import Fault, FaultCode

_HEADER, _DETAIL, _CONTROL, _TRAILER, _UNKNOWN = range(5)

TakeLine = Callable[[int, tuple[str, ...], bool], None]
"""Takes a line: its number in the file, its columns after the record type, and whether their grammar holds.

Columns with a ``value`` are not checked yet; the taker makes the values and notes the faults of those it cannot make.
"""


class Layout(NamedTuple):
    """The records of a file kind. ``numbered``: the details count 1, 2, 3 … in the column ``line``."""

    header: Record
    detail: Record
    trailer: Record
    control: Record | None = None
    numbered: bool = True

    @property
    def stages(self) -> dict[str, int]:
        """What lines begin with, and where in the file such lines stand."""
        marks = {self.header.mark: _HEADER, self.detail.mark: _DETAIL, self.trailer.mark: _TRAILER}
        return marks if self.control is None else {**marks, self.control.mark: _CONTROL}


class Frame:
    """Reads a whole file (``read``) and keeps what heads and ends it.

    ``header`` and ``trailer`` are None when missing or without their number of columns; a column at fault is noted.
    ``sha256`` is of all bytes before the trailer. A detail or control line without its number of columns is noted and
    counted as unreadable, and not handed on.
    """

    def __init__(self, layout: Layout, faults: list[Fault]) -> None:
        self.header: tuple[str, ...] | None = None
        self.trailer: tuple[str, ...] | None = None
        self.trailer_line = 0
        self.details = 0  # detail lines, unreadable ones among them
        self.unreadable_details = 0
        self.unreadable_controls = 0
        self.sha256 = ""
        self._layout = layout
        self._faults = faults
        self._stage = _HEADER
        self._said = 0  # the number the last detail line bore

    def read(self, lines: LineFile, take_detail: TakeLine, take_control: TakeLine | None = None) -> None:
        """Hands every detail and control line to its taker, in the order of the file."""
        number = 0
        stages, mark = self._layout.stages, len(self._layout.header.mark)
        for number, line in lines:
            kind = stages.get(line[:mark], _UNKNOWN)
            if kind == _DETAIL and self._stage <= _CONTROL:
                if self._stage == _CONTROL:  # told once; the line counts all the same
                    self._note(number, "record type", FaultCode.RECORD_TYPE, self._awaited(), line[:mark])
                self._stage = _DETAIL
                self._read_detail(number, line, take_detail)
            elif kind == _HEADER and number == 1:
                self.header = self._read_once(self._layout.header, number, line)
            elif kind == _CONTROL and self._stage <= _CONTROL and take_control is not None:
                self._stage = _CONTROL
                self._read_control(number, line, take_control)
            elif kind == _TRAILER and self._stage < _TRAILER:
                self._stage, self.trailer_line, self.sha256 = _TRAILER, number, lines.sha256
                self.trailer = self._read_once(self._layout.trailer, number, line)
            elif number > 1:
                self._note(number, "record type", FaultCode.RECORD_TYPE, self._awaited(), line[:mark])
            if number == 1 and kind != _HEADER:
                self._note(1, "header", FaultCode.HEADER, "an H line first", line[:mark])
        if number == 0:
            self._note(None, "header", FaultCode.HEADER, "an H line first", "")
        if self._stage < _TRAILER and not lines.given_up:
            self._note(None, "trailer", FaultCode.TRAILER_MISSING, "a T line at the end", "")

    def check_count(self, declared: str, printed: Callable[[int], str] = str) -> None:
        """The trailer counts the detail lines, those at fault too; ``printed``: how it writes a count."""
        if declared != printed(self.details):
            self._note(self.trailer_line, "count", FaultCode.COUNT, printed(self.details), declared)

    def _read_detail(self, number: int, line: str, take: TakeLine) -> None:
        self.details += 1
        fields = self._layout.detail.read(line)
        if fields is not None:
            take(number, fields, True)
        else:
            fields = self._layout.detail.cut(line)
            self.unreadable_details += self._take_at_fault(self._layout.detail, number, fields, take)
        if self._layout.numbered:
            self._check_number(number, fields[0] if fields else "")

    def _read_control(self, number: int, line: str, take: TakeLine) -> None:
        record = self._layout.control
        assert record is not None, "a layout with control lines names their record"
        fields = record.read(line)
        if fields is not None:
            take(number, fields, True)
        else:
            self.unreadable_controls += self._take_at_fault(record, number, record.cut(line), take)

    def _take_at_fault(self, record: Record, number: int, fields: tuple[str, ...], take: TakeLine) -> bool:
        """Notes the faults of a line and hands it on when it has its columns; True when it has not."""
        self._faults += record.faults(number, fields)
        if len(fields) != len(record.columns):
            return True
        take(number, fields, False)
        return False

    def _read_once(self, record: Record, number: int, line: str) -> tuple[str, ...] | None:
        fields = record.cut(line)
        self._faults += record.faults(number, fields)
        return fields if len(fields) == len(record.columns) else None

    def _check_number(self, number: int, text: str) -> None:
        """Line numbers go up by one. They may go on from a gap, so that one gap is one fault, not a thousand."""
        place = self.details
        if text == str(place):
            self._said = place
        elif LINE.fault(number, text) is not None:
            self._said = place  # noted with the columns
        else:
            said = int(text)
            if said != self._said + 1:
                self._note(number, "line", FaultCode.LINE_NUMBER, str(place), text)
            self._said = said

    def _awaited(self) -> str:
        if self._stage == _TRAILER:
            return "nothing after the T line"
        if self._stage == _CONTROL:
            return "C or T"
        return "D, C or T" if self._layout.control is not None else "D or T"

    def _note(self, line: int | None, field: str, code: FaultCode, expected: str, found: str) -> None:
        self._faults.append(Fault(line, field, code, expected, shown(found)))
