"""Deduction requests of profile ``pipe-gb18030``, hub to bank (银行扣款数据; contract section 3)."""

from collections.abc import Iterable, Iterator
from typing import BinaryIO, Final

import polars as pl

from connectors.formats.grammar import (
    ACCOUNT_NO,
    AMOUNT_TOTAL,
    BANK_CODE,
    FOUR_AMOUNTS,
    FOUR_SUMS,
    LINE,
    SEPARATOR,
    SUM_TOTAL,
    UNIT_NO,
    VERSION,
    Record,
    constant,
    count,
    day,
    digits,
    identifier,
    month,
    one_of,
    parse_date,
    text,
)
from connectors.formats.line_file import LineFile
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money import parse_yuan, print_yuan
from hub.domain.money_columns import added_up, yuan_of
from hub.domain.reconciliation import HASH_TOTAL_MODULUS, HASHED_DIGITS, NO_LINES, ControlTotals, hash_total
from hub.ports import BatchHeader, RequestLine, WrittenTotals

ENCODING: Final = "gb18030"  # GB18030-2005, as Python writes it; every character has one form, so names come back whole

HEADER: Final = Record(
    "H",
    constant("file type", "DEDUCT"),
    VERSION,
    BANK_CODE,
    identifier("batch no"),
    month("period"),
    one_of("round", ("1", "2"), FaultCode.GRAMMAR),
    day("date"),
    constant("currency", "CNY"),
)
DETAIL: Final = Record(
    "D",
    LINE,
    identifier("instruction id"),
    UNIT_NO,
    ACCOUNT_NO,
    text("account name"),
    *FOUR_AMOUNTS,
    AMOUNT_TOTAL,
    one_of("partial", ("P", "F"), FaultCode.GRAMMAR),
)
TRAILER: Final = Record("T", count("count"), *FOUR_SUMS, SUM_TOTAL, digits("hash total", 12))

_LINES_A_PART: Final = 50_000  # written in one go
_LINES_READ: Final = 1000  # added up in one go

_LINE: Final = pl.concat_str(
    pl.lit(DETAIL.record_type),
    pl.col("line").cast(pl.String),
    *("instruction_no", "unit", "account", "account_name"),
    *(yuan_of(pl.col(fund)) for fund in FUND_NAMES),
    yuan_of(pl.sum_horizontal(FUND_NAMES)),
    pl.when("partial").then(pl.lit("P")).when(~pl.col("partial")).then(pl.lit("F")),
    separator=SEPARATOR,
).alias("line")
"""The detail of a request line, without its LF; null when a column is."""


