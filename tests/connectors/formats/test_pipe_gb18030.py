"""Bank profile pipe-gb18030 (contract sections 3 and 4): requests out, results in."""

import io
import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import PROFILES
from connectors.formats.bank_request import UnreadableRequestError
from hub.domain.bank_results_columns import lines_of
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money import MAX_AMOUNT, Fen
from hub.domain.result_numbers import ResultNumber
from hub.ports import BatchHeader, Refused, RequestLine, ResultFile

GOOD = Path(__file__).parents[2] / "golden" / "bank" / "good"
REQUEST = GOOD / "DK_ICBC_20261202_0001.txt"
RESULT = GOOD / "HD_ICBC_20261203_0001.txt"
PROFILE = PROFILES["pipe-gb18030"]

RARE_NAMES = {"䶮": "fe9f", "𠮷": "9534b235", "\ue81e": "fe59", "鰘": "f67c"}
"""Names a bank's GBK program stumbles over; the last one ends in the byte of the separator."""

digits = st.characters(min_codepoint=0x30, max_codepoint=0x39)
names = st.text(
    st.one_of(st.sampled_from("".join(RARE_NAMES)), st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|")),
    min_size=1,
    max_size=20,
)  # fmt: skip
fen = st.integers(0, MAX_AMOUNT // 4).map(Fen)


@st.composite
def request_lines(draw: st.DrawFn) -> list[RequestLine]:
    return [
        RequestLine(
            place,
            draw(st.text(st.sampled_from("AZ09-"), min_size=1, max_size=34)) + "-1",
            draw(st.text(digits, min_size=12, max_size=12)),
            draw(st.text(digits, min_size=10, max_size=32)),
            draw(names),
            FundAmounts(draw(fen), draw(fen), draw(fen), draw(fen)),
            draw(st.booleans()),
        )
        for place in range(1, draw(st.integers(0, 6)) + 1)
    ]


HEADER = BatchHeader("ICBC", "ICBC-2026-12-1-001", "2026-12", 1, date(2026, 12, 2))
REQUEST_COLUMNS: dict[str, type[pl.DataType]] = (
    {"line": pl.Int32}
    | dict.fromkeys(("instruction_no", "unit", "account", "account_name"), pl.String)
    | dict.fromkeys(FUND_NAMES, pl.Int64)
    | {"partial": pl.Boolean}
)


def parts_of(lines: Iterable[RequestLine], at_once: int = 3) -> Iterator[pl.DataFrame]:
    """Request lines as the columns they are written from."""
    rows = [(*line[:5], *line.amounts, line.partial) for line in lines]
    return pl.DataFrame(rows, schema=REQUEST_COLUMNS, orient="row").iter_slices(at_once)


@settings(deadline=None)
@given(request_lines())
def test_a_request_reads_back_as_written(lines: list[RequestLine]) -> None:
    out = io.BytesIO()
    totals = PROFILE.write_request(HEADER, parts_of(lines), out)
    out.seek(0)
    header, read = PROFILE.read_request(out)
    assert header == HEADER
    assert list(read) == lines
    assert totals.lines == len(lines)
    assert totals.amounts == tuple(sum(line.amounts[fund] for line in lines) for fund in range(4))
    assert totals.total == sum(line.amounts.total for line in lines)
    assert totals.hash_total == sum(int(line.account[-10:]) for line in lines) % 10**12


def test_the_golden_request_is_written_byte_for_byte() -> None:
    content = REQUEST.read_bytes()
    header, lines = PROFILE.read_request(io.BytesIO(content))
    out = io.BytesIO()
    PROFILE.write_request(header, parts_of(lines), out)
    assert out.getvalue() == content


@pytest.mark.parametrize(("name", "encoded"), RARE_NAMES.items())
def test_rare_names_keep_their_bytes(name: str, encoded: str) -> None:
    line = RequestLine(1, "B-1", "110105000001", "0200004109", name, FundAmounts(Fen(1), Fen(0), Fen(0), Fen(0)), False)
    out = io.BytesIO()
    PROFILE.write_request(HEADER, parts_of([line]), out)
    assert b"|" + bytes.fromhex(encoded) + b"|" in out.getvalue()
    out.seek(0)
    assert list(PROFILE.read_request(out)[1]) == [line]


def test_a_request_of_many_parts_keeps_its_totals() -> None:
    amounts = FundAmounts(Fen(4), Fen(3), Fen(2), Fen(1))
    lines = [RequestLine(n, f"B{n}-1", f"{n:012d}", "9999999999", "名", amounts, True) for n in range(1, 2502)]
    out = io.BytesIO()
    totals = PROFILE.write_request(HEADER, parts_of(lines, 1000), out)
    assert totals.hash_total == 2501 * 9999999999 % 10**12
    out.seek(0)
    assert list(PROFILE.read_request(out)[1]) == lines


@pytest.mark.parametrize(
    "wrong",
    [
        {"line": 2}, {"line": 0}, {"instruction_no": "b-1"}, {"instruction_no": ""}, {"unit": "1１0105000001"},
        {"account": "020000410"}, {"account_name": ""}, {"account_name": "名|名"}, {"account_name": "名\n"},
        {"account_name": "名\x85"}, {"account_name": None}, {"partial": None}, {"pension": None}, {"pension": -1},
        {"pension": MAX_AMOUNT + 1}, {"maternity": MAX_AMOUNT},
    ],
    ids=str,
)  # fmt: skip
def test_a_line_that_breaks_its_grammar_is_never_written(wrong: dict[str, object]) -> None:
    line = RequestLine(1, "B-1", "110105000001", "0200004109", "名", FundAmounts(Fen(9), Fen(0), Fen(0), Fen(0)), True)
    [good] = parts_of([line])
    PROFILE.write_request(HEADER, [good], io.BytesIO())
    bad = good.with_columns(pl.lit(value, REQUEST_COLUMNS[name]).alias(name) for name, value in wrong.items())
    with pytest.raises(AssertionError):
        PROFILE.write_request(HEADER, [bad], io.BytesIO())


def test_a_request_cut_or_changed_at_any_byte_cannot_be_read_as_whole() -> None:
    """Names and numbers carry no digest here; amounts, accounts' last digits and counts are held by the trailer."""
    content = REQUEST.read_bytes()
    for length in range(len(content)):
        with pytest.raises(UnreadableRequestError):
            list(PROFILE.read_request(io.BytesIO(content[:length]))[1])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"|12345.67|", b"|12345.68|"),  # the sum of the funds
        (b"|9398.40|P", b"|9398.40|X"),
        (b"D|2|", b"D|3|"),
        (b"0200004109200654321", b"0200004109200654322"),  # the hash total
        (b"|CNY", b"|USD"),
        (b"T|4|", b"T|5|"),
        (b"2026-12-02|CNY", b"2026-12-32|CNY"),
    ],
)
def test_a_damaged_request_is_an_error(old: bytes, new: bytes) -> None:
    content = REQUEST.read_bytes()
    assert old in content
    with pytest.raises(UnreadableRequestError):
        list(PROFILE.read_request(io.BytesIO(content.replace(old, new, 1)))[1])


