"""Members (表四) add up to their bill (表五); subsidies follow the personal part, once, and come back with it (C10)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from connectors.formats.dues import parse_dues
from connectors.formats.incomes import parse_incomes
from connectors.formats.members import parse_members
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from connectors.formats.subsidies import parse_subsidies
from hub.app.intake import Answer
from hub.ledger.database import ROLE_APP, ROLE_READ, engine
from hub.ledger.journey import Bytes, follow
from hub.ledger.verification import Evidence, verify
from simulators.agency import Bill, Paper
from simulators.amounts import Four
from simulators.members import Member, Moved, Told, citizen_no, members, subsidies
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of
from tests.processors.test_take_in_dues import told

ZHANG, LI = citizen_no(date(1985, 3, 12), 7), citizen_no(date(1979, 11, 30), 24)
PART_1: Four = (6000, 500, 250, 150)
PART_2: Four = (4000, 500, 250, 150)
DUE: Four = (10000, 1000, 500, 300)
PERSONAL: Four = (8000, 200, 0, 0)
UNIT = (20000, 600, 0)
MEDICAL = (0, 0, 4500)
Fault = tuple[int | None, str, str]


def supplement(no: str, unit: int, due: Four = DUE, **more: Any) -> Bill:
    return bill(no, unit, due, bank=more.pop("bank", ""), **more)._replace(refers_to="2026-09")


def two(no: str, first: Four = PART_1, second: Four = PART_2, **more: Any) -> Told:
    """An ordinary 表四 of two members."""
    lines = [Member(ZHANG, "张三丰", "2026-08", "2026-09", first), Member(LI, "李四", "2026-09", "2026-09", second)]
    return Told(no, lines, **more)


def subsidised(no: str) -> Told:
    """表四-1: one worker pays 82.00; unemployment finance adds 206.00, and 45.00 for medical insurance."""
    return Told(no, [Member(ZHANG, "张三丰", "2026-10", "2026-10", PERSONAL, UNIT[:2])], (1500, 4500))


class Desk:
    """An agency's business and finance desks, numbering their files."""

    def __init__(self, city: City, agency_code: str = CHAOYANG) -> None:
        self.city = city
        self.agency = agency_code
        self._number = 0

    def members(self, *of: Told, variant: str = "", period: str = PERIOD) -> Paper:
        self._number += 1
        return members(self.agency, period, self._number, self.city.today(), of, variant)

    def moved(self, *lines: tuple[str, str, str, Sequence[int]], on: date | None = None) -> Paper:
        """``lines``: subsidy id, bill, movement, amounts; booked today, or ``on``."""
        self._number += 1
        day = self.city.today()
        rows = [Moved(no, bill_no, what, tuple(fen), on or day) for no, bill_no, what, fen in lines]  # type: ignore[arg-type]
        return subsidies(self.agency, day, self._number, rows)


@pytest.fixture
def desk(city: City) -> Desk:
    return Desk(city)


@pytest.fixture
def flexible(city: City, desk: Desk) -> Desk:
    """12 November: S-1 of subsidised workers is filed with its 表四-1 and not paid; so is S-2, by a bank."""
    city.accept(city.dues(supplement("S-1", 1, PERSONAL), supplement("S-2", 2, PERSONAL, bank="ICBC"), kind="S"))
    city.accept(desk.members(subsidised("S-1"), subsidised("S-2"), variant="1"))
    city.first_deduction()
    city.advance("11-12T10:00")
    return desk


@pytest.fixture
def arrived(flexible: Desk) -> Desk:
    """The personal part of S-1 has arrived by cheque."""
    flexible.city.accept(flexible.city.cheques(("R-1", "S-1", 8200)))
    return flexible


def proven(city: City) -> list[str]:
    """What ``hub verify`` finds, with the rights it has."""
    hub = city.hub
    evidence = Evidence(
        archive=hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
        read_incomes=parse_incomes, read_members=parse_members, read_subsidies=parse_subsidies, format_of=hub.formats.get,
    )  # fmt: skip
    reading = engine(hub.settings.database.url, ROLE_APP)
    try:
        return [f"{each.name}: {each.detail}" for each in verify(reading, evidence) if not each.ok]
    finally:
        reading.dispose()


