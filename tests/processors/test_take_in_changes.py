"""Step 11: a bank changes what it answered (更正); what was booked is reversed exactly, and the new amount takes its place."""

from hashlib import sha256

import pytest
from sqlalchemy import text

from connectors.formats.dues import parse_dues
from connectors.formats.incomes import parse_incomes
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from hub.ledger.database import engine
from hub.ledger.journey import Bytes, follow
from hub.ledger.verification import Evidence, Outcome, verify
from simulators.agency import Paper
from simulators.amounts import Four
from simulators.bank_program import read_request
from tests.fakes import Trouble
from tests.processors.city import CHAOYANG, PERIOD, City, bill, unit_of

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
NOTHING: Four = (0, 0, 0, 0)


def wrong(city: City) -> list[Outcome]:
    evidence = Evidence(
        archive=city.hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
        read_incomes=parse_incomes, format_of=city.hub.formats.get,
    )  # fmt: skip
    return [outcome for outcome in verify(city.hub.engine, evidence) if not outcome.ok]


def proven(city: City) -> None:
    assert wrong(city) == []
    city.pump.drain()
    assert city.arrears_told() == city.arrears_outstanding(), "readers of the topics know what is outstanding"


@pytest.fixture
def posted(city: City) -> City:
    """5 November: ICBC paid A-1 in full, A-2 in part and A-3 not at all; A-4 was paid by cheque R-4, then by ICBC too."""
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 5))))
    city.advance("11-03T10:00")
    city.accept(city.cheques(("R-4", "A-4", WHOLE)))
    city.answer("ICBC", {"A-2": 10400, "A-3": "02"})
    city.advance("11-05T09:00")
    return city


def send(city: City, *lines: tuple[str, int, int, str], bank: str = "ICBC") -> list[str]:
    city.put(bank, city.change(bank, *lines))
    outcomes = city.poll(bank)
    city.pump.drain()
    return outcomes


def faults(city: City) -> list[tuple[str, str]]:
    query = "select faults from file_intake where outcome = 'quarantined' order by id desc limit 1"
    return [(fault["field"], fault["code"]) for fault in city.value(query)]


def test_a_success_that_came_back_is_unarrived_again(posted: City) -> None:
    assert send(posted, ("A-1-1", WHOLE, 0, "99")) == ["taken"]
    assert posted.collected("A-1") == NOTHING
    assert posted.rows("select source, pension, maternity from collection where reversal_id is not null") == [
        ("BANK_REVERSAL", -10000, -300)
    ]
    proven(posted)
    posted.accept(posted.again((unit_of(1), "B")))
    posted.advance("11-20T14:10")
    assert posted.asked("ICBC") == {"A-1-2": DUE}
    proven(posted)


def test_a_failure_that_was_a_success_is_collected(posted: City) -> None:
    assert send(posted, ("A-3-1", 0, WHOLE, "00")) == ["taken"]
    assert posted.collected("A-3") == DUE
    proven(posted)


def test_city_and_agency_book_the_same(posted: City) -> None:
    send(posted, ("A-1-1", WHOLE, 500, "01"), ("A-3-1", 0, 10500, "01"))
    query = """
        select replace(e.what, 'agency-', ''), p.account, p.side, sum(p.amount_fen)::bigint from journal_entry e
        join journal_posting p on p.entry_id = e.id
        where e.level = :level and e.what ~ 'answer-(reversed|changed)' and p.account not like 'MEMO%'
        group by 1, 2, 3 order by 1, 2, 3
    """
    city = posted.rows(query, level="CITY")
    assert city == [
        ("answer-changed", "FUND_INCOME", "C", 11000), ("answer-changed", "INCOME_ACCOUNT", "D", 11000),
        ("answer-reversed", "FUND_INCOME", "D", WHOLE), ("answer-reversed", "INCOME_ACCOUNT", "C", WHOLE),
    ]  # fmt: skip
    at_agency = [
        (what, account.replace("INCOME_ACCOUNT", "CITY_CLEARING"), side, fen) for what, account, side, fen in city
    ]
    assert posted.rows(query, level="AGENCY") == sorted(at_agency)
    proven(posted)


def test_money_in_suspense_comes_back_from_there(posted: City) -> None:
    assert len(posted.work("suspense")) == 1  # ICBC paid A-4 beside the cheque
    send(posted, ("A-4-1", WHOLE, 0, "99"))
    assert posted.collected("A-4") == DUE
    assert posted.value("select sum(pension) from suspense") == 0
    assert posted.work("suspense") == []
    proven(posted)


def test_a_success_beyond_what_is_owed_is_suspense(posted: City) -> None:
    posted.accept(posted.cheques(("R-3", "A-3", WHOLE)))
    send(posted, ("A-3-1", 0, WHOLE, "00"))
    assert posted.collected("A-3") == DUE
    assert len(posted.work("suspense")) == 2
    proven(posted)


