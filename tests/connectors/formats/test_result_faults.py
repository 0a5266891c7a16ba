"""The fault list of the specification, section 8, held against every profile of lines.

A faulty answer is never taken in: parsed, then held against its request. The answers are a bank's own program's.
"""

import io
import re
from collections.abc import Callable
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import line_file
from connectors.formats.line_profile import LineProfile
from hub.domain.faults import FaultCode
from hub.ports import Refused
from simulators.amounts import fen, yuan
from tests.connectors.formats.damage import damages, odd, places
from tests.connectors.formats.exchange import FIXED, HEADER, ISO, PIPE, Exchange, exchange, line, parts_of, written

EXCHANGES = {profile.name: exchange(profile) for profile in (PIPE, FIXED)}
MESSAGE = exchange(ISO)
Rows = list[list[str]]

BOTH = pytest.mark.parametrize("sent", EXCHANGES.values(), ids=EXCHANGES)
FIXED_RESULT = {
    b"H": (8, 2, 12, 36, 36, 10),
    b"D": (9, 36, 12, 2, 12, 12, 12, 12, 12, 12, 64),
    b"T": (9, 9, 16, 16, 16, 16, 16, 16),
}
"""Bytes of the fields of a result of fixed width, counted by hand."""


def fields_in(sent: Exchange, text: bytes) -> list[bytes]:
    """The fields of a line, in the notation of the file."""
    if sent.profile is PIPE:
        # the separator's byte may end a character of GB18030, so that a line is cut as text
        return [each.encode("gb18030") for each in text.decode("gb18030").split("|")]
    found, place = [text[:1]], 1
    for width in FIXED_RESULT[text[:1]]:
        found.append(text[place : place + width])
        place += width
    assert place == len(text)
    return found


def joined(sent: Exchange, fields: list[bytes]) -> bytes:
    return (b"|" if sent.profile is PIPE else b"").join(fields)


@BOTH
def test_a_good_answer_is_taken(sent: Exchange) -> None:
    assert sent.faults(sent.result) == []
    assert sent.rewritten(lambda rows: rows) == sent.result


@BOTH
def test_fault_55_an_answer_cut_at_any_byte_is_refused(sent: Exchange) -> None:
    for length in range(len(sent.result)):
        parsed = sent.profile.parse_result(sent.name, "ICBC", io.BytesIO(sent.result[:length]))
        assert isinstance(parsed, Refused), f"accepted when cut at byte {length}"
        assert parsed.faults


def test_an_answer_changed_in_any_byte_no_longer_agrees_with_its_ok() -> None:
    """Of every profile; the door reads only what agrees (tests/processors/test_changed_answers)."""
    for sent in (*EXCHANGES.values(), MESSAGE):
        ok = sent.profile.ok_text(sha256(sent.result).hexdigest(), len(sent.result))
        assert sent.profile.ok_agrees(ok, sha256(sent.result).hexdigest(), len(sent.result))
        for place in range(len(sent.result)):
            changed = sent.result[:place] + bytes([sent.result[place] ^ 1]) + sent.result[place + 1 :]
            assert not sent.profile.ok_agrees(ok, sha256(changed).hexdigest(), len(changed))
        for place in range(len(ok)):
            assert not sent.profile.ok_agrees(
                ok[:place] + bytes([ok[place] ^ 1]) + ok[place + 1 :], ok[:64].decode(), len(sent.result)
            )


REFERENCE = 11  # in both forms the last field of a detail
UNPAID = ("02", "03", "04", "05", "06", "99")
"""Why nothing was deducted. Nothing in a file or in the books tells one from another: like the reference, and a message's own
number and time of day, it rests on the ``.ok`` alone. This is all that does; none of it bears on money or on what is matched."""


def code_place(sent: Exchange) -> int:
    return 10 if sent.profile is PIPE else 4


