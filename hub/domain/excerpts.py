"""A line of a foreign file for a person's eyes: nothing in it acts on the screen, and the bytes at fault are shown."""

import unicodedata
from typing import Final, NamedTuple

from hub.domain.faults import Fault, FaultCode

BYTES_AROUND: Final = 16
"""Bytes shown on either side of the place at fault."""
TEXT_LENGTH_MAX: Final = 2000
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that a screen obeys or leaves out instead of showing."""
_SEPARATOR: Final = b"|"


class Excerpt(NamedTuple):
    """A line as it stands. ``offset`` counts bytes of the line from 0; ``hex`` are the bytes from there on."""

    text: str
    offset: int
    hex: str


def visible(text: str) -> str:
    """The text with everything invisible spelled out (``<U+0009>``), a long one cut with its length."""
    shown = "".join(
        f"<U+{ord(sign):04X}>" if unicodedata.category(sign) in _INVISIBLE else sign for sign in text[:TEXT_LENGTH_MAX]
    )
    return shown if len(text) <= TEXT_LENGTH_MAX else f"{shown}… ({len(text)} characters)"


def excerpt(line: bytes, fault: Fault, encoding: str) -> Excerpt:
    """The line, with its line end if it has one, and the bytes around what the fault found."""
    text = line.removesuffix(b"\n").decode(encoding, errors="backslashreplace")
    place = _place(line, fault, encoding)
    first = max(place - BYTES_AROUND, 0)
    return Excerpt(visible(text), first, line[first : place + BYTES_AROUND].hex(" ").upper())


def _place(line: bytes, fault: Fault, encoding: str) -> int:
    """Where the line is at fault, as near as the fault tells; the line's start when it tells nothing."""
    if fault.code is FaultCode.LINE_END:
        return len(line)
    if fault.code is FaultCode.ENCODING:
        try:
            line.decode(encoding)
        except UnicodeDecodeError as failure:
            return failure.start
        return next((at for at, byte in enumerate(line) if byte > 0x7F), 0)
    if fault.code is FaultCode.CONTROL_CHARACTER:
        body = line.removesuffix(b"\n")
        return next((at for at, byte in enumerate(body) if byte < 0x20 or byte == 0x7F), 0)
    wanted = fault.found.encode(encoding, errors="replace")
    start = 0
    for each in line.removesuffix(b"\n").split(_SEPARATOR):
        if each == wanted:
            return start
        start += len(each) + 1
    return max(line.find(wanted), 0)
