"""Listing, fetching and moving results (faults 49 to 54): caps before reading, nothing read early, no tricks."""

import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest
from structlog.testing import capture_logs

from connectors.bank import Limits
from connectors.bank.failures import (
    FileTooLargeError,
    MissingDirectoryError,
    NotRegularFileError,
    RemoteFileChangedError,
    TooManyEntriesError,
)
from hub.domain.errors import HubError
from tests.sshd import Sshd
from tests.tcp_proxy import Act, TcpProxy


def test_links_pipes_and_directories_are_skipped_and_told(sshd: Sshd) -> None:
    (sshd.inbound / "HD_1.txt").write_bytes(b"1")
    (sshd.inbound / "HD_2.txt").symlink_to("/etc/passwd")
    os.mkfifo(sshd.inbound / "HD_3.txt")
    (sshd.inbound / "HD_4.txt").mkdir()
    with sshd.door() as door, capture_logs() as logs:
        assert [file.name for file in door.list_results()] == ["HD_1.txt"]
        assert [log["reason"] for log in logs] == ["not a regular file"] * 3
        assert not any("HD_" in str(log) for log in logs)
        for name in ("HD_2.txt", "HD_3.txt", "HD_4.txt"):
            with pytest.raises(NotRegularFileError):
                door.fetch(name)


def test_hostile_names_are_left_out_told_and_do_not_hide_the_others(sshd: Sshd) -> None:
    hostile = [b"-rf", b"a\nb", b"\xd5\xc5\xc8\xfd", "a\u202eb".encode(), b"x" * 250, b"a\\b", b"e\x1b[2J"]
    for name in hostile:
        (Path(os.fsdecode(os.fsencode(sshd.inbound) + b"/" + name))).write_bytes(b"x")
    (sshd.inbound / "HD_1.txt").write_bytes(b"1")
    with sshd.door() as door, capture_logs() as logs:
        assert [file.name for file in door.list_results()] == ["HD_1.txt"]
    assert len(logs) == len(hostile)
    assert {log["event"] for log in logs} == {"bank_file_left_out"}


def test_a_file_still_being_written_is_not_taken(sshd: Sshd) -> None:
    path = sshd.inbound / "HD_1.txt"
    path.write_bytes(b"x" * 300_000)

    def grow(_passed: int, _coming: int) -> Act:
        with path.open("ab") as out:
            out.write(b"more")
        return Act.PASS

    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        door.list_results()
        proxy.down = grow
        with pytest.raises(RemoteFileChangedError) as failure:
            door.fetch("HD_1.txt")
        assert failure.value.retriable
        proxy.heal()
        with door.fetch("HD_1.txt") as fetched:
            assert len(fetched.read()) == path.stat().st_size


def test_a_file_swapped_while_it_is_read_is_not_taken(sshd: Sshd) -> None:
    path, other = sshd.inbound / "HD_1.txt", sshd.inbound / "HD_2.txt"
    path.write_bytes(b"x" * 300_000)
    other.write_bytes(b"y" * 299_999)

    def swap(passed: int, _coming: int) -> Act:
        if other.exists() and passed > proxy_start + 100_000:
            other.rename(path)
        return Act.PASS

    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        door.list_results()
        proxy_start = proxy.passed_down
        proxy.down = swap
        with pytest.raises(RemoteFileChangedError):
            door.fetch("HD_1.txt")


def test_five_gigabytes_are_refused_before_reading(sshd: Sshd) -> None:
    with (sshd.inbound / "HD_1.txt").open("wb") as out:
        out.truncate(5 << 30)
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        with pytest.raises(FileTooLargeError):
            door.fetch("HD_1.txt")
        assert proxy.passed_down < 20_000


def test_too_many_entries_are_refused(sshd: Sshd) -> None:
    for number in range(31):
        (sshd.inbound / f"HD_{number}.txt").touch()
    with sshd.door(limits=Limits(entries=31)) as door:
        assert len(door.list_results()) == 31
    with sshd.door(limits=Limits(entries=30)) as door:
        with pytest.raises(TooManyEntriesError) as failure:
            door.list_results()
        assert not failure.value.retriable
        (sshd.inbound / "HD_0.txt").unlink()
        assert len(door.list_results()) == 30


