"""What the hub knows of its own renames: written before, completed after.

A bank may take a file away the moment it appears. A look at its directory then cannot tell "never arrived" from
"taken already", and sending twice would deduct twice. The receipt can: the rename moved the temporary file or did not.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import Enum
from hashlib import sha256
from pathlib import Path

from connectors.bank.failures import DeliveryUnderWayError


class Stage(Enum):
    """How far the last rename of a file got."""

    RENAMING = "renaming"  # uploaded and asked for; whether it happened shows in the temporary name
    RENAMED = "renamed"  # answered with OK, or seen at its final name
    UNKNOWN = "unknown"  # asked for, never answered, and neither name is there any more: the bank has to be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One file on its way to a bank. ``temporary`` is the name it was uploaded under."""

    name: str
    sha256: str
    size: int
    temporary: str
    stage: Stage


class Receipts:
    """One small JSON file per delivered name. With no folder nothing is kept, and a repeat relies on the look alone."""

    def __init__(self, folder: Path | None) -> None:
        """``folder`` belongs to one bank; it is made when first needed."""
        self._folder = folder

    def find(self, name: str) -> Receipt | None:
        """The receipt of a name, None when none was written."""
        if self._folder is None:
            return None
        try:
            kept = json.loads(self._path(self._folder, name).read_text("utf-8"))
        except FileNotFoundError:
            return None
        return Receipt(**{**kept, "stage": Stage(kept["stage"])})

    def keep(self, receipt: Receipt) -> None:
        """Puts the receipt on disk before returning, whole or not at all."""
        if self._folder is None:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._path(self._folder, receipt.name)
        temporary = path.with_suffix(".part")
        with temporary.open("w", encoding="utf-8") as out:
            json.dump({**asdict(receipt), "stage": receipt.stage.value}, out)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Keeps every other process from this name. DeliveryUnderWayError when one has it; a dead one has nothing."""
        if self._folder is None:
            yield
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._path(self._folder, name).with_suffix(".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DeliveryUnderWayError(
                    f"{name} is being delivered by another process of the hub.", advice="Try again when it has ended."
                ) from None
            yield

    def drop(self, name: str) -> None:
        """Forgets a rename that certainly did not happen."""
        if self._folder is not None:
            self._path(self._folder, name).unlink(missing_ok=True)

    @staticmethod
    def _path(folder: Path, name: str) -> Path:
        return folder / f"{sha256(name.encode('utf-8')).hexdigest()}.json"  # a remote name is never a local path
