"""Fault 45 across processes: a refused key is not shown again by whoever comes next, and everybody sees how the bank stands."""

import json
from typing import Any

import pytest

from connectors.bank.failures import AuthenticationRefusedError
from hub.app import bank_door
from hub.app.bank_circuit import GuardedDoor
from hub.domain.circuit import FAILURES_MAX
from hub.domain.errors import HubError
from tests.fakes import Trouble
from tests.faults.real_bank import CCB, DUE, ICBC, RealBank
from tests.faults.test_sftp_trust import _asked_in
from tests.processors.city import City, bill
from tests.processors.conftest import NewCity
from tests.sshd import make_key


def circuits(bank: RealBank) -> dict[str, Any]:
    """``hub bank list``: the circuit of each bank."""
    rows = json.loads(bank.command("bank", "list", "--json").stdout)["rows"]
    return {row["bank"]: row["circuit"] for row in rows}


def test_fault_45_commands_one_after_the_other_show_a_refused_key_once(bank: RealBank) -> None:
    allowed = bank.sshd.folder / "authorized_keys"
    key = allowed.read_bytes()
    allowed.write_bytes(make_key(bank.sshd.folder / "stranger").with_suffix(".pub").read_bytes())
    before = _asked_in(bank.sshd)
    for _ in range(4):
        assert bank.command("bank", "poll", ICBC, "--json").returncode == 1
    assert _asked_in(bank.sshd) == before + 1
    told = circuits(bank)
    assert (told[ICBC]["state"], told[ICBC]["failures"], told[CCB]["state"]) == ("open", 1, "closed")
    assert "does not accept the hub's key" in told[ICBC]["why"]
    status = json.loads(bank.command("status", "--json").stdout)["banks"]
    assert {row["bank"]: row["circuit"] for row in status} == {ICBC: "open", CCB: "closed"}
    (item,) = bank.city.work("unreachable")
    assert item["bank"] == ICBC
    allowed.write_bytes(key)
    assert bank.command("bank", "check", ICBC, "--json").returncode == 0
    assert circuits(bank)[ICBC]["state"] == "closed"
    assert bank.city.work("unreachable") == []
    assert bank.command("bank", "poll", ICBC, "--json").returncode == 0


def test_a_bank_that_cannot_be_reached_opens_its_own_circuit_and_a_success_closes_it(city: City) -> None:
    door = GuardedDoor(city.hub.door(CCB), CCB, lambda: city.hub.engine)
    city.servers[CCB].trouble = Trouble.SILENT
    for turn in range(FAILURES_MAX):
        assert _state(city) in ([], [("closed", turn)])
        with pytest.raises(HubError):
            door.list_results()
    assert _state(city) == [("open", FAILURES_MAX)]
    assert [item["bank"] for item in city.work("unreachable")] == [CCB]
    city.servers[CCB].trouble = None
    assert door.list_results() == []
    assert _state(city) == [("closed", 0)]
    assert city.work("unreachable") == []


def test_a_lost_reply_is_unknown_until_somebody_has_looked(new_city: NewCity) -> None:
    city = new_city()
    city.accept(city.dues(bill("A-1", 1, DUE), bill("C-1", 2, DUE, bank=CCB)))
    city.servers[ICBC].trouble, city.servers[CCB].trouble = Trouble.LOSES_RENAME_REPLY, Trouble.CUTS_UPLOAD
    city.advance("11-02T09:10")
    outcomes = "select bank, outcome, state from batch order by 1"
    assert city.rows(outcomes) == [(CCB, "refused", "SENDING"), (ICBC, "unknown", "SENDING")]
    for server in city.servers.values():
        server.trouble = None
    for code in city.servers:
        assert bank_door.deliver(city.hub, code, city.hub.door(code))
    assert city.rows(outcomes) == [(CCB, "delivered", "SENT"), (ICBC, "delivered", "SENT")]


def test_who_is_kept_from_looking_leaves_an_unknown_outcome_unknown(city: City) -> None:
    """A circuit that holds off, and a bank that does not let us in, tell nothing of the file."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.servers[ICBC].trouble = Trouble.LOSES_RENAME_REPLY
    city.advance("11-02T09:10")
    outcome = "select outcome from batch where bank = 'ICBC'"
    assert city.value(outcome) == "unknown"
    city.servers[ICBC].trouble = Trouble.SILENT
    assert not bank_door.deliver(city.hub, ICBC, city.hub.door(ICBC))
    assert city.value(outcome) == "unknown", "a bank that cannot be reached"
    door = GuardedDoor(city.hub.door(ICBC), ICBC, lambda: city.hub.engine)
    with pytest.raises(AuthenticationRefusedError), door._noted():
        raise AuthenticationRefusedError("does not accept the hub's key")
    city.servers[ICBC].trouble = None
    assert not bank_door.deliver(city.hub, ICBC, door)
    assert "left alone" in city.value("select trouble from batch where bank = 'ICBC'")
    assert city.value(outcome) == "unknown", "a circuit that holds off"
    assert city.servers[ICBC].outbound and city.value("select state from batch where bank = 'ICBC'") == "SENDING"
    assert door.check().host_key
    assert bank_door.deliver(city.hub, ICBC, door)
    assert city.value(outcome) == "delivered"


def _state(city: City) -> list[tuple[Any, ...]]:
    return city.rows("select state, failures from bank_circuit")
