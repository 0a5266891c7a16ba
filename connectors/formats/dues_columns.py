"""Dues files by columns: a million bills pass in parts, and only a file that is certainly right (contract section 2).

What is accepted here is accepted by ``connectors.formats.dues`` with the same values. A file in any doubt is for that
module to read, which alone says what is wrong with one.
"""

import hashlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

import polars as pl

from connectors.formats.agency_frame import read_header
from connectors.formats.column_file import ColumnFile, DoubtError, cut
from connectors.formats.dues import DETAIL, HEADER, LAYOUT, DuesReading, header_of
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame
from hub.domain.dues import DuesHeader, Mode
from hub.domain.dues_columns import DuesByColumns
from hub.domain.faults import Fault
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import BankCode, shard_of
from hub.domain.money import print_yuan
from hub.domain.money_columns import fen_of

__all__ = ["DoubtError", "DuesColumns", "open_dues"]

_TEXTS: Final = {
    "bill_no": "bill id",
    "unit": "unit",
    "unit_name": "unit name",
    "mode": "mode",
    "bank": "bank",
    "account": "account",
    "account_name": "account name",
}
_COLUMNS: Final = (
    pl.col("line").cast(pl.Int32),
    *(pl.col(name).alias(alias) for alias, name in _TEXTS.items()),
    *(fen_of(pl.col(name)) for name in (*FUND_NAMES, "total")),
    pl.col("refers to").replace("", None).alias("refers_to"),
)


def open_dues(name: str, data: BinaryIO) -> "DuesColumns":
    """The file with its header read, from where ``data`` stands; DoubtError when the name or the header is in doubt."""
    file = ColumnFile(data)
    faults: list[Fault] = []
    lines = [text for _, text in LineFile(BytesIO(file.head), "utf-8", faults)]
    fields = HEADER.read(lines[0]) if lines else None
    if fields is None:
        raise DoubtError("the header differs from its grammar")
    faults += HEADER.faults(1, fields)
    header = header_of(read_header(LAYOUT, fields, name, faults))
    if faults or header is None:
        raise DoubtError("the header is at fault")
    return DuesColumns(header, file)


class DuesColumns:
    """A dues file on its way through. Its totals are those of the parts handed out so far.

    Not before ``parts`` has come to its end is the file known to be right.
    """

    def __init__(self, header: DuesHeader, file: ColumnFile) -> None:
        self.header = header
        self._file = file
        self._digest = hashlib.sha256(file.head)
        self._rules = DuesByColumns(header)

    @property
    def count(self) -> int:
        return self._rules.count

    @property
    def amounts(self) -> FundAmounts:
        return self._rules.amounts

    @property
    def banks(self) -> set[BankCode]:
        """The banks that bills of mode ``B`` name."""
        return {bank for mode, bank in self._rules.totals if mode is Mode.BANK}

    def parts(self) -> Iterator[pl.DataFrame]:
        """The bills in the order of the file, once; DoubtError at the first thing that is not certainly right.

        Columns: line (i32), bill_no, unit, unit_name, mode, bank, account, account_name (text, '' when empty), pension,
        unemployment, injury, maternity, total (i64, fen), refers_to (text, null when empty), shard (i16).
        """
        for lines in self._file.parts():
            self._digest.update(lines)
            part = cut(DETAIL, lines).select(_COLUMNS)
            numbers = pl.int_range(self.count + 1, self.count + len(part) + 1, dtype=pl.Int32, eager=True)
            if not part["line"].equals(numbers):
                raise DoubtError("the lines do not count 1, 2, 3 …")
            if not self._rules.part_fits(part):
                raise DoubtError("a bill does not keep the rules of dues")
            shards = [shard_of(unit) for unit in part["unit"].to_list()]
            yield part.with_columns(pl.Series("shard", shards, pl.Int16))
        self._check_end()

    def _check_end(self) -> None:
        """The ``C`` lines and the ``T`` line, read line by line behind the header as if there were no ``D`` lines."""
        faults: list[Fault] = []
        reading, frame = DuesReading(faults), Frame(LAYOUT, faults)
        around = LineFile(BytesIO(self._file.head + self._file.tail), "utf-8", faults)
        frame.read(around, reading.take_bill, reading.take_control)
        before_trailer = self._file.tail.rfind(b"\n", 0, -1) + 1
        self._digest.update(self._file.tail[:before_trailer])
        said = (str(self.count), print_yuan(self.amounts.total), self._digest.hexdigest())
        if faults or frame.details or frame.trailer != said:
            raise DoubtError("the control lines or the trailer are in doubt")
        if not self._rules.whole_fits(reading.controls):
            raise DoubtError("a control line, a bill or a unit is in doubt")
