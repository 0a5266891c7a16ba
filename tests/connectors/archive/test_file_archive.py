"""The archive on disk: synced before it is named, whole or not there, and aware of what was changed."""

import io
import os
import stat
import subprocess
import sys
import tracemalloc
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from connectors.archive import ArchiveDamagedError, ArchiveUnavailableError, FileArchive


class _Endless(io.RawIOBase):
    """A source of ``size`` bytes that holds none of them."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, count: int = -1) -> bytes:
        given = min(count, self._left)
        self._left -= given
        return b"x" * given


class _Broken(io.RawIOBase):
    """A source that fails half-way."""

    def __init__(self) -> None:
        self._reads = 0

    def read(self, count: int = -1) -> bytes:
        self._reads += 1
        if self._reads > 2:
            raise OSError(5, "Input/output error")
        return b"half"


_DIES_WHILE_STORING = """
import os, sys
from pathlib import Path
from connectors.archive import FileArchive

class Source:
    blocks = [b"x" * 100_000]

    def read(self, count):
        return self.blocks.pop() if self.blocks else os._exit(9)

FileArchive(Path(sys.argv[1])).store(Source())
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "archive"


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_lies_under_its_sha256_for_its_owner_alone(root: Path) -> None:
    stored = FileArchive(root).store(io.BytesIO(b"data"))
    assert stored.path == root / stored.sha256[:2] / stored.sha256
    assert stat.S_IMODE(stored.path.stat().st_mode) == 0o400
    assert stat.S_IMODE(root.stat().st_mode) & 0o077 == 0
    assert _files(root) == [stored.path]


def test_a_source_that_fails_half_way_leaves_nothing(root: Path) -> None:
    with pytest.raises(ArchiveUnavailableError):
        FileArchive(root).store(_Broken())  # type: ignore[arg-type]
    assert _files(root) == []


def test_the_name_comes_after_the_bytes_are_on_disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(descriptor: int) -> None:
        events.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        fsync(descriptor)

    def noted_link(*args: Any, **kwargs: Any) -> None:
        events.append("link")
        link(*args, **kwargs)

    archive = FileArchive(root)
    archive.store(io.BytesIO(b"first"))
    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    archive.store(io.BytesIO(b"first"))
    assert events == ["sync file", "link", "sync folder"]


def test_a_changed_file_is_noticed_and_not_replaced(root: Path) -> None:
    archive = FileArchive(root)
    stored = archive.store(io.BytesIO(b"10.00"))
    assert archive.proven(stored.sha256) == stored
    stored.path.chmod(0o600)
    stored.path.write_bytes(b"99.00")
    for try_it in (lambda: archive.store(io.BytesIO(b"10.00")), lambda: archive.proven(stored.sha256)):
        with pytest.raises(ArchiveDamagedError) as failure:
            try_it()
        assert not failure.value.retriable
    assert stored.path.read_bytes() == b"99.00"


def test_killed_while_storing_leaves_no_named_file_and_the_next_day_clears_up(root: Path) -> None:
    died = subprocess.run([sys.executable, "-c", _DIES_WHILE_STORING, str(root)], check=False)
    assert died.returncode == 9
    (left,) = _files(root)
    assert left.parent.name == "arriving"
    os.utime(left, (0, 0))
    stored = FileArchive(root).store(io.BytesIO(b"next day"))
    assert _files(root) == [stored.path]


def test_streams(root: Path) -> None:
    tracemalloc.start()
    stored = FileArchive(root).store(_Endless(50_000_000))  # type: ignore[arg-type]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stored.size == 50_000_000
    assert stored.sha256 == sha256(b"x" * 50_000_000).hexdigest()
    assert peak < 8_000_000
