"""Results as lines, bank to hub (银行扣款结果; contract section 4), in the form a profile gives them.

A result that passes is complete and agrees with itself. Whether it fits what was asked is told elsewhere
(``hub.domain.bank_results``), which needs the request.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import partial
from io import BytesIO
from operator import itemgetter
from typing import BinaryIO, Final, NamedTuple

import polars as pl

from connectors.formats.column_file import ColumnFile, DoubtError, cut
from connectors.formats.fixed_record import FixedRecord, cut_by_width
from connectors.formats.grammar import parse_compact_date, parse_date, shown
from connectors.formats.line_file import Encoding, LineFile
from connectors.formats.profile_file import Profile
from connectors.formats.profile_records import Form
from connectors.formats.sections import Frame, Layout
from hub.domain.bank_results import PAID_IN_FULL, AnswerLine
from hub.domain.bank_results_columns import AMOUNTS, answers_of
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.funds import FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen
from hub.domain.money_columns import added_up
from hub.ports import Refused, ResultFile

SUMS: Final = AMOUNTS
_READ: Final = ("line", "instruction id", "unit", *SUMS, "code", "bank reference")
_NO_ANSWERS: Final = answers_of(()).drop("file_line")


class ResultName(NamedTuple):
    """The parts of a result's file name. ``seq`` is the bank's own; a gap is worth a warning, no more."""

    bank: str
    day: date
    seq: int


class BankResults:
    """The results of one profile."""

    def __init__(self, profile: Profile) -> None:
        self.encoding: Final = profile.encoding
        self.header: Final = Form(profile, "result.header")
        self.detail: Final = Form(profile, "result.detail")
        self.trailer: Final = Form(profile, "result.trailer")
        self.layout: Final = Layout(self.header.record, self.detail.record, self.trailer.record, numbered=False)
        self.codes: Final[Mapping[str, str]] = profile.our_codes
        self._by_bytes = profile.fixed
        self._file = profile.result
        self._name = re.compile(profile.result.name_pattern, re.ASCII)
        code = pl.col("code")
        if any(theirs != ours for theirs, ours in self.codes.items()):
            code = code.replace_strict(dict(self.codes), return_dtype=pl.String)
        self._columns = (
            pl.col("line").cast(pl.Int32),
            pl.col("instruction id").alias("instruction_no"),
            pl.col("unit"),
            *(self.detail.money_column(name) for name in SUMS),
            code,
            pl.col("bank reference").alias("reference"),
        )

    @property
    def forms(self) -> tuple[Form, ...]:
        return self.header, self.detail, self.trailer

    def claims(self, name: str) -> bool:
        """Whether a file in a bank's inbound directory claims to be a result.

        Another bank's name, an unreal date or a name in other capitals is not passed over here: ``parse`` refuses it, and
        a person sees it.
        """
        told = name.casefold()
        return told.startswith(self._file.name_begins.casefold()) and told.endswith(self._file.name_ends.casefold())

    def name_of(self, name: str) -> ResultName | None:
        """The parts of a result's file name, or None when it is no such name."""
        found = self._name.fullmatch(name)
        day = None if found is None else parse_compact_date(found["day"])
        return None if found is None or day is None else ResultName(found["bank"], day, int(found["seq"]))

    def parse(self, name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
        """A bank's answer that is complete and consistent in itself, or every fault of it.

        Reads ``data`` as a stream by columns and, when the file is in any doubt, once more line by line.
        """
        start = data.tell()
        try:
            return self.read_columns(name, bank, data)
        except DoubtError:
            data.seek(start)
            return self.read_lines(name, bank, data)

    def read_lines(self, name: str, bank: str, data: BinaryIO) -> ResultFile | Refused:
        """The file by its lines, which tell every fault."""
        faults: list[Fault] = []
        reading, frame = _ResultReading(self, faults), Frame(self.layout, faults)
        frame.read(self._lines(data, faults), reading.take)
        self._check_header(frame, name, bank, faults)
        reading.check_trailer(frame)
        if frame.header is None:
            return Refused(in_file_order(faults))
        file = self._file_of(bank, frame.header, answers_of(reading.answers))
        if not faults:
            return file
        # Without its batch the books cannot say more of a file.
        batch_known = not any((fault.line, fault.field) == (1, "batch no") for fault in faults)
        return Refused(in_file_order(faults), readable=file if batch_known else None)

    def read_columns(self, name: str, bank: str, data: BinaryIO) -> ResultFile:
        """The file by columns; DoubtError unless ``read_lines`` would certainly find no fault in it."""
        file, charset = ColumnFile(data, self.detail.record.mark), _Charset(self.encoding)
        parts = (self._cut(lines, charset).select(self._columns) for lines in file.parts())
        details = pl.concat([_NO_ANSWERS, *parts])
        answers = details.with_row_index("file_line", offset=2).cast({"file_line": pl.Int32})  # the header is line 1
        faults: list[Fault] = []
        reading, frame = _ResultReading(self, faults), Frame(self.layout, faults)
        frame.read(self._lines(BytesIO(file.head + file.tail), faults), reading.take)
        self._check_header(frame, name, bank, faults)
        if faults or frame.details or frame.header is None or not self._says(frame.trailer, answers):
            raise DoubtError("the header or the trailer is in doubt")
        if charset.doubtful or answers["line"].n_unique() != len(answers):
            raise DoubtError("the charset is in doubt, or a line is answered twice")
        return self._file_of(bank, frame.header, answers)

    def _lines(self, data: BinaryIO, faults: list[Fault]) -> LineFile:
        return LineFile(data, self.encoding, faults, by_bytes=self._by_bytes)

    def _cut(self, lines: bytes, charset: "_Charset") -> pl.DataFrame:
        record = self.detail.record
        if not isinstance(record, FixedRecord):
            return cut(record, charset.as_utf8(lines))
        charset.look_at(lines)
        return cut_by_width(record, lines, self.encoding)

    def _says(self, trailer: tuple[str, ...] | None, answers: pl.DataFrame) -> bool:
        """Whether the trailer counts and adds up to these answers."""
        said = {
            "count": len(answers),
            "count paid in full": int((answers["code"] == PAID_IN_FULL).sum()),
            **{column: added_up(answers[column]) for column in SUMS},
        }
        return trailer is not None and all(
            trailer[self.trailer.at(field)] == self.trailer.printed(field, value)
            for field, value in said.items()
            if self.trailer.has(field)
        )

    def _file_of(self, bank: str, header: tuple[str, ...], answers: pl.DataFrame) -> ResultFile:
        batch_no, request_name, date_text = (
            header[self.header.at(name)] for name in ("batch no", "request file name", "date")
        )
        return ResultFile(bank, batch_no, request_name, parse_date(date_text) or date.min, answers)

    def _check_header(self, frame: Frame, name: str, bank: str, faults: list[Fault]) -> None:
        """The file's name, and the header against it and the bank it came from."""
        named = self.name_of(name)
        if named is None or named.bank != bank:
            expected = f"{self._file.name.replace('<bank>', bank)} with a real date"
            faults.append(Fault(None, "file name", FaultCode.NAME, expected, shown(name)))
        if frame.header is None:
            return
        at_fault = {fault.field for fault in self.header.record.faults(1, frame.header)}
        bank_found, date_found = frame.header[self.header.at("bank")], frame.header[self.header.at("date")]
        if "bank" not in at_fault and bank_found != bank:
            faults.append(Fault(1, "bank", FaultCode.NAME, bank, bank_found))
        if "date" not in at_fault and named is not None and date_found != named.day.isoformat():
            faults.append(Fault(1, "date", FaultCode.NAME, f"{named.day} as in the file name", date_found))


class _Charset:
    """Tells a file in GB18030 from one in UTF-8 (``line_file``). ``doubtful``: all that is beyond ASCII reads as UTF-8."""

    def __init__(self, encoding: Encoding) -> None:
        self._encoding = encoding
        self._native = encoding == "utf-8"  # nothing else reads as UTF-8
        self._foreign = False

    @property
    def doubtful(self) -> bool:
        return self._foreign and not self._native

    def look_at(self, lines: bytes) -> None:
        """Weighs lines; those that are no UTF-8 prove the file native."""
        if self._native or lines.isascii():
            return
        try:
            lines.decode("utf-8")
        except UnicodeDecodeError:
            self._native = True
        else:
            self._foreign = True

    def as_utf8(self, lines: bytes) -> bytes:
        """The lines in UTF-8; DoubtError when they are not in the encoding agreed."""
        if lines.isascii():
            return lines
        self.look_at(lines)
        try:
            return lines.decode(self._encoding).encode("utf-8")
        except UnicodeError as failure:
            raise DoubtError(f"no {self._encoding.upper()}") from failure


class _ResultReading:
    """The answers of one file and what they add up to, in fen."""

    def __init__(self, form: BankResults, faults: list[Fault]) -> None:
        self.answers: list[AnswerLine] = []
        self._form = form
        self._fields = itemgetter(*map(form.detail.at, _READ))
        self._faults = faults
        self._places: dict[int, int] = {}  # request line → line of this file
        self._paid_in_full = 0
        self._sums = [0] * len(SUMS)
        self._unread: set[str] = set()  # columns of which a line could not be read

    def take(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``D`` line."""
        line, instruction_no, unit, *amounts, code, reference = self._fields(fields)
        requested, deducted, p, u, i, m = map(self._form.detail.money, amounts)
        if not sound or requested is None or deducted is None or p is None or u is None or i is None or m is None:
            self._take_at_fault(number, fields, sound)
            return
        place, ours = int(line), self._form.codes[code]
        self._note_place(number, place)
        self._paid_in_full += ours == PAID_IN_FULL
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
                ours,
                reference,
            )
        )

    def check_trailer(self, frame: Frame) -> None:
        """The counts and sums of the ``T`` line, each as far as its column could be read in every line."""
        if frame.trailer is None:
            return
        form, number = self._form.trailer, frame.trailer_line
        at_fault = {fault.field for fault in form.record.faults(number, frame.trailer)}
        if "count" not in at_fault:
            frame.check_count(frame.trailer[form.at("count")], partial(form.printed, "count"))
        if frame.unreadable_details:
            return
        paid = "count paid in full"
        if form.has(paid) and paid not in at_fault and "code" not in self._unread:
            expected, found = form.printed(paid, self._paid_in_full), frame.trailer[form.at(paid)]
            if found != expected:
                self._note(number, paid, FaultCode.COUNT, expected, found)
        for name, total in zip(SUMS, self._sums, strict=True):
            declared = frame.trailer[form.at(name)]
            if name not in at_fault and name not in self._unread and form.money(declared) != total:
                self._note(number, name, FaultCode.CONTROL_TOTAL, form.printed(name, Fen(total)), declared)

    def _take_at_fault(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a line of which a column cannot be read; the others are counted still."""
        form = self._form.detail
        column_faults = form.record.faults(number, fields)
        if sound:
            self._faults += column_faults
        at_fault = {fault.field for fault in column_faults}
        line, _, _, *amounts, code, _ = self._fields(fields)
        if "line" not in at_fault:
            self._note_place(number, int(line))
        self._unread |= at_fault
        self._paid_in_full += self._form.codes.get(code) == PAID_IN_FULL
        for index, written in enumerate(amounts):
            self._sums[index] += form.money(written) or 0

    def _note_place(self, number: int, place: int) -> None:
        """Every requested line is answered once."""
        first = self._places.setdefault(place, number)
        if first != number:
            expected = f"a request line not answered in line {first} already"
            self._note(number, "line", FaultCode.DUPLICATE, expected, str(place))

    def _note(self, line: int, field: str, code: FaultCode, expected: str, found: str) -> None:
        self._faults.append(Fault(line, field, code, expected, found))
