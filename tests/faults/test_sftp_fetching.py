"""Faults 49 to 54: whatever lies in a bank's inbound directory, what is booked is one whole answer, once."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from random import Random

import paramiko
import pytest
from paramiko.sftp_attr import SFTPAttributes

from connectors.bank.failures import TooManyEntriesError
from connectors.bank.names import digest_of
from connectors.bank.protocol import SftpProtocol
from hub.runtime.failpoints import AFTER_FETCH, KILLED, VARIABLE
from simulators.agency import Paper
from tests.connectors.bank.test_another_server import Files, Login
from tests.faults.real_bank import ICBC, RealBank

SOON_SECONDS = 10.0
ENTRIES_MAX = 100_000

HOSTILE = (
    "../../outside.txt",
    "../HD_ICBC_20261103_0009.txt",
    "/etc/HD_ICBC_20261103_0009.txt",
    "HD_ICBC_20261103_0009.txt\n",
    "HD_ICBC_20261103_0009.txt\x00.ok",
    "HD_ICBC_20261103_0009.txt" + "x" * 275,
    "HD_ICBC_20261103_0009\u202etxt.",
    "-rf",
    "--config=HD_ICBC_20261103_0009.txt",
    "..",
    "",
)


class HostileListing(Files):
    """Serves an honest inbound directory and lists in it what no file system would hold. Notes what it is asked for."""

    asked: list[str]

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        honest = super().list_folder(path)
        if isinstance(honest, int) or "inbound" not in path:
            return honest
        twins = [entry.filename.lower() for entry in honest]
        crafted = []
        for name in (*HOSTILE, *twins, *(entry.filename for entry in honest)):
            entry = SFTPAttributes()
            entry.filename, entry.st_mode, entry.st_size, entry.st_mtime, entry.st_atime = name, 0o100644, 9, 1, 1
            crafted.append(entry)
        return [*crafted, *honest]

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> paramiko.SFTPHandle | int:
        self.asked.append(path)
        return super().open(path, flags, attr)

    def rename(self, oldpath: str, newpath: str) -> int:
        self.asked += [oldpath, newpath]
        return super().rename(oldpath, newpath)


@pytest.fixture
def hostile_bank(bank: RealBank) -> Iterator[list[str]]:
    """From now on a paramiko server answers in place of the bank's, with its key and its files; what it was asked for."""
    sshd, asked = bank.sshd, list[str]()
    sshd.stop()
    listener = socket.create_server(("127.0.0.1", sshd.port))
    transports: list[paramiko.Transport] = []

    class Served(HostileListing):
        root = sshd.home

    Served.asked = asked

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(paramiko.PKey.from_path(sshd.folder / "host_ed25519"))
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Served)
            transport.start_server(
                event=threading.Event(), server=Login(paramiko.PKey.from_path(sshd.client_key))
            )  # fmt: skip

    threading.Thread(target=serve, daemon=True).start()
    yield asked
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for transport in transports:
        transport.close()