@BOTH
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_an_answer_with_any_one_field_changed_is_never_taken(sent: Exchange, data: st.DataObject) -> None:
    """Though its ``.ok`` is written anew. The field is changed for another of the file, a code, or an odd text."""
    lines = sent.result.removesuffix(b"\n").split(b"\n")
    number = data.draw(st.integers(0, len(lines) - 1))
    fields = fields_in(sent, lines[number])
    last = len(fields) - 2 if fields[0] == b"D" else len(fields) - 1
    place = data.draw(st.integers(0, last))
    others = [each for text in lines for each in fields_in(sent, text)]
    new = data.draw(st.sampled_from(others) | odd | st.sampled_from([b"02", b"15", b"90", b"03"]))
    if sent.profile is FIXED:
        new = new.ljust(len(fields[place])) if data.draw(st.booleans()) else new.rjust(len(fields[place]), b"0")
    if new == fields[place]:
        return
    was, fields[place] = fields[place], new
    lines[number] = joined(sent, fields)
    if sent.is_taken(b"\n".join(lines) + b"\n"):
        theirs = {b"15", b"90", b"99", *(code.encode() for code in UNPAID)}
        assert fields[0][:1] == b"D" and place == code_place(sent) and {was, new} <= theirs


REASONS = re.compile("[A-Z]{2}[0-9]{2}|[A-Z]{4}")


def values_of(text: str) -> list[tuple[str, int, int]]:
    """Every text of an element and every value of an attribute: whose it is, where it begins and ends."""
    texts, attributes = r'<([A-Za-z0-9]+)(?: Ccy="[^"]*")?>([^<>\n]+)</', r'([A-Za-z]+)="([^"]*)"'
    return [(each[1], *each.span(2)) for pattern in (texts, attributes) for each in re.finditer(pattern, text)]


def rests_on_the_ok(name: str, was: str, new: str) -> bool:
    """Whether nothing but the ``.ok`` tells one value from the other."""
    if name == "CreDtTm":
        return was[:10] == new[:10]
    return name in {"MsgId", "AcctSvcrRef"} or (name == "Cd" and REASONS.fullmatch(was) is not None)


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_a_message_with_any_one_value_changed_is_never_taken(data: st.DataObject) -> None:
    """Though its ``.ok`` is written anew; of every element and attribute, but for the four that rest on the ``.ok``."""
    text = MESSAGE.result.decode()
    values = values_of(text)
    name, begin, end = data.draw(st.sampled_from(values))
    others = [text[other:to].encode() for _, other, to in values]
    more = [b"AM04", b"AC04", b"ACWC", b"PART", b"2026-12-03T09:00:00", b"2026-12-04T18:30:00+08:00", b"USD", b"utf-16"]
    new = data.draw(st.sampled_from(others) | odd | st.sampled_from(more))
    if new == text[begin:end].encode():
        return
    if MESSAGE.is_taken(text[:begin].encode() + new + text[end:].encode()):
        assert rests_on_the_ok(name, text[begin:end], new.decode())


def test_the_values_of_a_message_that_rest_on_the_ok_are_these_four() -> None:
    """Every value is tried against a good one of its own kind."""
    text = MESSAGE.result.decode()
    good = {
        "MsgId": "X-1", "AcctSvcrRef": "GH-5", "CreDtTm": "2026-12-03T09:00:00", "Cd": "AM04", "TxSts": "PART", "DtldSts": "ACWC",
        "OrgnlInstrId": "9", "OrgnlEndToEndId": "A-1", "Id": "110105000009", "Nb": "INJURY", "OrgnlMsgId": "ICBC-1",
        "OrgnlPmtInfId": "ICBC-1", "OrgnlMsgNmId": "pain.008.001.02", "AddtlInf": "PAIN008_ICBC_20261202_0002.xml",
        "OrgnlNbOfTxs": "5", "DtldNbOfTxs": "9", "xmlns": "urn:iso:std:iso:20022:tech:xsd:pain.002.001.03",
        "version": "1.1", "encoding": "GB18030", "Ccy": "EUR",
    }  # fmt: skip
    taken = set()
    for name, begin, end in values_of(text):
        new = good.get(name, "1234.56")
        if text[begin:end] == new:
            new = {"TxSts": "ACWC", "Nb": "PENSION"}[name]
        assert text[begin:end] != new
        if MESSAGE.is_taken((text[:begin] + new + text[end:]).encode()):
            taken.add(name)
    assert taken == {"MsgId", "AcctSvcrRef", "CreDtTm", "Cd"}


def test_fault_55_a_message_cut_at_any_byte_is_refused() -> None:
    for length in range(len(MESSAGE.result)):
        parsed = ISO.parse_result(MESSAGE.name, "ICBC", io.BytesIO(MESSAGE.result[:length]))
        assert isinstance(parsed, Refused), f"accepted when cut at byte {length}"
        assert parsed.faults


