"""Stand-ins for the outside world, in memory, and no kinder than it: they refuse, time out, half-write and repeat.

The contract tests hold each of them to what the real one does.
"""

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from hashlib import sha256 as digest_of_bytes
from pathlib import Path
from typing import BinaryIO

from connectors.archive import ArchiveDamagedError, ArchiveUnavailableError
from connectors.bank.failures import (
    BankConnectionLostError,
    BankTimeoutError,
    BankUnreachableError,
    FileTooLargeError,
    MissingDirectoryError,
    NameTakenError,
    NotRegularFileError,
    PermissionRefusedError,
    RemoteFileChangedError,
    RemoteFileGoneError,
)
from connectors.bank.names import digest_of, harmless, why_hostile
from hub.ports import Archived, Delivery, DoorReport, LeftOut, RemoteFile


class Trouble(Enum):
    """How a bank's server misbehaves, until it is healed."""

    REFUSES = "refuses connections"
    SILENT = "accepts and says nothing"
    CUTS_UPLOAD = "cuts the connection in the middle of an upload"
    LOSES_RENAME_REPLY = "renames, and the answer is lost"
    LOSES_OK = "cuts the connection between a file and its .ok"
    READ_ONLY = "does not let the hub write"
    NO_OUTBOUND = "has no outbound directory"


class NotAFile:
    """A link, a pipe or a directory in place of a file."""


@dataclass
class FakeBankServer:
    """Three directories of a bank, and its present trouble. Writing changes a file's version, as time would."""

    outbound: dict[str, bytes] = field(default_factory=dict)
    inbound: dict[str, bytes | NotAFile] = field(default_factory=dict)
    done: dict[str, bytes] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    trouble: Trouble | None = None
    takes_at_once: bool = False  # moves a delivered file away before anyone can look
    taken: dict[str, bytes] = field(default_factory=dict)
    file_bytes_max: int = 1 << 30

    def put(self, name: str, data: bytes | NotAFile) -> None:
        """The bank puts an answer into its inbound directory."""
        self.inbound[name] = data
        self.versions[name] = self.versions.get(name, 0) + 1


