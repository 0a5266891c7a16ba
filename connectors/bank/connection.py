"""One authenticated SFTP session with one pinned server."""

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import paramiko

from connectors.bank.failures import BankTimeoutError, HostKeyRefusedError, WeakAlgorithmsError
from connectors.bank.host_keys import HostKeyPins, fingerprint
from connectors.bank.limits import Limits, Timeouts
from connectors.bank.private_key import load_private_key
from connectors.bank.protocol import SftpProtocol
from connectors.bank.retry import classify

# Still offered by paramiko 5.1; named here so that a weak server is refused. Group exchange lets the server choose
# groups from 1024 bits on.
WEAK_ALGORITHMS = {
    "ciphers": ("aes128-cbc", "aes192-cbc", "aes256-cbc", "3des-cbc"),
    "macs": ("hmac-sha1", "hmac-sha1-96", "hmac-md5", "hmac-md5-96"),
    "kex": (
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group-exchange-sha1",
        "diffie-hellman-group14-sha1",
        "diffie-hellman-group1-sha1",
    ),
    "keys": ("ssh-rsa", "ssh-dss"),
    "pubkeys": ("ssh-rsa", "ssh-dss"),
}
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_KEY_KINDS_MAX = 3  # Ed25519, ECDSA, RSA: what a server may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Whom to speak to, as whom."""

    host: str
    port: int
    username: str
    private_key: Path
    pins: HostKeyPins

    def __str__(self) -> str:
        return f"Bank server {self.host}:{self.port}"


class Watch:
    """Ends what is attached to it when the time is up, from another thread; so no wait inside paramiko is for ever."""

    def __init__(self, seconds: float, what: str) -> None:
        """``what`` names the call in the error."""
        self._seconds = seconds
        self._what = what
        self._close: Callable[[], None] | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._expire)
        self._timer.daemon = True
        self.expired = False

    def attach(self, close: Callable[[], None]) -> None:
        """What to end. When the time is up already, it is ended at once."""
        with self._lock:
            self._close = close
            if not self.expired:
                return
        close()

    def error(self) -> BankTimeoutError:
        """The failure to report when the watch has expired."""
        return BankTimeoutError(
            f"{self._what} took longer than {self._seconds:g} seconds and was broken off.",
            advice="The hub tries again by itself; what was under way is looked up first.",
        )

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._timer.cancel()

    def _expire(self) -> None:
        with self._lock:
            self.expired = True
            close = self._close
        if close is not None:
            close()


class Connection:
    """An open session; ``host_key`` is the fingerprint the server proved to own."""

    def __init__(self, transport: paramiko.Transport, channel: paramiko.Channel, host_key: str, limits: Limits) -> None:
        """Takes over an authenticated transport and an SFTP channel."""
        self._transport = transport
        self.host_key = host_key
        self.sftp = SftpProtocol(channel, limits.concurrent_requests)

    def close(self) -> None:
        """Ends the session; safe to call twice and from any thread."""
        _end(self._transport)


def connect(server: Server, timeouts: Timeouts, limits: Limits, watch: Watch) -> Connection:
    """Opens a session: 1 key file, 2 TCP, 3 banner and key exchange, 4 pin, 5 authentication, 6 SFTP channel.

    Up to and with step 4 nothing leaves but the key exchange. Errors are ``HubError``.
    """
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # it prints tracebacks of what is reported here anyway
    key = load_private_key(server.private_key)
    try:
        transport, host_key = _trusted_transport(server, timeouts, watch)
        try:
            transport.auth_timeout = timeouts.auth
            if transport.auth_publickey(server.username, key):
                raise paramiko.AuthenticationException("the bank asks for more than a key")
            channel = _sftp_channel(transport, timeouts)
            transport.set_keepalive(timeouts.keepalive)
            return Connection(transport, channel, host_key, limits)
        except BaseException:
            _end(transport)
            raise
    except Exception as error:
        if watch.expired:
            raise watch.error() from error
        raise classify(error, str(server)) from error


def _trusted_transport(server: Server, timeouts: Timeouts, watch: Watch) -> tuple[paramiko.Transport, str]:
    """A transport whose server key is pinned.

    A server may own keys of several kinds and shows the one we like best. When that one is not pinned the others are
    asked for, each on a connection of its own; a server that has none of them is refused.
    """
    shown: dict[str, None] = {}
    avoid: tuple[str, ...] = ()
    for _ in range(_KEY_KINDS_MAX):
        try:
            transport = _exchange_keys(server, timeouts, watch, avoid)
        except WeakAlgorithmsError:
            if not shown:
                raise
            break
        key = transport.get_remote_server_key()
        host_key = fingerprint(key.asbytes())
        if server.pins.holds(host_key):
            return transport, host_key
        _end(transport)
        shown[f"{host_key} ({key.get_name()})"] = None
        avoid += _RSA if key.get_name() == "ssh-rsa" else (key.get_name(),)
    raise _refusal(server, shown)


def _refusal(server: Server, shown: dict[str, None]) -> HostKeyRefusedError:
    return server.pins.refusal(server.host, server.port, shown)


def _exchange_keys(server: Server, timeouts: Timeouts, watch: Watch, avoid_keys: tuple[str, ...]) -> paramiko.Transport:
    sock = socket.create_connection((server.host, server.port), timeout=timeouts.connect)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        weak = {**WEAK_ALGORITHMS, "keys": (*WEAK_ALGORITHMS["keys"], *avoid_keys)}
        transport = paramiko.Transport(sock, disabled_algorithms=weak)
    except BaseException:
        sock.close()
        raise
    try:
        watch.attach(lambda: _end(transport))
        transport.banner_timeout = transport.handshake_timeout = timeouts.banner
        agreed = threading.Event()
        transport.start_client(event=agreed)
        in_time = agreed.wait(2 * timeouts.banner)
        if not transport.is_active() or not in_time:
            raise transport.get_exception() or (EOFError() if in_time else TimeoutError())
    except Exception as error:
        _end(transport)
        raise classify(error, str(server)) from error
    return transport


def _sftp_channel(transport: paramiko.Transport, timeouts: Timeouts) -> paramiko.Channel:
    transport.channel_timeout = timeouts.channel
    channel = transport.open_session(timeout=timeouts.channel)
    channel.settimeout(timeouts.channel)
    with Watch(timeouts.channel, "Opening SFTP") as watch:  # invoke_subsystem itself waits without an end
        watch.attach(lambda: _end(transport))
        try:
            channel.invoke_subsystem("sftp")
        except paramiko.SSHException as error:
            if watch.expired:
                raise watch.error() from error
            raise
    return channel


def _end(transport: paramiko.Transport) -> None:
    with suppress(Exception):  # it may be half dead, which is why it is ended
        transport.close()
    with suppress(Exception):  # close() leaves the socket open when the transport has stopped by itself
        transport.sock.close()
