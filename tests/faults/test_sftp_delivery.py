"""Faults 40 to 44: a request file reaches the bank whole and once, or it stays unsent, whatever the line and the disk do."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest

from hub.app import unknown_deliveries
from tests.faults.real_bank import ICBC, RealBank
from tests.sshd import Sshd
from tests.tcp_proxy import Act, cut_at

STEP_BYTES = 700
DISK_BYTES = 256 << 10


@pytest.mark.parametrize("direction", ["up", "down"])
def test_fault_40_connection_cut_mid_upload(bank: RealBank, seed: int, direction: str) -> None:
    """Cut at one byte after another, up to the first delivery that gets through."""
    name = bank.has_a_file_to_send()
    whole = bank.hub.archive.find(bank.city.value("select request_sha256 from batch where bank = 'ICBC'")).path
    cuts = 0
    for point in count(seed % STEP_BYTES, STEP_BYTES):
        setattr(bank.proxy, direction, cut_at(point))
        if bank.deliver():
            break
        cuts += 1
        assert bank.state() == "SENDING"
        receipts = (bank.hub.settings.home / "receipts" / ICBC).glob("*.json")
        asked = any(json.loads(each.read_text())["stage"] == "renaming" for each in receipts)
        told = bank.city.value("select outcome from batch where bank = 'ICBC'")
        assert told == ("unknown" if asked else "refused"), f"after a cut at {point}"
        final = bank.sshd.outbound / name
        assert not final.exists() or final.read_bytes() == whole.read_bytes(), f"half a file after a cut at {point}"
        assert final.exists() or f"{name}.ok" not in bank.outbound(), f"an .ok alone after a cut at {point}"
    assert cuts > 4, "the connection was not cut"
    bank.proxy.heal()
    bank.was_sent_once(name)
    bank.all_is_booked_once()


@pytest.mark.parametrize("taken", [False, True], ids=["file stays", "bank takes it meanwhile"])
@pytest.mark.parametrize("lost", ["file", "ok"])
def test_fault_41_rename_reply_lost(bank: RealBank, tmp_path: Path, lost: str, taken: bool) -> None:
    name = bank.has_a_file_to_send()
    renamed = bank.sshd.outbound / (name if lost == "file" else f"{name}.ok")
    bank.proxy.down = lambda _passed, _coming: Act.CUT if renamed.exists() else Act.PASS
    assert not bank.deliver()
    assert bank.state() == "SENDING" and renamed.exists()
    outcome = "select outcome from batch where bank = 'ICBC'"
    assert bank.city.value(outcome) == "unknown"
    bank.proxy.heal()
    first = renamed.stat().st_ino
    if not taken:
        assert bank.deliver()
        assert renamed.stat().st_ino == first, "it was sent again"
        bank.was_sent_once(name)
    elif lost == "ok":
        desk = _move_all(bank.sshd.outbound, tmp_path / "desk")
        assert bank.deliver()
        desk = {**desk, **_move_all(bank.sshd.outbound, tmp_path / "desk")}
        assert sorted(desk) == [name, f"{name}.ok"] and bank.state() == "SENT"
        assert bank.deliver() and bank.outbound() == []
        _move_all(tmp_path / "desk", bank.sshd.outbound)
    else:  # both names are gone: only the bank knows
        _move_all(bank.sshd.outbound, tmp_path / "desk")
        assert not bank.deliver() and not bank.deliver()
        assert bank.outbound() == [] and bank.state() == "SENDING", "neither sent again nor said to be sent"
        (item,) = bank.city.work("unsent")
        assert "unknown" in item["summary"] and "hub bank delivery" in item["summary"]
        _move_all(tmp_path / "desk", bank.sshd.outbound)
        assert bank.city.value(outcome) == "unknown"
        assert bank.deliver()
        bank.was_sent_once(name)
    assert bank.city.value(outcome) == "delivered"
    bank.all_is_booked_once()


@pytest.mark.parametrize("arrived", [True, False], ids=["the bank has it", "the bank lost it"])
def test_fault_41_two_persons_settle_what_nobody_can_see(bank: RealBank, tmp_path: Path, arrived: bool) -> None:
    name = bank.has_a_file_to_send()
    bank.proxy.down = lambda _passed, _coming: Act.CUT if (bank.sshd.outbound / name).exists() else Act.PASS
    assert not bank.deliver()
    desk = _move_all(bank.sshd.outbound, tmp_path / "desk")
    bank.proxy.heal()
    assert [each.field for each in _say(bank, name, arrived, "Li Hua").faults] == ["file"], "it is not unknown yet"
    assert not bank.deliver()

    assert [each.field for each in _say(bank, "DK_ICBC_20261102_0077.txt", arrived, "Li Hua").faults] == ["file"]
    assert [each.field for each in _say(bank, name, arrived, "Li Hua", approves=True).faults] == ["file"], "nobody did"
    assert _say(bank, name, arrived, "Li Hua").state == "waiting"
    assert not bank.deliver() and bank.outbound() == [], "one person is not enough"
    refused = _say(bank, name, not arrived, "li hua", approves=True)
    assert [each.field for each in refused.faults] == ["outcome", "by"]
    assert _say(bank, name, arrived, "Wang Fang", approves=True).state == "approved"
    assert _say(bank, name, arrived, "Wang Fang", approves=True).state == "approved", "once more is the same"
    assert bank.city.value("select outcome from batch where bank = 'ICBC'") == ("unknown" if arrived else "refused")

    assert bank.deliver() and bank.state() == "SENT"
    assert bank.outbound() == ([f"{name}.ok"] if arrived else [name, f"{name}.ok"])
    assert bank.city.work("unsent") == []
    if arrived:
        (tmp_path / "desk" / name).rename(bank.sshd.outbound / name)
    assert sorted(desk) == [name]
    bank.was_sent_once(name)
    bank.all_is_booked_once()


def _say(bank: RealBank, name: str, arrived: bool, by: str, *, approves: bool = False) -> unknown_deliveries.Found:
    return unknown_deliveries.settle(bank.hub, name, arrived=arrived, by=by, approves=approves)


def test_fault_41_rename_request_lost(bank: RealBank) -> None:
    """The other way round: uploaded and asked for, and the bank never heard of it. It must not pass for delivered."""
    name = bank.has_a_file_to_send()
    receipts = bank.hub.settings.home / "receipts" / ICBC
    bank.proxy.up = lambda _passed, _coming: Act.CUT if list(receipts.glob("*.json")) else Act.PASS
    assert not bank.deliver()
    assert bank.state() == "SENDING"
    assert [entry for entry in bank.outbound() if not entry.startswith(".")] == [] and len(bank.outbound()) == 1
    bank.proxy.heal()
    assert bank.deliver()
    bank.was_sent_once(name)
    bank.all_is_booked_once()


@pytest.mark.parametrize("suffix", ["", ".ok"])
def test_fault_42_target_name_already_there(bank: RealBank, suffix: str) -> None:
    name = bank.has_a_file_to_send()
    squatter = bank.sshd.outbound / f"{name}{suffix}"
    squatter.write_bytes(b"of somebody else")
    for _ in range(3):
        assert not bank.deliver()
    assert squatter.read_bytes() == b"of somebody else"
    assert bank.state() == "SENDING"
    (item,) = bank.city.work("unsent")
    assert item["file"] == name and not any(entry.endswith(".part") for entry in bank.outbound())
    squatter.unlink()
    assert bank.deliver()
    bank.was_sent_once(name)
    assert bank.city.work("unsent") == []
    bank.all_is_booked_once()


def test_fault_43_bank_moves_file_at_once_and_knows_no_posix_rename(bank: RealBank, tmp_path: Path) -> None:
    """The look that should confirm the rename finds nothing: the server's answer to the rename is the receipt."""
    name = bank.has_a_file_to_send()
    bank.sshd.restart(sftp_options="-P posix-rename,hardlink,fsync")
    desk = tmp_path / "desk"
    taken: list[str] = []

    def move_at_once(_passed: int, _coming: int) -> Act:
        taken.extend(_move_all(bank.sshd.outbound, desk, hidden=False))
        return Act.PASS

    bank.proxy.down = move_at_once
    assert bank.deliver()
    assert bank.deliver()
    assert taken == [name, f"{name}.ok"], "each came once"
    assert bank.state() == "SENT" and bank.outbound() == []
    bank.proxy.heal()
    _move_all(desk, bank.sshd.outbound)
    bank.all_is_booked_once()


