"""Faults 45 to 48: a bank that lets nobody in, has another key, weak ciphers or no voice stops itself and no other bank."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connectors.bank import SftpDoor
from connectors.bank.failures import HostKeyRefusedError, WeakAlgorithmsError
from hub.app import bank_door, connector
from hub.app.cli.main import run
from hub.app.settings import load
from hub.ports import RemoteFile
from tests.faults.real_bank import CCB, ICBC, RealBank
from tests.processors.test_system_clock import connected, nothing_is_due, until
from tests.sshd import Sshd, make_key
from tests.tcp_proxy import Act, Rule

__all__ = ["nothing_is_due"]

Counted = Callable[[str], int]


@pytest.fixture
def visits(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """How often the connector has turned to a bank, whatever came of it: deliveries and visits that are over."""
    seen: list[str] = []

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def turn(hub: Any, code: str, door: Any) -> Any:
            try:
                return original(hub, code, door)
            finally:
                seen.append(code)

        return turn

    monkeypatch.setattr(bank_door, "poll", counted(bank_door.poll))
    monkeypatch.setattr(bank_door, "deliver", counted(bank_door.deliver))
    return seen.count


def test_fault_45_directory_read_only(bank: RealBank) -> None:
    name = bank.has_a_file_to_send()
    bank.sshd.restart(sftp_options="-R")
    for _ in range(3):
        assert not bank.deliver()
    bank.nothing_was_sent()
    (item,) = bank.city.work("unsent")
    assert item["file"] == name
    assert "does not permit" in bank.city.value("select trouble from batch where bank = 'ICBC'")
    bank.sshd.restart(sftp_options="")
    assert bank.deliver()
    bank.was_sent_once(name)
    bank.all_is_booked_once()


@pytest.mark.usefixtures("nothing_is_due")
async def test_fault_45_authentication_refused(bank: RealBank, visits: Counted) -> None:
    """The connector turns to the bank again and again, and shows its key once: accounts are locked after a few times."""
    name = bank.has_a_file_to_send()
    allowed = bank.sshd.folder / "authorized_keys"
    key = allowed.read_bytes()
    allowed.write_bytes(make_key(bank.sshd.folder / "stranger").with_suffix(".pub").read_bytes())
    before = _asked_in(bank.sshd)
    turns = visits(ICBC)
    async with connected(bank.city):
        await until(lambda: visits(ICBC) >= turns + 6, "six turns")
        bank.city.answer(CCB)
        await until(lambda: bank.state(CCB) == "ANSWERED", "the other bank is read")
    assert _asked_in(bank.sshd) == before + 1
    bank.nothing_was_sent()
    assert "does not accept the hub's key" in bank.city.value("select trouble from batch where bank = 'ICBC'")
    allowed.write_bytes(key)
    assert bank.deliver()
    bank.was_sent_once(name)


def test_fault_45_pauses_double_with_jitter_and_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(connector.time, "monotonic", lambda: now[0])
    many = [connector._Patience() for _ in range(50)]
    for expected in (1, 2, 4, 8, 16, 32, 60, 60, 60):
        for one in many:
            one.failed()
        pauses = [one.not_before - now[0] for one in many]
        assert all(0.8 * expected <= pause <= 1.2 * expected for pause in pauses)
        assert max(pauses) - min(pauses) > 0.1 * expected, "all of them would knock together"
        assert not any(one.is_over for one in many)
        now[0] += 1.2 * expected
        assert all(one.is_over for one in many)
    many[0].went_well()
    many[0].failed()
    assert many[0].not_before - now[0] <= 1.2


@pytest.mark.usefixtures("nothing_is_due")
async def test_fault_46_host_key_changed(bank: RealBank, visits: Counted, capsys: pytest.CaptureFixture[str]) -> None:
    """No byte for that bank, one work item, no storm; the other bank goes on. Two people pin the key, and it goes on too."""
    name = bank.has_a_file_to_send()
    old = bank.sshd.pins[0]
    bank.sshd.stop()
    bank.sshd.new_host_key()
    bank.sshd.restart(config="LogLevel DEBUG1")
    before, knocked = len(bank.sshd.log), bank.connections()
    new = bank.sshd.pins[0]
    turns = visits(ICBC)
    async with connected(bank.city):
        await until(lambda: visits(ICBC) >= turns + 6, "six turns")
        bank.city.answer(CCB)
        await until(lambda: bank.state(CCB) == "ANSWERED", "the other bank is read")
        seen = bank.sshd.log[before:]
        assert "KEX done" in seen and "userauth-request" not in seen and "subsystem" not in seen.lower()
        assert bank.connections() <= knocked + 2, "one look at each kind of key, and no more"
        bank.nothing_was_sent()
        (item,) = bank.city.work("host-key")
        assert item["bank"] == ICBC and old in item["summary"] and new in item["summary"]
        config = ("--config", str(bank.hub.settings.file))
        proposal = ("bank", "pin", ICBC, new, "--by")
        assert await asyncio.to_thread(run, [*config, *proposal, "Li Hua"]) == 3
        assert await asyncio.to_thread(run, [*config, *proposal, "li hua", "--approve", "--json"]) == 2
        assert "same-person" in capsys.readouterr().out
        assert bank.connections() <= knocked + 2 and bank.state() == "SENDING", "a proposal opens nothing"
        assert await asyncio.to_thread(run, [*config, *proposal, "Wang Fang", "--approve"]) == 0
        await until(lambda: bank.state() == "SENT", "it goes on by itself")
    bank.was_sent_once(name)
    assert bank.city.work("host-key") == []
    assert (
        bank.city.value(
            "select host_key from bank_file_receipt r join batch b on b.id = r.batch_id where bank = 'ICBC'"
        )
        == new
    )


def test_fault_46_a_resolved_item_allows_one_more_try(bank: RealBank) -> None:
    name = bank.has_a_file_to_send()
    key, public = bank.sshd.folder / "host_ed25519", bank.sshd.folder / "host_ed25519.pub"
    old = key.read_bytes(), public.read_bytes()
    bank.sshd.stop()
    bank.sshd.new_host_key()
    bank.sshd.start()
    for _ in range(2):  # every process that comes up finds the door shut
        assert not bank.deliver()
    with pytest.raises(HostKeyRefusedError):
        bank.poll()
    knocked = bank.connections()
    (item,) = bank.city.work("host-key")
    assert (
        run(["--config", str(bank.hub.settings.file), "worklist", "resolve", str(item["id"]), "--note", "asked"]) == 0
    )
    assert not bank.deliver()
    assert not bank.deliver()
    assert bank.connections() == knocked + 2, "one try looks at two kinds of key"
    (again,) = bank.city.work("host-key")
    assert again["id"] != item["id"]
    bank.sshd.stop()
    key.write_bytes(old[0])
    public.write_bytes(old[1])
    bank.sshd.start()
    assert not bank.deliver(), "the bank's change of mind is no person's act"
    bank.nothing_was_sent()
    bank.hub.door(ICBC).check()
    assert bank.city.work("host-key") == [], "hub bank check met a pinned key"
    assert bank.deliver()
    bank.was_sent_once(name)


def test_fault_46_host_key_changes_while_answers_are_read(bank: RealBank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the listing and the first file. It is the bank's trouble: no file gets the blame."""
    bank.was_asked()
    bank.city.answer(ICBC)
    listed = SftpDoor.list_results

    def list_and_change(door: SftpDoor) -> list[RemoteFile]:
        found = listed(door)
        bank.sshd.stop()
        bank.sshd.new_host_key()
        bank.sshd.start()
        return found

    monkeypatch.setattr(SftpDoor, "list_results", list_and_change)
    with pytest.raises(HostKeyRefusedError):
        bank.poll()
    assert bank.city.work("quarantine") == [] and len(bank.city.work("host-key")) == 1
    bank.nothing_is_booked()


