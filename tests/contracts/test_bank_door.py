"""What every BankDoor keeps (contract sections 3, 4): the fake, and a real OpenSSH server behind a bad network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.bank import Limits, Timeouts
from connectors.bank.failures import (
    FileTooLargeError,
    HostileNameError,
    MissingDirectoryError,
    NameTakenError,
    NotRegularFileError,
    PermissionRefusedError,
    RemoteFileGoneError,
)
from hub.domain.errors import HubError
from hub.ports import BankDoor
from tests.fakes import FakeBankDoor, FakeBankServer, NotAFile, Trouble
from tests.sshd import SMALL_TIMEOUTS, Sshd
from tests.tcp_proxy import Act, Rule, TcpProxy

DATA = b"H|DEDUCT|1|ICBC|...\n" * 20_000  # 400 KB: enough to be cut in the middle
OK = b"0123abcd 400000\n"
SIGNATURE = b"SHA256:... signed\n"
NAME = "DK_ICBC_20261210_0001.txt"
FILE_BYTES_MAX = 1_000_000


class Bank(ABC):
    """The other side of a door, as a test sees and disturbs it."""

    door: BankDoor

    @abstractmethod
    def trouble(self, trouble: Trouble) -> None: ...

    @abstractmethod
    def heal(self) -> None: ...

    @abstractmethod
    def outbound(self) -> dict[str, bytes]: ...

    @abstractmethod
    def inbound(self) -> set[str]: ...

    @abstractmethod
    def done(self) -> dict[str, bytes]: ...

    @abstractmethod
    def put(self, name: str, data: bytes | NotAFile) -> None: ...

    @abstractmethod
    def put_outbound(self, name: str, data: bytes) -> None: ...

    @abstractmethod
    def take_at_once(self) -> None: ...

    @abstractmethod
    def reopen(self) -> None:
        """The hub's process died and came back: a new door."""


