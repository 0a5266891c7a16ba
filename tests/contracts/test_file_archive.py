"""What every FileArchive keeps: content is the name, the same bytes are one file, and a failure keeps nothing."""

import io
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.archive import ArchiveDamagedError, ArchiveUnavailableError, FileArchive
from hub import ports
from tests.fakes import FakeFileArchive

_ANY_SHELF_WILL_DO = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]


class Shelf(ABC):
    """An archive and a way to break its disk."""

    archive: ports.FileArchive

    @abstractmethod
    def break_disk(self) -> None: ...


class FileArchiveContract:
    """One rule a test. Subclasses bring the shelf."""

    @settings(max_examples=30, suppress_health_check=_ANY_SHELF_WILL_DO, deadline=None)
    @given(st.binary(max_size=3000))
    def test_what_was_stored_is_found_under_its_sha256(self, shelf: Shelf, data: bytes) -> None:
        stored = shelf.archive.store(io.BytesIO(data))
        assert (stored.sha256, stored.size) == (sha256(data).hexdigest(), len(data))
        assert stored.path.read_bytes() == data
        assert shelf.archive.find(stored.sha256) == stored

    def test_the_same_bytes_are_one_file(self, shelf: Shelf) -> None:
        assert shelf.archive.store(io.BytesIO(b"same")) == shelf.archive.store(io.BytesIO(b"same"))

    def test_stores_from_where_the_source_stands(self, shelf: Shelf) -> None:
        source = io.BytesIO(b"headbody")
        source.seek(4)
        assert shelf.archive.store(source).sha256 == sha256(b"body").hexdigest()

    @pytest.mark.parametrize("unknown", ["0" * 64, "", "../../etc/passwd", "A" * 64, "0" * 64 + "\n"])
    def test_what_is_not_there_is_not_found(self, shelf: Shelf, unknown: str) -> None:
        with pytest.raises(FileNotFoundError):
            shelf.archive.find(unknown)

    def test_what_is_gone_or_changed_is_not_proven(self, shelf: Shelf) -> None:
        stored = shelf.archive.store(io.BytesIO(b"kept"))
        assert shelf.archive.proven(stored.sha256) == stored
        stored.path.chmod(0o600)
        stored.path.write_bytes(b"kepT")
        for sha in (stored.sha256, "0" * 64):
            with pytest.raises(ArchiveDamagedError) as failure:
                shelf.archive.proven(sha)
            assert not failure.value.retriable

    def test_what_is_kept_cannot_be_written(self, shelf: Shelf) -> None:
        assert shelf.archive.store(io.BytesIO(b"kept")).path.stat().st_mode & 0o222 == 0

    def test_many_writers_of_the_same_and_of_other_bytes(self, shelf: Shelf) -> None:
        contents = [b"%d" % (number % 5) * 100_000 for number in range(40)]
        with ThreadPoolExecutor(8) as pool:
            stored = list(pool.map(lambda data: shelf.archive.store(io.BytesIO(data)), contents))
        assert [kept.sha256 for kept in stored] == [sha256(data).hexdigest() for data in contents]
        assert all(kept.path.stat().st_size == 100_000 for kept in stored)

    def test_a_broken_disk_is_retriable_and_keeps_nothing(self, shelf: Shelf) -> None:
        shelf.break_disk()
        with pytest.raises(ArchiveUnavailableError) as failure:
            shelf.archive.store(io.BytesIO(b"lost"))
        assert failure.value.retriable
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            shelf.archive.find(sha256(b"lost").hexdigest())


class _FakeShelf(Shelf):
    def __init__(self, folder: Path) -> None:
        self._fake = FakeFileArchive(folder)
        self.archive = self._fake

    def break_disk(self) -> None:
        self._fake.is_broken = True


class TestFakeFileArchive(FileArchiveContract):
    """The stand-in other tests use."""

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        return _FakeShelf(tmp_path)


class _RealShelf(Shelf):
    def __init__(self, folder: Path) -> None:
        self._root = folder / "archive"
        self.archive = FileArchive(self._root)

    def break_disk(self) -> None:
        self._root.write_bytes(b"")  # a file where the folder should be: nothing can be made in it, not even by root


class TestFileArchive(FileArchiveContract):
    """The real archive."""

    @pytest.fixture
    def shelf(self, tmp_path: Path) -> Shelf:
        return _RealShelf(tmp_path)