def test_what_is_taken_back_below_other_money_leaves_that_where_it_is(posted: City) -> None:
    """The cheque paid what the bank's part had left; the bank's part is gone, and that is what is owed."""
    posted.accept(posted.cheques(("R-2", "A-2", WHOLE - 10400)))
    send(posted, ("A-2-1", 10400, 0, "02"))
    assert posted.collected("A-2") == (0, 600, 500, 300)
    proven(posted)
    posted.accept(posted.cheques(("R-22", "A-2", 10400)))
    assert posted.collected("A-2") == DUE
    proven(posted)


def test_an_answer_changes_twice(posted: City) -> None:
    send(posted, ("A-1-1", WHOLE, 0, "99"))
    posted.time_passes("11-06T09:00")
    assert send(posted, ("A-1-1", 0, 10400, "01")) == ["taken"]
    assert posted.collected("A-1") == (10000, 400, 0, 0)
    posted.time_passes("11-07T09:00")
    assert send(posted, ("A-1-1", 10400, WHOLE, "00")) == ["taken"]
    assert posted.collected("A-1") == DUE
    assert posted.rows("select version, amount from reversal order by 1") == [(1, WHOLE), (2, 0), (3, 10400)]
    proven(posted)


def test_after_month_end_what_came_back_is_arrears_and_what_comes_settles_them(posted: City) -> None:
    posted.advance("11-30T23:30")
    closed, told = posted.form("f1", period=PERIOD), posted.form("f8", period=PERIOD, round=1)
    posted.advance("12-03T10:00")
    send(posted, ("A-1-1", WHOLE, 0, "99"), ("A-3-1", 0, WHOLE, "00"))
    assert (posted.form("f1", period=PERIOD), posted.form("f8", period=PERIOD, round=1)) == (closed, told)
    rows = {row["unit"]: row["outstanding"]["total"] for row in posted.form("arrears")["rows"]}
    assert rows == {unit_of(1): WHOLE, unit_of(2): WHOLE - 10400}
    assert posted.rows("select distinct booking_period from reversal") == [("2026-12",)]
    proven(posted)


def test_session_forms_stay_as_they_were(posted: City) -> None:
    def told() -> list[object]:
        return [posted.form(name, period=PERIOD, round=1) for name in ("f6", "t26", "f7", "f8", "t27")]

    before = told()
    send(posted, ("A-1-1", WHOLE, 0, "99"), ("A-3-1", 0, WHOLE, "00"))
    assert told() == before
    assert posted.total("balances", "collected", agency=CHAOYANG) == (3, 2 * WHOLE + 10400)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (("A-1-1", WHOLE - 1, 0, "99"), [("deducted before", "mismatch")]),
        (("A-1-1", WHOLE, WHOLE, "00"), [("deducted", "mismatch")]),
        (("A-1-1", WHOLE, 0, "00"), [("deducted", "code")]),
        (("A-1-1", WHOLE, WHOLE - 1, "99"), [("deducted", "code")]),
    ],
)
def test_what_does_not_fit_is_quarantined(
    posted: City, line: tuple[str, int, int, str], found: list[tuple[str, str]]
) -> None:
    assert send(posted, line) == ["quarantined"]
    assert faults(posted) == found
    assert posted.value("select count(*) from reversal") == 0
    assert len(posted.work("quarantine")) == 1


@pytest.mark.parametrize(
    ("was", "becomes", "found"),
    [
        (b"|A-1-1|", b"|A-1-2|", ("instruction id", "unknown-line")),
        (b"|A-1-1|", b"|NONE-1|", ("instruction id", "unknown-line")),
        (b"|ICBC-", b"|NONE-", ("batch no", "unknown-batch")),
        (b"|1|A-1-1|", b"|2|A-1-1|", ("request line", "mismatch")),
        (b"|104.00|100.00|4.00|0.00|0.00|01", b"|104.00|99.00|5.00|0.00|0.00|01", ("pension", "split")),
    ],
)
def test_damaged_files_are_quarantined(posted: City, was: bytes, becomes: bytes, found: tuple[str, str]) -> None:
    paper = posted.change("ICBC", ("A-1-1", WHOLE, 10400, "01"))
    line = posted.value(
        "select l.line from batch_line l join instruction i on i.id = l.instruction_id where i.instruction_no = 'A-1-1'"
    )
    was, becomes = was.replace(b"|1|A", f"|{line}|A".encode()), becomes.replace(b"|2|A", f"|{line + 1}|A".encode())
    assert was in paper.data
    data = paper.data.replace(was, becomes)
    if b"|99.00|5.00|" in becomes:
        data = data.replace(b"|104.00|100.00|4.00|0.00|0.00\n", b"|104.00|99.00|5.00|0.00|0.00\n")
    posted.put("ICBC", Paper(paper.name, data))
    assert posted.poll("ICBC") == ["quarantined"]
    assert found in faults(posted)
    assert posted.value("select count(*) from reversal") == 0


