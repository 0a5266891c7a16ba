"""File formats of agencies and banks: bytes to records and back, every fault told. Pure: no file is opened here."""

from collections.abc import Mapping
from typing import Final

from connectors.formats import pipe_gb18030
from hub.ports import BankFormat

PROFILES: Final[Mapping[str, BankFormat]] = {profile.name: profile for profile in (pipe_gb18030.PROFILE,)}
"""The bank file profiles that ``hub.toml`` may name."""
