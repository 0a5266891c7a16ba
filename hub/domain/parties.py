"""The parties that a hub serves (rules.md section 1). Anyone else is refused, never defaulted."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

MAX_LINES_DEFAULT: Final = 500_000
"""Lines of a bank file where hub.toml does not say what is agreed (contract section 3); a profile may have room for fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BankTerms:
    """What was agreed with a bank: its file profile, whether it deducts parts, and how many lines a file may hold.

    ``shadow`` (并行试运行): another system collects for the bank; the hub makes, reads and compares its files, and that is all.
    """

    code: str
    profile: str
    allow_partial: bool
    max_lines: int
    shadow: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Agencies (社保经(代)办机构) by code, and banks by code with their terms."""

    agencies: Set[str]
    banks: Mapping[str, BankTerms]

    @property
    def in_shadow(self) -> frozenset[str]:
        """The banks that are in shadow by the configuration of this moment."""
        return frozenset(code for code, terms in self.banks.items() if terms.shadow)