def test_fault_49_hostile_names(bank: RealBank, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Not one of them is asked for or becomes a path here; the honest answer beside them is taken and booked."""
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    asked: list[str] = request.getfixturevalue("hostile_bank")
    before = _files_below(tmp_path)
    assert bank.poll() == ["taken"]
    told = bank.city.work("quarantine")
    assert {item["detail"]["name_sha256"] for item in told} == {
        digest_of(name.encode()) for name in HOSTILE if name != ".."
    }
    assert not any("outside" in str(item) or "0009" in str(item) for item in told), "a hostile name is not spelled"
    honest = {paper.name, f"{paper.name}.ok"}
    assert {os.path.basename(path) for path in asked} == honest  # noqa: PTH119  the server's paths, not ours
    new = _files_below(tmp_path) - before
    archived = {path for path in new if "archive" in path.parts}
    assert {path.name for path in new - archived} <= honest | {"work.jsonl"}, "moved to done, and nothing else"
    assert [_digest(path) for path in archived] == [sha256(paper.data).hexdigest()]
    bank.what_was_answered_is_booked_once()


def test_fault_50_symlink_fifo_or_directory_in_place_of_a_file(bank: RealBank, tmp_path: Path) -> None:
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    path = bank.sshd.inbound / paper.name
    secret = tmp_path / "secret"
    path.rename(secret)
    tricks: list[Callable[[], None]] = [lambda: path.symlink_to(secret), lambda: os.mkfifo(path), path.mkdir]
    for trick in tricks:
        trick()
        began = time.monotonic()
        assert bank.poll() == []
        assert time.monotonic() - began < SOON_SECONDS, "the hub waits for a pipe"
        assert not _is_archived(bank, paper)
        (item,) = bank.city.work("quarantine")
        assert item["file"] == paper.name and "not a regular file" in item["summary"]
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    bank.nothing_is_booked()
    secret.rename(path)
    assert bank.poll() == ["taken"]
    bank.what_was_answered_is_booked_once()


def test_fault_51_file_still_being_written(bank: RealBank) -> None:
    """Its ``.ok`` is there too early; between two looks some bytes come. Then it is whole, and taken once."""
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    path, ok = bank.sshd.inbound / paper.name, bank.sshd.inbound / f"{paper.name}.ok"
    told = ok.read_bytes()
    ok.unlink()
    path.write_bytes(paper.data)
    assert bank.poll() == [], "without .ok it is not read"
    ok.write_bytes(told)
    for written in range(0, len(paper.data), len(paper.data) // 7):
        path.write_bytes(paper.data[:written])
        assert bank.poll() == []
        bank.nothing_is_booked()
    path.write_bytes(paper.data)
    assert bank.poll() == ["taken"]
    assert bank.city.work("quarantine") == []
    bank.what_was_answered_is_booked_once()


@pytest.mark.parametrize("looks_the_same", [False, True], ids=["size differs", "size and time agree"])
@pytest.mark.parametrize("moment", ["open_to_read", "read"])
def test_fault_52_file_swapped_between_stat_and_read(
    bank: RealBank, monkeypatch: pytest.MonkeyPatch, seed: int, moment: str, looks_the_same: bool
) -> None:
    """Two answers that say the same in another order. What is archived is what was parsed, and one of them whole."""
    bank.was_asked()
    (asked,) = bank.city.requests(ICBC)
    first = bank.city.result(asked, order=Random(seed))
    other = bank.city.result(asked, order=Random(seed + 1))
    swapped = other.data if looks_the_same else other.data + b"\n"
    bank.city.put(ICBC, first)
    path = bank.sshd.inbound / first.name
    beside = bank.sshd.home / "beside"
    beside.write_bytes(swapped)
    if looks_the_same:
        os.utime(beside, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    assert (len(swapped) == len(first.data)) is looks_the_same and swapped != first.data
    original = getattr(SftpProtocol, moment)

    def swap_first(protocol: SftpProtocol, what: bytes, *rest: int) -> object:
        is_this_file = rest == (len(first.data),) if moment == "read" else what.endswith(first.name.encode())
        if is_this_file and beside.exists():
            beside.rename(path)
        return original(protocol, what, *rest)

    monkeypatch.setattr(SftpProtocol, moment, swap_first)
    outcome = bank.poll()
    assert not beside.exists(), "nothing was swapped"
    assert outcome == [] or looks_the_same, "the swap shows in size and time"
    taken = bank.city.rows("select sha256 from file_intake where door = 'bank' and outcome = 'accepted'")
    assert taken == ([(sha256(first.data).hexdigest(),)] if outcome == ["taken"] else [])
    for archived in (bank.hub.settings.home / "archive").rglob("*"):
        assert not archived.is_file() or _digest(archived) in str(archived).replace("/", ""), (
            "archived under its own hash"
        )
    if outcome != ["taken"]:
        bank.nothing_is_booked()
        path.unlink(missing_ok=True)
        bank.city.put(ICBC, first)
        assert bank.poll() == ["taken"]
    bank.what_was_answered_is_booked_once()


def test_fault_53_crash_after_download_before_register(bank: RealBank) -> None:
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    for _ in range(2):
        died = bank.command("bank", "poll", ICBC, **{VARIABLE: AFTER_FETCH})
        assert died.returncode == KILLED, died.stderr
        assert _is_archived(bank, paper), "it died before it had the file"
        assert (bank.sshd.inbound / paper.name).read_bytes() == paper.data
        bank.nothing_is_booked()
    assert bank.poll() == ["taken"]
    assert bank.city.value("select count(*) from file_intake where door = 'bank'") == 1
    bank.what_was_answered_is_booked_once()


def test_fault_54_five_gigabytes(bank: RealBank) -> None:
    """Refused by its size; not a byte of it is fetched, and a person is told once."""
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    path = bank.sshd.inbound / paper.name
    path.write_bytes(b"")
    os.truncate(path, 5 << 30)
    for outcome in (["quarantined"], [], []):
        assert bank.poll() == outcome
        assert bank.proxy.passed_down < 50_000
    (item,) = bank.city.work("quarantine")
    assert item["file"] == paper.name
    bank.nothing_is_booked()
    path.write_bytes(paper.data)
    assert bank.poll() == ["taken"]
    bank.what_was_answered_is_booked_once()


def test_fault_54_a_hundred_thousand_entries(bank: RealBank) -> None:
    bank.was_asked()
    (paper,) = bank.city.answer(ICBC)
    heap = [bank.sshd.inbound / f"X{number:06d}" for number in range(ENTRIES_MAX)]
    for entry in heap:
        entry.touch()
    with pytest.raises(TooManyEntriesError):
        bank.poll()
    bank.nothing_is_booked()
    for entry in heap:
        entry.unlink()
    assert bank.poll() == ["taken"]
    assert not (bank.sshd.inbound / paper.name).exists()
    bank.what_was_answered_is_booked_once()


def _is_archived(bank: RealBank, paper: Paper) -> bool:
    try:
        bank.hub.archive.find(sha256(paper.data).hexdigest())
    except FileNotFoundError:
        return False
    return True


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}