def both_sides(answer: Answer) -> list[tuple[int | None, str, str, str]]:
    """Line, field, expected and found of every fault."""
    return [(fault.line, fault.field, fault.expected, fault.found) for fault in answer.faults]


def balances(city: City) -> dict[tuple[str, str], int]:
    """Debits less credits of the accounts that subsidies move, in fen, where there are any."""
    found = city.rows("""
        select p.account, p.fund, sum(case p.side when 'D' then p.amount_fen else -p.amount_fen end)::bigint
        from journal_posting p join journal_entry e on e.id = p.entry_id
        where e.what like 'subsidy%' group by 1, 2 having count(*) > 0
    """)
    return {(account, fund): fen for account, fund, fen in found if fen}


def states(city: City) -> dict[tuple[str, str], str]:
    return {(row["bill"], row["movement"]): row["status"] for row in city.form("subsidies")["rows"]}


# -- 表四 adds up to 表五 -----------------------------------------------------------------------------------------------


def test_members_are_taken_in_after_their_bill(city: City, desk: Desk) -> None:
    city.accept(city.dues(supplement("S-1", 1), kind="S"))
    answer = city.accept(desk.members(two("S-1")))
    assert (answer.bills, answer.total) == (2, sum(DUE))
    (row,) = city.form("t5", period=PERIOD)["rows"]
    assert (row["agency"], row["unit"], row["bill"]) == (CHAOYANG, unit_of(1), "S-1")
    assert row["filed"] == {"count": 1, **row["filed"]} and row["members"]["count"] == 2
    assert row["members"]["total"] == row["filed"]["total"] == sum(DUE)
    assert proven(city) == []


def test_members_are_taken_in_before_their_bill(city: City, desk: Desk) -> None:
    city.accept(desk.members(two("S-1")))
    assert proven(city) == []
    city.accept(city.dues(supplement("S-1", 1), supplement("S-2", 2), kind="S"))
    assert [row["members"]["count"] for row in city.form("t5", period=PERIOD)["rows"]] == [2, 0]
    assert proven(city) == []


def test_whichever_comes_second_is_refused_when_they_do_not_add_up(city: City, desk: Desk) -> None:
    """Every fund that differs, with what was expected and what was found: at the C line, or at the bill."""
    short: Four = (3999, 500, 250, 151)
    city.accept(city.dues(supplement("S-1", 1), kind="S"))
    answer = city.submit(desk.members(two("S-1", second=short)))
    assert both_sides(answer) == [(4, "pension", "100.00", "99.99"), (4, "maternity", "3.00", "3.01")]
    city.accept(desk.members(two("S-1")))

    city.accept(desk.members(two("S-2", second=short)))
    answer = city.submit(city.dues(supplement("S-3", 3), supplement("S-2", 2), kind="S"))
    assert both_sides(answer) == [(3, "pension", "99.99", "100.00"), (3, "maternity", "3.01", "3.00")]
    assert city.value("select count(*) from bill") == 1
    assert proven(city) == []


def test_members_say_which_bill_they_are_of(city: City, desk: Desk) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.accept(city.dues(supplement("S-1", 1), kind="S"))
    city.accept(city.dues(supplement("S-9", 9, agency_code=HAIDIAN), kind="S", agency_code=HAIDIAN))
    assert told(city.submit(desk.members(two("A-1"), two("S-9")))) == [
        (6, "bill id", "kind"), (7, "bill id", "unknown-bill"),
    ]  # fmt: skip
    assert told(city.submit(desk.members(two("S-1"), period="2026-12"))) == [(4, "bill id", "mismatch")]
    city.accept(desk.members(two("S-2"), period="2026-12"))
    assert told(city.submit(city.dues(supplement("S-2", 2), kind="S"))) == [(2, "bill id", "mismatch")]