def test_fault_46_a_pin_counts_on_its_days(bank: RealBank) -> None:
    """One door through a rotation: trusted to the last day of the old pin, shut, and open on the first of the new one."""
    name = bank.has_a_file_to_send()
    key = bank.sshd.pins[0]
    config = bank.hub.settings.file
    dated = f'{{ key = "{key}", until = "2026-11-03" }}, {{ key = "{key}", from = "2026-11-06" }}'
    config.write_text(config.read_text("utf-8").replace(f'"{key}"', dated), "utf-8")
    object.__setattr__(bank.hub, "settings", load(config, {}))
    door = bank.hub.door(ICBC)
    assert bank_door.deliver(bank.hub, ICBC, door)
    bank.was_sent_once(name)
    bank.city.time_passes("11-04T08:00")
    with pytest.raises(HostKeyRefusedError, match="none that is valid today"):
        bank_door.poll(bank.hub, ICBC, door)
    (item,) = bank.city.work("host-key")
    assert key in item["detail"]["shown"][0] and item["detail"]["pins"] == []
    bank.city.time_passes("11-06T08:00")
    assert bank_door.poll(bank.hub, ICBC, door) == []
    assert bank.city.work("host-key") == []
    door.close()


@pytest.mark.parametrize(
    "config",
    [
        "Ciphers aes128-cbc,aes192-cbc,aes256-cbc,3des-cbc",
        "Ciphers aes128-ctr\nMACs hmac-sha1,hmac-sha1-96",
        "KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1,diffie-hellman-group-exchange-sha1",
    ],
    ids=["cbc", "sha1 mac", "sha1 key exchange"],
)
def test_fault_47_only_weak_algorithms(bank: RealBank, config: str) -> None:
    name = bank.has_a_file_to_send()
    bank.sshd.restart(config=config)
    before = len(bank.sshd.log)
    assert not bank.deliver()
    with pytest.raises(WeakAlgorithmsError):
        bank.poll()
    assert "Unable to negotiate" in bank.sshd.log[before:] and "Accepted" not in bank.sshd.log[before:]
    bank.nothing_was_sent()
    (item,) = bank.city.work("unsent")
    assert item["file"] == name
    assert "nothing strong enough" in bank.city.value("select trouble from batch where bank = 'ICBC'")
    bank.sshd.restart(config="")
    assert bank.deliver()
    bank.was_sent_once(name)


