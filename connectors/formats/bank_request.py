"""Deduction requests as lines, hub to bank (银行扣款数据; contract section 3), in the form a profile gives them."""

import re
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import BinaryIO, Final

import polars as pl

from connectors.formats.fixed_record import PADDING, FixedRecord
from connectors.formats.grammar import Column, parse_date, text
from connectors.formats.line_file import LineFile
from connectors.formats.profile_file import FieldSpec, Profile
from connectors.formats.profile_records import Form
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money_columns import added_up
from hub.domain.reconciliation import HASH_TOTAL_MODULUS, HASHED_DIGITS, NO_LINES, ControlTotals, hash_total
from hub.ports import BatchHeader, RequestLine, WrittenTotals

_LINES_A_PART: Final = 50_000  # written in one go
_LINES_READ: Final = 1000  # added up in one go

_COLUMNS: Final = {
    "line": pl.col("line"),
    "instruction id": pl.col("instruction_no"),
    "unit": pl.col("unit"),
    "account": pl.col("account"),
    "account name": pl.col("account_name"),
    **{fund: pl.col(fund) for fund in FUND_NAMES},
    "total": pl.sum_horizontal(FUND_NAMES),
    "partial": pl.when("partial").then(pl.lit("P")).when(~pl.col("partial")).then(pl.lit("F")),
}
"""The fields of a request line out of the columns of its frame; null when a column is."""
_READ: Final = ("line", "instruction id", "unit", "account", "account name", *FUND_NAMES, "total", "partial")
_CARRIED: Final = "account name as carried"


