"""Keys of both sides for signatures on bank files; each scheme has a module, and is loaded when a bank asks for it."""

import stat
from collections.abc import Sequence
from pathlib import Path

from hub.domain.errors import ConfigurationError
from hub.domain.signatures import Scheme
from hub.ports import Signer, Verifier

KEY_BYTES_MAX = 1 << 20
_PEOPLE_ELSE = stat.S_IWGRP | stat.S_IWOTH


def signer(scheme: Scheme, path: Path) -> Signer:
    """Our private key, for its owner alone. ConfigurationError when the file is not, or holds no key of the scheme."""
    if scheme is Scheme.OPENPGP:
        from connectors.signatures.openpgp import OpenPgpSigner  # noqa: PLC0415  who asks for Ed25519 loads no OpenPGP

        return OpenPgpSigner(path)
    from connectors.signatures.ed25519 import Ed25519Signer  # noqa: PLC0415  likewise

    return Ed25519Signer(path)


def verifier(scheme: Scheme, paths: Sequence[Path]) -> Verifier:
    """A bank's public keys, in this order. ConfigurationError for a file that holds none, or that others may write to."""
    keys = [_read(path) for path in paths]
    if scheme is Scheme.OPENPGP:
        from connectors.signatures.openpgp import OpenPgpVerifier  # noqa: PLC0415  likewise

        return OpenPgpVerifier(dict(zip(paths, keys, strict=True)))
    from connectors.signatures.ed25519 import Ed25519Verifier  # noqa: PLC0415  likewise

    return Ed25519Verifier(dict(zip(paths, keys, strict=True)))


def _read(path: Path) -> bytes:
    """A public key is no secret, but whoever may change the file may sign as the bank."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > KEY_BYTES_MAX:
            raise ConfigurationError(f"{path} is no file with a public key.", advice="Check verify_keys in hub.toml.")
        if found.st_mode & _PEOPLE_ELSE:
            raise ConfigurationError(
                f"The public key {path} may be changed by others (mode {stat.S_IMODE(found.st_mode):04o}).",
                advice=f"Make it yours alone to change: chmod go-w {path}; then compare it with what the bank confirmed.",
            )
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The public key {path} cannot be read: {error.strerror}.", advice="Check verify_keys in hub.toml."
        ) from error
