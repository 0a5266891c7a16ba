"""Ways in which a line of a file is not as it should be."""

from collections.abc import Callable

from hypothesis import strategies as st

ODD_TEXTS = (
    "", " ", '"', '""', "'", "|", "||", "\r", "\n", "\r\n", "\t", "\0", "\x1f", "\x7f", "\x85", "\x9f", "\xa0", "\u2028",
    "\ufeff", "０", "٣", "１１０１０５０００００１", "0", "00", "01", "-", "+1", "1.0", "1.000", ".10", "0.00", "00.10", "1,000.00",
    "1e3.00", "9999999999.99", "10000000000.00", "١.00", "null", "NaN", "None", "#", "\\", "\\N", "B", "S", "b", "ICBC",
    "2026-11", "2026-13", "0001-01", "9999-12", "2026-1", "名" * 300, "D|", "C|", "T|", "H|", "𠮷", "é",
)  # fmt: skip
ODD_BYTES = (
    b"\xff", b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe4\xb8", b"\x1f\x8b", b"\xef\xbb\xbf",
)  # fmt: skip
odd = st.sampled_from([*(text.encode() for text in ODD_TEXTS), *ODD_BYTES])
places = st.integers(0, 10_000)


def with_field(line: bytes, at: int, text: bytes) -> bytes:
    fields = line.rstrip(b"\n").split(b"|")
    fields[at % len(fields)] = text
    return b"|".join(fields) + b"\n"


def with_bytes(line: bytes, at: int, text: bytes) -> bytes:
    place = at % (len(line) + 1)
    return line[:place] + text + line[place:]


def without_a_byte(line: bytes, at: int, _: bytes) -> bytes:
    place = at % len(line)
    return line[:place] + line[place + 1 :]


def with_another_byte(line: bytes, at: int, text: bytes) -> bytes:
    place = at % len(line)
    return line[:place] + (text[:1] or b"\x00") + line[place + 1 :]


Damage = Callable[[bytes, int, bytes], bytes]
"""Makes a line out of a line, a place in it and an odd text."""

damages: tuple[Damage, ...] = (
    with_field, with_bytes, without_a_byte, with_another_byte, lambda line, _, text: line[:-1] + text + line[-1:],
    lambda line, _, text: text + line, lambda line, *_: line + line, lambda line, *_: b"",
)  # fmt: skip