class BankDoorContract:
    """One rule a test. Subclasses bring the bank."""

    def test_delivers_the_file_and_then_its_ok(self, bank: Bank, request_file: Path) -> None:
        delivery = bank.door.deliver(NAME, request_file, OK)
        assert bank.outbound() == {NAME: DATA, f"{NAME}.ok": OK}
        assert (delivery.name, delivery.size) == (NAME, len(DATA))
        assert delivery.host_key.startswith("SHA256:")

    def test_a_signature_goes_between_the_file_and_its_ok(self, bank: Bank, request_file: Path) -> None:
        bank.trouble(Trouble.LOSES_OK)
        with pytest.raises(HubError):
            bank.door.deliver(NAME, request_file, OK, SIGNATURE)
        assert bank.outbound() == {NAME: DATA, f"{NAME}.sig": SIGNATURE}
        bank.heal()
        bank.reopen()
        bank.door.deliver(NAME, request_file, OK, SIGNATURE)
        assert bank.outbound() == {NAME: DATA, f"{NAME}.sig": SIGNATURE, f"{NAME}.ok": OK}

    def test_another_signature_is_never_laid_over_the_first(self, bank: Bank, request_file: Path) -> None:
        bank.door.deliver(NAME, request_file, OK, SIGNATURE)
        with pytest.raises(NameTakenError):
            bank.door.deliver(NAME, request_file, OK, b"another")
        assert bank.outbound()[f"{NAME}.sig"] == SIGNATURE

    def test_delivering_again_changes_nothing(self, bank: Bank, request_file: Path) -> None:
        first = bank.door.deliver(NAME, request_file, OK)
        assert bank.door.deliver(NAME, request_file, OK) == first
        bank.reopen()
        assert bank.door.deliver(NAME, request_file, OK) == first
        assert bank.outbound() == {NAME: DATA, f"{NAME}.ok": OK}

    def test_never_overwrites_other_bytes(self, bank: Bank, request_file: Path) -> None:
        bank.put_outbound(NAME, b"somebody else's")
        with pytest.raises(NameTakenError) as failure:
            bank.door.deliver(NAME, request_file, OK)
        assert not failure.value.retriable
        assert bank.outbound() == {NAME: b"somebody else's"}

    @pytest.mark.parametrize(
        "trouble", [Trouble.REFUSES, Trouble.SILENT, Trouble.CUTS_UPLOAD, Trouble.LOSES_RENAME_REPLY, Trouble.LOSES_OK]
    )
    def test_a_broken_connection_is_retriable_and_leaves_nothing_half(
        self, bank: Bank, request_file: Path, trouble: Trouble
    ) -> None:
        bank.trouble(trouble)
        with pytest.raises(HubError) as failure:
            bank.door.deliver(NAME, request_file, OK)
        assert failure.value.retriable
        assert bank.outbound().get(NAME) in (None, DATA)
        assert f"{NAME}.ok" not in bank.outbound()
        bank.heal()
        bank.reopen()
        bank.door.deliver(NAME, request_file, OK)
        assert bank.outbound() == {NAME: DATA, f"{NAME}.ok": OK}

    @pytest.mark.parametrize("trouble", [Trouble.REFUSES, Trouble.SILENT])
    def test_an_unreachable_bank_is_retriable_for_every_call(self, bank: Bank, trouble: Trouble) -> None:
        bank.trouble(trouble)
        calls: list[Callable[[], object]] = [
            bank.door.list_results,
            lambda: bank.door.fetch("HD.txt"),
            lambda: bank.door.move_to_done("HD.txt"),
            bank.door.check,
        ]
        for call in calls:
            with pytest.raises(HubError) as failure:
                call()
            assert failure.value.retriable

    def test_a_file_the_bank_took_at_once_is_not_sent_twice(self, bank: Bank, request_file: Path) -> None:
        bank.take_at_once()
        assert bank.door.deliver(NAME, request_file, OK).size == len(DATA)
        bank.reopen()
        assert bank.door.deliver(NAME, request_file, OK).size == len(DATA)
        assert bank.outbound() == {}

    def test_a_name_sent_once_is_not_sent_with_other_bytes(
        self, bank: Bank, request_file: Path, tmp_path: Path
    ) -> None:
        bank.take_at_once()
        bank.door.deliver(NAME, request_file, OK)
        other = tmp_path / "other"
        other.write_bytes(b"other")
        with pytest.raises(NameTakenError):
            bank.door.deliver(NAME, other, OK)

    def test_a_read_only_bank_is_not_tried_again_blindly(self, bank: Bank, request_file: Path) -> None:
        bank.trouble(Trouble.READ_ONLY)
        for call in (lambda: bank.door.deliver(NAME, request_file, OK), bank.door.check):
            with pytest.raises(PermissionRefusedError) as failure:
                call()
            assert not failure.value.retriable
            assert "outbound" in str(failure.value) and failure.value.advice
        assert bank.outbound() == {}

    def test_a_missing_directory_is_named(self, bank: Bank, request_file: Path) -> None:
        bank.trouble(Trouble.NO_OUTBOUND)
        with pytest.raises(MissingDirectoryError) as failure:
            bank.door.deliver(NAME, request_file, OK)
        assert not failure.value.retriable
        assert "'outbound'" in str(failure.value)

    def test_lists_regular_files_with_harmless_names(self, bank: Bank) -> None:
        bank.put("HD_2.txt", b"22")
        bank.put("HD_1.txt", b"1")
        bank.put("HD_1.txt.ok", b"ok")
        bank.put("HD_3.txt", NotAFile())
        for name in ("-rf", ".hidden", "a\nb", "a\u202eb", "x" * 201, " a", "a\\b"):
            bank.put(name, b"hostile")
        assert [(file.name, file.size) for file in bank.door.list_results()] == [
            ("HD_1.txt", 1),
            ("HD_1.txt.ok", 2),
            ("HD_2.txt", 2),
        ]

    def test_what_is_left_out_is_told_without_spelling_a_hostile_name(self, bank: Bank) -> None:
        bank.put("HD_1.txt", b"1")
        bank.put("HD_3.txt", NotAFile())
        bank.put("-rf", b"hostile")
        bank.put(".HD_2.txt.part", b"an upload under way")
        bank.door.list_results()
        assert sorted((left.name, left.reason) for left in bank.door.left_out()) == [
            ("", "leading dot or dash"), ("HD_3.txt", "not a regular file"),
        ]  # fmt: skip
        assert len({left.digest for left in bank.door.left_out()}) == 2

    def test_the_fingerprint_changes_with_the_file_and_not_otherwise(self, bank: Bank) -> None:
        bank.put("HD_1.txt", b"1")
        before = bank.door.list_results()
        assert bank.door.list_results() == before
        bank.put("HD_1.txt", b"12")
        assert bank.door.list_results() != before

    def test_fetches_the_whole_file_from_its_start(self, bank: Bank) -> None:
        bank.put("HD_1.txt", DATA)
        with bank.door.fetch("HD_1.txt") as fetched:
            assert fetched.tell() == 0
            assert fetched.read() == DATA
            assert fetched.seek(0) == 0
        bank.put("HD_0.txt", b"")
        with bank.door.fetch("HD_0.txt") as fetched:
            assert fetched.read() == b""

    def test_fetches_no_links_pipes_giants_ghosts_and_tricks(self, bank: Bank) -> None:
        bank.put("HD_1.txt", NotAFile())
        bank.put("HD_2.txt", b"x" * (FILE_BYTES_MAX + 1))
        for name, expected in (
            ("HD_1.txt", NotRegularFileError),
            ("HD_2.txt", FileTooLargeError),
            ("HD_3.txt", RemoteFileGoneError),
            ("../inbound/HD_2.txt", HostileNameError),
        ):
            with pytest.raises(expected) as failure:
                bank.door.fetch(name)
            assert not failure.value.retriable

    def test_moves_to_done_under_a_free_name_and_once(self, bank: Bank) -> None:
        names = []
        for content in (b"1", b"22", b"333"):
            bank.put("HD_1.txt", content)
            names.append(bank.door.move_to_done("HD_1.txt"))
        assert names == ["HD_1.txt", "HD_1.txt.2", "HD_1.txt.3"]
        assert bank.door.move_to_done("HD_1.txt") == "HD_1.txt"
        assert bank.done() == {"HD_1.txt": b"1", "HD_1.txt.2": b"22", "HD_1.txt.3": b"333"}
        assert bank.inbound() == set()

    def test_check_shows_key_directories_and_clock(self, bank: Bank) -> None:
        report = bank.door.check()
        assert report.host_key.startswith("SHA256:")
        assert set(report.directories) == {"outbound", "inbound", "done"}
        assert report.clock_difference_seconds is not None
        assert abs(report.clock_difference_seconds) <= 2
        assert bank.outbound() == {}


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    """What is to be delivered."""
    path = tmp_path / "request"
    path.write_bytes(DATA)
    return path


