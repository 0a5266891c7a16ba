"""Requests of the profile iso20022 (pain.008.001.08): written as a stream, read back whole, read by the bank the same."""

import tracemalloc
from collections.abc import Iterator
from datetime import date
from tempfile import TemporaryFile
from typing import BinaryIO, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.iso20022 import record_columns, request
from connectors.formats.iso20022.names import IncomingName, end_to_end_id_of, instruction_no_of
from connectors.formats.iso20022.request import UnreadableDocumentError, UnwritableRequestError
from hub.domain.money import MAX_AMOUNT
from hub.domain.result_numbers import ResultNumber
from hub.ports import RequestLine
from tests.connectors.formats.iso20022.papers import (
    HEADER,
    LINES,
    NAME,
    PROFILE,
    REQUEST_COLUMNS,
    at_the_bank,
    bills,
    frames_of,
    line,
    read,
    request_lines,
    written,
)


@settings(deadline=None)
@given(request_lines())
def test_a_request_reads_back_as_written(lines: list[RequestLine]) -> None:
    content, totals = written(lines)
    assert read(content) == (HEADER, lines)
    assert totals.lines == len(lines)
    assert totals.amounts == tuple(sum(each.amounts[fund] for each in lines) for fund in range(4))
    assert totals.total == sum(each.amounts.total for each in lines)
    assert totals.hash_total == sum(int(each.account[-10:]) for each in lines) % 10**12


@settings(max_examples=50, deadline=None)
@given(request_lines())
def test_the_bank_reads_what_the_hub_asked(lines: list[RequestLine]) -> None:
    taken = at_the_bank(lines)
    assert (taken.bank, taken.batch, taken.period, taken.round, taken.day) == HEADER
    assert [(*each[:5], each.wanted, each.may_be_part) for each in taken.lines] == [
        (*each[:5], tuple(each.amounts), each.partial) for each in lines
    ]


@given(st.lists(st.tuples(bills, st.sampled_from("12")), min_size=1))
def test_an_instruction_id_is_told_from_its_end_to_end_id(numbers: list[tuple[str, str]]) -> None:
    ids = pl.Series([f"{bill}-{round_no}" for bill, round_no in numbers])
    short = pl.select(end_to_end_id_of(pl.lit(ids))).to_series()
    assert short.str.len_chars().max() <= 35
    assert [instruction_no_of(each) for each in short] == ids.to_list()


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (line(3, number="A" * 33 + "--1"), "instruction id"),
        (line(3, name="名" * 141), "account name"),
        (line(3, name="名\uffff"), "U\\+FFFF"),
    ],
)
def test_what_iso_20022_has_no_room_for_is_refused_by_its_line(wrong: RequestLine, what: str) -> None:
    with pytest.raises(UnwritableRequestError, match=f"line 3 .*{what}"):
        written([line(1), line(2), wrong, line(4)])


@pytest.mark.parametrize(
    "wrong",
    [
        {"line": 2}, {"line": 0}, {"instruction_no": "b-1"}, {"instruction_no": "B"}, {"unit": "1１0105000001"},
        {"account": "020000410"}, {"account_name": ""}, {"account_name": "名|名"}, {"account_name": "名\n"},
        {"account_name": None}, {"partial": None}, {"pension": None}, {"pension": -1}, {"pension": MAX_AMOUNT + 1},
        {"maternity": MAX_AMOUNT},
    ],
    ids=str,
)  # fmt: skip
def test_a_line_that_breaks_its_grammar_is_never_written(wrong: dict[str, object]) -> None:
    [good] = frames_of([line(1)])
    with TemporaryFile() as out:
        PROFILE.write_request(HEADER, [good], cast(BinaryIO, out))
        bad = good.with_columns(pl.lit(value, REQUEST_COLUMNS[name]).alias(name) for name, value in wrong.items())
        with pytest.raises(AssertionError):
            PROFILE.write_request(HEADER, [bad], cast(BinaryIO, out))


def test_a_file_that_asks_nothing_is_never_written() -> None:
    with pytest.raises(AssertionError):
        written([])