def test_fault_47_a_host_key_signed_with_sha1(tmp_path: Path) -> None:
    with Sshd(tmp_path, config="HostKeyAlgorithms ssh-rsa", key_kinds=("rsa",)) as server, server.door() as door:
        with pytest.raises(WeakAlgorithmsError):
            door.list_results()
        assert "Accepted" not in server.log


def _silent(passed: int, _coming: int) -> Act:
    return Act.SILENCE


def _silent_later(passed: int, coming: int) -> Act:
    return Act.SILENCE if passed + coming > 2500 else Act.PASS


def _one_byte_at_a_time(_passed: int, _coming: int) -> Act:
    return Act.DRIP


@pytest.mark.usefixtures("nothing_is_due")
@pytest.mark.parametrize("rule", [_silent, _silent_later, _one_byte_at_a_time])
async def test_fault_48_silent_or_stalling_server(bank: RealBank, visits: Counted, rule: Rule) -> None:
    """It holds up itself alone: every wait has an end, no connection to the books stays behind, the other bank is read."""
    name = bank.has_a_file_to_send()
    bank.proxy.down = rule
    async with connected(bank.city):
        knocked = bank.connections()
        await until(lambda: bank.connections() > knocked, "the silent bank is being waited for")
        turns = visits(ICBC)
        bank.city.answer(CCB)
        await until(lambda: bank.state(CCB) == "ANSWERED", "the other bank is read")
        await until(lambda: visits(ICBC) > turns, "the wait for the silent bank has an end")
        bank.nothing_was_sent()
        bank.proxy.heal()
        await until(lambda: bank.state() == "SENT", "it goes on by itself")
    assert bank.hub.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    bank.was_sent_once(name)


def _asked_in(server: Sshd) -> int:
    """How often somebody showed the server a key it does not know."""
    return server.log.count("Connection from")
