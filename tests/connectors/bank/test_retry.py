"""Which failures are tried again: an allow-list, everything else waits for a person."""

import errno
import socket

import paramiko
import pytest
from paramiko.ssh_exception import BadAuthenticationType, IncompatiblePeer

from connectors.bank.failures import HostKeyRefusedError
from connectors.bank.protocol import MalformedError, StatusError
from connectors.bank.retry import classify

CASES: list[tuple[Exception, bool]] = [
    (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), True),
    (ConnectionResetError(errno.ECONNRESET, "reset"), True),
    (BrokenPipeError(errno.EPIPE, "pipe"), True),
    (OSError(errno.EHOSTUNREACH, "no route"), True),
    (TimeoutError(), True),
    (TimeoutError(errno.ETIMEDOUT, "timed out"), True),
    (EOFError(), True),
    (OSError("Socket is closed"), True),
    (socket.gaierror(socket.EAI_AGAIN, "try again"), True),
    (socket.gaierror(socket.EAI_NONAME, "unknown host"), False),
    (OSError(errno.EACCES, "denied"), False),
    (OSError(errno.ENOSPC, "our disk is full"), False),
    (paramiko.SSHException("Error reading SSH protocol banner"), True),
    (paramiko.SSHException("Timeout opening channel."), True),
    (paramiko.SSHException("Channel closed."), True),
    (paramiko.SSHException("Signature verification (ssh-ed25519) failed."), False),
    (paramiko.SSHException("something new"), False),
    (paramiko.ChannelException(1, "administratively prohibited"), False),
    (paramiko.ChannelException(4, "resource shortage"), True),
    (IncompatiblePeer("no acceptable ciphers"), False),
    (paramiko.AuthenticationException("Authentication failed."), False),
    (paramiko.AuthenticationException("Authentication failed: transport shut down or saw EOF"), True),
    (paramiko.AuthenticationException("Authentication timeout."), True),
    (BadAuthenticationType("no", ["password"]), False),
    (StatusError(2, "no such file"), False),
    (StatusError(3, "permission denied"), False),
    (StatusError(4, "failure"), True),
    (StatusError(5, "bad message"), False),
    (StatusError(7, "connection lost"), True),
    (StatusError(8, "unsupported"), False),
    (StatusError(99, "news"), False),
    (MalformedError("garbage"), False),
    (HostKeyRefusedError(), False),
    (ValueError("a mistake of ours"), False),
]


@pytest.mark.parametrize(("error", "retriable"), CASES, ids=lambda case: repr(case)[:60])
def test_classified(error: Exception, retriable: bool) -> None:
    failure = classify(error, "Bank server bank:22")
    assert failure.retriable is retriable
    assert str(failure)
