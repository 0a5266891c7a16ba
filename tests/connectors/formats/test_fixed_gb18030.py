"""Bank profile fixed-gb18030: fields counted in bytes of GB18030, amounts in whole fen."""

import io
import re
from collections.abc import Mapping
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import PROFILES, column_file
from connectors.formats.bank_request import UnreadableRequestError
from connectors.formats.column_file import DoubtError
from connectors.formats.fixed_record import FixedRecord
from connectors.formats.grammar import text
from hub.domain.bank_results_columns import ANSWERS, lines_of
from hub.domain.faults import FaultCode
from hub.domain.funds import FundAmounts
from hub.domain.money import MAX_AMOUNT, Fen, parse_fen, print_fen
from hub.domain.result_numbers import ResultNumber
from hub.ports import Refused, RequestLine, ResultFile
from tests.connectors.formats.damage import Damage, damages, odd, places
from tests.connectors.formats.exchange import FIXED, HEADER, REQUEST_COLUMNS, exchange, line, parts_of, written
from tests.connectors.formats.strategies import capitals, digits, fen, names

GOOD = exchange(FIXED)
NAME_PLACE, NAME_WIDTH = 1 + 9 + 36 + 12 + 32, 120


@st.composite
def request_lines(draw: st.DrawFn) -> list[RequestLine]:
    return [
        RequestLine(
            place,
            draw(st.text(capitals, min_size=1, max_size=34)) + "-1",
            draw(st.text(digits, min_size=12, max_size=12)),
            draw(st.text(digits, min_size=10, max_size=32)),
            draw(
                names
                | st.text(
                    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|"), min_size=50, max_size=150
                )
            ),
            FundAmounts(draw(fen), draw(fen), draw(fen), draw(fen)),
            draw(st.booleans()),
        )
        for place in range(1, draw(st.integers(0, 6)) + 1)
    ]


def test_it_is_among_the_profiles_a_hub_may_name() -> None:
    assert PROFILES["fixed-gb18030"] is FIXED


def test_a_request_is_written_as_its_profile_says_byte_by_byte() -> None:
    content = written(FIXED, [line(1, "名", True, 99, 1, 0, MAX_AMOUNT - 100)])
    name = "名".encode("gb18030")
    assert content.split(b"\n") == [
        b"HDEDUCT  01" + b"ICBC        " + b"ICBC-2026-12-1-001".ljust(36) + b"2026-12" + b"1" + b"2026-12-02" + b"CNY",
        b"D000000001" + b"CY2612-000001-1".ljust(36) + b"110105000001" + b"02000041092006000001".ljust(32)
        + name + b" " * 118 + b"000000000099000000000001000000000000999999999899999999999999P",
        b"T000000001" + b"0000000000000099" + b"0000000000000001" + b"0000000000000000" + b"0000999999999899"
        + b"0000999999999999" + b"002006000001",
        b"",
    ]  # fmt: skip


@settings(deadline=None)
@given(request_lines())
def test_a_request_reads_back_as_written_and_names_as_far_as_they_fit(lines: list[RequestLine]) -> None:
    out = io.BytesIO()
    totals = FIXED.write_request(HEADER, parts_of(lines), out)
    out.seek(0)
    header, read = FIXED.read_request(out)
    assert header == HEADER
    assert list(read) == [each._replace(account_name=FIXED.carried_name(each.account_name)) for each in lines]
    assert totals.lines == len(lines)
    assert totals.amounts == tuple(sum(each.amounts[fund] for each in lines) for fund in range(4))
    assert totals.hash_total == sum(int(each.account[-10:]) for each in lines) % 10**12


@given(
    names | st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|"), min_size=20, max_size=200)
)
def test_a_name_is_cut_at_a_character_and_as_late_as_can_be(name: str) -> None:
    carried = FIXED.carried_name(name)
    assert name.startswith(carried)
    assert len(carried.encode("gb18030")) <= NAME_WIDTH
    rest = name[len(carried) :]
    if rest.strip(" "):
        one_more = carried + rest[: len(rest) - len(rest.lstrip(" ")) + 1]
        assert len(one_more.encode("gb18030")) > NAME_WIDTH
    assert FIXED.carried_name(carried) == carried


