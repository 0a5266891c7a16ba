"""Pinned host keys: the hub speaks to the servers it was told of and to no other (contract section 5)."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256

from connectors.bank.failures import HostKeyRefusedError
from hub.domain.errors import ConfigurationError

_PIN = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?", re.ASCII)


def fingerprint(key_blob: bytes) -> str:
    """``SHA256:…`` of a public key blob, as ``ssh-keygen -lf`` prints it (base64 without padding)."""
    return "SHA256:" + b64encode(sha256(key_blob).digest()).decode("ascii").rstrip("=")


class HostKeyPins:
    """The fingerprints one bank may show; two while it changes its key.

    Pins may come and go with the days: then they are asked for whenever a server has to be trusted.
    """

    def __init__(self, host_keys: Iterable[str] | Callable[[], Iterable[str]]) -> None:
        """Refuses an empty list and anything that is not a SHA-256 fingerprint; ConfigurationError.

        A function is asked for the fingerprints that count at this moment, which may be none.
        """
        if callable(host_keys):
            self._valid = host_keys
            return
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
        fixed = frozenset(pin.rstrip("=") for pin in pins)
        self._valid = lambda: fixed

    def holds(self, shown: str) -> bool:
        """Whether this fingerprint is pinned at this moment."""
        return shown in frozenset(self._valid())

    def refusal(self, host: str, port: int, shown: Iterable[str]) -> HostKeyRefusedError:
        """The error for a server that showed only keys that are not pinned."""
        met = tuple(shown)
        pinned = " or ".join(sorted(self._valid())) or "none that is valid today"
        return HostKeyRefusedError(
            f"{host}:{port} shows the host key {' and '.join(met)}, pinned is {pinned}. Nothing was sent.",
            advice="Ask the bank, by another way than this connection, whether it changed its host key. "
            "Only if it confirms this very fingerprint, pin it by two people: hub bank pin BANK FINGERPRINT --by NAME, "
            "then the same with --approve by somebody else; or put it in host_keys.",
            shown=met,
        )
