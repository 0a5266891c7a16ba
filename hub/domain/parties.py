"""The parties that a hub serves (rules.md section 1). Anyone else is refused, never defaulted."""

from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BankTerms:
    """What was agreed with a bank: its file profile, whether it deducts parts, and how many lines a file may hold."""

    code: str
    profile: str
    allow_partial: bool
    max_lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Agencies (社保经(代)办机构) by code, and banks by code with their terms."""

    agencies: Set[str]
    banks: Mapping[str, BankTerms]