def test_names_of_files() -> None:
    assert PROFILE.request_name("ICBC", date(2026, 12, 2), 1) == REQUEST.name
    assert PROFILE.result_number(RESULT.name, "ICBC") == ResultNumber(date(2026, 12, 3), 1)
    assert PROFILE.result_number("HD_ICBC_20260230_0001.txt", "ICBC") is None


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("HD_ICBC_20261203_0001.txt", True),
        ("HD_ICBC_20261203_0001.txt.ok", False),
        ("DK_ICBC_20261202_0001.txt", False),
        ("HD_CCB_20261203_0001.txt", True),  # refused by its contents check, not passed over
        ("HD_ICBC_20261232_0001.txt", True),
        ("HD_ICBC_20261203_0001.txt.tmp", False),
        ("readme.txt", False),
    ],
)
def test_what_claims_to_be_a_result(name: str, result: bool) -> None:
    assert PROFILE.is_result_name(name, "ICBC") is result


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("HD_ICBC_20261203_0001.txt", ResultNumber(date(2026, 12, 3), 1)),
        ("HD_ICBC_20261203_4711.txt", ResultNumber(date(2026, 12, 3), 4711)),
        ("HD_ICBC_20261203_7.txt", ResultNumber(date(2026, 12, 3), 7)),
        ("HD_CCB_20261203_0001.txt", None),
        ("HD_ICBC_20261232_0001.txt", None),
        ("HD_ICBC_final.txt", None),
    ],
)
def test_the_banks_own_number_in_a_name(name: str, number: ResultNumber | None) -> None:
    assert PROFILE.result_number(name, "ICBC") == number


