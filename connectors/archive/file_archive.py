"""``hub.ports.FileArchive`` in a folder: ``<first two hex digits>/<sha256>``, read-only, whole or not there."""

import os
import re
import secrets
import time
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from hub.domain.errors import HubError, RetriableError
from hub.ports import Archived

_BLOCK_BYTES = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ARRIVING = "arriving"  # files on their way in; nothing outside this module looks here
_LEFTOVER_SECONDS = 24 * 3600  # no file takes a day to arrive, so what is older was left by a crash


class ArchiveUnavailableError(RetriableError):
    """The archive folder cannot be written."""


class ArchiveDamagedError(HubError):
    """A file in the archive no longer has the bytes it is named after."""


class FileArchive:
    """One folder, any number of writers. The name is the content, so a writer can at worst repeat another."""

    def __init__(self, root: Path) -> None:
        """``root`` is made when first needed, for its owner alone: the files hold names and accounts."""
        self._root = root

    def store(self, source: BinaryIO) -> Archived:
        """Streams ``source`` (from where it stands) into the archive and returns when the bytes are on disk.

        Bytes kept already are compared, not written again; ArchiveDamagedError when what is kept has changed.
        ArchiveUnavailableError (retriable) when the folder is full or may not be written.
        """
        arriving = self._made(self._root / _ARRIVING) / secrets.token_hex(16)
        self._clear_leftovers(arriving.parent)
        try:
            digest, size = self._receive(source, arriving)
            kept = self._keep(arriving, digest, size)
        except OSError as error:
            raise ArchiveUnavailableError(
                f"The archive {self._root} cannot be written: {error.strerror}.",
                advice="Make room on the disk, or give the hub's user its folder back; then try again.",
            ) from error
        finally:
            arriving.unlink(missing_ok=True)
        return kept

    def find(self, sha256: str) -> Archived:
        """The file with this SHA-256 (64 lower-case hex digits); FileNotFoundError when there is none."""
        if _SHA256.fullmatch(sha256) is None:
            raise FileNotFoundError(f"not a SHA-256: {sha256[:80]!r}")
        path = self._path(sha256)
        return Archived(sha256, path.stat().st_size, path)

    def proven(self, sha256: str) -> Archived:
        """The file, all of it read and found to have the bytes it is named after; ArchiveDamagedError when it has not."""
        try:
            archived = self.find(sha256)
            if self._is_intact(archived):
                return archived
        except OSError as error:
            raise ArchiveDamagedError(
                f"{self._path(sha256)} cannot be read: {error.strerror or error}.",
                advice="Put the file back from a backup before going on.",
            ) from error
        raise _damaged(archived)

    def _is_intact(self, archived: Archived) -> bool:
        with archived.path.open("rb") as kept:
            return _digest(kept) == (archived.sha256, archived.size)

    def _receive(self, source: BinaryIO, arriving: Path) -> tuple[str, int]:
        """Writes and syncs an unnamed copy, read-only from its first byte."""
        digest, size = sha256(), 0
        with open(os.open(arriving, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as out:  # noqa: PTH123  a descriptor
            while block := source.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        return digest.hexdigest(), size

    def _keep(self, arriving: Path, digest: str, size: int) -> Archived:
        """Gives the copy its name. A hard link, unlike a rename, tells when the name exists already."""
        archived = Archived(digest, size, self._path(digest))
        self._made(archived.path.parent)
        try:
            os.link(arriving, archived.path)
        except FileExistsError:
            if not self._is_intact(archived):
                raise _damaged(archived) from None
        _sync(archived.path.parent)  # the other writer may not have come so far
        return archived

    def _made(self, folder: Path) -> Path:
        if not folder.is_dir():
            self._made(folder.parent)  # not mkdir(parents=True), which would open the folders between to everyone
            try:
                folder.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise ArchiveUnavailableError(
                    f"The archive folder {folder} cannot be made: {error.strerror}.",
                    advice="Check hub.home and its rights.",
                ) from error
            _sync(folder.parent)
        return folder

    def _clear_leftovers(self, arriving: Path) -> None:
        oldest = time.time() - _LEFTOVER_SECONDS
        for path in arriving.iterdir():
            try:
                if path.stat().st_mtime < oldest:
                    path.unlink()
            except FileNotFoundError:
                continue  # another writer has finished

    def _path(self, digest: str) -> Path:
        return self._root / digest[:2] / digest


def _damaged(archived: Archived) -> ArchiveDamagedError:
    return ArchiveDamagedError(
        f"{archived.path} no longer has the bytes it is named after.",
        advice="Find out who changed it; put the file back from a backup before going on.",
    )


def _digest(source: BinaryIO) -> tuple[str, int]:
    digest, size = sha256(), 0
    while block := source.read(_BLOCK_BYTES):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