def test_an_agencys_members_keep_no_other_agency_from_filing(city: City, desk: Desk) -> None:
    city.accept(desk.members(two("S-1", second=(1, 1, 1, 1))))
    city.accept(city.dues(supplement("S-1", 1, agency_code=HAIDIAN), kind="S", agency_code=HAIDIAN))
    assert city.form("t5", period=PERIOD)["rows"][0]["members"]["count"] == 0
    assert proven(city) == []


def test_a_bill_has_one_list_and_a_new_bill_brings_its_own(city: City, desk: Desk) -> None:
    city.accept(city.dues(supplement("S-1", 1), kind="S"))
    paper = desk.members(two("S-1"))
    city.accept(paper)
    assert city.accept(paper).repeat
    assert told(city.submit(desk.members(two("S-1")))) == [(4, "bill id", "duplicate")]
    city.advance("11-23T18:00")  # not paid by the finance close
    assert city.status("S-1") == "cancelled"
    city.accept(city.dues(supplement("S-2", 1), kind="S", period="2026-12"))
    city.accept(desk.members(two("S-2"), period="2026-12"))
    assert city.rows("select bill_no, members from member_list order by 1") == [("S-1", 2), ("S-2", 2)]
    assert proven(city) == []


def test_land_requisition_carries_its_approval_and_explanation(city: City, desk: Desk) -> None:
    assert told(city.submit(desk.members(two("S-1"), variant="3"))) == [
        (4, "approval no", "kind"), (4, "explanation", "kind"),
    ]  # fmt: skip
    city.accept(desk.members(two("S-1", approval="京劳社养批2026-17", explanation="建设征地农转工"), variant="3"))
    assert city.rows("select variant, approval_no, explanation from member_list") == [
        ("3", "京劳社养批2026-17", "建设征地农转工")
    ]
    assert proven(city) == []


# -- who members are, is theirs ---------------------------------------------------------------------------------------


