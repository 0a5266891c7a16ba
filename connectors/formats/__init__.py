"""File formats of agencies and banks: bytes to records and back, every fault told. Pure: no file is opened here."""

from collections.abc import Mapping
from typing import Final

from connectors.formats import pipe_gb18030
from connectors.formats.iso20022 import profile as iso20022
from hub.ports import BankFormat

PROFILES: Final[Mapping[str, BankFormat]] = {
    profile.name: profile for profile in (pipe_gb18030.PROFILE, iso20022.PROFILE)
}
"""The bank file profiles that ``hub.toml`` may name."""
