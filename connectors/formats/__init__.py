"""File formats of agencies and banks: bytes to records and back, every fault told. Pure: no file is opened here but our own."""

from collections.abc import Mapping
from typing import Final

from connectors.formats.iso20022 import profile as iso20022
from connectors.formats.line_profile import line_profiles
from hub.ports import BankFormat

PROFILES: Final[Mapping[str, BankFormat]] = {
    **{profile.name: profile for profile in line_profiles()},
    iso20022.PROFILE.name: iso20022.PROFILE,
}
"""The bank file profiles that ``hub.toml`` may name: those of ``profiles/*.toml``, and messages of ISO 20022."""