def test_members_are_shown_masked_and_to_the_desk_not_at_all(arrived: Desk) -> None:
    city = arrived.city
    files = Bytes(archive=city.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030")
    reading = engine(city.hub.settings.database.url, ROLE_READ)
    with reading.connect() as conn:
        journeys = [follow(conn, name, files) for name in ("S-1", unit_of(1), "MEMB_110105_2026-11_0001.txt")]
        shown = str([stop.as_json() for journey in journeys for stop in journey])
        assert "*" * 14 + ZHANG[-4:] in shown and "张**" in shown
        assert ZHANG not in shown and "张三丰" not in shown
        with pytest.raises(ProgrammingError, match="permission denied"):
            conn.execute(text("select member_no from member_line"))
    reading.dispose()


def test_a_refusal_repeats_nothing_of_a_member(city: City, desk: Desk) -> None:
    wrong = ZHANG[:-1] + ("1" if ZHANG[-1] == "0" else "0")
    misplaced = Member("7", ZHANG, "张三丰", "2026-09", PART_1)
    answer = city.submit(desk.members(Told("S-1", [Member(wrong, "张\t三", "2026-08", "2026-09", PART_1), misplaced])))
    assert [(line, field) for line, field, _ in told(answer)] == [
        (2, "member id"), (2, "member name"), (3, "member id"), (3, "from month"),
    ]  # fmt: skip
    kept = str(city.rows("select faults from file_intake")) + str(answer.as_json())
    assert not any(secret in kept for secret in (wrong, ZHANG, "张"))


def test_other_bytes_under_a_taken_identity_repeat_nothing_of_a_member_either(city: City, desk: Desk) -> None:
    paper = desk.members(Told("S-1", [Member(ZHANG, "张三丰", "2026-08", "2026-09", PART_1)]))
    city.accept(paper)
    answer = city.submit(Paper(paper.name, paper.data.replace("三丰".encode(), "三".encode())))
    assert "identity-taken" in {code for *_, code in told(answer)}
    kept = str(city.rows("select faults from file_intake")) + str(answer.as_json())
    assert not any(secret in kept for secret in (ZHANG, "张"))


def test_a_member_in_the_place_of_a_bill_is_not_repeated(city: City, desk: Desk) -> None:
    told_of = desk.members(Told("S-1", [Member(ZHANG, "张三丰", "2026-08", "2026-09", PART_1)]))
    swapped = told_of.data.replace(f"|S-1|{ZHANG}|".encode(), f"|{ZHANG}|S-1|".encode())
    answer = city.submit(Paper(told_of.name, swapped))
    assert not answer.accepted
    assert ZHANG not in str(city.rows("select faults from file_intake")) + str(answer.as_json())


# -- subsidies --------------------------------------------------------------------------------------------------------


def test_subsidies_are_booked_once_the_personal_part_has_arrived(arrived: Desk) -> None:
    city = arrived.city
    assert states(city) == {
        ("S-1", "UNIT"): "due", ("S-1", "MEDICAL"): "due", ("S-2", "UNIT"): "waiting", ("S-2", "MEDICAL"): "waiting",
    }  # fmt: skip
    collected = city.form("balances")["total"]
    city.accept(arrived.moved(("U-1", "S-1", "UNIT", UNIT), ("U-2", "S-1", "MEDICAL", MEDICAL)))
    assert balances(city) == {
        ("INCOME_ACCOUNT", "pension"): 20000, ("SUBSIDY_INCOME", "pension"): -20000,
        ("INCOME_ACCOUNT", "unemployment"): 600, ("SUBSIDY_INCOME", "unemployment"): -600,
        ("UNIT_SUBSIDY", "unemployment"): 20600, ("MEDICAL_SUBSIDY", "unemployment"): 4500,
        ("EXPENDITURE_ACCOUNT", "unemployment"): -25100,
    }  # fmt: skip
    assert city.form("balances")["total"] == collected, "subsidies are on no bill"
    assert city.collected("S-1") == PERSONAL
    assert states(city)["S-1", "UNIT"] == states(city)["S-1", "MEDICAL"] == "booked"
    rows = {row["movement"]: row["booked"] for row in city.form("subsidies", unit=unit_of(1))["rows"]}
    assert (rows["UNIT"]["pension"], rows["UNIT"]["unemployment"], rows["MEDICAL"]["unemployment"]) == (
        20000,
        600,
        4500,
    )
    assert proven(city) == []


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        (("U-9", "NONE", "UNIT", UNIT), [(2, "bill id", "unknown-bill")]),
        (("U-9", "S-2", "UNIT", UNIT), [(2, "bill id", "not-arrived")]),
        (("U-9", "S-2", "MEDICAL", (0, 0, 4501)), [(2, "bill id", "not-arrived"), (2, "medical", "mismatch")]),
        (("U-9", "S-1", "UNIT", (20001, 599, 0)), [(2, "pension", "mismatch"), (2, "unemployment", "mismatch")]),
        (("U-9", "S-1", "UNIT", (20000, 600, 1)), [(2, "medical", "kind")]),
        (("U-9", "S-1", "MEDICAL", (0, 0, 1500)), [(2, "medical", "mismatch")]),
        (("U-9", "S-1", "UNIT-BACK", UNIT), [(2, "movement", "not-outstanding")]),
        (("U-9", "S-5", "UNIT", UNIT), [(2, "bill id", "no-members")]),
    ],
)
def test_what_no_list_calls_for_is_refused(
    arrived: Desk, line: tuple[str, str, str, Sequence[int]], faults: list[Fault]
) -> None:
    city = arrived.city
    city.accept(city.dues(supplement("S-5", 5, PERSONAL), kind="S"))
    assert told(city.submit(arrived.moved(line))) == faults
    assert city.value("select count(*) from subsidy") == 0


