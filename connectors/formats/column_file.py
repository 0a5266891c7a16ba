"""Reads the detail lines of a line file by columns, in parts of bounded size, and what stands around them line by line.

Only what is certainly right passes. Whoever meets a doubt reads the file again line by line (``line_file``,
``sections``), which finds every fault and words it.
"""

from collections.abc import Iterator
from typing import BinaryIO, Final

import polars as pl

from connectors.formats.grammar import SEPARATOR, Record
from connectors.formats.line_file import MAX_LINE_BYTES

PART_BYTES: Final = 4 << 20
"""About so many bytes are cut into columns at once; they take some ten times the memory on their way."""

_TAIL_BYTES: Final = 1 << 20  # what may follow the details: some control lines and the trailer
_DETAIL: Final = "D|"


class DoubtError(Exception):
    """The file is not certainly right; read line by line it is right after all, or says what is wrong."""


class ColumnFile:
    """The bytes of one file: its first line, its details in parts, and, after the last part, what follows them.

    Lines stay whole, and no line but a detail stands in the parts of a file that is right.
    """

    def __init__(self, data: BinaryIO, mark: str = _DETAIL) -> None:
        """``mark``: what a detail line begins with."""
        self.head = data.readline(MAX_LINE_BYTES)
        self.tail = b""
        self._data = data
        self._mark = mark.encode("ascii")

    def parts(self) -> Iterator[bytes]:
        """Once, from front to back."""
        while part := self._data.read(PART_BYTES):
            part += self._data.readline(MAX_LINE_BYTES)
            last = part.rfind(b"\n", 0, -1) + 1
            if part.startswith(self._mark, last):
                yield part
                continue
            last_detail = part.rfind(b"\n" + self._mark) + 1
            details = part.find(b"\n", last_detail) + 1 if part.startswith(self._mark, last_detail) else 0
            if details:
                yield part[:details]
            self.tail = part[details:] + self._data.read(_TAIL_BYTES)
            if len(self.tail) > _TAIL_BYTES:
                raise DoubtError("too much follows the details")
            return


def cut(record: Record, part: bytes) -> pl.DataFrame:
    """The texts of lines in UTF-8 by column name; DoubtError unless every line keeps the record's grammar.

    Every byte of the part is in one column or is a separator or a line end: nothing is trimmed, padded or left out.
    """
    if not part.startswith(
        _DETAIL.encode("ascii")
    ):  # other beginnings mean other things to Polars: compressed, with a byte order mark
        raise DoubtError("no detail line")
    try:
        lines = pl.read_lines(part)["line"]
        sizes = lines.str.len_bytes()
        whole = sizes.sum() + len(lines) == len(part) and part.endswith(b"\n")
        if not whole or not _all(sizes < MAX_LINE_BYTES) or not _all(lines.str.contains(record.exact)):
            raise DoubtError("a line differs from its grammar")
        texts = pl.read_csv(
            part,
            has_header=False,
            separator=SEPARATOR,
            quote_char=None,
            empty_string_is_null=False,
            schema=dict.fromkeys(("record type", *(column.name for column in record.columns)), pl.String),
        )
    except (pl.exceptions.PolarsError, OSError) as failure:
        raise DoubtError("no lines of text") from failure
    size = texts.select(pl.sum_horizontal(pl.all().str.len_bytes().sum())).item() + len(texts) * texts.width
    if len(texts) != len(lines) or size != len(part):
        raise DoubtError("the columns are not the lines")
    for column in record.columns:
        value = column.value
        if value is not None and not column.exact and any(value(text) is None for text in texts[column.name].unique()):
            raise DoubtError(f"no {column.name}")
    return texts


def _all(truths: pl.Series) -> bool:
    return truths.all(ignore_nulls=False) is True