@pytest.mark.parametrize("directory", ["inbound_dir", "outbound_dir"])
def test_a_missing_directory_is_named(sshd: Sshd, directory: str) -> None:
    with sshd.door(**{directory: "nowhere/at all"}) as door:
        with pytest.raises(MissingDirectoryError, match="nowhere/at all") as failure:
            door.check()
        assert not failure.value.retriable


def test_the_done_directory_is_made_when_missing(sshd: Sshd) -> None:
    sshd.done.rmdir()
    (sshd.inbound / "HD_1.txt").write_bytes(b"1")
    with sshd.door() as door:
        assert door.move_to_done("HD_1.txt") == "HD_1.txt"
    assert (sshd.done / "HD_1.txt").read_bytes() == b"1"


def test_done_never_overwrites_what_appears_in_between(sshd: Sshd) -> None:
    (sshd.inbound / "HD_1.txt").write_bytes(b"mine")
    with TcpProxy(sshd.port) as proxy, sshd.door(port=proxy.port) as door:
        door.list_results()
        answers = []

        def appear(_passed: int, _coming: int) -> Act:
            answers.append(1)
            if len(answers) == 4:  # after the looks, before the rename
                (sshd.done / "HD_1.txt").write_bytes(b"theirs")
            return Act.PASS

        proxy.up = appear
        door.move_to_done("HD_1.txt")
    assert (sshd.done / "HD_1.txt").read_bytes() in (b"theirs", b"mine")
    assert b"mine" in {path.read_bytes() for path in sshd.done.iterdir()}


def test_absolute_directories_and_one_request_at_a_time(sshd: Sshd) -> None:
    (sshd.inbound / "HD_1.txt").write_bytes(b"x" * 100_000)
    with sshd.door(
        inbound_dir=str(sshd.inbound), done_dir=str(sshd.done), limits=Limits(concurrent_requests=1)
    ) as door:
        with door.fetch("HD_1.txt") as fetched:
            assert len(fetched.read()) == 100_000
        door.move_to_done("HD_1.txt")
        assert door.check().directories["inbound"] == str(sshd.inbound)


def test_many_threads_share_one_door(sshd: Sshd) -> None:
    for number in range(20):
        (sshd.inbound / f"HD_{number}.txt").write_bytes(b"%d" % number * 50_000)
    with sshd.door() as door, ThreadPoolExecutor(6) as pool:

        def fetched(number: int) -> bytes:
            with door.fetch(f"HD_{number}.txt") as data:
                return data.read()

        assert list(pool.map(fetched, range(20))) == [b"%d" % number * 50_000 for number in range(20)]


class _Listing(paramiko.SFTPServerInterface):
    """A bank whose directory holds what no file system would."""

    names = ("../../etc/cron.d/x", "/etc/passwd", "nul\x00byte", "..", "HD_1.txt", "")

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        entries = []
        for name in self.names:
            entry = paramiko.SFTPAttributes()
            entry.filename, entry.st_mode, entry.st_size, entry.st_mtime, entry.st_atime = name, 0o100644, 1, 1, 1
            entries.append(entry)
        return entries


class _AnyKey(paramiko.ServerInterface):
    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


@pytest.fixture
def lying_bank(sshd: Sshd) -> Iterator[int]:
    """The port of a server that lists what it likes, under the host key of ``sshd``."""
    listener = socket.create_server(("127.0.0.1", 0))
    transports: list[paramiko.Transport] = []

    def serve() -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        transport = paramiko.Transport(client)
        transports.append(transport)
        transport.add_server_key(paramiko.PKey.from_path(sshd.folder / "host_ed25519"))
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Listing)
        transport.start_server(event=threading.Event(), server=_AnyKey())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    for transport in transports:
        transport.close()


def test_a_lying_listing_yields_no_paths(sshd: Sshd, lying_bank: int) -> None:
    with sshd.door(port=lying_bank) as door, capture_logs() as logs:
        assert [file.name for file in door.list_results()] == ["HD_1.txt"]
    assert len(logs) == 4


def test_a_server_that_is_no_sftp_server_is_said_so(tmp_path: Path) -> None:
    folder = tmp_path / "bank"
    folder.mkdir()
    server = Sshd(folder)
    server.force_command = "/bin/echo This account is not for SFTP, go away"
    with server, server.door() as door, pytest.raises(HubError, match="SFTP"):
        door.list_results()