def parse(content: bytes) -> ResultFile | Refused:
    return PROFILE.parse_result(RESULT.name, "ICBC", io.BytesIO(content))


def test_a_result_tells_its_answers_in_the_order_of_the_file() -> None:
    parsed = parse(RESULT.read_bytes())
    assert isinstance(parsed, ResultFile)
    assert parsed[:4] == ("ICBC", "ICBC-2026-12-1-001", "DK_ICBC_20261202_0001.txt", date(2026, 12, 3))
    assert [(answer.file_line, answer.line, answer.code) for answer in lines_of(parsed.answers)] == [
        (2, 3, "02"),
        (3, 1, "00"),
        (4, 4, "00"),
        (5, 2, "01"),
    ]
    part = lines_of(parsed.answers)[3]
    assert (part.requested, part.deducted, part.split) == (939840, 900000, (880000, 20000, 0, 0))
    assert part.reference == "GH-0002"


def test_a_result_cut_at_any_byte_is_refused() -> None:
    content = RESULT.read_bytes()
    for length in range(len(content)):
        assert isinstance(parse(content[:length]), Refused), f"accepted when cut at byte {length}"


def test_a_digit_changed_anywhere_in_the_amounts_is_refused() -> None:
    """The trailer's sums hold every amount; ids are held against the request elsewhere."""
    content = RESULT.read_bytes()
    for at in range(len(content)):
        column = content[:at].rpartition(b"\n")[2].count(b"|")
        detail = content[:at].rpartition(b"\n")[2].startswith(b"D|")
        if detail and 4 <= column <= 9 and content[at : at + 1].isdigit():
            other = b"%d" % ((content[at] - 0x30 + 1) % 10)
            assert isinstance(parse(content[:at] + other + content[at + 1 :]), Refused), f"byte {at}"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), min_size=1, max_size=6))
def test_garbage_is_an_answer_and_never_an_exception(pieces: list[tuple[int, bytes]]) -> None:
    damaged = RESULT.read_bytes()
    for at, piece in pieces:
        place = at % (len(damaged) + 1)
        damaged = damaged[:place] + piece + damaged[place + len(piece) // 2 :]
    parsed = parse(damaged)
    if isinstance(parsed, Refused):
        assert all(fault.as_json()["message"] for fault in parsed.faults)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|"), max_size=64))
def test_any_reference_of_64_characters_comes_through(reference: str) -> None:
    parsed = parse(RESULT.read_bytes().replace(b"GH-0002", reference.encode("gb18030")))
    assert not isinstance(parsed, Refused)
    assert parsed.answers["reference"][3] == reference


@pytest.mark.parametrize("reference", ["同", "REF同02", "隆", "浣犲ソ", "中国工商银行"])
def test_words_that_read_as_utf_8_by_chance_are_taken(reference: str) -> None:
    """同 is CD AC, which is a sign in UTF-8 too; no other line of the file is beyond ASCII."""
    ascii_only = re.sub(rb"[\x80-\xff]+", b"", RESULT.read_bytes())
    parsed = parse(ascii_only.replace(b"GH-0002", reference.encode("gb18030")))
    assert not isinstance(parsed, Refused)
    assert parsed.answers["reference"][3] == reference


def test_a_line_without_end_is_bounded() -> None:
    parsed = parse(b"H|RESULT|" + b"x" * (3 << 20) + b"\nT|0|0|0.00|0.00|0.00|0.00|0.00|0.00\n")
    assert isinstance(parsed, Refused)
    assert next(fault.code.value for fault in parsed.faults) in {"too-large", "columns"}
    assert len(parsed.faults) < 10