@pytest.mark.parametrize("sign", ["名", "䶮", "𠮷", "\ue81e", "a"])
def test_a_name_fills_its_bytes_and_never_part_of_a_character(sign: str) -> None:
    size = len(sign.encode("gb18030"))
    for name in ("x" + sign * (NAME_WIDTH // size), sign * (NAME_WIDTH // size), sign * (NAME_WIDTH // size + 1)):
        content = written(FIXED, [line(1, name)])
        field = content.split(b"\n")[1][NAME_PLACE : NAME_PLACE + NAME_WIDTH]
        assert field.decode("gb18030").rstrip(" ") == FIXED.carried_name(name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"line": 2}, {"line": 0}, {"instruction_no": "b-1"}, {"instruction_no": ""}, {"instruction_no": "A" * 37},
        {"unit": "1１0105000001"}, {"account": "020000410"}, {"account": "0" * 33}, {"account_name": ""},
        {"account_name": "名|名"}, {"account_name": "名\n"}, {"account_name": "名\x85"}, {"account_name": None},
        {"partial": None}, {"pension": None}, {"pension": -1}, {"pension": MAX_AMOUNT + 1}, {"maternity": MAX_AMOUNT},
    ],
    ids=str,
)  # fmt: skip
def test_a_line_that_breaks_its_grammar_is_never_written(wrong: dict[str, object]) -> None:
    [good] = parts_of([line(1)])
    FIXED.write_request(HEADER, [good], io.BytesIO())
    bad = good.with_columns(pl.lit(value, REQUEST_COLUMNS[name]).alias(name) for name, value in wrong.items())
    with pytest.raises(AssertionError):
        FIXED.write_request(HEADER, [bad], io.BytesIO())


def test_a_request_cut_at_any_byte_cannot_be_read_as_whole() -> None:
    content = written(FIXED, GOOD.asked)
    for length in range(len(content)):
        with pytest.raises(UnreadableRequestError):
            list(FIXED.read_request(io.BytesIO(content[:length]))[1])


@given(st.data())
@settings(deadline=None)
def test_a_digit_changed_in_a_request_is_found_where_a_sum_holds_it(data: st.DataObject) -> None:
    """Names, units and instructions carry no digest; amounts, line numbers and accounts' last digits do."""
    content = written(FIXED, GOOD.asked)
    lines = content.split(b"\n")
    number = data.draw(st.integers(1, 4))
    start, end = data.draw(st.sampled_from([(1, 10), (NAME_PLACE - 22, NAME_PLACE - 12), (NAME_PLACE + 120, 271)]))
    at = data.draw(st.integers(start, min(end, len(lines[number]) - 1) - 1))
    old = lines[number][at : at + 1]
    new = data.draw(st.sampled_from([b"%d" % digit for digit in range(10)]).filter(lambda each: each != old))
    lines[number] = lines[number][:at] + new + lines[number][at + 1 :]
    with pytest.raises(UnreadableRequestError):
        list(FIXED.read_request(io.BytesIO(b"\n".join(lines)))[1])


def test_names_of_files() -> None:
    assert FIXED.request_name("ICBC", date(2026, 12, 2), 1) == "DF_ICBC_20261202_0001.txt"
    assert FIXED.is_result_name("HF_ICBC_20261203_1.txt", "ICBC")
    assert FIXED.result_number("HF_ICBC_20261203_17.txt", "ICBC") == ResultNumber(date(2026, 12, 3), 17)
    assert FIXED.result_number("HF_CCB_20261203_17.txt", "ICBC") is None
    for other in ("HD_ICBC_20261203_0001.txt", "HF_ICBC_20261203_1.txt.ok", "DF_ICBC_20261202_0001.txt", "HF_x.tmp"):
        assert not FIXED.is_result_name(other, "ICBC")


def test_a_result_tells_its_answers_in_the_codes_of_the_contract() -> None:
    assert b"90" in GOOD.result.split(b"\n")[1], "the bank says 90 for other reasons"
    parsed = FIXED.parse_result(GOOD.name, "ICBC", io.BytesIO(GOOD.result))
    assert isinstance(parsed, ResultFile)
    assert parsed[:4] == ("ICBC", HEADER.batch_no, "DF_ICBC_20261202_0001.txt", date(2026, 12, 3))
    assert dict(parsed.answers.schema) == ANSWERS
    assert [(each.file_line, each.line, each.code, each.deducted) for each in lines_of(parsed.answers)] == [
        (2, 3, "99", 0), (3, 1, "00", 824162), (4, 4, "00", 100), (5, 2, "01", 810000),
    ]  # fmt: skip
    assert lines_of(parsed.answers)[1].reference == "工行代扣回单20261203"


def test_the_codes_of_the_contract_are_not_this_banks() -> None:
    """99 and 05 have other numbers here; a bank that sends them did not mean what the hub would read."""
    for strange in (b"99", b"05"):
        faults = GOOD.faults(GOOD.result.replace(b"11010500000390", b"110105000003" + strange))
        assert [(fault.line, fault.field, fault.code) for fault in faults] == [(2, "code", FaultCode.CODE)]


def by_columns(content: bytes) -> tuple[object, ...] | None:
    try:
        file = FIXED.results.read_columns(GOOD.name, "ICBC", io.BytesIO(content))
    except DoubtError:
        return None
    return (*file[:4], file.answers.rows())


def by_lines(content: bytes) -> tuple[object, ...] | None:
    file = FIXED.results.read_lines(GOOD.name, "ICBC", io.BytesIO(content))
    return None if isinstance(file, Refused) else (*file[:4], file.answers.rows())


