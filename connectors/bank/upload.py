"""How a file gets to a bank so that its final name is never half, never twice and never over another file."""

import posixpath
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import structlog

from connectors.bank.failures import DeliveryUnknownError, NameTakenError, SourceChangedError, SpoiledUploadError
from connectors.bank.limits import Limits
from connectors.bank.protocol import BLOCK_BYTES, SftpProtocol, Status, StatusError
from connectors.bank.receipts import Receipt, Receipts, Stage

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes to deliver, their SHA-256 (hex) and number."""

    open: Callable[[], BinaryIO]
    sha256: str
    size: int

    @classmethod
    def of_file(cls, path: Path) -> "Content":
        """Reads the file once to know it; it is read again, and held against this, while it is sent."""
        digest, size = sha256(), 0
        with path.open("rb") as source:
            for block in _blocks(source):
                digest.update(block)
                size += len(block)
        return cls(lambda: path.open("rb"), digest.hexdigest(), size)

    @classmethod
    def of_bytes(cls, data: bytes) -> "Content":
        """Few bytes, as an ``.ok`` file has them."""
        return cls(lambda: BytesIO(data), sha256(data).hexdigest(), len(data))


class Uploader:
    """Delivers single files into one directory of one session."""

    def __init__(self, sftp: SftpProtocol, directory: str, receipts: Receipts, limits: Limits) -> None:
        """``receipts`` belong to the same bank and directory."""
        self._sftp = sftp
        self._directory = directory
        self._receipts = receipts
        self._limits = limits

    def deliver(self, name: str, content: Content, *, repeatable: bool = False) -> None:
        """1 look · 2 clear leftovers · 3 upload, verify · 4 receipt · 5 rename · 6 look again · 7 receipt.

        Called again after any interruption, 1 and the receipt show where to go on: an asked-for rename is asked for
        again and not uploaded again, for a late rename could otherwise add a second file to the one the bank took.
        DeliveryUnknownError when both names are gone and the rename was never answered; a ``repeatable`` file, which
        harms nobody when it comes twice, is sent again instead.
        """
        with self._receipts.held(name):
            self._deliver(name, content, repeatable=repeatable)

    def _deliver(self, name: str, content: Content, *, repeatable: bool) -> None:
        if self._is_there(name, content):
            self._clear_leftovers(name)
            return
        receipt = self._receipts.find(name)
        if receipt is not None and receipt.sha256 != content.sha256:
            raise self._taken(name)
        if receipt is not None and receipt.stage is Stage.RENAMED:
            _log.info("bank_has_taken_file", file=name)
            return
        if receipt is not None:
            if self._sftp.lstat(self._path(receipt.temporary)) is not None:
                self._rename(receipt, content, again=True)
                return
            if self._is_there(name, content):  # it came to its name between the two looks
                return
            if not repeatable:
                raise self._unknown(receipt, content)
            self._receipts.drop(name)
        self._clear_leftovers(name)
        temporary = self._upload(name, content)
        receipt = self._receipt(name, content, temporary, Stage.RENAMING)
        self._receipts.keep(receipt)
        self._rename(receipt, content, again=False)

    def _is_there(self, name: str, content: Content) -> bool:
        """Whether the final name holds these bytes; NameTakenError when it holds others."""
        found = self._sftp.lstat(self._path(name))
        if found is None:
            return False
        if found.is_regular and found.size == content.size and self._holds(name, content):
            self._receipts.keep(self._receipt(name, content, "", Stage.RENAMED))
            return True
        raise self._taken(name)

    def _clear_leftovers(self, name: str) -> None:
        """Removes temporary files of earlier attempts at this name. A directory that may not be read keeps them."""
        ours = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{16}}\.part".encode())
        leftovers = []
        try:
            for count, (entry, _) in enumerate(self._sftp.listing(self._directory.encode())):
                if count >= self._limits.entries:
                    break
                if ours.fullmatch(entry):
                    leftovers.append(entry)
        except StatusError as error:
            if error.code != Status.PERMISSION_DENIED:
                raise
        for entry in leftovers:
            self._remove_quietly(entry.decode())

    def _upload(self, name: str, content: Content) -> str:
        """The temporary name under which the server now holds exactly these bytes."""
        temporary = f".{name}.{secrets.token_hex(8)}.part"
        handle = self._sftp.open_new(self._path(temporary))
        try:
            self._write(handle, content)
            self._verify(temporary, content)
        except Exception:
            self._remove_quietly(temporary)
            raise
        return temporary

    def _write(self, handle: bytes, content: Content) -> None:
        digest = sha256()

        def hashed(source: BinaryIO) -> Iterator[bytes]:
            for block in _blocks(source):
                digest.update(block)
                yield block

        with self._opened(handle):
            with content.open() as source:
                written = self._sftp.write(handle, hashed(source))
            self._sftp.fsync(handle)
        if written != content.size or digest.hexdigest() != content.sha256:
            raise SourceChangedError()

    def _verify(self, temporary: str, content: Content) -> None:
        found = self._sftp.lstat(self._path(temporary))
        if found is None or found.size != content.size:
            raise SpoiledUploadError(advice="The hub tries again; if it lasts, ask the bank about disk and quota.")
        if content.size > self._limits.read_back_bytes:
            return
        try:
            spoiled = self._hash(temporary, content.size) != content.sha256
        except StatusError as error:
            if error.code not in (Status.PERMISSION_DENIED, Status.OP_UNSUPPORTED):
                raise
            return  # a bank may let us write and not read; then the size has to do
        if spoiled:
            raise SpoiledUploadError(advice="The hub tries again; if it lasts, ask the bank about its disk.")

    def _rename(self, receipt: Receipt, content: Content, *, again: bool) -> None:
        """Gives the temporary file, which was there a moment ago, its name. ``again``: it was asked for before."""
        name, old, new = receipt.name, self._path(receipt.temporary), self._path(receipt.name)
        try:
            self._sftp.rename(old, new)
        except StatusError as error:
            if self._sftp.lstat(old) is None:
                self._resolve(receipt, content, error, again=again)
            elif not self._is_there_after_all(receipt, content):
                raise
        else:
            found = self._sftp.lstat(new)
            if found is not None and found.size != content.size:
                raise self._taken(name)
            # Nothing there: the bank has taken it in the meantime. The server's OK to the rename is our receipt.
        self._receipts.keep(self._receipt(name, content, receipt.temporary, Stage.RENAMED))

    def _resolve(self, receipt: Receipt, content: Content, refusal: StatusError, *, again: bool) -> None:
        """After a rename that was answered with an error while the temporary file went away; returns when it did happen."""
        if self._is_there(receipt.name, content):
            return
        # An earlier rename may have come about late, and the bank may have taken the file since.
        if again or refusal.code != Status.NO_SUCH_FILE or self._sftp.stat(self._directory.encode()) is None:
            raise self._unknown(receipt, content) from refusal
        self._receipts.drop(receipt.name)  # the server itself says that there was nothing to rename
        raise SpoiledUploadError(
            "The temporary file vanished from the bank's server before it got its name.",
            advice="The hub tries again; if it lasts, ask the bank what clears its directory.",
        ) from refusal

    def _is_there_after_all(self, receipt: Receipt, content: Content) -> bool:
        """After a refused rename: whether someone was quicker with these very bytes. Tidies up either way."""
        try:
            is_there = self._is_there(receipt.name, content)
            if not is_there:
                self._receipts.drop(receipt.name)  # refused, so it certainly did not happen
        except NameTakenError:
            self._receipts.drop(receipt.name)
            self._remove_quietly(receipt.temporary)
            raise
        self._remove_quietly(receipt.temporary)
        return is_there

    def _holds(self, name: str, content: Content) -> bool:
        """Compares the bytes; at a bank that lets us write and not read, what we know of our own rename has to do."""
        try:
            return self._hash(name, content.size) == content.sha256
        except StatusError as error:
            if error.code != Status.PERMISSION_DENIED:
                raise
            receipt = self._receipts.find(name)
            return receipt is not None and receipt.sha256 == content.sha256

    def _hash(self, name: str, size: int) -> str:
        digest = sha256()
        with self._opened(self._sftp.open_to_read(self._path(name))) as handle:
            for block in self._sftp.read(handle, size):
                digest.update(block)
        return digest.hexdigest()

    @contextmanager
    def _opened(self, handle: bytes) -> Iterator[bytes]:
        """Closes the handle unless the session is lost with it."""
        try:
            yield handle
        finally:
            if self._sftp.idle:
                self._sftp.close(handle)

    def _remove_quietly(self, name: str) -> None:
        """Failing to tidy up must not hide why it was necessary; the next attempt clears what is left."""
        try:
            if self._sftp.idle:
                self._sftp.remove(self._path(name))
        except Exception as error:  # noqa: BLE001  any: the connection may be gone
            _log.warning("bank_leftover_stays", file=name, reason=type(error).__name__)

    def _path(self, name: str) -> bytes:
        return posixpath.join(self._directory, name).encode()

    def _unknown(self, receipt: Receipt, content: Content) -> DeliveryUnknownError:
        self._receipts.keep(self._receipt(receipt.name, content, receipt.temporary, Stage.UNKNOWN))
        return DeliveryUnknownError(
            f"Whether the bank has {receipt.name} is unknown: the connection broke while the file got its name, and it is "
            f"in {self._directory} under neither name now. It is not sent again, and not said to be sent.",
            advice=f"Ask the bank, then tell the hub: hub bank delivery {receipt.name} --arrived (or --missing) --by NAME",
        )

    def _taken(self, name: str) -> NameTakenError:
        return NameTakenError(
            f"{name} already exists in {self._directory} with other bytes, or was sent with other bytes before. "
            "Nothing was overwritten.",
            advice="Ask the bank what this file is. It must be gone, or renamed, before the hub delivers.",
        )

    @staticmethod
    def _receipt(name: str, content: Content, temporary: str, stage: Stage) -> Receipt:
        return Receipt(name=name, sha256=content.sha256, size=content.size, temporary=temporary, stage=stage)


def _blocks(source: BinaryIO) -> Iterator[bytes]:
    while block := source.read(BLOCK_BYTES):
        yield block
