"""The hub's own key for one bank."""

import os
import stat
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from paramiko.pkey import UnknownKeyType

from hub.domain.errors import ConfigurationError


def check_private_key(path: Path, setting: str = "private_key") -> None:
    """Refuses a key file that is missing, not a regular file, somebody else's, or looser than 0600 (doctor, start).

    ``setting``: the key of hub.toml that names the file.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigurationError(
            f"The private key {path} cannot be read: {error.strerror}.",
            advice=f"Check {setting} in hub.toml, or make a key: ssh-keygen -t ed25519 -N '' -f <path>.",
        ) from error
    mode = found.st_mode
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"The private key {path} is not a file.", advice=f"Check {setting} in hub.toml.")
    if found.st_uid != os.geteuid():
        raise ConfigurationError(
            f"The private key {path} belongs to user {found.st_uid}, and the hub runs as user {os.geteuid()}.",
            advice=f"Run the hub as the owner of its keys, or make the file its own: chown {os.geteuid()} {path}",
        )
    if stat.S_IMODE(mode) & ~0o600:
        raise ConfigurationError(
            f"The private key {path} may be used by others (mode {stat.S_IMODE(mode):04o}).",
            advice=f"Make it yours alone: chmod 600 {path}",
        )


def load_private_key(path: Path) -> paramiko.PKey:
    """The key, after ``check_private_key``; ConfigurationError when it is none the hub can use."""
    check_private_key(path)
    try:
        key: paramiko.PKey = paramiko.PKey.from_path(str(path))
    except OSError as error:
        raise ConfigurationError(f"The private key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, paramiko.SSHException, UnsupportedAlgorithm, UnknownKeyType) as error:
        raise ConfigurationError(
            f"The private key {path} cannot be used: damaged, protected by a passphrase, or of an unknown kind.",
            advice="Use an Ed25519, ECDSA or RSA key without a passphrase, kept with mode 0600.",
        ) from error
    return key
