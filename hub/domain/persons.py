"""Persons who decide: their names, and when two names are one person's (four eyes)."""

import unicodedata
from typing import Final

from hub.domain.faults import Fault, FaultCode

NAME_LENGTH_MAX: Final = 64


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's: capitals, widths and blanks make no second person."""
    return _person(one) == _person(other)


def name_faults(by: str) -> list[Fault]:
    """What keeps a text from being a person's name."""
    is_name = 0 < len(by.strip()) <= NAME_LENGTH_MAX and by.isprintable() and "|" not in by
    expected = f"a person's name of at most {NAME_LENGTH_MAX} characters"
    return [] if is_name else [Fault(None, "by", FaultCode.GRAMMAR, expected, by[:100])]


def _person(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
