"""Results of profile ``pipe-gb18030``, bank to hub (银行扣款结果; contract section 4).

A result that passes is complete and agrees with itself. Whether it fits what was asked is told elsewhere
(``hub.domain.bank_results``), which needs the request.
"""

import re
from datetime import date
from io import BytesIO
from typing import BinaryIO, Final, NamedTuple

import polars as pl

from connectors.formats.column_file import ColumnFile, DoubtError, cut
from connectors.formats.grammar import (
    BANK_CODE,
    LINE,
    UNIT_NO,
    VERSION,
    Column,
    Record,
    amount,
    constant,
    count,
    day,
    identifier,
    one_of,
    parse_compact_date,
    parse_date,
    short_text,
    shown,
    sum_of,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.bank_results import CODES, PAID_IN_FULL, AnswerLine
from hub.domain.bank_results_columns import AMOUNTS, answers_of
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen, parse_total, parse_yuan, print_yuan
from hub.domain.money_columns import added_up, fen_of
from hub.ports import Refused, ResultFile

ENCODING: Final = "gb18030"
REQUEST_NAME: Final = Column(
    "request file name", r"DK_[A-Z0-9]{2,12}_[0-9]{8}_[0-9]{4}\.txt", "DK_<bank>_<YYYYMMDD>_<4 digits>.txt"
)
SUMS: Final = AMOUNTS
HEADER: Final = Record(
    "H", constant("file type", "RESULT"), VERSION, BANK_CODE, identifier("batch no"), REQUEST_NAME, day("date")
)
DETAIL: Final = Record(
    "D",
    LINE,
    identifier("instruction id"),
    UNIT_NO,
    *(amount(name) for name in SUMS),
    one_of("code", CODES, FaultCode.CODE),
    short_text("bank reference", 64),
)
TRAILER: Final = Record("T", count("count"), count("count paid in full"), *(sum_of(name) for name in SUMS))
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER, numbered=False)

_COLUMNS: Final = (
    pl.col("line").cast(pl.Int32),
    pl.col("instruction id").alias("instruction_no"),
    pl.col("unit"),
    *(fen_of(pl.col(name)) for name in SUMS),
    pl.col("code"),
    pl.col("bank reference").alias("reference"),
)
_NO_ANSWERS: Final = answers_of(()).drop("file_line")

_NAME: Final = re.compile(r"HD_(?P<bank>[A-Z0-9]{2,12})_(?P<day>[0-9]{8})_(?P<seq>[0-9]{1,9})\.txt", re.ASCII)


class ResultName(NamedTuple):
    """The parts of a result's file name. ``seq`` is the bank's own; a gap is worth a warning, no more."""

    bank: str
    day: date
    seq: int

    @classmethod
    def parse(cls, name: str) -> "ResultName | None":
        found = _NAME.fullmatch(name)
        day = None if found is None else parse_compact_date(found["day"])
        return None if found is None or day is None else cls(found["bank"], day, int(found["seq"]))