def test_fault_44_bank_disk_full(bank: RealBank) -> None:
    name = bank.has_a_file_to_send()
    with _full_disk(bank.sshd) as free_it:
        for _ in range(3):
            assert not bank.deliver()
            assert not any(entry.endswith(".part") or entry.startswith("DK") for entry in bank.outbound())
            assert bank.state() == "SENDING"
        (item,) = bank.city.work("unsent")
        trouble = bank.city.value("select trouble from batch where bank = 'ICBC'")
        assert item["file"] == name and "refused" in trouble
        free_it()
        assert bank.deliver()
        bank.was_sent_once(name)
        bank.all_is_booked_once()


@contextmanager
def _full_disk(server: Sshd) -> Iterator[Callable[[], None]]:
    """An outbound directory on a tmpfs of 256 KB with 4 KB left; who may not mount, limits the size of files instead."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(server.outbound)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        server.limit_file_size(4 << 10)
        yield lambda: server.limit_file_size(1 << 30)
        return
    try:
        ballast = server.outbound / ".ballast"
        with ballast.open("wb", buffering=0) as out, suppress(OSError):
            while out.write(b"x" * 4096) == 4096:
                pass
        assert shutil.disk_usage(server.outbound).free < 4096
        os.truncate(ballast, ballast.stat().st_size - 4096)
        yield ballast.unlink
    finally:
        server.drop_sessions()
        subprocess.run(["umount", "-l", str(server.outbound)], check=True)


def _move_all(source: Path, target: Path, *, hidden: bool = True) -> dict[str, bytes]:
    """Moves files out of a directory; name → bytes."""
    target.mkdir(exist_ok=True)
    moved = {}
    for path in sorted(source.iterdir()):
        if hidden or not path.name.startswith("."):
            moved[path.name] = path.read_bytes()
            path.rename(target / path.name)
    return moved
