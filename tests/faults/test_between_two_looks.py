"""What changes at a bank, or in our own archive, between two looks of the hub: nothing unread is moved, nothing is sent that
was not asked for, and nobody else waits for it.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from connectors.bank.failures import BankConnectionLostError, RemoteFileGoneError
from hub.app import bank_door, unknown_deliveries
from hub.app import quarantine as bench
from hub.ledger import quarantine
from simulators.agency import Paper
from tests.fakes import FakeBankDoor, Trouble
from tests.processors.answers import DUE, answered, changed
from tests.processors.city import City, bill

NewCity = Callable[..., City]


def _unreadable_code(paper: Paper) -> Paper:
    return changed(paper, (r"\|00\|R1", "|77|R1"))


def test_fault_52_a_file_that_takes_the_place_of_the_one_in_hand(asked: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank puts its correction under the same name while the hub checks the first: it is read by the next poll."""
    right = answered(asked)
    asked.put("ICBC", _unreadable_code(right))
    answer = bank_door._answer

    def while_it_is_checked(*of: Any) -> str:
        outcome = answer(*of)
        asked.put("ICBC", right)
        return outcome

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(bank_door, "_answer", while_it_is_checked)
        assert asked.poll("ICBC") == ["quarantined"]
    assert asked.servers["ICBC"].done == {}, "nobody has read what lies there now"
    assert asked.poll("ICBC") == ["taken"]
    assert asked.servers["ICBC"].done[right.name] == right.data


def test_fault_65_another_banks_answer_is_no_repeat(asked: City) -> None:
    paper = answered(asked)
    asked.put("ICBC", paper)
    assert asked.poll("ICBC") == ["taken"]
    asked.put("CCB", Paper(paper.name.replace("ICBC", "CCB"), paper.data))
    assert asked.poll("CCB") == ["quarantined"]
    assert [item["bank"] for item in asked.work("quarantine")] == ["CCB"]


def test_fault_51_an_ok_that_changes_at_every_look_does_not_put_it_off_for_ever(asked: City) -> None:
    """The file is what is looked at; it did not change (contract section 4)."""
    paper = answered(asked)
    server = asked.servers["ICBC"]
    outcomes = []
    for number in range(2):
        server.put(paper.name, paper.data) if number == 0 else None
        server.put(f"{paper.name}.ok", f"{number:064d} {len(paper.data)}\n".encode())
        outcomes += asked.poll("ICBC")
    assert outcomes == ["quarantined"]


def test_fault_48_a_connection_that_is_lost_is_no_success(asked: City, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.put("ICBC", answered(asked))

    def lost(_door: FakeBankDoor, _name: str, _fingerprint: str | None = None) -> None:
        raise BankConnectionLostError

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(FakeBankDoor, "fetch", lost)
        with pytest.raises(BankConnectionLostError):
            asked.poll("ICBC")
    assert asked.poll("ICBC") == ["taken"]


def test_fault_48_one_file_that_breaks_the_connection_keeps_no_other(
    asked: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    paper = answered(asked)
    bad = paper.name.replace("0001.txt", "0000.txt")
    asked.put("ICBC", paper)
    asked.put("ICBC", Paper(bad, b"H|\n"))
    fetch = FakeBankDoor.fetch

    def breaks(door: FakeBankDoor, name: str, fingerprint: str | None = None) -> Any:
        if name.startswith(bad):
            raise BankConnectionLostError
        return fetch(door, name, fingerprint)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(FakeBankDoor, "fetch", breaks)
        with pytest.raises(BankConnectionLostError):
            asked.poll("ICBC")
    assert asked.value("select count(*) from file_intake where outcome = 'accepted' and door = 'bank'") == 1


def test_a_file_that_the_bank_takes_back_is_nobodys_trouble(asked: City, monkeypatch: pytest.MonkeyPatch) -> None:
    asked.put("ICBC", answered(asked))

    def gone(_door: FakeBankDoor, _name: str, _fingerprint: str | None = None) -> None:
        raise RemoteFileGoneError

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(FakeBankDoor, "fetch", gone)
        assert asked.poll("ICBC") == []
    assert asked.work("quarantine") == []


def test_fault_49_a_name_in_other_capitals_is_told(asked: City) -> None:
    paper = answered(asked)
    asked.put("ICBC", Paper(paper.name.replace("HD_ICBC", "hd_icbc"), paper.data))
    assert asked.poll("ICBC") == ["quarantined"]
    (item,) = asked.work("quarantine")
    assert item["field"] == "file name"


def test_a_correction_answers_the_same_batch(new_city: NewCity, tmp_path: Path) -> None:
    city = new_city(max_lines=2)
    city.accept(city.dues(*(bill(f"A-{number}", number, DUE) for number in range(1, 5))))
    city.advance("11-03T10:00")
    one, two = (city.result(request) for request in city.requests("ICBC"))
    city.put("ICBC", _unreadable_code(one))
    assert city.poll("ICBC") == ["quarantined"]
    with city.hub.engine.connect() as conn:
        (held,) = quarantine.held(conn)
    for paper, fields in ((two, ["batch no"]), (one, [])):
        path = tmp_path / paper.name
        path.write_bytes(paper.data)
        assert [fault.field for fault in bench.propose_correction(city.hub, held, path, "Wang", "").faults] == fields
    assert bench.correct(city.hub, held, tmp_path / one.name, "Li", "").faults == ()


def test_what_was_changed_in_the_archive_is_not_sent(new_city: NewCity) -> None:
    """And what became of one file keeps no other of its bank."""
    city = new_city(max_lines=1)
    city.accept(city.dues(*(bill(f"A-{number}", number, DUE) for number in range(1, 4))))
    server = city.servers["ICBC"]
    server.trouble = Trouble.REFUSES
    city.advance("11-02T09:10")
    changed_, gone, whole = city.rows("select request_sha256, file_name from batch where bank = 'ICBC' order by id")
    path = city.hub.archive.find(changed_[0]).path
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"|100.00|", b"|900.00|"))
    city.hub.archive.find(gone[0]).path.unlink()
    server.trouble = None
    assert not bank_door.deliver(city.hub, "ICBC", city.hub.door("ICBC"))
    assert sorted(server.outbound) == [whole[1], f"{whole[1]}.ok"]
    assert sha256(server.outbound[whole[1]]).hexdigest() == whole[0]
    assert city.rows("select state from batch where bank = 'ICBC' order by id") == [
        ("SENDING",),
        ("SENDING",),
        ("SENT",),
    ]
    assert {item["file"] for item in city.work("unsent")} == {changed_[1], gone[1]}