@BOTH
@settings(max_examples=200, deadline=None)
@given(st.sampled_from(damages), places, places, odd)
def test_a_damaged_answer_is_taken_only_when_its_reference_alone_differs(
    sent: Exchange, damage: Callable[[bytes, int, bytes], bytes], number: int, at: int, text: bytes
) -> None:
    lines = sent.result.splitlines(keepends=True)
    which = number % len(lines)
    lines[which] = damage(lines[which], at, text)
    content = b"".join(lines)
    if content == sent.result or not sent.is_taken(content):
        return
    was, found = (fields_in(sent, each.split(b"\n")[which]) for each in (sent.result, content))
    assert was[:REFERENCE] == found[:REFERENCE]
    assert was[0] == b"D"


def detail(rows: Rows, request_line: int) -> list[str]:
    return next(row for row in rows if row[0] == "D" and row[1] == str(request_line))


def codes_of(sent: Exchange, content: bytes) -> set[tuple[str, str]]:
    return {(fault.field, fault.code.value) for fault in sent.faults(content)}


@BOTH
def test_fault_59_a_changed_amount_with_its_trailer_corrected_is_not_what_was_asked(sent: Exchange) -> None:
    def more(rows: Rows) -> None:
        row = detail(rows, 1)
        row[4], row[5], row[6] = (yuan(fen(row[place]) + 1) for place in (4, 5, 6))

    content = sent.rewritten(more)
    assert not isinstance(sent.profile.parse_result(sent.name, "ICBC", io.BytesIO(content)), Refused)
    assert codes_of(sent, content) >= {("requested", "mismatch")}


@BOTH
def test_fault_60_two_amounts_swapped_within_the_same_total_are_found_line_by_line(sent: Exchange) -> None:
    def swap(rows: Rows) -> None:
        one, other = detail(rows, 1), detail(rows, 4)
        one[4:10], other[4:10] = other[4:10], one[4:10]

    content = sent.rewritten(swap)
    assert content.splitlines()[-1] == sent.result.splitlines()[-1]
    assert ("requested", "mismatch") in codes_of(sent, content)


@BOTH
@pytest.mark.parametrize("place", range(1, 9))
def test_fault_61_a_count_or_sum_that_is_wrong(sent: Exchange, place: int) -> None:
    def wrong(rows: Rows) -> None:
        text = rows[-1][place]
        rows[-1][place] = str(int(text) + 1) if place <= 2 else yuan(fen(text) + 1)

    [fault] = sent.faults(sent.rewritten(wrong, trailer_corrected=False))
    assert fault.line == len(sent.result.splitlines())
    assert fault.code is (FaultCode.COUNT if place <= 2 else FaultCode.CONTROL_TOTAL)


@BOTH
def test_fault_62_a_fen_more_than_was_asked_is_refused(sent: Exchange) -> None:
    def more(rows: Rows) -> None:
        row = detail(rows, 1)
        row[5], row[6] = yuan(fen(row[5]) + 1), yuan(fen(row[6]) + 1)

    assert ("deducted", "code") in codes_of(sent, sent.rewritten(more))


@BOTH
@pytest.mark.parametrize(
    ("request_line", "deducted", "code", "taken"),
    [(2, 1, "01", True), (2, 824_163, "01", True), (2, 824_164, "01", False), (2, 0, "01", False), (3, 1, "01", False)],
)
def test_fault_63_a_part_is_taken_where_parts_may_be_deducted(
    sent: Exchange, request_line: int, deducted: int, code: str, taken: bool
) -> None:
    """In statutory order; line 3 is all or nothing."""
    whole = [sum(each.wanted) for each in sent.request.lines]
    assert whole[1] == 824_164

    def part(rows: Rows) -> None:
        row, left = detail(rows, request_line), deducted
        for place, wanted in enumerate(sent.request.lines[request_line - 1].wanted, start=6):
            row[place] = yuan(min(left, wanted))
            left -= min(left, wanted)
        row[5], row[10] = yuan(deducted), code

    assert sent.is_taken(sent.rewritten(part)) is taken


@BOTH
def test_fault_63_a_part_split_otherwise_than_in_order_is_refused(sent: Exchange) -> None:
    def other_way(rows: Rows) -> None:
        row = detail(rows, 2)
        row[6], row[9] = yuan(fen(row[6]) - 1), yuan(fen(row[9]) + 1)

    assert {("pension", "split")} <= codes_of(sent, sent.rewritten(other_way))


