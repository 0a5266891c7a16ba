"""Fen and their text, in the simulators' own arithmetic: whole numbers only, four funds in statutory order."""

import re
from collections.abc import Iterable
from typing import Final

Four = tuple[int, int, int, int]
"""Fen per fund: pension 养老, unemployment 失业, injury 工伤, maternity 生育."""

FUNDS: Final = ("pension", "unemployment", "injury", "maternity")
NIL: Final[Four] = (0, 0, 0, 0)

_YUAN = re.compile(r"(0|[1-9][0-9]{0,13})\.([0-9]{2})", re.ASCII)


def yuan(fen: int) -> str:
    """The text of an amount in a file: 123456 fen is ``1234.56``."""
    whole, rest = divmod(fen, 100)
    return f"{whole}.{rest:02d}"


def fen(text: str) -> int:
    """The fen of an amount's text. Raises ValueError on anything that is not an amount."""
    found = _YUAN.fullmatch(text)
    if found is None:
        raise ValueError(f"not an amount: {text!r}")
    return int(found[1]) * 100 + int(found[2])


def four_of(texts: Iterable[str]) -> Four:
    """Four amount fields of a file as fen."""
    pension, unemployment, injury, maternity = (fen(text) for text in texts)
    return (pension, unemployment, injury, maternity)


def add(one: Four, other: Four) -> Four:
    return (one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3])


def less(one: Four, other: Four) -> Four:
    return (one[0] - other[0], one[1] - other[1], one[2] - other[2], one[3] - other[3])


def smaller(one: Four, other: Four) -> Four:
    """Fund by fund, the smaller of the two."""
    return (min(one[0], other[0]), min(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))


def over_zero(amounts: Four) -> Four:
    """Fund by fund, the amount or nothing, whichever is more."""
    return (max(amounts[0], 0), max(amounts[1], 0), max(amounts[2], 0), max(amounts[3], 0))


def in_order(money: int, wanted: Four) -> Four:
    """Pour ``money`` over what is wanted, fund after fund; the later ones go short (C9-2)."""
    pension = min(money, wanted[0])
    unemployment = min(money - pension, wanted[1])
    injury = min(money - pension - unemployment, wanted[2])
    maternity = min(money - pension - unemployment - injury, wanted[3])
    return (pension, unemployment, injury, maternity)
