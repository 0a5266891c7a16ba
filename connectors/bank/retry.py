"""Which failures time may heal. An allow-list: what is not named here is not tried again by itself, a person looks."""

import errno
import socket
from collections.abc import Callable
from typing import Any

import paramiko

from connectors.bank.failures import (
    AuthenticationRefusedError,
    BankConnectionLostError,
    BankRefusedError,
    BankTimeoutError,
    BankUnreachableError,
    PermissionRefusedError,
    ProtocolBrokenError,
    RemoteFileGoneError,
    WeakAlgorithmsError,
)
from connectors.bank.protocol import MalformedError, Status, StatusError
from hub.domain.errors import HubError

RETRIABLE_ERRNOS = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
    }
)
# paramiko tells these apart by text alone; they are the ways a transport dies or dawdles.
RETRIABLE_TEXTS = (
    "Error reading SSH protocol banner",
    "Negotiation failed.",
    "No existing session",
    "SSH session not active",
    "Timeout opening channel.",
    "Unable to open channel.",
    "Channel closed.",
    "Key-exchange timed out",
    "Mismatched MAC",
)
_AUTH_CUT_OFF = ("Authentication timeout", "Authentication failed: transport shut down")
RETRIABLE_STATUSES = frozenset({Status.FAILURE, Status.NO_CONNECTION, Status.CONNECTION_LOST})
_RESOURCE_SHORTAGE = 4  # RFC 4254, 5.1


def classify(error: Exception, where: str) -> HubError:
    """The failure as the hub's callers know it. ``where`` begins the sentence, e.g. "Bank server h:22"."""
    if isinstance(error, HubError):
        return error
    for kind, describe in _KINDS:
        if isinstance(error, kind):
            return describe(error, where)
    return HubError(f"{where}: {type(error).__name__}: {error}", advice="Check the connection: hub bank check.")


def _of_status(error: StatusError, where: str) -> HubError:
    if error.code == Status.PERMISSION_DENIED:
        return PermissionRefusedError(
            f"{where} does not permit it: {error}.", advice="Ask the bank to give the hub's user this right."
        )
    if error.code == Status.NO_SUCH_FILE:
        return RemoteFileGoneError(f"{where} does not know the file: {error}.", advice="Poll again.")
    if error.code in RETRIABLE_STATUSES:
        return BankRefusedError(
            f"{where} refused: {error}.", advice="The hub tries again; if it lasts, ask the bank about disk and quota."
        )
    return HubError(f"{where} answered {error}.", advice="Ask the bank what its server means by this.")


def _of_authentication(error: paramiko.AuthenticationException, where: str) -> HubError:
    text = str(error)
    if text.startswith(_AUTH_CUT_OFF):
        return BankConnectionLostError(f"{where} broke off while the hub identified itself.")
    return AuthenticationRefusedError(
        f"{where} does not accept the hub's key: {text}",
        advice="Check username and private_key in hub.toml, and that the bank has the matching public key.",
    )


def _of_ssh(error: paramiko.SSHException, where: str) -> HubError:
    text = str(error)
    if isinstance(error, paramiko.ssh_exception.IncompatiblePeer):
        return WeakAlgorithmsError(
            f"{where} offers nothing strong enough: {text}",
            advice="Ask the bank to allow AES-CTR or AES-GCM with HMAC-SHA2, and a key exchange with SHA-2.",
        )
    if isinstance(error, paramiko.ChannelException):
        if error.code == _RESOURCE_SHORTAGE:
            return BankUnreachableError(f"{where} has no room for another session.")
        return PermissionRefusedError(
            f"{where} opens no session: {error.text}", advice="Ask the bank to allow SFTP for the hub's user."
        )
    if text.startswith(RETRIABLE_TEXTS):
        return BankUnreachableError(f"{where} cannot be reached: {text}", advice="The hub tries again by itself.")
    return HubError(f"{where}: {text}", advice="Check host and port, then: hub bank check.")


def _of_socket(error: OSError, where: str) -> HubError:
    text = error.strerror or str(error)
    lasting = not (
        error.errno in RETRIABLE_ERRNOS
        or (isinstance(error, socket.gaierror) and error.errno == socket.EAI_AGAIN)
        or (error.errno is None and text == "Socket is closed")
    )
    if lasting:
        return HubError(f"{where}: {text}", advice="Check host and port in hub.toml, then: hub bank check.")
    return BankUnreachableError(f"{where} cannot be reached: {text}.", advice="The hub tries again by itself.")


def _of_timeout(_error: TimeoutError, where: str) -> HubError:
    return BankTimeoutError(f"{where} did not answer in time.", advice="The hub tries again by itself.")


def _of_eof(_error: EOFError, where: str) -> HubError:
    return BankConnectionLostError(f"{where} closed the connection.", advice="The hub tries again by itself.")


def _of_malformed(error: MalformedError, where: str) -> HubError:
    return ProtocolBrokenError(
        f"{where} does not speak SFTP version 3: {error}.", advice="Check host and port with the bank."
    )


# The first that fits: a kind stands before the kinds it is one of.
_KINDS: tuple[tuple[type[Exception], Callable[[Any, str], HubError]], ...] = (
    (StatusError, _of_status),
    (MalformedError, _of_malformed),
    (paramiko.AuthenticationException, _of_authentication),
    (paramiko.SSHException, _of_ssh),
    (TimeoutError, _of_timeout),
    (EOFError, _of_eof),
    (OSError, _of_socket),
)
