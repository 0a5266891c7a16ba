"""Pinned host keys: the hub speaks to the servers it was told of and to no other (contract section 5)."""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256

from connectors.bank.failures import HostKeyRefusedError
from hub.domain.errors import ConfigurationError

_PIN = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?", re.ASCII)


def fingerprint(key_blob: bytes) -> str:
    """``SHA256:…`` of a public key blob, as ``ssh-keygen -lf`` prints it (base64 without padding)."""
    return "SHA256:" + b64encode(sha256(key_blob).digest()).decode("ascii").rstrip("=")


class HostKeyPins:
    """The fingerprints one bank may show; two while it changes its key."""

    def __init__(self, host_keys: Iterable[str]) -> None:
        """Refuses an empty list and anything that is not a SHA-256 fingerprint; ConfigurationError."""
        pins = tuple(host_keys)
        if not pins:
            raise ConfigurationError(
                "No host key is pinned for this bank.",
                advice="Set host_keys to what `ssh-keygen -lf` prints for the bank's host key, confirmed by the bank.",
            )
        for pin in pins:
            if _PIN.fullmatch(pin) is None:
                raise ConfigurationError(
                    f"Not a host key fingerprint: {pin!r}.",
                    advice="host_keys holds fingerprints as `ssh-keygen -lf` prints them: SHA256: and 43 characters.",
                )
        self._pins = frozenset(pin.rstrip("=") for pin in pins)

    def holds(self, shown: str) -> bool:
        """Whether this fingerprint is pinned."""
        return shown in self._pins

    def refusal(self, host: str, port: int, shown: Iterable[str]) -> HostKeyRefusedError:
        """The error for a server that showed only keys that are not pinned."""
        return HostKeyRefusedError(
            f"{host}:{port} shows the host key {' and '.join(shown)}, pinned is {' or '.join(sorted(self._pins))}. "
            "Nothing was sent.",
            advice="Ask the bank, by another way than this connection, whether it changed its host key. "
            "Only if it confirms this very fingerprint, put it in host_keys.",
        )
