"""Money: whole fen (分) in its own type, and the only door between fen and the yuan text of files.

There is no float and no Decimal on the money path: a fen is an ``int`` that only this module makes out of text.
"""

import re
from typing import Final, NewType

Fen = NewType("Fen", int)
"""Whole fen. Made from text by :func:`parse_yuan` and :func:`parse_total`, from the books as is."""

ZERO: Final = Fen(0)
MAX_AMOUNT: Final = Fen(999_999_999_999)
"""Largest amount of one line, 9999999999.99 yuan."""
MAX_TOTAL: Final = Fen(9_999_999_999_999_999)
"""Largest control total, 14 digits of yuan before the point."""

AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,9})\.([0-9]{2})", re.ASCII)
TOTAL: Final = re.compile(r"(0|[1-9][0-9]{0,13})\.([0-9]{2})", re.ASCII)
WHOLE_FEN: Final = re.compile(r"[0-9]{1,40}", re.ASCII)
"""To be used with ``fullmatch``: a line amount, a control total, either of them as a whole number of fen."""

AMOUNT_GRAMMAR: Final = "yuan with two decimals, 0.00 to 9999999999.99"
TOTAL_GRAMMAR: Final = "yuan with two decimals, at most 14 digits before the point"


def parse_yuan(text: str) -> Fen | None:
    """The fen of a line amount, or None when the text is not one (nothing is repaired)."""
    found = AMOUNT.fullmatch(text)
    return None if found is None else Fen(int(found[1]) * 100 + int(found[2]))


def parse_total(text: str) -> Fen | None:
    """The fen of a control total (``C`` and ``T`` lines, up to 14 digits before the point), or None."""
    found = TOTAL.fullmatch(text)
    return None if found is None else Fen(int(found[1]) * 100 + int(found[2]))


def parse_fen(text: str, most: Fen = MAX_AMOUNT) -> Fen | None:
    """The fen of a whole number of fen, as banks of fixed width write an amount, or None; ``most`` is the largest.

    Leading zeros fill the field; how many digits that makes is the grammar of the field.
    """
    if not WHOLE_FEN.fullmatch(text) or int(text) > most:
        return None
    return Fen(int(text))


def print_fen(amount: Fen, digits: int) -> str:
    """So many digits of whole fen: ``123456`` in 12 digits is ``000000123456``."""
    text = f"{amount:0{digits}d}"
    assert amount >= 0 and len(text) == digits, f"{amount} fen have no room in {digits} digits"
    return text


def print_yuan(amount: Fen) -> str:
    """The contract's text of an amount: ``123456`` fen is ``1234.56``."""
    assert amount >= 0, f"an amount in a file is never negative: {amount}"
    return f"{amount // 100}.{amount % 100:02d}"


def yuan(fen: int) -> str:
    """Yuan with separators for reading; a difference may be negative."""
    sign = "-" if fen < 0 else ""
    whole, cents = divmod(abs(fen), 100)
    return f"{sign}{whole:,}.{cents:02d}"
