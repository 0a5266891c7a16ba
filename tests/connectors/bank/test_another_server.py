"""The door also works with a server that is not OpenSSH: paramiko's own, without fsync, extensions or user accounts."""

import os
import socket
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import paramiko
import pytest
from paramiko.sftp_attr import SFTPAttributes

from connectors.bank import SftpDoor
from connectors.bank.failures import DeliveryUnknownError, NameTakenError
from hub.domain.errors import HubError

ACCEPT_SECONDS = 10.0


class Files(paramiko.SFTPServerInterface):
    """The least a server offers: files below one directory."""

    root: Path

    def _local(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        try:
            return [
                SFTPAttributes.from_stat(entry.lstat(), entry.name) for entry in sorted(self._local(path).iterdir())
            ]
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def stat(self, path: str) -> SFTPAttributes | int:
        try:
            return SFTPAttributes.from_stat(self._local(path).stat())
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)

    def lstat(self, path: str) -> SFTPAttributes | int:
        return self.stat(path)

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> paramiko.SFTPHandle | int:
        try:
            opened = os.open(self._local(path), flags, 0o600)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno or 0)
        mode = "wb" if flags & os.O_WRONLY else "r+b" if flags & os.O_RDWR else "rb"
        handle = paramiko.SFTPHandle(flags)
        handle.readfile = handle.writefile = os.fdopen(opened, mode)  # type: ignore[attr-defined]
        return handle

    def remove(self, path: str) -> int:
        self._local(path).unlink()
        return paramiko.SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        self._local(oldpath).rename(self._local(newpath))  # overwrites, unlike OpenSSH
        return paramiko.SFTP_OK


class Login(paramiko.ServerInterface):
    """Lets one key in."""

    def __init__(self, allowed: paramiko.PKey) -> None:
        self.allowed = allowed

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL if key == self.allowed else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[tuple[SftpDoor, Path]]:
    """A door to paramiko's server, and the directory it serves."""
    root = tmp_path / "bank"
    for name in ("outbound", "inbound", "done"):
        (root / name).mkdir(parents=True)
    client = tmp_path / "client"
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def key_at(path: Path) -> paramiko.PKey:
        private = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        path.write_bytes(private)
        path.chmod(0o600)
        return paramiko.Ed25519Key.from_private_key_file(str(path))

    allowed, host = key_at(client), key_at(tmp_path / "host")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(ACCEPT_SECONDS)
    transports: list[paramiko.Transport] = []

    class Served(Files):
        pass

    Served.root = root

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(connection)
            transports.append(transport)
            transport.add_server_key(host)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Served)
            transport.start_server(server=Login(allowed))

    threading.Thread(target=serve, daemon=True).start()
    door = SftpDoor(
        host="127.0.0.1", port=listener.getsockname()[1], username="hub", private_key=client,
        host_keys=[host.fingerprint], outbound_dir="outbound", inbound_dir="inbound", done_dir="done",
        receipts=tmp_path / "receipts",
    )  # fmt: skip
    yield door, root
    door.close()
    listener.close()
    for transport in transports:
        transport.close()


def test_a_file_goes_out_and_another_comes_in(bank: tuple[SftpDoor, Path], tmp_path: Path) -> None:
    door, root = bank
    source = tmp_path / "request"
    source.write_bytes(b"H|DEDUCT|" * 20_000)
    delivery = door.deliver("DK_ICBC_20261202_0001.txt", source, b"told\n")
    assert delivery.size == source.stat().st_size
    assert (root / "outbound" / "DK_ICBC_20261202_0001.txt").read_bytes() == source.read_bytes()
    assert (root / "outbound" / "DK_ICBC_20261202_0001.txt.ok").read_bytes() == b"told\n"
    (root / "inbound" / "HD_ICBC_20261203_0001.txt").write_bytes(b"H|RESULT|\n")
    assert [file.name for file in door.list_results()] == ["HD_ICBC_20261203_0001.txt"]
    assert door.fetch("HD_ICBC_20261203_0001.txt").read() == BytesIO(b"H|RESULT|\n").read()
    (root / "done" / "HD_ICBC_20261203_0001.txt").write_bytes(b"an older one")
    assert door.move_to_done("HD_ICBC_20261203_0001.txt") == "HD_ICBC_20261203_0001.txt.2"
    assert list((root / "inbound").iterdir()) == []
    assert door.check().directories


def test_a_name_that_is_taken_is_not_overwritten_even_where_renaming_would(
    bank: tuple[SftpDoor, Path], tmp_path: Path
) -> None:
    door, root = bank
    (root / "outbound" / "DK_ICBC_20261202_0001.txt").write_bytes(b"of someone else")
    source = tmp_path / "request"
    source.write_bytes(b"ours")
    with pytest.raises(NameTakenError):
        door.deliver("DK_ICBC_20261202_0001.txt", source, b"told\n")
    assert (root / "outbound" / "DK_ICBC_20261202_0001.txt").read_bytes() == b"of someone else"


@pytest.mark.parametrize("taken", [True, False], ids=["the bank has taken it", "the bank has cleared its directory"])
def test_fault_41_rename_reply_lost_where_every_refusal_is_a_failure(
    bank: tuple[SftpDoor, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    """What such a server answers does not tell a rename that happened from one that never will: only the bank can."""
    door, root = bank
    source = tmp_path / "request"
    source.write_bytes(b"H|DEDUCT|" * 100)
    name = "DK_ICBC_20261202_0001.txt"
    desk: list[str] = []

    def rename(self: Files, oldpath: str, newpath: str) -> int:
        old, new = self._local(oldpath), self._local(newpath)
        if not old.exists() or new.exists():
            return paramiko.SFTP_FAILURE
        if not desk and taken:
            old.rename(tmp_path / "desk")
        elif not desk:
            old.unlink()
        else:
            old.rename(new)
        desk.append(new.name)
        if len(desk) == 1:
            assert door._connection is not None
            door._connection.close()
        return paramiko.SFTP_OK

    monkeypatch.setattr(Files, "rename", rename)
    with pytest.raises(HubError) as lost:
        door.deliver(name, source, b"told\n")
    assert lost.value.retriable
    for _ in range(3):
        with pytest.raises(DeliveryUnknownError):
            door.deliver(name, source, b"told\n")
    assert desk == [name] and list((root / "outbound").iterdir()) == []