def refitted(lines: list[bytes]) -> bytes:
    """A file of these answers with a trailer that fits them, as far as they can be read at all."""
    answers = lines[1:-1]
    spans = [(60 + 12 * number, 72 + 12 * number) for number in range(6)]
    sums = [sum(parse_fen(each[a:b].decode("latin-1")) or 0 for each in answers) for a, b in spans]
    paid = sum(each[58:60] == b"00" for each in answers)
    count = b"".join(answers).count(b"\n")
    trailer = f"T{count:09d}{paid:09d}" + "".join(print_fen(Fen(each), 16) for each in sums)
    return lines[0] + b"".join(answers) + trailer.encode() + b"\n"


@pytest.mark.parametrize("size", [1, 300, column_file.PART_BYTES], ids=lambda size: f"{size} bytes a part")
def test_a_good_result_passes_by_columns(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_file, "PART_BYTES", size)
    assert refitted(GOOD.result.splitlines(keepends=True)) == GOOD.result
    assert by_columns(GOOD.result) == by_lines(GOOD.result)
    assert by_columns(GOOD.result) is not None


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(damages), st.integers(0, 5), places, odd), min_size=1, max_size=2), st.booleans()
)
def test_the_columns_take_only_what_the_lines_take(
    wrong: list[tuple[Damage, int, int, bytes]], trailer_fits: bool
) -> None:
    lines = GOOD.result.splitlines(keepends=True)
    for damage, number, at, odd_text in wrong:
        lines[number] = damage(lines[number] or b"\n", at, odd_text)
    content = refitted(lines) if trailer_fits else b"".join(lines)
    columns = by_columns(content)
    assert columns in (None, by_lines(content))


@settings(max_examples=400, deadline=None)
@given(st.integers(1, 4), places, odd)
def test_a_field_overwritten_in_place_reads_alike_both_ways(number: int, at: int, odd_text: bytes) -> None:
    lines = GOOD.result.splitlines(keepends=True)
    old = lines[number]
    place = at % (len(old) - 1)
    new = (old[:place] + odd_text + old[place + len(odd_text) :])[: len(old) - 1] + b"\n"
    lines[number] = new
    content = refitted(lines)
    columns, taken = by_columns(content), by_lines(content)
    assert columns in (None, taken)
    assert columns is not None or taken is None, "a good file is in no doubt"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|"), max_size=32))
def test_any_reference_that_fits_comes_through(reference: str) -> None:
    raw = reference.encode("gb18030")
    if len(raw) > 64:
        return
    content = GOOD.result.replace(b"GH-2".ljust(64), raw.ljust(64))
    parsed = FIXED.parse_result(GOOD.name, "ICBC", io.BytesIO(content))
    assert isinstance(parsed, ResultFile)
    assert parsed.answers["reference"][3] == reference.rstrip(" ")


def test_a_character_across_the_edge_of_a_field_is_a_fault_of_both() -> None:
    record = FixedRecord("D", [text("one"), text("other")], [3, 3], "gb18030")
    raw = b"D" + "a名名b".encode("gb18030")
    assert record.read("Daab" + "ccc") == ("aab", "ccc")
    assert record.read(raw.decode("latin-1")) == ("a名", "名b")
    split = (b"Daa" + "名".encode("gb18030") + b"11").decode("latin-1")
    assert record.read(split) is None
    found = [(fault.field, fault.code, fault.found) for fault in record.faults(2, record.cut(split))]
    assert found == [("one", FaultCode.ENCODING, "61 61 C3"), ("other", FaultCode.ENCODING, "FB 31 31")]


WIDTHS: Mapping[str, bytes] = {
    "one byte short": GOOD.result.replace(b"GH-2 ", b"GH-2"),
    "one byte over": GOOD.result.replace(b"GH-2 ", b"GH-2  "),
    "spaces at the end left out": re.sub(rb" +\n", b"\n", GOOD.result),
}


@pytest.mark.parametrize("content", WIDTHS.values(), ids=WIDTHS)
def test_a_line_of_another_width_is_told_with_its_bytes(content: bytes) -> None:
    faults = GOOD.faults(content)
    assert faults
    assert all(re.fullmatch(r"a line of 196 bytes", each.expected) for each in faults if each.code is FaultCode.COLUMNS)
    assert any(each.code is FaultCode.COLUMNS and re.fullmatch(r"[0-9]+ bytes", each.found) for each in faults)


def test_a_person_sees_a_line_whole_and_a_program_its_fields() -> None:
    content = written(FIXED, GOOD.asked).split(b"\n")[2]
    pieces = FIXED.pieces(content)
    assert "".join(pieces) == content.decode("gb18030")
    assert [each.rstrip(" ") for each in pieces[4:6]] == ["02000041092006000002", "𠮷田\ue81e鰘"]
