"""Files of fixed width as some banks' programs have them: bytes of GB18030, amounts in fen, no separators.

A file is told as the fields of the contract's own form (sections 3 and 4), so that a program judges and answers both
alike. Requests are ``DF_…``, results ``HF_…``.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from simulators.amounts import fen, yuan

CHARSET: Final = "gb18030"

TEXT, NUMBER, FEN, DIGITS, CODE = "text", "number", "fen", "digits", "code"

_FOUR: Final = [(12, FEN)] * 4
_SUMS: Final = [(16, FEN)] * 4
REQUEST: Final = {
    "H": [(8, TEXT), (2, NUMBER), (12, TEXT), (36, TEXT), (7, TEXT), (1, TEXT), (10, TEXT), (3, TEXT)],
    "D": [(9, NUMBER), (36, TEXT), (12, TEXT), (32, TEXT), (120, TEXT), *_FOUR, (12, FEN), (1, TEXT)],
    "T": [(9, NUMBER), *_SUMS, (16, FEN), (12, DIGITS)],
}
"""Bytes and kind of each field of a request, in order."""
RESULT: Final = {
    "H": [(8, TEXT), (2, NUMBER), (12, TEXT), (36, TEXT), (36, TEXT), (10, TEXT)],
    "D": [(9, NUMBER), (36, TEXT), (12, TEXT), (2, CODE), (12, FEN), (12, FEN), *_FOUR, (64, TEXT)],
    "T": [(9, NUMBER), (9, NUMBER), (16, FEN), (16, FEN), *_SUMS],
}
"""The same of a result; its code stands before the amounts."""

_CODE_PLACE, _CODE_PLACE_OF_CONTRACT = 4, 10
THEIR_CODES: Final = {"05": "15", "99": "90"}
"""Codes these banks write otherwise than the contract does: name differs, other reasons."""
_CONTRACT_CODES: Final = {theirs: ours for ours, theirs in THEIR_CODES.items()}


def is_fixed(data: bytes) -> bool:
    """Whether these are the bytes of such a file."""
    return data.startswith((b"HDEDUCT ", b"HRESULT "))


def fields_of(data: bytes) -> list[list[str]]:
    """The lines' fields as the contract's form has them. Raises ValueError when a field is not what stands there."""
    form = REQUEST if data.startswith(b"HDEDUCT ") else RESULT
    lines = data.removesuffix(b"\n").split(b"\n")
    rows = [_cut(form, number, line) for number, line in enumerate(lines, 1)]
    if form is RESULT:
        for row in rows:
            if row[0] == "D":
                code = row.pop(_CODE_PLACE)
                row.insert(_CODE_PLACE_OF_CONTRACT, _CONTRACT_CODES.get(code, code))
    return rows


def _cut(form: dict[str, list[tuple[int, str]]], number: int, line: bytes) -> list[str]:
    record = line[:1].decode("ascii", "replace")
    fields = form.get(record)
    if fields is None or len(line) != 1 + sum(width for width, _ in fields):
        raise ValueError(f"line {number}, {record!r}, has {len(line)} bytes")
    found, place = [record], 1
    for width, kind in fields:
        found.append(_told(kind, line[place : place + width].decode(CHARSET)))
        place += width
    return found


def _told(kind: str, written: str) -> str:
    if kind in {TEXT, CODE}:
        return written.rstrip(" ")
    if not (written.isascii() and written.isdigit()):
        raise ValueError(f"not digits: {written!r}")
    if kind == FEN:
        return yuan(int(written))
    return str(int(written)) if kind == NUMBER else written


def printed_result(rows: Iterable[Sequence[str]]) -> bytes:
    """The bytes of a result whose lines have these fields in the contract's form."""
    lines = []
    for row in rows:
        fields = list(row)
        if fields[0] == "D":
            code = fields.pop(_CODE_PLACE_OF_CONTRACT)
            fields.insert(_CODE_PLACE, THEIR_CODES.get(code, code))
        lines.append(_print(fields))
    return b"".join(lines)


def _print(fields: Sequence[str]) -> bytes:
    line = fields[0].encode("ascii")
    for (width, kind), text in zip(RESULT[fields[0]], fields[1:], strict=True):
        written = str(fen(text)) if kind == FEN else text
        raw = written.encode(CHARSET)
        raw = raw.rjust(width, b"0") if kind in {FEN, NUMBER} else raw.ljust(width)
        if len(raw) != width:
            raise ValueError(f"{text!r} has no room in {width} bytes")
        line += raw
    return line + b"\n"
