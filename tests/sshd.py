"""A real OpenSSH server on 127.0.0.1 for tests: the bank's side, with its own keys, folders and moods.

It runs as whoever runs the tests, root or not, and logs that same user in. One that does not start fails the test.
"""

import getpass
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from connectors.bank import Limits, SftpDoor, Timeouts

START_SECONDS_MAX = 20.0
SMALL_TIMEOUTS = Timeouts(connect=5, banner=5, auth=5, channel=5, total=60)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS_MAX) -> None:
    """Returns when the condition holds, fails when it does not in time."""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"not in {seconds:g} s: {what}"
        pause.wait(0.02)


def make_key(path: Path, kind: str = "ed25519") -> Path:
    """A key pair without a passphrase, 0600."""
    keygen = ["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "test", "-f", str(path)]
    subprocess.run(keygen, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return path


def fingerprint_of(public_key: Path) -> str:
    """What ``ssh-keygen -lf`` prints for it."""
    printed = subprocess.run(["ssh-keygen", "-lf", str(public_key)], check=True, capture_output=True, text=True).stdout
    return printed.split()[1]


class Sshd:
    """One server. ``home`` holds outbound, inbound and done; sftp sessions begin there."""

    def __init__(
        self, folder: Path, *, sftp_options: str = "", config: str = "", key_kinds: tuple[str, ...] = ("ed25519",)
    ) -> None:
        """``config`` is appended to sshd_config, ``sftp_options`` to internal-sftp (``-R``, ``-P rename`` …)."""
        self.folder = folder
        self.home = folder / "home"
        for name in ("outbound", "inbound", "done"):
            (self.home / name).mkdir(parents=True)
        self.user = getpass.getuser()
        self.client_key = make_key(folder / "client")
        shutil.copy(self.client_key.with_suffix(".pub"), folder / "authorized_keys")
        self.sftp_options = sftp_options
        self.force_command = ""  # instead of internal-sftp
        self._config = config
        self._host_keys = [make_key(folder / f"host_{kind}", kind) for kind in key_kinds]
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def outbound(self) -> Path:
        """What the hub delivers."""
        return self.home / "outbound"

    @property
    def inbound(self) -> Path:
        """What the bank answers."""
        return self.home / "inbound"

    @property
    def done(self) -> Path:
        """What the hub has taken in."""
        return self.home / "done"

    @property
    def pins(self) -> tuple[str, ...]:
        """Fingerprints of all host keys."""
        return tuple(fingerprint_of(key.with_suffix(".pub")) for key in self._host_keys)

    @property
    def log(self) -> str:
        """What the server wrote about itself."""
        return (self.folder / "sshd.log").read_text("utf-8", "replace")

    def start(self) -> Self:
        """Starts on the port it had before, else on a free one."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.port = self.port or _free_port()
        (self.folder / "sshd_config").write_text(self._configuration(), "utf-8")
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                restore_signals=False,  # SIGXFSZ stays ignored, so that limit_file_size() looks like a full disk
            )
        wait_until(self._is_listening, "sshd listens")
        return self

    def stop(self) -> None:
        """Ends the listener and its sessions."""
        if self._process is None:
            return
        for child in _children(self._process.pid):
            _kill(child)
        self._process.terminate()
        self._process.wait(START_SECONDS_MAX)
        self._process = None

    def restart(self, *, config: str | None = None, sftp_options: str | None = None) -> None:
        """Another mood, under the same port and host keys; what is not named stays."""
        self.stop()
        self._config = self._config if config is None else config
        self.sftp_options = self.sftp_options if sftp_options is None else sftp_options
        self.start()

    def drop_sessions(self) -> None:
        """Kills what serves the present connections; the listener stays."""
        assert self._process is not None
        for child in _children(self._process.pid):
            _kill(child)

    def new_host_key(self, kind: str = "ed25519") -> None:
        """Another host key of this kind; takes effect with the next start()."""
        path = self.folder / f"host_{kind}"
        path.unlink(missing_ok=True)
        path.with_suffix(".pub").unlink(missing_ok=True)
        make_key(path, kind)

    def limit_file_size(self, size: int) -> None:
        """From now on, new sessions cannot write a file beyond ``size`` bytes: a disk that runs full."""
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def door(self, **other: Any) -> SftpDoor:
        """A door to this server, configured rightly unless told otherwise."""
        settings: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self.port,
            "username": self.user,
            "private_key": self.client_key,
            "host_keys": self.pins,
            "outbound_dir": "outbound",
            "inbound_dir": "inbound",
            "done_dir": "done",
            "receipts": self.folder / "receipts",
            "timeouts": SMALL_TIMEOUTS,
            "limits": Limits(),
        }
        return SftpDoor(**{**settings, **other})

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _configuration(self) -> str:
        lines = [
            *(self._config.splitlines()),
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            *(f"HostKey {key}" for key in self._host_keys),
            f"PidFile {self.folder / 'sshd.pid'}",
            f"AuthorizedKeysFile {self.folder / 'authorized_keys'}",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "AllowTcpForwarding no",
            "X11Forwarding no",
            "UseDNS no",
            "LogLevel VERBOSE",
            "Subsystem sftp internal-sftp",
            f"ForceCommand {self.force_command or f'internal-sftp -d {self.home} {self.sftp_options}'}",
        ]
        return "\n".join(lines) + "\n"

    def _is_listening(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"sshd did not start:\n{self.log}"
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _children(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children").read_text("ascii").split()
    return [process for child in map(int, found) for process in (*_children_or_none(child), child)]


def _children_or_none(process: int) -> list[int]:
    try:
        return _children(process)
    except OSError:
        return []


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """A bank's server with nothing in its folders."""
    folder = tmp_path / "bank"
    folder.mkdir()
    with Sshd(folder) as server:
        yield server
