"""A bank's server: an sshd of its own on the loopback, one SFTP directory, one authorised key, nothing else allowed.

Works for any user, root too; the user who starts it is the user the hub logs in as. The process outlives its starter
and is found again by its pid file.
"""

import base64
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import psutil
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

START_LIMIT_SECONDS: Final = 10.0
STOP_LIMIT_SECONDS: Final = 5.0
PRIVILEGE_SEPARATION: Final = Path("/run/sshd")
"""OpenSSH insists on this empty directory when root starts it."""

_CONFIGURATION: Final = """\
Port {port}
ListenAddress 127.0.0.1
HostKey "{ssh}/host_ed25519"
PidFile "{ssh}/sshd.pid"
AuthorizedKeysFile "{ssh}/authorized_keys"
AllowUsers {user}
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
PermitTTY no
AllowTcpForwarding no
AllowAgentForwarding no
X11Forwarding no
PermitTunnel no
PermitUserRC no
MaxSessions 64
MaxStartups 64
LogLevel VERBOSE
Subsystem sftp internal-sftp
ForceCommand internal-sftp -l INFO{start}
"""


class BankServerError(Exception):
    """A bank's server does not start or stop."""


def new_key(private: Path) -> str:
    """Write a fresh Ed25519 private key in OpenSSH's form, readable by the owner only; return its public line."""
    key = Ed25519PrivateKey.generate()
    private.parent.mkdir(parents=True, exist_ok=True)
    private.unlink(missing_ok=True)
    private.touch(mode=0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def kept_key(private: Path) -> str:
    """The public line of a private key that is there; of a fresh one when there is none."""
    if not private.is_file():
        return new_key(private)
    key = load_ssh_private_key(private.read_bytes(), password=None)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def fingerprint(public: str) -> str:
    """``SHA256:…`` of a public line, as OpenSSH prints it."""
    digest = sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """True when nobody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def sshd_program() -> str:
    """The sshd of this machine, by its absolute path, which sshd itself demands."""
    found = shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))
    if found is None:
        raise BankServerError(
            "no sshd on this machine; install OpenSSH's server (Debian: apt-get install openssh-server)"
        )
    return found


def _start_directory(directory: Path) -> str:
    """The option that lets a session start in ``directory``; none for a path with a space, which sshd would cut."""
    path = str(directory)
    return "" if any(letter.isspace() for letter in path) else f" -d {path.replace('%', '%%')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BankServer:
    """One bank's server in ``directory``. ``port`` 0 until it is set up."""

    code: str
    directory: Path
    port: int
    host_key: str

    @property
    def username(self) -> str:
        return getpass.getuser()

    def remote(self, name: str) -> str:
        """How the hub names one of the server's directories: relative, where a session can start in ours."""
        return name if _start_directory(self.directory) else str(self.directory / name)

    @property
    def _ssh(self) -> Path:
        return self.directory / "ssh"

    @property
    def _configuration(self) -> Path:
        return self._ssh / "sshd_config"

    @classmethod
    def set_up(
        cls, code: str, directory: Path, client_key: Path, port: int = 0, *, keep_keys: bool = False
    ) -> "BankServer":
        """Directories, host key and configuration; the hub's private key goes to ``client_key``.

        ``port`` 0: one nobody listens on. ``keep_keys``: keys that are there from before stay, so that pins go on to fit.
        """
        directory = directory.resolve()
        ssh = directory / "ssh"
        for name in ("outbound", "inbound", "done", "ssh"):
            (directory / name).mkdir(parents=True, exist_ok=True)
        ssh.chmod(0o700)
        key_at = kept_key if keep_keys else new_key
        (ssh / "authorized_keys").write_text(f"restrict {key_at(client_key)} hub\n", encoding="ascii")
        public = key_at(ssh / "host_ed25519")
        port = port or free_port()
        text = _CONFIGURATION.format(port=port, ssh=ssh, user=getpass.getuser(), start=_start_directory(directory))
        (ssh / "sshd_config").write_text(text, encoding="utf-8")
        return cls(code=code, directory=directory, port=port, host_key=fingerprint(public))

    def start(self) -> None:
        """Start it, detached, and return once it answers. Raises BankServerError when it does not."""
        if os.geteuid() == 0:
            PRIVILEGE_SEPARATION.mkdir(mode=0o755, parents=True, exist_ok=True)
        log = self._ssh / "sshd.log"
        with log.open("ab") as out:
            process = subprocess.Popen(
                [sshd_program(), "-D", "-e", "-f", str(self._configuration)],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        limit = time.monotonic() + START_LIMIT_SECONDS
        while not self.answers():
            if process.poll() is not None or time.monotonic() > limit:
                raise BankServerError(f"the server of {self.code} does not start; see {log}")
            time.sleep(0.02)

    def answers(self) -> bool:
        """True when an SSH server greets at the port."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                return line.recv(4) == b"SSH-"
        except OSError:
            return False

    def stop(self) -> None:
        stop_server(self.directory)


def stop_server(directory: Path) -> bool:
    """Stop the server of a bank's directory with its connections; False when none was running."""
    written = directory / "ssh" / "sshd.pid"
    try:
        process = psutil.Process(int(written.read_text(encoding="ascii")))
        ours = str(directory) in " ".join(process.cmdline())
    except (OSError, ValueError, psutil.Error):
        return False
    if not ours:  # the number now belongs to somebody else's process
        return False
    family = [process, *process.children(recursive=True)]
    for one in family:
        try:
            one.send_signal(signal.SIGTERM)
        except psutil.NoSuchProcess:
            continue
    _, stubborn = psutil.wait_procs(family, timeout=STOP_LIMIT_SECONDS)
    for one in stubborn:
        one.kill()
    written.unlink(missing_ok=True)
    return True