def test_a_document_that_breaks_the_reader_is_quarantined_and_keeps_no_other(new_city: NewCity) -> None:
    city = new_city(banks=("ICBC",), profiles={"ICBC": "iso20022"}, max_lines=1, no_parts=())
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.advance("11-03T10:00")
    broken, whole = (city.result(request) for request in city.requests("ICBC"))
    city.put("ICBC", Paper(broken.name, broken.data.replace(b"</CstmrPmtStsRpt>", b"</CstmrPmtStsRpt>.")))
    city.put("ICBC", whole)
    assert city.poll("ICBC") == ["quarantined", "taken"]
    (item,) = city.work("quarantine")
    assert item["file"] == broken.name


def test_a_mistake_of_ours_about_one_file_keeps_no_other(asked: City, monkeypatch: pytest.MonkeyPatch) -> None:
    paper = answered(asked)
    bad = paper.name.replace("0001.txt", "0000.txt")
    asked.put("ICBC", paper)
    asked.put("ICBC", Paper(bad, paper.data))
    take = bank_door._take

    def slips(hub: Any, code: str, door: Any, file: Any, *of: Any) -> Any:
        assert file.name != bad, "a mistake of ours"
        return take(hub, code, door, file, *of)

    monkeypatch.setattr(bank_door, "_take", slips)
    assert asked.poll("ICBC") == ["quarantined", "taken"]
    (item,) = asked.work("quarantine")
    assert item["file"] == bad and "AssertionError" in item["summary"]


def test_an_approval_that_was_cut_off_is_repeated(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the books and the receipt: the same command does what is missing, and then nothing."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.servers["ICBC"].trouble = Trouble.REFUSES
    city.advance("11-02T09:10")
    name = city.value("select file_name from batch where bank = 'ICBC'")
    unknown, killed = {name}, [True]

    def settle(_door: FakeBankDoor, file: str, *, arrived: bool) -> None:
        if killed.pop() if killed else False:
            raise KeyboardInterrupt
        assert arrived
        unknown.discard(file)

    monkeypatch.setattr(FakeBankDoor, "is_unknown", lambda _door, file: file in unknown)
    monkeypatch.setattr(FakeBankDoor, "settle", settle)

    def say(by: str, *, approves: bool) -> str:
        return unknown_deliveries.settle(city.hub, name, arrived=True, by=by, approves=approves).state

    assert say("Li", approves=False) == "waiting"
    with pytest.raises(KeyboardInterrupt):
        say("Wang", approves=True)
    assert unknown == {name}
    assert [say("Wang", approves=True) for _ in range(2)] == ["approved", "approved"] and unknown == set()
    assert city.value("select count(*) from delivery_finding") == 2
