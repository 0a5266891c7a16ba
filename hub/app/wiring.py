"""The only place that builds things: settings become an engine, an archive, bank doors and profiles that fit together."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from connectors.archive.file_archive import FileArchive
from hub.app import endpoints
from hub.app.settings import Bank, Settings
from hub.domain.errors import HubError
from hub.domain.parties import BankTerms, Parties
from hub.ledger.database import ROLE_APP, engine
from hub.ports import BankDoor, BankFormat

if TYPE_CHECKING:
    from hub.app.bank_signatures import BankSignatures
    from hub.app.bank_trust import Trust


class UnknownBankError(HubError):
    """No bank of this hub has this code."""


@dataclass(frozen=True)
class Hub:
    """A configured hub: what use cases are given."""

    settings: Settings

    @cached_property
    def engine(self) -> Engine:
        """Connections that may post and may not change what is posted; room for a visit at every bank at once."""
        return engine(endpoints.database_url(self.settings), ROLE_APP, pool_size=10 + 2 * len(self.settings.banks))

    @cached_property
    def archive(self) -> FileArchive:
        return FileArchive(self.settings.home / "archive")

    @cached_property
    def parties(self) -> Parties:
        banks = {
            bank.code: BankTerms(
                code=bank.code,
                profile=bank.profile,
                allow_partial=bank.allow_partial and self.formats[bank.code].deducts_parts,
                max_lines=min(bank.max_lines, self.formats[bank.code].max_lines),
                shadow=bank.shadow,
            )
            for bank in self.settings.banks
        }
        return Parties(agencies=frozenset(agency.code for agency in self.settings.agencies), banks=banks)

    @cached_property
    def formats(self) -> dict[str, BankFormat]:
        """The profile of each bank, by the bank's code."""
        from connectors.formats import PROFILES  # noqa: PLC0415  reads by columns, which who only looks does not

        return {bank.code: PROFILES[bank.profile] for bank in self.settings.banks}

    @cached_property
    def signatures(self) -> "dict[str, BankSignatures]":
        """What is agreed with each bank about signatures, by the bank's code."""
        from hub.app.bank_signatures import BankSignatures  # noqa: PLC0415  who only looks needs no keys

        return {bank.code: BankSignatures(bank) for bank in self.settings.banks}

    def bank(self, code: str) -> Bank:
        """The settings of a bank; an unknown code is refused, never defaulted."""
        bank = self.settings.bank(code)
        if bank is None:
            known = ", ".join(self.parties.banks)
            raise UnknownBankError(f"{code} is not a bank of this hub.", advice=f"Banks in hub.toml: {known}.")
        return bank

    def door(self, code: str) -> BankDoor:
        """A new door to a bank; nothing is opened until it is used. The caller closes it.

        To a bank in shadow it is a door that only looks, whoever asks for it.
        """
        from connectors.bank.looking_door import LookingDoor  # noqa: PLC0415  who only looks speaks to no bank
        from connectors.bank.sftp import SftpDoor  # noqa: PLC0415  likewise
        from hub.app.bank_circuit import GuardedDoor  # noqa: PLC0415  likewise
        from hub.app.bank_trust import TrustedDoor  # noqa: PLC0415  likewise

        bank, trust = self.bank(code), self.trust(code)
        door = SftpDoor(
            host=bank.host,
            port=bank.port,
            username=bank.username,
            private_key=bank.private_key,
            host_keys=trust.keys,
            outbound_dir=bank.outbound_dir,
            inbound_dir=bank.inbound_dir,
            done_dir=bank.done_dir,
            receipts=self.settings.home / "receipts" / bank.code,
        )
        guarded = GuardedDoor(TrustedDoor(door, trust), bank.code, lambda: self.engine)
        return LookingDoor(guarded) if bank.shadow else guarded

    def trust(self, code: str) -> "Trust":
        """Which host keys of a bank count, and whether its door is shut."""
        from hub.app.bank_trust import Trust  # noqa: PLC0415  likewise

        return Trust(self.bank(code), self.settings.clock, lambda: self.engine)