class UnreadableRequestError(HubError):
    """A bank request of ours cannot be read back."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        super().__init__(
            f"the request file differs from its grammar: {'; '.join(fault.message for fault in faults)}",
            advice="compare the file with the archive: hub verify",
        )


def write_request(header: BatchHeader, parts: Iterable[pl.DataFrame], out: BinaryIO) -> WrittenTotals:
    """Writes a request as a stream and returns the control totals of what was written (财表七).

    The lines must be numbered from 1 and their names free of separators and control characters, as the agency door
    lets them in; anything else is a broken assumption.
    """
    head = HEADER.print(
        "DEDUCT",
        "1",
        header.bank,
        header.batch_no,
        header.period,
        str(header.round),
        header.business_date.isoformat(),
        "CNY",
    )
    assert not HEADER.faults(1, HEADER.cut(head.removesuffix("\n"))), head
    out.write(head.encode(ENCODING))
    totals, hashed = NO_LINES, 0
    for part in (piece for each in parts for piece in each.iter_slices(_LINES_A_PART)):
        lines = part.select(_LINE)["line"]
        numbers = pl.int_range(totals.count + 1, totals.count + len(part) + 1, eager=True)
        good = (part["line"] == numbers) & lines.str.contains(DETAIL.exact)
        assert good.all(ignore_nulls=False) is True, _wrong(lines, good, totals.count)
        text: str = lines.str.join("\n").item()
        out.write(text.encode(ENCODING))
        out.write(b"\n")
        totals = totals.plus(ControlTotals(len(part), FundAmounts(*(added_up(part[fund]) for fund in FUND_NAMES))))
        hashed = (hashed + added_up(part["account"].str.tail(HASHED_DIGITS).cast(pl.Int64))) % HASH_TOTAL_MODULUS
    trailer = _print_trailer(totals, hashed)
    out.write(trailer.encode(ENCODING))
    return WrittenTotals(totals.count, totals.amounts, totals.total, hashed)


def _wrong(lines: pl.Series, good: pl.Series, before: int) -> str:
    """Names the first line that is not as a request has it."""
    place = int(good.fill_null(value=False).arg_min() or 0)
    return f"not line {before + place + 1} of a request: {lines[place]!r}"


def read_request(data: BinaryIO) -> tuple[BatchHeader, Iterator[RequestLine]]:
    """Reads a request back: the header at once, the lines as they are asked for.

    UnreadableRequestError at the first thing that is not as we write it, the trailer's totals at the end among them.
    """
    faults: list[Fault] = []
    lines = iter(LineFile(data, ENCODING, faults))
    number, line = next(lines, (1, ""))
    fields = _read(HEADER, number, line, faults)
    _, _, bank, batch_no, period, round_no, date_text, _ = fields
    business_date = parse_date(date_text)
    assert business_date is not None, "the header has passed its grammar"
    return BatchHeader(bank, batch_no, period, int(round_no), business_date), _read_lines(lines, faults)


def _read_lines(lines: Iterator[tuple[int, str]], faults: list[Fault]) -> Iterator[RequestLine]:
    totals, hashed = NO_LINES, 0
    for part in _parts(lines):
        read = [_read_line(number, line, faults) for number, line in part if line.startswith("D|")]
        totals = totals.plus(ControlTotals.of(line.amounts for line in read))
        hashed = (hashed + hash_total(line.account for line in read)) % HASH_TOTAL_MODULUS
        yield from read
        if len(read) != len(part):
            _read_trailer(*part[-1], totals, hashed, faults)
            break
    else:
        raise UnreadableRequestError([Fault(None, "trailer", FaultCode.TRAILER_MISSING, "a T line", "")])
    for number, line in lines:
        raise UnreadableRequestError([Fault(number, "record type", FaultCode.RECORD_TYPE, "end of file", line[:2])])
    if faults:
        raise UnreadableRequestError(faults)


def _parts(lines: Iterator[tuple[int, str]]) -> Iterator[list[tuple[int, str]]]:
    """The lines in parts of bounded size; a part ends early at a line that is no detail."""
    part: list[tuple[int, str]] = []
    for numbered in lines:
        part.append(numbered)
        if len(part) == _LINES_READ or not numbered[1].startswith("D|"):
            yield part
            part = []
    if part:
        yield part


def _read_line(number: int, line: str, faults: list[Fault]) -> RequestLine:
    """One ``D`` line, checked as strictly as it was written."""
    fields = DETAIL.read(line)
    if fields is not None and not faults:
        place, instruction_no, unit, account, account_name, p, u, i, m, total, partial = fields
        pension, unemployment, injury, maternity = parse_yuan(p), parse_yuan(u), parse_yuan(i), parse_yuan(m)
        if not (pension is None or unemployment is None or injury is None or maternity is None):
            amounts = FundAmounts(pension, unemployment, injury, maternity)
            if int(place) == number - 1 and amounts.total == parse_yuan(total):
                return RequestLine(int(place), instruction_no, unit, account, account_name, amounts, partial == "P")
    found = faults + DETAIL.faults(number, DETAIL.cut(line))
    raise UnreadableRequestError(
        found or [Fault(number, "D", FaultCode.SUM, "its place and the sum of its funds", line)]
    )


def _read_trailer(number: int, line: str, totals: ControlTotals, hashed: int, faults: list[Fault]) -> None:
    expected = _print_trailer(totals, hashed).removesuffix("\n")
    if line != expected:
        raise UnreadableRequestError([*faults, Fault(number, "T", FaultCode.CONTROL_TOTAL, expected, line)])


def _read(record: Record, number: int, line: str, faults: list[Fault]) -> tuple[str, ...]:
    """The columns of a line that keeps its grammar."""
    fields = record.cut(line)
    if not line.startswith(record.record_type + SEPARATOR):
        faults.append(Fault(number, "record type", FaultCode.RECORD_TYPE, record.record_type, line[:2]))
    faults += record.faults(number, fields)
    if faults:
        raise UnreadableRequestError(faults)
    return fields


def _print_trailer(totals: ControlTotals, hashed: int) -> str:
    sums = [print_yuan(amount) for amount in (*totals.amounts, totals.total)]
    return TRAILER.print(str(totals.count), *sums, f"{hashed:012d}")