ODD_AMOUNTS = ["-1", "+1", "1.0", "1.000", "1e3", "１", "٣", " 1", "1 ", "1,0", "0x1", "NaN", "", "1_0", ".1", "1."]


@BOTH
@settings(deadline=None)
@given(
    st.sampled_from(ODD_AMOUNTS) | st.text(st.sampled_from("0123456789.-+eE ,_１٣"), max_size=14),
    st.integers(4, 9),
)
def test_fault_64_what_is_no_amount_is_refused_whatever_the_trailer_says(sent: Exchange, text: str, place: int) -> None:
    lines = sent.result.split(b"\n")
    fields = fields_in(sent, lines[1])
    at = place + (sent.profile is FIXED)  # there the code stands before the amounts
    raw = text.encode("gb18030")
    if sent.profile is FIXED:
        if len(raw) > 12:
            return
        raw = raw.rjust(12)
    if raw == fields[at]:
        return
    fields[at] = raw
    lines[1] = joined(sent, fields)
    assert not sent.is_taken(b"\n".join(lines))


@BOTH
def test_fault_65_another_batch_another_banks_or_a_line_never_asked(sent: Exchange) -> None:
    def batch(rows: Rows) -> None:
        rows[0][4] = "ICBC-2026-12-1-002"

    def bank(rows: Rows) -> None:
        rows[0][3] = "CCB"

    def request(rows: Rows) -> None:
        rows[0][5] = rows[0][5].replace("0001.txt", "0002.txt")

    def unknown(rows: Rows) -> None:
        detail(rows, 3)[1] = "9"

    assert codes_of(sent, sent.rewritten(batch)) == {("batch no", "mismatch")}
    assert codes_of(sent, sent.rewritten(bank)) == {("bank", "name")}
    assert codes_of(sent, sent.rewritten(request)) == {("request file name", "mismatch")}
    assert codes_of(sent, sent.rewritten(unknown)) == {("line", "unknown-line"), ("line", "missing-line")}
    other_name = sent.name.replace("ICBC", "CCB")
    assert [fault.field for fault in sent.faults(sent.result, other_name)] == ["file name"]


@BOTH
@pytest.mark.parametrize("request_line", [1, 2, 3, 4])
def test_fault_66_a_line_left_out_is_missed_although_the_trailer_fits(sent: Exchange, request_line: int) -> None:
    def left_out(rows: Rows) -> None:
        rows.remove(detail(rows, request_line))

    assert codes_of(sent, sent.rewritten(left_out)) == {("line", "missing-line")}


@BOTH
def test_fault_66_a_line_answered_twice_is_refused(sent: Exchange) -> None:
    content = sent.rewritten(lambda rows: rows.insert(2, list(rows[1])))
    assert codes_of(sent, content) == {("line", "duplicate")}


@BOTH
def test_fault_69_utf_8_where_gb18030_is_agreed(sent: Exchange) -> None:
    foreign = "中国工商银行北京分行".encode()
    lines = sent.result.split(b"\n")
    for number in (1, 2, 3, 4):
        fields = fields_in(sent, lines[number])
        fields[REFERENCE] = foreign.ljust(64) if sent.profile is FIXED else foreign
        lines[number] = joined(sent, fields)
    content = b"\n".join(lines)
    assert codes_of(sent, content) == {("encoding", "encoding")}


RARE_NAMES = {"䶮": "fe9f", "𠮷": "9534b235", "\ue81e": "fe59", "鰘": "f67c"}


@BOTH
@pytest.mark.parametrize(("sign", "encoded"), RARE_NAMES.items())
def test_fault_70_rare_names_keep_their_bytes_there_and_back(sent: Exchange, sign: str, encoded: str) -> None:
    asked = line(1, f"{sign}记")
    content = written(sent.profile, [asked])
    assert bytes.fromhex(encoded) + "记".encode("gb18030") in content
    assert list(sent.profile.read_request(io.BytesIO(content))[1]) == [asked]

    def referred(rows: Rows) -> None:
        rows[1][REFERENCE] = sign

    answer = sent.rewritten(referred)
    assert bytes.fromhex(encoded) in answer
    assert sent.is_taken(answer)