class _FakeBank(Bank):
    def __init__(self) -> None:
        self._server = FakeBankServer(file_bytes_max=FILE_BYTES_MAX)
        self._receipts: dict[str, str] = {}
        self.reopen()

    def reopen(self) -> None:
        self.door = FakeBankDoor(self._server, self._receipts)

    def trouble(self, trouble: Trouble) -> None:
        self._server.trouble = trouble

    def heal(self) -> None:
        self._server.trouble = None

    def outbound(self) -> dict[str, bytes]:
        return {name: data for name, data in self._server.outbound.items() if not name.startswith(".")}

    def inbound(self) -> set[str]:
        return set(self._server.inbound)

    def done(self) -> dict[str, bytes]:
        return self._server.done

    def put(self, name: str, data: bytes | NotAFile) -> None:
        self._server.put(name, data)

    def put_outbound(self, name: str, data: bytes) -> None:
        self._server.outbound[name] = data

    def take_at_once(self) -> None:
        self._server.takes_at_once = True


class TestFakeBankDoor(BankDoorContract):
    """The stand-in other tests use."""

    @pytest.fixture
    def bank(self) -> Bank:
        return _FakeBank()


class _RealBank(Bank):
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sshd = Sshd(folder).start()
        self._proxy = TcpProxy(self._sshd.port)
        self._taken = folder / "taken"
        self._taken.mkdir()
        self.reopen()

    def reopen(self) -> None:
        if hasattr(self, "door"):
            self.door.close()
        self._open(SMALL_TIMEOUTS)

    def _open(self, timeouts: Timeouts) -> None:
        limits = Limits(file_bytes=FILE_BYTES_MAX)
        self.door = self._sshd.door(port=self._proxy.port, timeouts=timeouts, limits=limits)

    def close(self) -> None:
        self.door.close()
        self._proxy.close()
        self._sshd.stop()

    def trouble(self, trouble: Trouble) -> None:
        outbound = self._sshd.outbound
        if trouble is Trouble.REFUSES:
            self._proxy.refuses = True
        elif trouble is Trouble.SILENT:
            self._open(Timeouts(connect=1, banner=0.5, auth=1, channel=1, total=5))
            self._proxy.down = lambda _passed, _coming: Act.SILENCE
        elif trouble is Trouble.CUTS_UPLOAD:
            self._proxy.up = _cut_when(lambda: any(part.stat().st_size for part in outbound.glob(".*.part")))
        elif trouble is Trouble.LOSES_RENAME_REPLY:
            self._proxy.down = _cut_when((outbound / NAME).exists)
        elif trouble is Trouble.LOSES_OK:
            self._proxy.up = _cut_when(lambda: (outbound / NAME).exists() and any(outbound.glob(".*.ok.*.part")))
        elif trouble is Trouble.READ_ONLY:
            self._restart("-R")
        elif trouble is Trouble.NO_OUTBOUND:
            outbound.rmdir()

    def heal(self) -> None:
        self._proxy.heal()

    def outbound(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self._sshd.outbound.glob("[!.]*")}

    def inbound(self) -> set[str]:
        return {path.name for path in self._sshd.inbound.iterdir()}

    def done(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self._sshd.done.iterdir()}

    def put(self, name: str, data: bytes | NotAFile) -> None:
        path = self._sshd.inbound / name
        if isinstance(data, NotAFile):
            path.mkdir()
        else:
            path.write_bytes(data)

    def put_outbound(self, name: str, data: bytes) -> None:
        (self._sshd.outbound / name).write_bytes(data)

    def take_at_once(self) -> None:
        def take(_passed: int, _coming: int) -> Act:
            for path in self._sshd.outbound.glob("[!.]*"):
                path.rename(self._taken / path.name)
            return Act.PASS

        self._proxy.down = take  # before the server's answer to the rename gets through

    def _restart(self, sftp_options: str) -> None:
        self._sshd.stop()
        self._sshd.sftp_options = sftp_options
        self._sshd.start()


def _cut_when(condition: Callable[[], bool]) -> Rule:
    return lambda _passed, _coming: Act.CUT if condition() else Act.PASS


class TestSftpDoor(BankDoorContract):
    """The real door."""

    @pytest.fixture
    def bank(self, tmp_path: Path) -> Iterator[Bank]:
        folder = tmp_path / "bank"
        folder.mkdir()
        bank = _RealBank(folder)
        yield bank
        bank.close()
