"""Records of fixed width: fields that are told apart by their place, counted in bytes (profiles of kind ``fixed``)."""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Final

import polars as pl

from connectors.formats.column_file import DoubtError
from connectors.formats.grammar import Column, Record
from connectors.formats.profile_file import Encoding
from hub.domain.faults import Fault, FaultCode

PADDING: Final = " "
_LOST: Final = re.compile("[\udc80-\udcff]")  # bytes that are no character, as "surrogateescape" keeps them


class FixedRecord(Record):
    """One kind of line: its record type, and its columns with so many bytes each.

    Lines come as their bytes, a character each (``LineFile`` by bytes), and are cut before they are decoded: a
    character that lies across the edge of a field is a fault of that field. Spaces at the end of a field are padding.
    """

    def __init__(self, record_type: str, columns: Sequence[Column], widths: Sequence[int], encoding: Encoding) -> None:
        super().__init__(record_type, *columns)
        self.mark = record_type
        self.widths = tuple(widths)
        self.edges = tuple(pairwise(accumulate(self.widths, initial=len(record_type))))
        self.width = len(record_type) + sum(self.widths)
        self._encoding = encoding
        self._patterns = [re.compile(column.pattern, re.ASCII) for column in columns]

    def read(self, line: str) -> tuple[str, ...] | None:
        fields = self.cut(line)
        if len(fields) != len(self.columns) or not line.startswith(self.mark):
            return None
        fit = all(pattern.fullmatch(field) for pattern, field in zip(self._patterns, fields, strict=True))
        return fields if fit and not any(map(_LOST.search, fields)) else None

    def cut(self, line: str) -> tuple[str, ...]:
        """The texts of the fields without their padding; of a line of another width only how wide it is."""
        raw = line.encode("latin-1")
        if len(raw) != self.width:
            return (f"{len(raw)} bytes",)
        padding, encoding = PADDING.encode("ascii"), self._encoding
        return tuple(raw[start:end].rstrip(padding).decode(encoding, "surrogateescape") for start, end in self.edges)

    def pieces(self, raw: bytes) -> list[bytes]:
        """The bytes of a line cut at the edges of its fields, whatever they hold and however many there are."""
        edges = [0, *(start for start, _ in self.edges), self.width]
        return [raw[start:end] for start, end in pairwise([*edges, max(len(raw), self.width)])]

    def faults(self, number: int, fields: Sequence[str]) -> list[Fault]:
        if len(fields) != len(self.columns):
            found = "".join(fields)
            return [Fault(number, self.record_type, FaultCode.COLUMNS, f"a line of {self.width} bytes", found)]
        found_faults = (self._fault(number, at, field) for at, field in enumerate(fields))
        return [fault for fault in found_faults if fault is not None]

    def _fault(self, number: int, at: int, field: str) -> Fault | None:
        column = self.columns[at]
        if _LOST.search(field):
            expected = f"whole characters of {self._encoding.upper()} in {self.widths[at]} bytes"
            found = field.encode(self._encoding, "surrogateescape").hex(" ").upper()
            return Fault(number, column.name, FaultCode.ENCODING, expected, found)
        return column.fault(number, field)

    def print(self, *fields: str) -> str:
        """The line, LF at its end, of ASCII fields. A field that is wider than its place is a broken assumption."""
        assert len(fields) == len(self.columns), f"{self.record_type}: {len(fields)} fields for {len(self.columns)}"
        for column, width, field in zip(self.columns, self.widths, fields, strict=True):
            assert field.isascii() and len(field) <= width, f"{column.name} has no room in {width} bytes: {field!r}"
        return "".join([self.record_type, *map(str.ljust, fields, self.widths)]) + "\n"


def cut_by_width(record: FixedRecord, part: bytes, encoding: Encoding) -> pl.DataFrame:
    """The texts of lines by column name, without padding; DoubtError unless every line keeps the record's grammar."""
    plain = part.isascii()
    try:
        lines = pl.read_lines(part if plain else part.decode("latin-1").encode("utf-8"))["line"]
    except (pl.exceptions.PolarsError, OSError) as failure:
        raise DoubtError("no lines of text") from failure
    whole = len(lines) * (record.width + 1) == len(part) and part.endswith(b"\n")
    wide = (lines.str.len_chars() == record.width) & lines.str.starts_with(record.mark)
    if not whole or not wide.all(ignore_nulls=False):
        raise DoubtError("a line is wider or narrower than its fields")
    texts = lines.to_frame().select(
        pl.col("line").str.slice(start, end - start).str.strip_chars_end(PADDING).alias(column.name)
        for column, (start, end) in zip(record.columns, record.edges, strict=True)
    )
    if not plain:
        texts = texts.with_columns(_decoded(texts[column.name], encoding) for column in record.columns)
    fit = [
        pl.col(column.name).str.contains(rf"\A(?:{column.exact or column.pattern})\z").all()
        for column in record.columns
    ]
    if texts.select(pl.all_horizontal(fit)).item() is not True:
        raise DoubtError("a field differs from its grammar")
    for column in record.columns:
        value = column.value
        if value is not None and not column.exact and any(value(text) is None for text in texts[column.name].unique()):
            raise DoubtError(f"no {column.name}")
    return texts


def _decoded(column: pl.Series, encoding: Encoding) -> pl.Series:
    """Fields as their characters; DoubtError when their bytes are not whole characters."""
    if not column.str.contains(r"[^\x00-\x7f]").any():
        return column
    try:
        return pl.Series(column.name, [text.encode("latin-1").decode(encoding) for text in column], pl.String)
    except UnicodeDecodeError as failure:
        raise DoubtError("no whole characters") from failure