@BOTH
@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        (lambda data: b"\xef\xbb\xbf" + data, "encoding"),
        (lambda data: data.replace(b"\n", b"\r\n"), "line end"),
        (lambda data: data.replace(b"\n", b"\r\n", 1), "line end"),
        (lambda data: data.replace(b"\n", b"\r"), "line end"),
        (lambda data: data + b"\x1a", "line end"),
        (lambda data: data + b"\x1a\n", "record type"),
        (lambda data: data + b"\n", "record type"),
        (lambda data: data.removesuffix(b"\n"), "line end"),
        (lambda data: data.replace(b"GH-2", b"GH\x002"), "bank reference"),
        (lambda data: data.replace(b"GH-2", b"GH\x1a2"), "bank reference"),
        (lambda data: data.replace(b"GH-2", b"GH\r2"), "bank reference"),
        (lambda data: data.replace(b"GH-2", b"GH\xff2"), "encoding"),
        (lambda data: data + data, "record type"),
    ],
    ids=["BOM", "CR LF", "mixed", "CR", "Ctrl-Z", "Ctrl-Z line", "empty line", "no last LF", "NUL", "SUB", "CR in", "FF", "twice"],
)  # fmt: skip
def test_fault_71_line_ends_marks_and_control_characters(
    sent: Exchange, spoil: Callable[[bytes], bytes], field: str
) -> None:
    content = spoil(sent.result)
    assert content != sent.result
    assert field in {fault.field for fault in sent.faults(content)}


@BOTH
@pytest.mark.parametrize(
    ("old", "new"),
    [(b"GH-2", b"G|-2"), (b"GH-2", b"GH-2|"), (b"\n", b"|\n"), (b"\nT", b"\n\nT"), (b"D", b"DD")],
    ids=["separator inside", "separator behind", "extra column", "empty line", "mark twice"],
)
def test_fault_72_a_separator_inside_a_field_or_a_column_too_many(sent: Exchange, old: bytes, new: bytes) -> None:
    assert old in sent.result
    for content in (sent.result.replace(old, new, 1), sent.result.replace(old, new)):
        assert not sent.is_taken(content)


@BOTH
def test_fault_72_a_name_with_a_separator_is_never_written(sent: Exchange) -> None:
    with pytest.raises(AssertionError):
        sent.profile.write_request(HEADER, parts_of([line(1, "名|名")]), io.BytesIO())


def test_fault_72_a_width_counted_in_characters_instead_of_bytes() -> None:
    """A bank's program that pads 64 characters writes a line that is wider, in bytes, by what its signs take more."""
    sent = EXCHANGES["fixed-gb18030"]
    lines = sent.result.split(b"\n")
    lines[2] = lines[2][: 196 - 64] + "工行代扣回单20261203".ljust(64).encode("gb18030")
    [fault] = sent.faults(b"\n".join(lines))
    assert (fault.line, fault.code, fault.expected, fault.found) == (
        3, FaultCode.COLUMNS, "a line of 196 bytes", "202 bytes",
    )  # fmt: skip


@BOTH
@pytest.mark.parametrize("sign", [b"\x00", b"\x1a", b"a", b"_"])
def test_an_answer_without_a_readable_batch_is_not_held_against_the_books(sent: Exchange, sign: bytes) -> None:
    """What a batch number cannot be is not looked for; the other faults are told all the same."""
    content = sent.result.replace(b"ICBC-2026-12-1-001", b"ICBC-2026-12-1-00" + sign).replace(b"GH-2", b"GH\x002")
    parsed = sent.profile.parse_result(sent.name, "ICBC", io.BytesIO(content))
    assert isinstance(parsed, Refused)
    assert parsed.readable is None
    assert {(fault.line, fault.field) for fault in parsed.faults} == {(1, "batch no"), (5, "bank reference")}


@pytest.mark.parametrize("profile", [PIPE, FIXED])
def test_fault_54_a_gibibyte_of_garbage(profile: LineProfile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the cap of a file's size, and a fault a byte: reading stops where nobody could be helped by more of them."""
    monkeypatch.setattr(line_file, "MAX_FAULTS", 1000)
    told = exchange(profile)
    data = io.BytesIO(told.result + b"\n" * 300_000)
    read = profile.parse_result(told.name, "ICBC", data)
    assert isinstance(read, Refused)
    assert len(read.faults) < 1100 and data.tell() < len(told.result) + 5000
    assert FaultCode.TOO_LARGE in {fault.code for fault in read.faults}