class UnreadableRequestError(HubError):
    """A bank request of ours cannot be read back."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__(
            f"the request file differs from its grammar: {'; '.join(fault.message for fault in faults)}",
            advice="compare the file with the archive: hub verify",
        )


class BankRequests:
    """The requests of one profile."""

    def __init__(self, profile: Profile) -> None:
        self._encoding = profile.encoding
        self._header = Form(profile, "request.header")
        self._detail = Form(profile, "request.detail")
        self._trailer = Form(profile, "request.trailer")
        self._by_bytes = profile.fixed
        self._lines = _FixedLines(profile, self._detail) if profile.fixed else _DelimitedLines(profile, self._detail)
        self._fields = itemgetter(*map(self._detail.at, _READ))

    @property
    def forms(self) -> tuple[Form, ...]:
        return self._header, self._detail, self._trailer

    def pieces(self, line: bytes) -> list[str]:
        """A line for people, cut at the edges of its fields; joined, the pieces are the line."""
        record = self._detail.record
        if isinstance(record, FixedRecord) and line.startswith(record.mark.encode("ascii")):
            return [each.decode(self._encoding, "backslashreplace") for each in record.pieces(line)]
        return re.split(r"(\|)", line.decode(self._encoding, "backslashreplace"))

    def carried_name(self, name: str) -> str:
        """An account name as it comes back out of a request."""
        return self._lines.carried_name(name)

    def write(self, header: BatchHeader, parts: Iterable[pl.DataFrame], out: BinaryIO) -> WrittenTotals:
        """Writes a request as a stream and returns the control totals of what was written (财表七).

        The lines must be numbered from 1 and their names free of separators and control characters, as the agency door
        lets them in; anything else is a broken assumption.
        """
        head = self._header.print(
            {
                "bank": header.bank,
                "batch no": header.batch_no,
                "period": header.period,
                "round": header.round,
                "date": header.business_date.isoformat(),
            }
        )
        record = self._header.record
        assert not record.faults(1, record.cut(head.removesuffix("\n"))), head
        out.write(head.encode(self._encoding))
        totals, hashed = NO_LINES, 0
        for part in (piece for each in parts for piece in each.iter_slices(_LINES_A_PART)):
            out.write(self._lines.written(part, totals.count))
            out.write(b"\n")
            totals = totals.plus(ControlTotals(len(part), FundAmounts(*(added_up(part[fund]) for fund in FUND_NAMES))))
            hashed = (hashed + added_up(part["account"].str.tail(HASHED_DIGITS).cast(pl.Int64))) % HASH_TOTAL_MODULUS
        out.write(self._print_trailer(totals, hashed).encode(self._encoding))
        return WrittenTotals(totals.count, totals.amounts, totals.total, hashed)

    def read(self, data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
        """Reads a request back: the header at once, the lines as they are asked for.

        UnreadableRequestError at the first thing that is not as we write it, the trailer's totals at the end among them.
        """
        faults: list[Fault] = []
        lines = iter(LineFile(data, self._encoding, faults, by_bytes=self._by_bytes))
        number, line = next(lines, (1, ""))
        fields = self._read_header(number, line, faults)
        bank, batch_no, period, round_no, date_text = (
            fields[self._header.at(name)] for name in ("bank", "batch no", "period", "round", "date")
        )
        business_date = parse_date(date_text)
        assert business_date is not None, "the header has passed its grammar"
        return BatchHeader(bank, batch_no, period, int(round_no), business_date), self._read_lines(lines, faults)

    def _read_header(self, number: int, line: str, faults: list[Fault]) -> tuple[str, ...]:
        """The columns of a first line that keeps its grammar."""
        record = self._header.record
        fields = record.cut(line)
        if not line.startswith(record.mark):
            found = line[: len(record.mark)]
            faults.append(Fault(number, "record type", FaultCode.RECORD_TYPE, record.record_type, found))
        faults += record.faults(number, fields)
        if faults:
            raise UnreadableRequestError(faults)
        return fields

    def _read_lines(self, lines: Iterator[tuple[int, str]], faults: list[Fault]) -> Iterator[RequestLine]:
        mark = self._detail.record.mark
        totals, hashed = NO_LINES, 0
        for part in _parts(lines, mark):
            read = [self._read_line(number, line, faults) for number, line in part if line.startswith(mark)]
            totals = totals.plus(ControlTotals.of(line.amounts for line in read))
            hashed = (hashed + hash_total(line.account for line in read)) % HASH_TOTAL_MODULUS
            yield from read
            if len(read) != len(part):
                self._read_trailer(*part[-1], totals, hashed, faults)
                break
        else:
            raise UnreadableRequestError([Fault(None, "trailer", FaultCode.TRAILER_MISSING, "a T line", "")])
        for number, line in lines:
            found = line[: len(mark)]
            raise UnreadableRequestError([Fault(number, "record type", FaultCode.RECORD_TYPE, "end of file", found)])
        if faults:
            raise UnreadableRequestError(faults)

    def _read_line(self, number: int, line: str, faults: list[Fault]) -> RequestLine:
        """One ``D`` line, checked as strictly as it was written."""
        record, money = self._detail.record, self._detail.money
        fields = record.read(line)
        if fields is not None and not faults:
            place, instruction_no, unit, account, account_name, p, u, i, m, total, partial = self._fields(fields)
            pension, unemployment, injury, maternity = money(p), money(u), money(i), money(m)
            if not (pension is None or unemployment is None or injury is None or maternity is None):
                amounts = FundAmounts(pension, unemployment, injury, maternity)
                if int(place) == number - 1 and amounts.total == money(total):
                    return RequestLine(int(place), instruction_no, unit, account, account_name, amounts, partial == "P")
        found = faults + record.faults(number, record.cut(line))
        raise UnreadableRequestError(
            found or [Fault(number, "D", FaultCode.SUM, "its place and the sum of its funds", line)]
        )

    def _read_trailer(self, number: int, line: str, totals: ControlTotals, hashed: int, faults: list[Fault]) -> None:
        expected = self._print_trailer(totals, hashed).removesuffix("\n")
        if line != expected:
            raise UnreadableRequestError([*faults, Fault(number, "T", FaultCode.CONTROL_TOTAL, expected, line)])

    def _print_trailer(self, totals: ControlTotals, hashed: int) -> str:
        sums = dict(zip(FUND_NAMES, totals.amounts, strict=True))
        return self._trailer.print({"count": totals.count, **sums, "total": totals.total, "hash total": hashed})


class _DelimitedLines:
    """Request lines whose fields are split by a separator."""

    def __init__(self, profile: Profile, detail: Form) -> None:
        self._encoding = profile.encoding
        self._record = detail.record
        separator = profile.separator
        assert separator is not None, "a delimited profile has its separator"
        texts = (_text(detail, spec) for spec in detail.fields)
        self._line = pl.concat_str(pl.lit(detail.record.record_type), *texts, separator=separator).alias("line")

    def carried_name(self, name: str) -> str:
        return name

    def written(self, part: pl.DataFrame, before: int) -> bytes:
        """The lines of a part that follows so many, without the last LF."""
        lines = part.select(self._line)["line"]
        good = (part["line"] == _numbers(part, before)) & lines.str.contains(self._record.exact)
        assert good.all(ignore_nulls=False) is True, _wrong(lines, good, before)
        text: str = lines.str.join("\n").item()
        return text.encode(self._encoding)


class _FixedLines:
    """Request lines whose fields have so many bytes each.

    They are put together as their bytes, a character each (Latin-1), so that a width is one of bytes.
    """

    def __init__(self, profile: Profile, detail: Form) -> None:
        self._encoding = profile.encoding
        name = detail.fields[detail.at("account name")]
        assert isinstance(detail.record, FixedRecord) and name.width is not None, "a fixed profile has its widths"
        self._name_width, self._cut = name.width, name.too_long == "cut"
        texts = [_text(detail, spec) for spec in detail.fields]
        self._fits = pl.all_horizontal(
            each.str.contains(_exactly(text("account name") if spec is name else column))
            for spec, each, column in zip(detail.fields, texts, detail.record.columns, strict=True)
        ).alias("fits")
        self._shown = pl.concat_str(texts, separator=PADDING, ignore_nulls=True).alias("line")
        self._line = pl.concat_str(
            pl.lit(detail.record.record_type),
            *(
                pl.col(_CARRIED) if spec is name else each.str.pad_end(spec.width or 0, PADDING)
                for spec, each in zip(detail.fields, texts, strict=True)
            ),
        ).alias("line")

    def carried_name(self, name: str) -> str:
        return self._encoded(name).rstrip(PADDING.encode("ascii")).decode(self._encoding)

    def written(self, part: pl.DataFrame, before: int) -> bytes:
        """The lines of a part that follows so many, without the last LF."""
        good = (part["line"] == _numbers(part, before)) & part.select(self._fits)["fits"]
        assert good.all(ignore_nulls=False) is True, _wrong(part.select(self._shown)["line"], good, before)
        width = self._name_width
        names = [self._encoded(name).ljust(width).decode("latin-1") for name in part["account_name"]]
        lines = part.with_columns(pl.Series(_CARRIED, names, pl.String)).select(self._line)["line"]
        joined: str = lines.str.join("\n").item()
        return joined.encode("latin-1")

    def _encoded(self, name: str) -> bytes:
        """The bytes of a name, no more than its field has, and never part of a character."""
        raw = name.encode(self._encoding)
        if len(raw) <= self._name_width:
            return raw
        assert self._cut, f"an account name has no room in {self._name_width} bytes: {len(raw)} bytes"
        kept = name[: self._name_width]
        while len(raw) > self._name_width:
            kept = kept[:-1]
            raw = kept.encode(self._encoding)
        return raw


def _text(detail: Form, spec: FieldSpec) -> pl.Expr:
    return pl.lit(spec.text) if spec.field == "constant" else detail.text_column(spec, _COLUMNS[spec.field])


def _exactly(column: Column) -> str:
    return rf"\A(?:{column.exact or column.pattern})\z"


def _numbers(part: pl.DataFrame, before: int) -> pl.Series:
    """What the lines of a part must be numbered."""
    return pl.int_range(before + 1, before + len(part) + 1, eager=True)


def _wrong(lines: pl.Series, good: pl.Series, before: int) -> str:
    """Names the first line that is not as a request has it."""
    place = int(good.fill_null(value=False).arg_min() or 0)
    return f"not line {before + place + 1} of a request: {lines[place]!r}"


def _parts(lines: Iterator[tuple[int, str]], mark: str) -> Iterator[list[tuple[int, str]]]:
    """The lines in parts of bounded size; a part ends early at a line that is no detail."""
    part: list[tuple[int, str]] = []
    for numbered in lines:
        part.append(numbered)
        if len(part) == _LINES_READ or not numbered[1].startswith(mark):
            yield part
            part = []
    if part:
        yield part
