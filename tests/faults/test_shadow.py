"""A bank in shadow on a real OpenSSH server: whatever the hub's commands do, the server holds what it held, byte for byte."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.app import schedule
from tests.faults.real_bank import CCB, DUE, ICBC, RealBank, open_real_bank
from tests.processors.city import bill
from tests.sshd import Sshd
from tests.tcp_proxy import TcpProxy


@pytest.fixture
def bank(
    database: str, tmp_path: Path, sshd: Sshd, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RealBank]:
    """ICBC in shadow, CCB live, and a due bill of each."""
    opened = open_real_bank(database, tmp_path / "city", sshd, proxy, shadow=(ICBC,))
    monkeypatch.setattr(schedule, "drain", lambda _hub: opened.city.pump.drain())
    opened.city.accept(opened.city.dues(bill("A-1", 1, DUE), bill("C-1", 2, DUE, bank=CCB)))
    yield opened
    opened.city.close()


def everything(server: Sshd) -> dict[str, tuple[Any, ...]]:
    """Name → kind, bytes, times of change and inode, of all that lies on the bank's server."""
    found: dict[str, tuple[Any, ...]] = {}
    for root in (server.outbound, server.inbound, server.inbound.parent / "done"):
        for path in [root, *sorted(root.rglob("*"))] if root.exists() else []:
            seen = path.stat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path)] = (seen.st_mode, content, seen.st_mtime_ns, seen.st_ctime_ns, seen.st_ino)
    return found


def test_the_banks_server_holds_what_it_held(bank: RealBank) -> None:
    for name, data in (("HD_ICBC_20261102_0001.txt", b"not an answer\n"), ("HD_ICBC_20261102_0001.txt.ok", b"wrong\n")):
        (bank.sshd.inbound / name).write_bytes(data)
    before = everything(bank.sshd)
    assert len(before) >= 4
    bank.city.advance("11-03T10:00")
    bank.city.advance("11-03T21:00")
    connections = bank.connections()
    done = bank.command("bank", "poll", ICBC, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert bank.command("bank", "check", ICBC, "--json").returncode == 0
    assert bank.connections() > connections, "the bank was visited"
    assert everything(bank.sshd) == before
    assert bank.city.rows("select bank from batch") == [(CCB,)]
    assert (
        bank.city.value(
            "select count(*) from bank_file_receipt r join batch b on b.id = r.batch_id and b.bank = 'ICBC'"
        )
        == 0
    )
    assert bank.city.value("select count(*) from outbox where key = 'ICBC'") == 0


def test_the_report_and_the_board_say_that_the_bank_is_in_shadow(bank: RealBank, tmp_path: Path) -> None:
    bank.city.advance("11-03T10:00")
    done = bank.command("bank", "shadow", "report", ICBC, "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["mode"], told["not_asked"]) == (
        0, "shadow", [{"period": "2026-11", "bills": 1, "total": sum(DUE)}],
    )  # fmt: skip
    (ours,) = (bank.hub.settings.home / "shadow" / ICBC).glob("DK_*.txt")
    other = tmp_path / "DK_ICBC_20261102_0002.txt"
    other.write_bytes(ours.read_bytes().replace(b"|P\n", b"|F\n"))
    differs = bank.command("bank", "shadow", "compare", ICBC, "--request", str(other), "--json")
    (found,) = json.loads(differs.stdout)["findings"]
    assert (differs.returncode, found["differences"]) == (2, 1)
    assert [(each["field"], each["expected"], each["found"]) for each in found["listed"]] == [
        ("partial", "part", "all or nothing")
    ]
    assert "partial: here part, there all or nothing" in bank.command("bank", "shadow", "report", ICBC).stdout
    other.write_bytes(ours.read_bytes())
    same = bank.command("bank", "shadow", "compare", ICBC, "--request", str(other), "--json")
    assert (same.returncode, json.loads(same.stdout)["differences"]) == (0, 0), same.stdout + same.stderr
    assert bank.command("bank", "shadow", "compare", CCB, "--request", str(ours)).returncode == 1
    rows = json.loads(bank.command("bank", "list", "--json").stdout)["rows"]
    assert {row["bank"]: row["mode"] for row in rows} == {ICBC: "shadow", CCB: "live"}
    status = json.loads(bank.command("status", "--json").stdout)
    assert {row["bank"]: row["mode"] for row in status["banks"]} == {ICBC: "shadow", CCB: "live"}
