"""What is agreed with a bank about signatures, with the keys to it: requests are signed, and the bank's answers are checked.

Keys are read when they are first needed and kept; a new key takes a restart, as any change of hub.toml does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

import connectors.signatures as keys
from hub.app.settings import Bank
from hub.domain.faults import Fault
from hub.domain.key_days import KeyDays, KeyState
from hub.domain.signatures import SIG_BYTES_MAX, Demand, Unfit, fault, statement
from hub.ports import Archived, Signer, Verifier


def read_signature(path: Path) -> bytes:
    """The bytes of a signature file on this machine; nothing of one that is larger than any is."""
    with path.open("rb") as source:
        data = source.read(SIG_BYTES_MAX + 1)
    return data if len(data) <= SIG_BYTES_MAX else b""


@dataclass(frozen=True)
class BankSignatures:
    """``hub.ports.BankSignatures`` by the settings of a bank."""

    bank: Bank

    @property
    def demand(self) -> Demand:
        """Of the bank's answers."""
        return self.bank.signatures.result

    @property
    def signs(self) -> bool:
        return self.bank.signing_key is not None

    def sign(self, name: str, archived: Archived) -> tuple[bytes, str]:
        return self._signer.sign(statement(name, archived.size, archived.sha256)), self._signer.key

    def check(self, name: str, archived: Archived, signature: bytes | None, day: date) -> str | Fault | None:
        """Fingerprint of the key that signed a file from the bank, or what is wrong; None: unsigned, and it need not be.

        ``signature``: the bytes that lie beside the file, nothing of more than ``SIG_BYTES_MAX``. A key counts on its days;
        ``day`` is the business day.
        """
        if self.demand is Demand.NONE or (signature is None and self.demand is Demand.OPTIONAL):
            return None
        if signature is None:
            return fault(f"a signature by {' or '.join(self._days)}", "")
        if not 0 < len(signature) <= SIG_BYTES_MAX:
            return fault(f"1 to {SIG_BYTES_MAX} bytes", "an empty file, or a larger one that was not read")
        found = self._verifier.signer_of(statement(name, archived.size, archived.sha256), signature)
        if isinstance(found, Unfit):
            return fault(found.expected, found.found)
        if not any(days.state_on(day) is KeyState.VALID for days in self._days[found]):
            counts = " or ".join(days.words for days in self._days[found])
            return fault(f"a key that counts on {day}", f"{found}, which counts {counts}")
        return found

    def load(self) -> None:
        """Reads the keys that are named; ConfigurationError for a file of no use (start, doctor)."""
        if self.signs:
            _ = self._signer
        if self.bank.verify_keys:
            _ = self._verifier

    @cached_property
    def _signer(self) -> Signer:
        assert self.bank.signing_key is not None, "who has no key does not sign"
        return keys.signer(self.bank.signatures.scheme, self.bank.signing_key)

    @cached_property
    def _verifier(self) -> Verifier:
        return keys.verifier(self.bank.signatures.scheme, [key.path for key in self.bank.verify_keys])

    @cached_property
    def _days(self) -> dict[str, Sequence[KeyDays]]:
        """The days of each key; one that is named twice counts on the days of both."""
        days: dict[str, list[KeyDays]] = {}
        for key, of_file in zip(self._verifier.keys, self.bank.verify_keys, strict=True):
            days.setdefault(key, []).append(of_file)
        return dict(days)
