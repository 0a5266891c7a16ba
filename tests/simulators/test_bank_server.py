"""A bank's server is a real sshd: one key gets in, to one directory, by SFTP only. Its program reads and answers."""

import stat
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import paramiko
import pytest

from simulators.bank import BankServer, fingerprint, stop_server
from simulators.bank_program import BankProgram, main
from simulators.bank_work import UnusableRequestError
from tests.simulators.conftest import PaperHub, print_request


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BankServer]:
    made = BankServer.set_up("ICBC", tmp_path / "banks" / "ICBC", tmp_path / "keys" / "icbc")
    made.start()
    yield made
    made.stop()


def connect(server: BankServer, key: Path) -> paramiko.SSHClient:
    return connect_to(server.port, server.username, key)


def connect_to(port: int, username: str, key: Path) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # noqa: S507  the test compares the key itself
    client.connect(
        "127.0.0.1",
        port,
        username,
        key_filename=str(key),
        allow_agent=False,
        look_for_keys=False,
        timeout=10,
    )
    return client


def test_the_hubs_key_gets_in_and_finds_its_directories(server: BankServer, tmp_path: Path) -> None:
    key = tmp_path / "keys" / "icbc"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    with connect(server, key) as client:
        transport = client.get_transport()
        assert transport is not None
        host = transport.get_remote_server_key()
        assert fingerprint(f"{host.get_name()} {host.get_base64()}") == server.host_key
        assert {"outbound", "inbound", "done"} <= set(client.open_sftp().listdir("."))


def test_another_key_does_not_get_in(server: BankServer, tmp_path: Path) -> None:
    BankServer.set_up("CCB", tmp_path / "banks" / "CCB", tmp_path / "keys" / "ccb")
    with pytest.raises(paramiko.AuthenticationException):
        connect(server, tmp_path / "keys" / "ccb")


def test_nothing_but_sftp_is_to_be_had(server: BankServer, tmp_path: Path) -> None:
    with connect(server, tmp_path / "keys" / "icbc") as client:
        _, out, _ = client.exec_command("echo hello", timeout=5)
        out.channel.shutdown_write()
        assert b"hello" not in out.read()


def test_a_stopped_server_is_gone_and_stopping_again_is_harmless(server: BankServer) -> None:
    assert server.answers()
    assert stop_server(server.directory)
    assert not server.answers()
    assert not stop_server(server.directory)


def test_a_directory_with_a_space_is_named_in_full(tmp_path: Path) -> None:
    server = BankServer.set_up("ICBC", tmp_path / "my banks" / "ICBC", tmp_path / "keys" / "icbc")
    server.start()
    try:
        with connect(server, tmp_path / "keys" / "icbc") as client:
            assert client.open_sftp().listdir(server.remote("outbound")) == []
    finally:
        server.stop()


def test_a_pid_file_of_somebody_elses_process_kills_nobody(tmp_path: Path) -> None:
    (tmp_path / "ssh").mkdir()
    (tmp_path / "ssh" / "sshd.pid").write_text("1\n")
    assert not stop_server(tmp_path)


def upload(server: BankServer, key: Path, name: str, data: bytes, seal: str) -> None:
    """Put a request there as the hub does, over SFTP, its .ok last."""
    with connect(server, key) as client:
        door = client.open_sftp()
        for path, content in ((name, data), (f"{name}.ok", seal.encode())):
            with door.open(f"outbound/{path}", "wb") as file:
                file.write(content)


def request_of(folder: Path) -> tuple[str, bytes, str]:
    hub = PaperHub(folder, 7, 40)
    hub.file_dues("2026-09")
    hub.oracle.advance(hub.oracle.now.replace(month=9, day=2, hour=9))
    lines = [line for line in hub.oracle.lines["2026-09", 1] if line.bill.bank == "ICBC"]
    name, data = print_request("ICBC", "ICBC-1", lines, parts=True)
    return name, data, f"{sha256(data).hexdigest()} {len(data)}\n"


def test_the_program_reads_a_request_and_answers_it(
    server: BankServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name, data, seal = request_of(tmp_path / "paper")
    key = tmp_path / "keys" / "icbc"
    upload(server, key, name, data, seal)
    arguments = [str(server.directory), "--bank", "ICBC", "--date", "2026-09-03"]
    assert main([*arguments, "--hold"]) == 0
    with connect(server, key) as client:
        door = client.open_sftp()
        assert door.listdir("outbound") == [], "the bank clears its outbound directory itself"
        assert door.listdir("inbound") == [], "a held request is not answered"
        assert main(arguments) == 0
        assert sorted(door.listdir("inbound")) == ["HD_ICBC_20260903_0001.txt", "HD_ICBC_20260903_0001.txt.ok"]
    assert f"answered {name}" in capsys.readouterr().out


def test_the_program_believes_nothing(tmp_path: Path) -> None:
    """Bytes that differ from their seal, totals that do not add up, a hash total of other accounts: all refused."""
    name, data, _ = request_of(tmp_path / "paper")
    text = data.decode("gb18030")
    body, trailer = text.removesuffix("\n").rsplit("\n", 1)
    fields = trailer.split("|")
    wrong = {
        "count": [*fields[:1], str(int(fields[1]) + 1), *fields[2:]],
        "total": [*fields[:6], "1.00", fields[7]],
        "hash": [*fields[:7], f"{(int(fields[7]) + 1) % 10**12:012d}"],
    }
    program = BankProgram("ICBC", 7, tmp_path / "ICBC")
    program.outbound.mkdir(parents=True)
    for other in wrong.values():
        spoiled = f"{body}\n{'|'.join(other)}\n".encode("gb18030")
        (program.outbound / name).write_bytes(spoiled)
        (program.outbound / f"{name}.ok").write_text(f"{sha256(spoiled).hexdigest()} {len(spoiled)}\n")
        with pytest.raises(UnusableRequestError):
            program.receive()
    (program.outbound / name).write_bytes(data)
    (program.outbound / f"{name}.ok").write_text(f"{sha256(data).hexdigest()} {len(data) - 1}\n")
    with pytest.raises(UnusableRequestError):
        program.receive()