class FakeBankDoor:
    """``hub.ports.BankDoor`` on a FakeBankServer. The server outlives its doors, as banks do."""

    HOST_KEY = "SHA256:" + "A" * 43

    def __init__(self, server: FakeBankServer, receipts: dict[str, str] | None = None) -> None:
        """``receipts`` outlives a door, too: what the hub remembers to have renamed (name → SHA-256)."""
        self._server = server
        self._receipts = {} if receipts is None else receipts

    def list_results(self) -> list[RemoteFile]:
        """As the port says."""
        with self._reachable() as server:
            return [
                RemoteFile(name, len(data), f"{len(data)}:{server.versions[name]}")
                for name, data in sorted(server.inbound.items())
                if isinstance(data, bytes) and why_hostile(name.encode("utf-8", "surrogateescape")) is None
            ]

    def left_out(self) -> list[LeftOut]:
        """As the port says; looks anew, since nobody moves anything in between."""
        found = []
        for name, data in sorted(self._server.inbound.items()):
            raw = name.encode("utf-8", "surrogateescape")
            reason = why_hostile(raw)
            if not raw.startswith(b".") and (reason is not None or isinstance(data, NotAFile)):
                spelled = name if reason is None else ""
                found.append(LeftOut(spelled, digest_of(raw), reason or "not a regular file"))
        return found

    def fetch(self, name: str, fingerprint: str | None = None) -> BinaryIO:
        """As the port says."""
        with self._reachable() as server:
            data = server.inbound.get(harmless(name))
            if isinstance(data, bytes) and fingerprint not in (None, f"{len(data)}:{server.versions[name]}"):
                raise RemoteFileChangedError()
            if data is None:
                raise RemoteFileGoneError()
            if isinstance(data, NotAFile):
                raise NotRegularFileError()
            if len(data) > server.file_bytes_max:
                raise FileTooLargeError()
            return io.BytesIO(data)

    def deliver(self, name: str, source: Path, ok_text: bytes, signature: bytes | None = None) -> Delivery:
        """As the port says."""
        harmless(name)
        data = source.read_bytes()
        with self._reachable() as server:
            self._put(server, name, data)
            if signature is not None:
                self._put(server, f"{name}.sig", signature)
            if server.trouble is Trouble.LOSES_OK:
                raise BankConnectionLostError()
            self._put(server, f"{name}.ok", ok_text)
            return Delivery(name, len(data), self.HOST_KEY)

    def is_unknown(self, name: str) -> bool:
        """No delivery to this server is: it never loses an answer and the file with it."""
        return False

    def settle(self, name: str, *, arrived: bool) -> None:
        """There is nothing to settle."""
        raise AssertionError(f"the delivery of {name} is known")

    def move_to_done(self, name: str, fingerprint: str | None = None) -> str:
        """As the port says."""
        with self._reachable() as server:
            listed = server.inbound.get(harmless(name))
            if isinstance(listed, bytes) and fingerprint not in (None, f"{len(listed)}:{server.versions[name]}"):
                raise RemoteFileChangedError()
            data = server.inbound.pop(name, None)
            if data is None:
                return name
            assert isinstance(data, bytes), "the hub moves what it has fetched"
            target, number = name, 1
            while target in server.done:
                number += 1
                target = f"{name}.{number}"
            server.done[target] = data
            return target

    def check(self, *, may_write: bool = True) -> DoorReport:
        """As the port says."""
        with self._reachable() as server:
            if may_write:
                self._writable(server)
            directories = {role: f"/bank/{role}" for role in ("outbound", "inbound", "done")}
            return DoorReport(self.HOST_KEY, directories, 0 if may_write else None)

    def close(self) -> None:
        """Nothing to close."""

    @contextmanager
    def _reachable(self) -> Iterator[FakeBankServer]:
        if self._server.trouble is Trouble.REFUSES:
            raise BankUnreachableError()
        if self._server.trouble is Trouble.SILENT:
            raise BankTimeoutError()
        yield self._server

    @staticmethod
    def _writable(server: FakeBankServer) -> None:
        if server.trouble is Trouble.READ_ONLY:
            raise PermissionRefusedError("outbound: not permitted", advice="Ask the bank.")
        if server.trouble is Trouble.NO_OUTBOUND:
            raise MissingDirectoryError("no directory 'outbound'", advice="Ask the bank.")

    def _put(self, server: FakeBankServer, name: str, data: bytes) -> None:
        digest = sha256(data).hexdigest()
        there = server.outbound.get(name)
        if there == data or (there is None and self._receipts.get(name) == digest):
            return
        if there is not None or name in self._receipts:
            raise NameTakenError()
        self._writable(server)
        temporary = f".{name}.{'0' * 16}.part"
        server.outbound[temporary] = data[: len(data) // 2]
        if server.trouble is Trouble.CUTS_UPLOAD:
            raise BankConnectionLostError()
        del server.outbound[temporary]
        (server.taken if server.takes_at_once else server.outbound)[name] = data
        self._receipts[name] = digest
        if server.trouble is Trouble.LOSES_RENAME_REPLY:
            lost = BankConnectionLostError()
            lost.outcome_unknown = True
            raise lost


class FakeFileArchive:
    """``hub.ports.FileArchive`` in a plain folder, without the care for disks and other writers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self.is_broken = False

    def store(self, source: BinaryIO) -> Archived:
        """As the port says."""
        data = source.read()
        if self.is_broken:
            raise ArchiveUnavailableError()
        with self._lock:
            path = self._folder / sha256(data).hexdigest()
            if not path.exists():
                path.write_bytes(data)
                path.chmod(0o400)
        return self.find(path.name)

    def find(self, sha256: str) -> Archived:
        """As the port says."""
        if len(sha256) != 64 or not sha256.isalnum():
            raise FileNotFoundError(sha256)
        path = self._folder / sha256
        return Archived(sha256, path.stat().st_size, path)

    def proven(self, sha256: str) -> Archived:
        """As the port says."""
        try:
            archived = self.find(sha256)
        except FileNotFoundError:
            raise ArchiveDamagedError() from None
        if digest_of_bytes(archived.path.read_bytes()).hexdigest() != sha256:
            raise ArchiveDamagedError()
        return archived
