"""A foreign line on a person's screen: it is all there, nothing of it acts, and the bytes at fault are in the window."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.excerpts import BYTES_AROUND, excerpt, visible
from hub.domain.faults import Fault, FaultCode

GB18030 = "gb18030"


@given(st.text(max_size=200))
def test_nothing_shown_is_obeyed_by_a_screen(text: str) -> None:
    assert all(unicodedata.category(sign)[0] != "C" for sign in visible(text))


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=200))
def test_what_is_visible_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_what_is_invisible_is_spelled_out() -> None:
    assert visible("a\tb\x1b[2J\u202e") == "a<U+0009>b<U+001B>[2J<U+202E>"


def test_a_long_line_is_cut_with_its_length() -> None:
    assert visible("x" * 5000).endswith("… (5000 characters)")


LINE = b"D|2|A-2-1|110105000004|118.00|104.00|100.00|4.00|0.00|0.00|01|R2\n"


@pytest.mark.parametrize(
    ("line", "fault", "at"),
    [
        (LINE, Fault(3, "deducted", FaultCode.CODE, "118.00", "104.00"), LINE.index(b"104.00")),
        (LINE, Fault(3, "line", FaultCode.UNKNOWN_LINE, "", "2"), 2),  # the field, not the first 2 there is
        (LINE, Fault(3, "line end", FaultCode.LINE_END, "LF", "CR LF"), len(LINE)),
        (LINE, Fault(3, "what", FaultCode.GRAMMAR, "", "not in the line"), 0),
        (b"D|2|A\x00B|\n", Fault(2, "unit", FaultCode.CONTROL_CHARACTER, "", "A<U+0000>B"), 5),
        (b"D|2|\xff\xff|\n", Fault(2, "encoding", FaultCode.ENCODING, "valid GB18030", ""), 4),
        ("D|2|银行|\n".encode(), Fault(2, "encoding", FaultCode.ENCODING, "GB18030", "UTF-8 beyond ASCII"), 4),
    ],
)
def test_the_bytes_at_fault_are_in_the_window(line: bytes, fault: Fault, at: int) -> None:
    shown = excerpt(line, fault, GB18030)
    window = bytes.fromhex(shown.hex)
    assert shown.offset == max(at - BYTES_AROUND, 0)
    assert window == line[shown.offset : at + BYTES_AROUND]


@given(st.binary(max_size=120), st.sampled_from(FaultCode), st.text(max_size=10))
def test_any_bytes_can_be_shown(line: bytes, code: FaultCode, found: str) -> None:
    shown = excerpt(line, Fault(1, "field", code, "", found), GB18030)
    assert line[shown.offset :].startswith(bytes.fromhex(shown.hex))