def test_nothing_is_booked_before_the_personal_part_arrived(arrived: Desk) -> None:
    day_before = arrived.city.today() - timedelta(days=1)
    answer = arrived.city.submit(arrived.moved(("U-1", "S-1", "UNIT", UNIT), on=day_before))
    assert told(answer) == [(2, "booked on", "date")]


def test_nothing_is_booked_twice(arrived: Desk) -> None:
    city = arrived.city
    paper = arrived.moved(("U-1", "S-1", "UNIT", UNIT))
    city.accept(paper)
    assert city.accept(paper).repeat
    assert told(city.submit(arrived.moved(("U-9", "S-1", "UNIT", UNIT)))) == [(2, "movement", "duplicate")]
    assert told(city.submit(arrived.moved(("U-1", "S-1", "MEDICAL", MEDICAL)))) == [(2, "subsidy id", "duplicate")]
    twice = arrived.moved(("U-8", "S-1", "MEDICAL", MEDICAL), ("U-9", "S-1", "MEDICAL", MEDICAL))
    assert told(city.submit(twice)) == [(3, "movement", "duplicate")]
    assert city.rows("select subsidy_no from subsidy") == [("U-1",)]


def test_a_personal_part_that_comes_back_opens_one_item_for_both(arrived: Desk) -> None:
    city = arrived.city
    city.accept(arrived.moved(("U-1", "S-1", "UNIT", UNIT), ("U-2", "S-1", "MEDICAL", MEDICAL)))
    booked = balances(city)
    city.accept(city.returns(("T-1", "R-1", 8200)))
    (item,) = city.work("subsidy")
    assert (item["agency"], item["about"]) == (CHAOYANG, "S-1")
    assert "UNIT 206.00 (U-1), MEDICAL 45.00 (U-2)" in item["summary"]
    assert balances(city) == booked, "the return itself books none of it"
    assert states(city)["S-1", "UNIT"] == "to-bring-back"
    assert proven(city) == []
    assert told(city.submit(arrived.moved(("B-1", "S-1", "UNIT-BACK", (20000, 599, 0))))) == [
        (2, "unemployment", "mismatch")
    ]
    day_before = city.today() - timedelta(days=1)
    early = arrived.moved(("B-1", "S-1", "UNIT-BACK", UNIT), on=day_before)
    assert told(city.submit(early)) == [(2, "booked on", "date")]
    city.accept(arrived.moved(("B-1", "S-1", "UNIT-BACK", UNIT)))
    (item,) = city.work("subsidy")
    assert "UNIT nothing, MEDICAL 45.00 (U-2)" in item["summary"]
    assert told(city.submit(arrived.moved(("B-9", "S-1", "UNIT-BACK", UNIT)))) == [(2, "movement", "duplicate")]
    city.accept(arrived.moved(("B-2", "S-1", "MEDICAL-BACK", MEDICAL)))
    assert city.work("subsidy") == []
    assert balances(city) == {}
    assert states(city)["S-1", "UNIT"] == states(city)["S-1", "MEDICAL"] == "brought-back"
    assert told(city.submit(arrived.moved(("U-9", "S-1", "UNIT", UNIT)))) == [
        (2, "movement", "duplicate"), (2, "bill id", "cancelled"),
    ]  # fmt: skip
    assert proven(city) == []