def test_the_same_file_again_and_others_of_its_name(posted: City) -> None:
    paper = posted.change("ICBC", ("A-1-1", WHOLE, 0, "99"))
    posted.put("ICBC", paper)
    assert posted.poll("ICBC") == ["taken"]
    posted.put("ICBC", paper)
    assert posted.poll("ICBC") == ["repeat"]
    another_name = Paper(paper.name.replace("0001.txt", "0077.txt"), paper.data)
    for _ in range(2):
        posted.put("ICBC", another_name)
        assert posted.poll("ICBC") == ["repeat"]
    posted.put("ICBC", posted.change("ICBC", ("A-3-1", 0, WHOLE, "00"), number=1))
    assert posted.poll("ICBC") == ["quarantined"]
    assert ("line", "identity-taken") in faults(posted)
    assert posted.collected("A-1") == NOTHING


def test_changes_of_which_one_still_fits_are_no_repeat_under_another_name(posted: City) -> None:
    """The bank has given one of two back since: whether it takes it once more, a person asks."""
    both = posted.change("ICBC", ("A-1-1", WHOLE, 0, "99"), ("A-2-1", 10400, 0, "99"))
    posted.put("ICBC", both)
    assert posted.poll("ICBC") == ["taken"]
    assert send(posted, ("A-1-1", 0, WHOLE, "00")) == ["taken"]
    posted.put("ICBC", Paper(both.name.replace("0001.txt", "0077.txt"), both.data))
    assert posted.poll("ICBC") == ["quarantined"]
    assert faults(posted) == [("deducted before", "mismatch")]
    assert (posted.collected("A-1"), posted.collected("A-2")) == (DUE, NOTHING)


def test_a_change_waits_until_the_answer_is_posted(city: City) -> None:
    """It comes before the answer, and again before the posting; the books are as if it had come after."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-02T09:10")
    city.put("ICBC", city.change("ICBC", ("A-1-1", WHOLE, 0, "99")))
    assert city.poll("ICBC") == []
    assert len(city.work("early")) == 1
    city.answer("ICBC")
    assert city.poll("ICBC") == ["taken"]
    city.advance("11-04T08:00")
    assert (city.collected("A-1"), city.value("select count(*) from reversal")) == (NOTHING, 0)
    city.advance("11-04T09:30")
    city.poll("ICBC")
    city.pump.drain()
    assert city.value("select count(*) from reversal") == 1
    assert city.rows("select source from collection order by 1") == [("BANK",), ("BANK_REVERSAL",)]
    assert city.work("early") == []
    assert not [name for name in city.servers["ICBC"].inbound if name.startswith("GZ_")]
    proven(city)


def test_a_change_that_waits_and_is_taken_back_is_early_no_longer(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.advance("11-02T09:10")
    for bank, number in (("ICBC", "A-1-1"), ("CCB", "A-2-1")):
        city.put(bank, city.change(bank, (number, WHOLE, 0, "99")))
        assert city.poll(bank) == []
    assert [item["bank"] for item in city.work("early")] == ["ICBC", "CCB"]
    city.servers["ICBC"].inbound.clear()
    assert city.poll("ICBC") == city.poll("CCB") == []
    assert [item["bank"] for item in city.work("early")] == ["CCB"]


def test_an_early_answer_is_early_whatever_lies_at_the_bank(city: City) -> None:
    """It was moved away when it was quarantined; that its request is sent settles it."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.servers["ICBC"].trouble = Trouble.LOSES_OK
    city.advance("11-02T09:10")
    city.servers["ICBC"].trouble = None
    name, data = next((name, data) for name, data in city.servers["ICBC"].outbound.items() if name.endswith(".txt"))
    assert isinstance(data, bytes)
    ok = f"{sha256(data).hexdigest()} {len(data)}\n".encode()
    paper = city.result(read_request(name, data, ok))
    city.put("ICBC", Paper(paper.name, paper.data.replace(b"|00|", b"|77|")))
    assert city.poll("ICBC") == ["quarantined"]
    assert city.poll("ICBC") == []
    assert len(city.work("early")) == 1


def test_an_empty_file_of_changes_is_settled_when_it_comes_with_its_lines(posted: City) -> None:
    paper = posted.change("ICBC", ("A-1-1", WHOLE, 0, "99"))
    posted.put("ICBC", Paper(paper.name, b""))
    assert posted.poll("ICBC") == ["quarantined"]
    assert [item["file"] for item in posted.work("empty")] == [paper.name]
    posted.put("ICBC", paper)
    assert posted.poll("ICBC") == ["taken"]
    assert posted.work("empty") == []


