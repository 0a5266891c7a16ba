"""A bank in shadow beside live ones: its files are made, read and compared, nothing is booked for it and nothing sent."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connectors.bank.looking_door import LookingDoor, OnlyLookingError
from hub.app import bank_door, schedule
from hub.app.cli.verify import evidence_of
from hub.domain.faults import FaultCode
from hub.ledger import shadow
from hub.ledger.shadow import Finding
from hub.ledger.verification import verify
from simulators.amounts import Four, yuan
from tests.processors.city import PERIOD, City, bill, waterfall
from tests.processors.conftest import NewCity
from tests.processors.other_system import (
    BOC,
    answer,
    as_read_by_the_bank,
    folder,
    gone_live,
    lay_down,
    our_request,
    put_in_shadow,
    request,
    unit,
)

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
BILLS = [bill(f"B-{n}", n, DUE, bank=BOC) for n in (21, 22, 23, 24)]
LIVE = [bill(f"A-{n}", n, DUE, bank=bank) for n, bank in enumerate(("ICBC", "CCB", "ABC"), start=1)]


@pytest.fixture
def city(new_city: NewCity) -> City:
    """2 November, 10:00: three live banks were asked, BOC is in shadow."""
    city = new_city(banks=("ICBC", "CCB", "ABC", BOC), no_parts=("CCB",), shadow=(BOC,))
    city.accept(city.dues(*LIVE, *BILLS))
    city.advance("11-02T10:00")
    return city


@pytest.fixture
def after(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    """The same city from the moment at which BOC is live."""
    live = gone_live(city, tmp_path / "city")
    monkeypatch.setattr(schedule, "drain", lambda hub: (live if hub is live.hub else city).pump.drain())
    yield live
    live.close()


def findings(city: City) -> dict[str, Finding]:
    """By file, or session, what was found last."""
    with city.hub.engine.connect() as conn:
        found = shadow.findings(conn, BOC)
    return {f"{each.period}/{each.round}" if each.file is None else each.file.name: each for each in found}


def what_is_not_proven(city: City) -> list[object]:
    """``hub verify``."""
    return [outcome for outcome in verify(city.hub.engine, evidence_of(city.hub)) if not outcome.ok]


def books(city: City) -> dict[str, Any]:
    """All the books but work items, which are no books."""
    found: dict[str, Any] = city.books()
    del found["work"]
    found["files"] = city.rows("select count(*) from file_intake")
    found["receipts"] = city.rows("select * from bank_file_receipt order by 1")
    found["results"] = city.rows("select count(*) from result_line")
    return found


def at_the_bank(city: City) -> tuple[dict[str, Any], ...]:
    server = city.servers[BOC]
    return dict(server.outbound), dict(server.inbound), dict(server.done), dict(server.versions)


def test_the_request_is_made_as_it_would_be_and_stays_here(city: City) -> None:
    asked = our_request(city)
    assert {line.unit: (line.account, line.wanted, line.may_be_part) for line in asked.lines} == {
        each.unit: (each.account, each.due, True) for each in BILLS
    }
    assert (asked.batch, asked.round, asked.period) == ("BOC-20261102-0001", 1, PERIOD)
    assert at_the_bank(city) == ({}, {}, {}, {})
    assert city.rows("select bank from batch order by 1") == [("ABC",), ("CCB",), ("ICBC",)]
    assert city.value("select count(*) from instruction where bank = 'BOC'") == 0
    (item,) = city.work("shadow")
    assert item["bank"] == BOC and f"4 bills of {yuan(4 * WHOLE)}" in item["summary"]


def test_what_another_system_sent_agrees_although_its_numbers_are_its_own(city: City) -> None:
    theirs = request(BILLS, city.today())
    assert {line.instruction for line in as_read_by_the_bank(theirs).lines}.isdisjoint(
        line.instruction for line in our_request(city).lines
    )
    lay_down(city, theirs)
    assert city.poll(BOC) == []
    found = findings(city)[f"{PERIOD}/1"]
    assert found.differences == 0
    assert found.told["here"]["lines"] == found.told["there"]["lines"] == 4
    assert found.told["here"]["total"] == found.told["there"]["total"] == 4 * WHOLE


def test_every_seeded_difference_is_listed_by_line_and_field_and_no_account_is_told(city: City) -> None:
    first, second, third, _ = BILLS
    moved = third._replace(account="02009999999999999999", account_name="别的名字")
    extra = bill("B-99", 99, DUE, bank=BOC)
    lay_down(city, request([first, second, moved, extra], city.today(), owing={second.unit: (9999, 1000, 500, 301)}))
    city.poll(BOC)
    found = findings(city)[f"{PERIOD}/1"]
    listed = {(each["unit"], each["field"]): (each["expected"], each["found"]) for each in found.told["listed"]}
    assert listed == {
        (second.unit, "pension"): ("10000", "9999"),
        (second.unit, "maternity"): ("300", "301"),
        (third.unit, "account"): (f"…{third.account[-4:]}", "…9999"),
        (third.unit, "account_name"): ("one name", "another"),
        (unit(24), "line"): (str(WHOLE), ""),
        (extra.unit, "line"): ("", str(WHOLE)),
    }
    assert found.differences == len(listed)
    places = {each["field"]: (each["here"], each["there"]) for each in found.told["listed"]}
    ours = {line.unit: line.line for line in our_request(city).lines}
    assert places["pension"] == (
        {"file": our_request(city).name, "line": ours[second.unit]},
        {"file": "DK_BOC_20261102_0077.txt", "line": 3},
    )
    personal = [text for each in (third, moved) for text in (each.account, each.account_name)]
    kept = str(city.rows("select told from shadow_finding")) + str(city.work("shadow"))
    assert not [text for text in personal if text in kept]
    assert "6 differences" in city.work("shadow")[-1]["summary"]


def test_answers_are_read_in_full_and_nothing_is_touched_or_booked(city: City) -> None:
    theirs = request(BILLS, city.today())
    lay_down(city, theirs)
    city.poll(BOC)
    before = books(city)
    paper = answer(theirs, city.today(), {unit(22): 10400, unit(23): "02"})
    city.put(BOC, paper)
    there = at_the_bank(city)
    assert city.poll(BOC) == ["compared"]
    assert city.poll(BOC) == [], "an answer is read once"
    told = findings(city)[paper.name].told
    assert (told["in_full"], told["in_part"], told["nothing"]) == (2, 1, 1)
    part = waterfall(10400, DUE)
    expected = [2 * due + share for due, share in zip(DUE, part, strict=True)]
    assert [told["would_be_booked"][fund] for fund in ("pension", "unemployment", "injury", "maternity")] == expected
    assert told["held_against"] == "the request that it answers"
    assert at_the_bank(city) == there
    assert books(city) == before


@pytest.mark.parametrize("laid_down", [True, False])
def test_a_wrong_answer_is_found_out_whether_or_not_its_request_is_there(city: City, laid_down: bool) -> None:
    theirs = request(BILLS, city.today())
    if laid_down:
        lay_down(city, theirs)
    paper = answer(theirs, city.today(), {})
    first = f"|{unit(24)}|{yuan(WHOLE)}|{yuan(WHOLE)}|"
    wrong = paper.data.decode("gb18030").replace(f"{first}100.00|10.00", f"{first}99.00|11.00")
    sums = f"|{yuan(4 * WHOLE)}|400.00|40.00|", f"|{yuan(4 * WHOLE)}|399.00|41.00|"
    city.put(BOC, replace(paper, data=wrong.replace(*sums).encode("gb18030")))
    assert city.poll(BOC) == ["compared"]
    found = findings(city)[paper.name]
    assert [(fault["line"], fault["field"], fault["code"]) for fault in found.told["faults"]] == [
        (2, "pension", FaultCode.SPLIT), (2, "unemployment", FaultCode.SPLIT),
    ]  # fmt: skip
    assert found.told["would_be_booked"] is None
    assert (found.period, found.round) == (PERIOD, 1)
    if not laid_down:
        lay_down(city, theirs)
        city.poll(BOC)
        assert findings(city)[paper.name].told["held_against"] == "the request that it answers"


def test_a_month_with_one_bank_in_shadow_keeps_true_books_and_the_next_goes_live(city: City, after: City) -> None:
    first = request(BILLS, city.today())
    lay_down(city, first)
    city.advance("11-03T10:00")
    city.put(BOC, answer(first, city.today(), {unit(22): 10400, unit(23): "02", unit(24): "04"}))
    for bank in ("ICBC", "CCB", "ABC"):
        city.answer(bank, {"A-1": "02"})
    city.advance("11-05T09:00")
    city.accept(city.again(*((unit(n), "B") for n in (1, 22, 23))))
    city.advance("11-20T14:10")
    again = our_request(city, 1)
    left = tuple(due - paid for due, paid in zip(DUE, waterfall(10400, DUE), strict=True))
    assert {line.unit: line.wanted for line in again.lines} == {unit(22): left, unit(23): DUE}
    second = request([BILLS[1], BILLS[2]], city.today(), 2, owing={unit(22): left})  # type: ignore[dict-item]
    lay_down(city, second)
    city.advance("12-01T08:00")
    assert findings(city)[f"{PERIOD}/2"].differences == 0
    assert [found.differences for found in findings(city).values()] == [0] * len(findings(city))
    assert city.total("f1", "due", period=PERIOD) == (3, 3 * WHOLE)
    assert city.total("f1", "arrived", period=PERIOD) == (2, 2 * WHOLE)
    assert city.rows("select b.bill_no, a.in_doubt from arrears a join bill b on b.id = a.bill_id") == [("A-1", True)]
    assert city.total("t8", "due", period=PERIOD) == (7, 7 * WHOLE)
    assert {item["bank"] for item in city.work("late")} == {"ICBC"} and city.work("missing") == []
    assert what_is_not_proven(city) == []
    later = [each._replace(no=f"L{each.no}") for each in BILLS]
    after.accept(after.dues(*later, period="2026-12"))
    after.advance("12-02T10:00")
    (asked,) = after.requests(BOC)
    assert {line.unit: line.wanted for line in asked.lines} == {each.unit: each.due for each in later}
    after.advance("12-03T10:00")
    after.answer(BOC)
    after.advance("12-05T10:00")
    assert after.collected("LB-21") == DUE
    assert what_is_not_proven(after) == []


def test_a_bank_that_goes_live_in_the_month_is_not_asked_before_the_next(city: City, after: City) -> None:
    after.accept(after.again(*((each.unit, "B") for each in BILLS)))
    after.advance("11-24T10:00")
    assert after.requests(BOC) == []
    after.advance("12-01T08:00")
    assert after.total("f1", "due", period=PERIOD) == (3, 3 * WHOLE)
    assert what_is_not_proven(after) == []


def test_money_for_a_bill_of_the_other_system_is_refused_at_the_agencies_door(city: City) -> None:
    answer_to = city.submit(city.receipts(("R-1", "B-21", WHOLE)))
    assert [(fault.line, fault.code) for fault in answer_to.faults] == [(2, FaultCode.IN_SHADOW)]


def test_before_the_first_upload_the_configuration_decides_about_receipts(new_city: NewCity) -> None:
    city = new_city(banks=("ICBC", BOC), shadow=(BOC,))
    city.accept(city.dues(*LIVE[:1], *BILLS))
    refused = city.submit(city.receipts(("R-1", "B-21", WHOLE)))
    assert [fault.code for fault in refused.faults] == [FaultCode.IN_SHADOW]
    city.accept(city.receipts(("R-2", "A-1", WHOLE)))


@pytest.mark.parametrize("comes_back", [False, True], ids=["paid", "and the cheque comes back"])
def test_a_bill_paid_at_the_counter_before_its_bank_was_in_shadow_stays_ours(
    new_city: NewCity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, comes_back: bool
) -> None:
    live = new_city(banks=("ICBC", BOC))
    live.accept(live.dues(*LIVE[:1], *BILLS))
    live.accept(live.cheques(("R-1", "B-21", WHOLE)))
    city = put_in_shadow(live, tmp_path / "city")
    monkeypatch.setattr(schedule, "drain", lambda _hub: city.pump.drain())
    city.advance("11-03T10:00")
    (item,) = city.work("shadow")
    assert f"3 bills of {yuan(3 * WHOLE)}" in item["summary"]
    assert what_is_not_proven(city) == []
    if comes_back:
        city.accept(city.returns(("T-1", "R-1", WHOLE)))
    refused = city.submit(city.receipts(("R-2", "B-22", WHOLE)))
    assert [fault.code for fault in refused.faults] == [FaultCode.IN_SHADOW]
    city.answer("ICBC")
    city.advance("12-01T08:00")
    assert city.total("f1", "due", period=PERIOD) == (2, 2 * WHOLE)
    assert city.total("f1", "arrears", period=PERIOD) == ((1, WHOLE) if comes_back else (0, 0))
    assert city.arrears_told() == city.arrears_outstanding()
    assert what_is_not_proven(city) == []
    city.close()


def test_signatures_of_answers_are_checked_in_shadow_too(new_city: NewCity) -> None:
    """A wrong one, none, and a right one; a bank may write its signature a moment after the file."""
    city = new_city(banks=("ICBC", BOC), shadow=(BOC,), signing={BOC: "ed25519"})
    city.accept(city.dues(*LIVE[:1], *BILLS))
    city.advance("11-03T10:00")
    theirs = request(BILLS, city.today())
    lay_down(city, theirs)
    paper, signing = answer(theirs, city.today(), {}), city.signings.pop(BOC)
    city.put(BOC, paper)
    assert city.poll(BOC) == [], "its signature may come yet"
    assert city.poll(BOC) == ["compared"]
    assert [fault["field"] for fault in findings(city)[paper.name].told["faults"]] == [".sig"]
    city.servers[BOC].put(f"{paper.name}.sig", signing.sign(paper.name, paper.data + b" "))
    assert city.poll(BOC) == ["compared"]
    assert [fault["field"] for fault in findings(city)[paper.name].told["faults"]] == [".sig"]
    assert [item["file"] for item in city.work("shadow") if item["file"]] == [paper.name]
    city.servers[BOC].put(f"{paper.name}.sig", signing.sign(paper.name, paper.data))
    assert city.poll(BOC) == ["compared"]
    assert findings(city)[paper.name].differences == 0
    assert [item["file"] for item in city.work("shadow") if item["file"]] == []


def test_a_door_that_only_looks_has_no_other_use(city: City, tmp_path: Path) -> None:
    door = LookingDoor(city.hub.door(BOC))
    source = tmp_path / "file"
    source.write_bytes(b"1")
    with pytest.raises(OnlyLookingError):
        door.deliver("DK.txt", source, b"")
    city.put(BOC, request(BILLS, city.today()))
    with pytest.raises(OnlyLookingError):
        door.move_to_done("DK_BOC_20261102_0077.txt")
    assert bank_door.deliver(city.hub, BOC, door)
    assert door.check().clock_difference_seconds is None


def test_what_is_no_request_is_said_once_and_links_are_not_followed(city: City, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("H|DEDUCT")
    (folder(city) / "requests" / "DK_BOC_20261102_0002.txt").symlink_to(secret)
    lay_down(city, replace(request(BILLS, city.today()), data=b"nothing\n"))
    for _ in range(3):
        city.poll(BOC)
    (found,) = findings(city).values()
    assert "unreadable" in found.told and found.period is None
    assert city.value("select count(*) from shadow_finding") == 1


@pytest.mark.parametrize("round_", [1, 2])
def test_verify_finds_a_bill_that_was_asked_for_all_the_same(city: City, round_: int) -> None:
    with city.hub.engine.begin() as conn:
        conn.execute(
            text("""
                insert into instruction (instruction_no, bill_id, period, round, kind, agency, bank, shard,
                                         pension, unemployment, injury, maternity, total)
                select bill_no || '-' || :round, id, period, :round, kind, agency, bank, shard,
                       pension, unemployment, injury, maternity, total from bill where bill_no = 'B-21'
            """),
            {"round": round_},
        )
    names = {outcome.name for outcome in verify(city.hub.engine, evidence_of(city.hub)) if not outcome.ok}
    assert "nothing-is-booked-in-shadow" in names
