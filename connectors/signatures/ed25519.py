"""Ed25519 (RFC 8032): a signature file is one line, the key's fingerprint, a blank, the signature in base64, LF.

The fingerprint is what ``ssh-keygen -lf`` prints of the public key. The same key and statement give the same line, always.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from connectors.bank.host_keys import fingerprint
from connectors.bank.private_key import check_private_key
from hub.domain.errors import ConfigurationError
from hub.domain.signatures import Unfit

_LINE: Final = re.compile(rb"(SHA256:[A-Za-z0-9+/]{43}) ([A-Za-z0-9+/]{86}==)\n")
_FORM: Final = "one line: SHA256:, 43 characters, a blank, 88 characters of base64"


class Ed25519Signer:
    """``hub.ports.Signer`` with a private key in OpenSSH's or in PEM form, without a passphrase."""

    def __init__(self, path: Path) -> None:
        """ConfigurationError when others may use the file, or it holds no such key."""
        self._key = _private_key(path)
        self.key = _fingerprint(self._key.public_key())

    def sign(self, statement: bytes) -> bytes:
        """The signature file."""
        return f"{self.key} {b64encode(self._key.sign(statement)).decode('ascii')}\n".encode("ascii")


class Ed25519Verifier:
    """``hub.ports.Verifier`` with public keys, a ``.pub`` line of OpenSSH or PEM each."""

    def __init__(self, files: Mapping[Path, bytes]) -> None:
        """``files``: contents by path. ConfigurationError for one that holds no such key."""
        known = [_public_key(path, data) for path, data in files.items()]
        self.keys = [_fingerprint(key) for key in known]
        self._keys = dict(zip(self.keys, known, strict=True))

    def signer_of(self, statement: bytes, signature: bytes) -> str | Unfit:
        """Only the one form of a line is taken: whoever changes a bit of a signature has another file."""
        line = _LINE.fullmatch(signature)
        if line is None:
            return Unfit(_FORM, _shown(signature))
        named = line[1].decode("ascii")
        key, made = self._keys.get(named), b64decode(line[2])
        if key is None:
            return Unfit(f"a signature by {' or '.join(self.keys)}", named)
        if b64encode(made) != line[2]:
            return Unfit(_FORM, "bits beyond the signature's end")
        try:
            key.verify(made, statement)
        except InvalidSignature:
            return Unfit(f"a signature by {named} over this name and these bytes", "one over something else")
        return named


def _private_key(path: Path) -> Ed25519PrivateKey:
    check_private_key(path, "signing_key")
    try:
        data = path.read_bytes()
        load = load_ssh_private_key if b"OPENSSH PRIVATE KEY" in data else load_pem_private_key
        key = load(data, password=None)
    except OSError as error:
        raise ConfigurationError(f"The private key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _no_private_key(path) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_private_key(path)
    return key


def _no_private_key(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} holds no Ed25519 private key without a passphrase.",
        advice="Make one: ssh-keygen -t ed25519 -N '' -f <path>. For OpenPGP say signature_scheme = \"openpgp\".",
    )


def _public_key(path: Path, data: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(data) if b"-----BEGIN" in data else load_ssh_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        key = None  # told below
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError(
            f"{path} holds no Ed25519 public key.",
            advice='Ask the bank for the line of its .pub file, or for PEM. For OpenPGP say signature_scheme = "openpgp".',
        )
    return key


def _fingerprint(key: Ed25519PublicKey) -> str:
    return fingerprint(b64decode(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]))


def _shown(signature: bytes) -> str:
    """As much as helps, harmless to print."""
    text = signature[:60].decode("latin-1").encode("unicode_escape").decode("ascii")
    return f"{text}…" if len(signature) > 60 else text