def test_what_is_booked_and_brought_back_is_explained_by_the_bill_behind_it(arrived: Desk) -> None:
    city = arrived.city
    city.accept(arrived.moved(("U-1", "S-1", "UNIT", UNIT), ("U-2", "S-1", "MEDICAL", MEDICAL)))
    city.accept(city.returns(("T-1", "R-1", 8200)))
    city.accept(arrived.moved(("B-1", "S-1", "UNIT-BACK", UNIT), ("B-2", "S-1", "MEDICAL-BACK", MEDICAL)))
    files = Bytes(archive=city.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030")
    entries = city.rows("select distinct e.id, e.what from journal_entry e where e.what like 'subsidy%' order by 1")
    assert {what for _, what in entries} == {"subsidy", "subsidy-back"}
    with city.hub.engine.connect() as conn:
        for number, _ in entries:
            (entry,) = follow(conn, str(number), files)
            assert all(each["agrees"] for each in entry.facts["why"])
            assert entry.facts["bills_behind"]["count"] == 1


def test_without_subsidies_a_return_opens_no_item(arrived: Desk) -> None:
    city = arrived.city
    city.accept(city.returns(("T-1", "R-1", 8200)))
    assert city.work("subsidy") == []
    assert states(city)["S-1", "UNIT"] == states(city)["S-1", "MEDICAL"] == "lapsed"
    assert told(city.submit(arrived.moved(("U-1", "S-1", "UNIT", UNIT)))) == [(2, "bill id", "cancelled")]


def test_what_stands_is_not_brought_back(arrived: Desk) -> None:
    city = arrived.city
    city.accept(arrived.moved(("U-1", "S-1", "UNIT", UNIT)))
    assert told(city.submit(arrived.moved(("B-1", "S-1", "UNIT-BACK", UNIT)))) == [(2, "bill id", "not-outstanding")]


def test_a_bank_that_takes_its_money_back_opens_the_item_too(flexible: Desk) -> None:
    city = flexible.city
    city.answer("ICBC")
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    city.accept(flexible.moved(("U-2", "S-2", "UNIT", UNIT)))
    city.put("ICBC", city.change("ICBC", ("S-2-1", 8200, 0, "02")))
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    (item,) = city.work("subsidy")
    assert (item["about"], item["agency"]) == ("S-2", CHAOYANG)
    assert "UNIT 206.00 (U-2), MEDICAL nothing" in item["summary"]
    assert proven(city) == []


def test_a_subsidy_that_lost_its_money_without_an_item_is_found(arrived: Desk) -> None:
    city = arrived.city
    city.accept(arrived.moved(("U-1", "S-1", "UNIT", UNIT)))
    city.accept(city.returns(("T-1", "R-1", 8200)))
    with city.hub.engine.begin() as conn:
        conn.execute(text("update work_item set state = 'resolved' where queue = 'subsidy'"))
    assert [each.partition(":")[0] for each in proven(city)] == ["subsidies-stand-on-money"]


TAMPERED = [
    ("update member_line set member_name = '王五'", "members-files-equal-members"),
    ("update member_line set pension = pension + 1, unemployment = unemployment - 1", "members-equal-their-bills"),
    ("update member_list set members = 2, lines = 2", "members-equal-their-bills"),
    ("update member_list set medical_subsidy = medical_subsidy + 1", "subsidies-equal-their-members"),
    ("update bill set pension = pension - 1, total = total - 1 where bill_no = 'S-1'", "members-equal-their-bills"),
    (
        "update subsidy set unemployment = unemployment + 1 where movement = 'UNIT'",
        "control-account-agency-unit-subsidy",
    ),
    ("update subsidy set medical = medical + 1 where movement = 'MEDICAL'", "control-account-agency-medical-subsidy"),
    ("update subsidy set booked_on = booked_on + 1", "subsidies-files-equal-subsidies"),
    (
        "update journal_posting set amount_fen = amount_fen + 1 where account = 'SUBSIDY_INCOME'",
        "entries-equal-their-lines",
    ),
    (
        "update journal_posting set amount_fen = amount_fen + 1 where account = 'EXPENDITURE_ACCOUNT'",
        "control-account-agency-expenditure-account",
    ),
]


@pytest.mark.parametrize(("statement", "check"), TAMPERED)
def test_what_is_changed_in_the_books_is_found(arrived: Desk, statement: str, check: str) -> None:
    city = arrived.city
    city.accept(arrived.moved(("U-1", "S-1", "UNIT", UNIT), ("U-2", "S-1", "MEDICAL", MEDICAL)))
    owner = engine(city.hub.settings.database.url, role=None)
    with owner.begin() as conn:
        conn.execute(text(statement))
    owner.dispose()
    assert check in [each.partition(":")[0] for each in proven(city)]