def parse_result(name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
    """A bank's answer that is complete and consistent in itself, or every fault of it.

    Reads ``data`` as a stream by columns and, when the file is in any doubt, once more line by line.
    """
    start = data.tell()
    try:
        return read_columns(name, bank, data)
    except DoubtError:
        data.seek(start)
        return read_lines(name, bank, data)


def read_lines(name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
    """The file by its lines, which tell every fault."""
    faults: list[Fault] = []
    reading, frame = _ResultReading(faults), Frame(LAYOUT, faults)
    frame.read(LineFile(data, ENCODING, faults), reading.take)
    _check_header(frame, name, bank, faults)
    reading.check_trailer(frame)
    if frame.header is None:
        return Refused(in_file_order(faults))
    file = _file(bank, frame.header, answers_of(reading.answers))
    return Refused(in_file_order(faults), readable=file) if faults else file


def read_columns(name: str, bank: str, data: BinaryIO) -> ResultFile:
    """The file by columns; DoubtError unless ``read_lines`` would certainly find no fault in it."""
    file, charset = ColumnFile(data), _Charset()
    parts = (cut(DETAIL, charset.as_utf8(lines)).select(_COLUMNS) for lines in file.parts())
    details = pl.concat([_NO_ANSWERS, *parts])
    answers = details.with_row_index("file_line", offset=2).cast({"file_line": pl.Int32})  # the header is line 1
    faults: list[Fault] = []
    reading, frame = _ResultReading(faults), Frame(LAYOUT, faults)
    frame.read(LineFile(BytesIO(file.head + file.tail), ENCODING, faults), reading.take)
    _check_header(frame, name, bank, faults)
    paid_in_full = (answers["code"] == PAID_IN_FULL).sum()
    said = (str(len(answers)), str(paid_in_full), *(print_yuan(added_up(answers[column])) for column in SUMS))
    if faults or frame.details or frame.header is None or frame.trailer != said:
        raise DoubtError("the header or the trailer is in doubt")
    if charset.doubtful or answers["line"].n_unique() != len(answers):
        raise DoubtError("the charset is in doubt, or a line is answered twice")
    return _file(bank, frame.header, answers)


def _file(bank: str, header: tuple[str, ...], answers: pl.DataFrame) -> ResultFile:
    _, _, _, batch_no, request_name, date_text = header
    return ResultFile(bank, batch_no, request_name, parse_date(date_text) or date.min, answers)


class _Charset:
    """Tells a file in GB18030 from one in UTF-8 (``line_file``). ``doubtful``: all that is beyond ASCII reads as UTF-8."""

    def __init__(self) -> None:
        self._native = self._foreign = False

    @property
    def doubtful(self) -> bool:
        return self._foreign and not self._native

    def as_utf8(self, lines: bytes) -> bytes:
        """The lines in UTF-8; DoubtError when they are no GB18030."""
        if lines.isascii():
            return lines
        if not self._native:
            try:
                lines.decode("utf-8")
            except UnicodeDecodeError:
                self._native = True
            else:
                self._foreign = True
        try:
            return lines.decode(ENCODING).encode("utf-8")
        except UnicodeError as failure:
            raise DoubtError("no GB18030") from failure


class _ResultReading:
    """The answers of one file and what they add up to, in fen."""

    def __init__(self, faults: list[Fault]) -> None:
        self.answers: list[AnswerLine] = []
        self._faults = faults
        self._places: dict[int, int] = {}  # request line → line of this file
        self._paid_in_full = 0
        self._sums = [0] * len(SUMS)
        self._unread: set[str] = set()  # columns of which a line could not be read

    def take(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``D`` line."""
        line, instruction_no, unit, *amounts, code, reference = fields
        requested, deducted, p, u, i, m = map(parse_yuan, amounts)
        if not sound or requested is None or deducted is None or p is None or u is None or i is None or m is None:
            self._take_at_fault(number, fields, sound)
            return
        place = int(line)
        self._note_place(number, place)
        self._paid_in_full += code == PAID_IN_FULL
        sums = self._sums
        sums[0] += requested
        sums[1] += deducted
        sums[2] += p
        sums[3] += u
        sums[4] += i
        sums[5] += m
        self.answers.append(
            AnswerLine(
                number,
                place,
                InstructionNo(instruction_no),
                UnitNo(unit),
                requested,
                deducted,
                FundAmounts(p, u, i, m),
                code,
                reference,
            )
        )

    def check_trailer(self, frame: Frame) -> None:
        """The counts and sums of the ``T`` line, each as far as its column could be read in every line."""
        if frame.trailer is None:
            return
        at_fault = {fault.field for fault in TRAILER.faults(frame.trailer_line, frame.trailer)}
        if "count" not in at_fault:
            frame.check_count(frame.trailer[0])
        if frame.unreadable_details:
            return
        paid = frame.trailer[1]
        if "count paid in full" not in at_fault and "code" not in self._unread and paid != str(self._paid_in_full):
            self._note(frame.trailer_line, "count paid in full", FaultCode.COUNT, str(self._paid_in_full), paid)
        for name, declared, total in zip(SUMS, frame.trailer[2:], self._sums, strict=True):
            if name not in at_fault and name not in self._unread and parse_total(declared) != total:
                self._note(frame.trailer_line, name, FaultCode.CONTROL_TOTAL, print_yuan(Fen(total)), declared)

    def _take_at_fault(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a line of which a column cannot be read; the others are counted still."""
        column_faults = DETAIL.faults(number, fields)
        if sound:
            self._faults += column_faults
        at_fault = {fault.field for fault in column_faults}
        if "line" not in at_fault:
            self._note_place(number, int(fields[0]))
        self._unread |= at_fault
        self._paid_in_full += fields[-2] == PAID_IN_FULL
        for index, text in enumerate(fields[3:-2]):
            self._sums[index] += parse_yuan(text) or 0

    def _note_place(self, number: int, place: int) -> None:
        """Every requested line is answered once."""
        first = self._places.setdefault(place, number)
        if first != number:
            expected = f"a request line not answered in line {first} already"
            self._note(number, "line", FaultCode.DUPLICATE, expected, str(place))

    def _note(self, line: int, field: str, code: FaultCode, expected: str, found: str) -> None:
        self._faults.append(Fault(line, field, code, expected, found))


def _check_header(frame: Frame, name: str, bank: str, faults: list[Fault]) -> None:
    """The file's name, and the header against it and the bank it came from."""
    named = ResultName.parse(name)
    if named is None or named.bank != bank:
        expected = f"HD_{bank}_<YYYYMMDD>_<seq>.txt with a real date"
        faults.append(Fault(None, "file name", FaultCode.NAME, expected, shown(name)))
    if frame.header is None:
        return
    at_fault = {fault.field for fault in HEADER.faults(1, frame.header)}
    _, _, bank_found, _, _, date_found = frame.header
    if "bank" not in at_fault and bank_found != bank:
        faults.append(Fault(1, "bank", FaultCode.NAME, bank, bank_found))
    if "date" not in at_fault and named is not None and date_found != named.day.isoformat():
        faults.append(Fault(1, "date", FaultCode.NAME, f"{named.day} as in the file name", date_found))