def test_the_journey_of_an_instruction_shows_its_changes(posted: City) -> None:
    send(posted, ("A-1-1", WHOLE, 0, "99"))
    with posted.hub.engine.connect() as conn:
        files = Bytes(
            archive=posted.hub.archive,
            agency_encoding="utf-8",
            bank_encoding="gb18030",
            format_of=posted.hub.formats.get,
        )
        (stop,) = follow(conn, "A-1-1", files)
    said = str(stop.as_json())
    assert "'stop': 'changed-answer'" in said and "BANK_REVERSAL" in said and "answer-reversed" in said


@pytest.mark.parametrize(
    ("tampering", "check"),
    [
        ("update collection set pension = pension + 1 where source = 'BANK_REVERSAL'", "changes-mirror-their-answers"),
        ("delete from collection where source = 'BANK_REVERSAL'", "changes-mirror-their-answers"),
        ("update collection set injury = 1 where source = 'BANK_CHANGE'", "changes-mirror-their-answers"),
        ("update suspense set maternity = 0 where source = 'BANK_REVERSAL'", "changes-mirror-their-answers"),
        ("update changed_answer set deducted_before = 1 where deducted = 10400", "changes-follow-each-other"),
        ("update reversal set accepted_at = accepted_at - interval '3 days'", "changes-follow-each-other"),
        ("update reversal set version = 3 where version = 1", "changes-follow-each-other"),
        ("update changed_answer set reference = 'ANOTHER' where deducted = 10400", "change-files-equal-reversals"),
        (("update journal_posting set amount_fen = 1 where entry_id = (select max(id) from journal_entry where what ="
          " 'answer-reversed') and fund = 'pension' and account = 'FUND_INCOME'"), "entries-equal-their-lines"),
        (("update journal_posting set amount_fen = 1 where entry_id = (select max(id) from journal_entry where what ="
          " 'agency-answer-reversed') and fund = 'pension' and account = 'CITY_CLEARING'"),
         "control-account-agency-city-clearing"),
    ],
)  # fmt: skip
def test_a_tampered_change_is_found(posted: City, tampering: str, check: str) -> None:
    """As the owner of the tables may; the hub's own role may not."""
    send(posted, ("A-1-1", WHOLE, 10400, "01"), ("A-4-1", WHOLE, 0, "99"))
    proven(posted)
    owner = engine(posted.hub.settings.database.url, role=None)
    with owner.begin() as conn:
        assert conn.execute(text(tampering)).rowcount >= 1
    owner.dispose()
    assert check in {outcome.name for outcome in wrong(posted)}


def test_a_bank_may_take_back_give_and_take_back_in_a_day(posted: City) -> None:
    """A third file of other bytes is booked; of the bytes of the first, a person has to ask what it is."""
    back, given = ("A-1-1", WHOLE, 0, "99"), ("A-1-1", 0, WHOLE, "00")
    assert send(posted, back) == ["taken"]
    assert send(posted, given) == ["taken"]
    assert send(posted, back) == ["quarantined"]
    assert faults(posted) == [("file", "duplicate")]
    assert posted.collected("A-1") == DUE
    posted.put("ICBC", posted.change("ICBC", back, reason="再次冲正"))
    assert posted.poll("ICBC") == ["taken"]
    posted.pump.drain()
    assert posted.collected("A-1") == NOTHING
    proven(posted)


def test_what_was_a_repeat_stays_one_whatever_comes_between(posted: City) -> None:
    """A copy under another name that is met again, perhaps since it could not be moved away, is never booked."""
    paper = posted.change("ICBC", ("A-1-1", WHOLE, 0, "99"))
    copy = Paper(paper.name.replace("0001.txt", "0077.txt"), paper.data)
    posted.put("ICBC", paper)
    assert posted.poll("ICBC") == ["taken"]
    posted.put("ICBC", copy)
    assert posted.poll("ICBC") == ["repeat"]
    assert send(posted, ("A-1-1", 0, WHOLE, "00")) == ["taken"]
    posted.put("ICBC", copy)
    assert posted.poll("ICBC") == ["repeat"]
    assert posted.collected("A-1") == DUE


def test_a_change_before_a_late_answer_in_one_poll_pays_a_bill_once(posted: City) -> None:
    posted.accept(posted.again((unit_of(3), "B")))
    posted.advance("11-20T14:10")
    posted.advance("11-25T10:00")
    posted.put("ICBC", posted.change("ICBC", ("A-3-1", 0, WHOLE, "00")))
    posted.answer("ICBC")
    posted.poll("ICBC")
    posted.pump.drain()
    assert posted.collected("A-3") == DUE
    proven(posted)
