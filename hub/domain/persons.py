"""Persons who decide: their names, and when two names are one person's (four eyes)."""

import unicodedata
from typing import Final

from hub.domain.faults import Fault, FaultCode

NAME_LENGTH_MAX: Final = 64
_BESIDE_LETTERS: Final = frozenset(" .-'·")
_SCRIPTS: Final = ("LATIN ", "CJK UNIFIED IDEOGRAPH-", "DIGIT ")
"""Names of the characters that names are written in; letters of other scripts look like these and are others."""


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: capitals, widths, blanks, accents and signs make no second person."""
    return _person(one) == _person(other)


def name_faults(by: str) -> list[Fault]:
    """What keeps a text from being a person's name: Chinese or Latin, nothing invisible, nothing that looks like another."""
    letters = [sign for sign in unicodedata.normalize("NFKC", by) if sign not in _BESIDE_LETTERS]
    is_name = len(letters) > 0 and len(by) <= NAME_LENGTH_MAX and all(map(_is_plain, letters))
    expected = f"a person's name in Chinese or Latin letters, at most {NAME_LENGTH_MAX} characters"
    return [] if is_name else [Fault(None, "by", FaultCode.GRAMMAR, expected, by[:100])]


def _is_plain(sign: str) -> bool:
    return sign.isalnum() and unicodedata.name(sign, "").startswith(_SCRIPTS)


def _person(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(sign for sign in plain if sign.isalnum())