def test_a_request_cut_at_any_byte_cannot_be_read_as_whole() -> None:
    content, _ = written(LINES)
    assert content.endswith(b"</Document>\n")
    assert read(content[:-1])[1] == LINES
    for length in range(len(content) - 1):
        with pytest.raises(UnreadableDocumentError):
            read(content[:length])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("8800.00<", "8800.01<"),  # the sum of the funds
        ("<InstrId>2<", "<InstrId>3<"),
        ("<NbOfTxs>4<", "<NbOfTxs>5<"),
        ("<PmtInfId>ICBC-20261202-0001<", "<PmtInfId>ICBC-20261202-0002<"),
        ("T00:00:00", "T00:00:01"),
        ("<ReqdColltnDt>2026-12-02<", "<ReqdColltnDt>2026-12-32<"),
        ("<ReqdColltnDt>2026-12-02<", "<ReqdColltnDt>2026-12-03<"),
        ('Ccy="CNY"', 'Ccy="USD"'),
        ("<Prtry>2026-12-1<", "<Prtry>2026-13-1<"),
        ("<Nb>PENSION<", "<Nb>INJURY<"),
        ("FULL<", "HALF<"),
        ("<CtrlSum>9620.41<", "<CtrlSum>9620.42<"),
        ("pain.008.001.08", "pain.008.001.02"),
    ],
)
def test_a_damaged_request_is_an_error(old: str, new: str) -> None:
    text = written(LINES)[0].decode()
    assert old in text
    with pytest.raises(UnreadableDocumentError):
        read(text.replace(old, new, 1).encode())


def many_lines(count: int, at_once: int = 1000) -> Iterator[pl.DataFrame]:
    """As the books hand them out: part after part, none kept."""
    [one] = frames_of([line(1)])
    for first in range(1, count + 1, at_once):
        places = pl.int_range(first, min(first + at_once, count + 1), eager=True, dtype=pl.Int32)
        yield pl.concat([one] * len(places)).with_columns(
            places.alias("line"),
            pl.concat_str(pl.lit("B-"), places.cast(pl.String), pl.lit("-1")).alias("instruction_no"),
        )


def python_peak(count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes that Python holds at most while it writes and reads back that many lines."""
    monkeypatch.setattr(request, "_SPOOL_BYTES", 1 << 16)
    monkeypatch.setattr(request, "_LINES_A_PART", 500)
    monkeypatch.setattr(record_columns, "PART_BYTES", 1 << 16)
    tracemalloc.start()
    with TemporaryFile() as file:
        out = cast(BinaryIO, file)
        assert PROFILE.write_request(HEADER, many_lines(count), out).lines == count
        out.seek(0)
        assert sum(1 for _ in PROFILE.read_request(out)[1]) == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_does_not_grow_with_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    python_peak(500, monkeypatch)  # what is built once
    few, many = python_peak(1000, monkeypatch), python_peak(8000, monkeypatch)
    assert many < few * 3 // 2, f"{few} bytes for 1,000 lines, {many} for 8,000"


def test_names_of_files() -> None:
    assert PROFILE.request_name("ICBC", date(2026, 12, 2), 1) == NAME
    assert IncomingName.parse("PAIN002_ICBC_20261203_0001.xml") == ("PAIN002", "ICBC", date(2026, 12, 3), 1)
    assert IncomingName.parse("PAIN002_ICBC_20260230_0001.xml") is None
    assert PROFILE.ok_text("ab", 7) == b"ab 7\n"
    assert PROFILE.ok_agrees(b"ab 7\n", "ab", 7) and not PROFILE.ok_agrees(b"ab 7", "ab", 7)


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("PAIN002_ICBC_20261203_0001.xml", True),
        ("CAMT054_ICBC_20261203_0001.xml", False),  # a change
        ("PAIN002_ICBC_20261203_0001.xml.ok", False),
        ("PAIN008_ICBC_20261202_0001.xml", False),
        ("PAIN002_CCB_20261203_0001.xml", True),  # refused by its contents check, not passed over
        ("PAIN002_ICBC_20261232_0001.xml", True),
        ("PAIN002_ICBC_20261203_0001.xml.tmp", False),
        ("HD_ICBC_20261203_0001.txt", False),
    ],
)
def test_what_claims_to_be_a_result(name: str, result: bool) -> None:
    assert PROFILE.is_result_name(name, "ICBC") is result


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("PAIN002_ICBC_20261203_0017.xml", ResultNumber(date(2026, 12, 3), 17)),
        ("PAIN002_CCB_20261203_0017.xml", None),
        ("PAIN002_ICBC_20261232_0017.xml", None),
        ("CAMT054_ICBC_20261203_0017.xml", None),  # of another series
        ("PAIN002_ICBC_20261203.xml", None),
    ],
)
def test_the_banks_number_of_a_result(name: str, number: ResultNumber | None) -> None:
    assert PROFILE.result_number(name, "ICBC") == number
