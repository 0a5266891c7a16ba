"""Dunning after the first posting (C9, C11): who is on the list, whom an AGAIN may name, who has to declare himself."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from hub.app import dunning as desk
from hub.app import hand_overs
from hub.app.dunning import Made
from hub.app.hand_overs import Recorded
from hub.app.intake import Answer, submit
from hub.domain.dues import Mode
from hub.domain.hand_over import Desk
from hub.domain.periods import Period
from hub.ledger import calendars, dunning
from hub.ledger.dunning import Dunned
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
NEXT = "2026-12"


def listed(city: City, period: str = PERIOD, agency: str | None = None) -> dict[str, Dunned]:
    """The list, by bill."""
    with city.hub.engine.connect() as conn:
        return {each.bill_no: each for each in dunning.listed(conn, period, agency)}


def states(city: City, period: str = PERIOD) -> dict[str, str]:
    return {no: each.state.value for no, each in listed(city, period).items()}


@pytest.fixture
def after_first(city: City) -> City:
    """13 November: A-1 paid, A-2 refused, A-3 unanswered, A-4 sporadic, A-5 in part, A-6 billed late; B-1 refused."""
    city.accept(
        city.dues(
            bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE, bank="CCB"), bill("A-4", 4, DUE, bank=""),
            bill("A-5", 5, DUE),
        )
    )  # fmt: skip
    city.accept(city.dues(bill("B-1", 1, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.first_deduction(ICBC={"A-2": "02", "A-5": 10001, "B-1": "04"})
    city.advance("11-13T10:00")
    city.accept(city.dues(bill("A-6", 6, DUE)))
    return city


# ── the list ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_is_who_is_not_paid_in_full(after_first: City) -> None:
    found = listed(after_first)
    assert {no: (each.state.value, each.code, each.missing) for no, each in found.items()} == {
        "A-2": ("to-dun", "02", DUE), "A-3": ("unanswered", "", DUE), "A-4": ("to-dun", "", DUE),
        "A-5": ("to-dun", "01", (0, 999, 500, 300)), "A-6": ("not-asked", "", DUE), "B-1": ("to-dun", "04", DUE),
    }  # fmt: skip
    assert (found["A-5"].due, found["A-5"].arrived) == (DUE, (10000, 1, 0, 0))
    assert list(listed(after_first, agency=HAIDIAN)) == ["B-1"]


def test_before_the_first_posting_nobody_is_on_the_list(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="")))
    city.advance("11-03T10:00")
    city.answer("ICBC", {"A-1": "02"})
    city.poll("ICBC")
    assert listed(city) == {}
    city.advance("11-04T09:00")
    assert set(listed(city)) == {"A-1", "A-2"}


def test_whose_bank_is_not_posted_yet_is_not_on_the_list(city: City) -> None:
    """CCB does not work on the 3rd, so it is posted a day after ICBC."""
    with city.hub.engine.begin() as conn:
        days = [date(2026, 11, n) for n in range(1, 31)]
        calendars.replace(conn, "CCB", [(day, day.weekday() < 5 and day.day != 3, "") for day in days])
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.advance("11-04T10:00")
    assert set(listed(city)) == {"A-1"}
    city.advance("11-05T10:00")
    assert set(listed(city)) == {"A-1", "A-2"}


def test_who_pays_is_off_the_list_and_back_on_it_when_his_cheque_returns(after_first: City) -> None:
    after_first.accept(after_first.cheques(("R-1", "A-2", WHOLE)))
    assert "A-2" not in listed(after_first)
    after_first.accept(after_first.returns(("X-1", "R-1", WHOLE)))
    assert states(after_first)["A-2"] == "to-dun"


def test_who_is_named_again_stands_there_with_his_day_and_mode(after_first: City) -> None:
    after_first.accept(after_first.again((unit_of(2), "B"), (unit_of(4), "S")))
    found = listed(after_first)
    assert [found[no].state.value for no in ("A-2", "A-4", "A-5")] == ["named", "named", "to-dun"]
    assert found["A-2"].named == (Mode.BANK, date(2026, 11, 13), False)
    assert found["A-4"].named == (Mode.SPORADIC, date(2026, 11, 13), True)


def test_the_last_answer_is_the_reason(after_first: City) -> None:
    after_first.accept(after_first.again((unit_of(2), "B"), (unit_of(5), "B")))
    after_first.advance("11-20T14:10")
    assert states(after_first)["A-2"] == "unanswered", "the second request is on its way"
    after_first.answer("ICBC", {"A-2": "06", "A-5": "02"})
    after_first.advance("11-24T09:00")
    found = listed(after_first)
    assert {no: found[no].code for no in ("A-2", "A-5")} == {"A-2": "06", "A-5": "02"}


def test_a_changed_answer_is_the_reason_from_then_on(after_first: City) -> None:
    paper = after_first.change("ICBC", ("A-1-1", WHOLE, 0, "04"))
    after_first.put("ICBC", paper)
    assert after_first.poll("ICBC") == ["taken"]
    after_first.pump.drain()
    found = listed(after_first)["A-1"]
    assert (found.code, found.missing) == ("04", DUE)


def test_of_a_closed_month_the_reason_is_that_of_its_end(after_first: City) -> None:
    after_first.advance("12-01T10:00")
    after_first.put("ICBC", after_first.change("ICBC", ("A-5-1", 10001, 0, "04")))
    assert after_first.poll("ICBC") == ["taken"]
    after_first.pump.drain()
    found = listed(after_first)["A-5"]
    assert (found.code, found.missing.total) == ("01", WHOLE - 10001)


def test_of_a_closed_month_it_is_what_was_missing_at_its_end(after_first: City) -> None:
    after_first.advance("12-01T10:00")
    before = {no: each.missing for no, each in listed(after_first).items()}
    after_first.answer("CCB")
    after_first.poll("CCB")
    after_first.pump.drain()
    assert {no: each.missing for no, each in listed(after_first).items()} == before
    assert sum(map(sum, before.values())) == after_first.total("f1", "arrears", period=PERIOD)[1]


def test_each_agency_with_somebody_to_dun_is_told_once_until_the_second_posting(after_first: City) -> None:
    """CCB, asked for A-3 alone, has not answered; both other agencies' units were refused by ICBC."""
    assert [(item["agency"], item["about"]) for item in after_first.work("dunning")] == [
        (CHAOYANG, f"{PERIOD}/{CHAOYANG}"), (HAIDIAN, f"{PERIOD}/{HAIDIAN}"),
    ]  # fmt: skip
    after_first.second_deduction()
    assert after_first.work("dunning") == []
    assert after_first.value("select count(*) from work_item where queue = 'dunning'") == 2


def test_nobody_is_told_when_everybody_has_paid(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.first_deduction(ICBC={}, CCB={})
    assert city.work("dunning") == []


# ── the second-collection file ──────────────────────────────────────────────────────────────────────────────────


def make(
    city: City, into: Path, mode: Mode = Mode.BANK, *, units: tuple[str, ...] = (), codes: tuple[str, ...] = ()
) -> Made:
    return desk.make_file(
        city.hub, agency=CHAOYANG, period=Period(PERIOD), mode=mode, pay_on=date(2026, 11, 20), units=units, codes=codes,
        into=into,
    )  # fmt: skip


def hand_in(city: City, made: Made) -> Answer:
    assert made.path is not None, [fault.message for fault in made.faults]
    return submit(city.hub, made.path)


def test_the_file_names_who_is_to_be_dunned_and_is_accepted(after_first: City, tmp_path: Path) -> None:
    made = make(after_first, tmp_path)
    assert made.path is not None and made.path.name == f"AGAIN_{CHAOYANG}_{PERIOD}_0001.txt"
    assert made.path.read_text().splitlines()[:3] == [
        f"H|AGAIN|1|{CHAOYANG}|{PERIOD}|0001|2026-11-13",
        f"D|1|{unit_of(2)}|B|2026-11-20",
        f"D|2|{unit_of(5)}|B|2026-11-20",
    ], "A-4 has no account, A-3 is unanswered, A-6 is asked anyway"
    assert hand_in(after_first, made).accepted
    assert states(after_first)["A-2"] == "named"
    after_first.advance("11-20T14:10")
    assert after_first.asked("ICBC") == {"A-2-2": DUE, "A-5-2": (0, 999, 500, 300), "A-6-2": DUE}


def test_the_next_number_is_free_in_the_books_and_in_the_folder(after_first: City, tmp_path: Path) -> None:
    first = make(after_first, tmp_path, units=(unit_of(2),))
    second = make(after_first, tmp_path, units=(unit_of(5),))
    assert second.path is not None and second.path.name.endswith("_0002.txt"), "the first lies there"
    assert hand_in(after_first, first).accepted and hand_in(after_first, second).accepted
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    third = make(after_first, elsewhere, Mode.SPORADIC)
    assert third.path is not None and third.path.name.endswith("_0003.txt"), "the books have two"
    assert third.units == 1, "A-4 alone is not named yet"


def test_units_are_chosen_by_the_banks_reason(after_first: City, tmp_path: Path) -> None:
    made = make(after_first, tmp_path, Mode.SPORADIC, codes=("02",))
    assert made.path is not None and [line.split("|")[2] for line in made.path.read_text().splitlines()[1:-1]] == [
        unit_of(2)
    ]


def test_what_the_door_would_refuse_is_not_written(after_first: City, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    wrong = make(after_first, folder, units=(unit_of(2), unit_of(3), unit_of(4), unit_of(77), unit_of(2)))
    assert sorted((fault.line, fault.code.value) for fault in wrong.faults) == [
        (3, "unanswered"), (4, "no-account"), (5, "unknown-unit"), (6, "duplicate"),
    ]  # fmt: skip
    assert [fault.code.value for fault in make(after_first, folder, codes=("03",)).faults] == ["unknown-unit"]
    after_first.advance("11-20T12:00")
    assert "session-closed" in [fault.code.value for fault in make(after_first, folder).faults]
    assert list(folder.iterdir()) == []


# ── months wholly in arrears ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def two_months(city: City) -> City:
    """January: units 1 to 6 have been billed in November and December, 7 in November alone; see the test for who paid what."""
    for period, letter in ((PERIOD, "N"), (NEXT, "D")):
        units = (1, 2, 3, 4, 5, 6, 7) if period == PERIOD else (1, 2, 3, 4, 5, 6)
        bills = [bill(f"{letter}-{n}", n, DUE, bank="" if n < 5 else "CCB") for n in units]
        city.accept(city.dues(*bills, period=period))
        if period == PERIOD:
            city.accept(city.receipts(("R-2", "N-2", WHOLE)))
            city.first_deduction(CCB={"N-5": "02", "N-7": "02"} | {"N-6": "02"})
            city.advance("12-01T10:00")
    city.accept(city.receipts(("R-3", "D-3", WHOLE)))
    city.advance("2026-12-03T10:00")
    city.answer("CCB", {"D-5": "02"})
    city.advance("2027-01-04T10:00")
    return city


def test_who_is_wholly_in_arrears_for_two_months_running_must_declare(two_months: City) -> None:
    """2 paid November, 3 paid December, 6 paid December by the bank; 7 has one month only; 4 repays a month below."""
    assert declared(two_months) == {1: [PERIOD, NEXT], 4: [PERIOD, NEXT], 5: [PERIOD, NEXT]}
    assert declared(two_months, PERIOD) == {}


def test_what_is_repaid_counts_no_longer(two_months: City) -> None:
    repayment = bill("A-4", 4, DUE, bank="")._replace(refers_to=PERIOD)
    two_months.accept(two_months.dues(repayment, period="2027-01", kind="A"))
    two_months.accept(two_months.receipts(("R-9", "A-4", WHOLE)))
    assert set(declared(two_months)) == {1, 5}


def test_who_gets_no_report_stays_on_the_list(two_months: City) -> None:
    """Without a declaration there is no report, so no bill for January; that month passes and changes nothing."""
    two_months.accept(two_months.dues(bill("J-5", 5, DUE, bank=""), period="2027-01"))
    two_months.accept(two_months.receipts(("R-8", "J-5", WHOLE)))
    two_months.advance("2027-02-01T10:00")
    assert declared(two_months, "2027-01") == {1: [PERIOD, NEXT], 4: [PERIOD, NEXT]}


def test_a_month_that_the_bank_has_not_answered_is_not_counted(city: City) -> None:
    for period, letter in ((PERIOD, "N"), (NEXT, "D")):
        city.accept(city.dues(bill(f"{letter}-1", 1, DUE), period=period))
    city.advance("2027-01-04T10:00")
    assert city.rows("select distinct in_doubt from arrears") == [(True,)]
    assert declared(city) == {}


def declared(city: City, period: str = NEXT) -> dict[int, list[str]]:
    """By the unit's number."""
    with city.hub.engine.connect() as conn:
        found = dunning.undeclared(conn, period, None)
    assert all(each.owes == tuple(fen * len(each.months) for fen in DUE) for each in found)
    return {int(each.unit[6:]): list(each.months) for each in found}


# ── hand-overs ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def in_arrears(city: City) -> City:
    """10 December: A-1 is in arrears, A-2 has paid."""
    city.accept(city.dues(bill("A-1", 1, DUE, bank=""), bill("A-2", 2, DUE, bank="")))
    city.accept(city.receipts(("R-2", "A-2", WHOLE)))
    city.advance("12-10T10:00")
    return city


def hand(city: City, to: Desk, day: str, unit: int = 1, by: str = "王芳") -> Recorded:
    on = date.fromisoformat(f"2026-{day}")
    return hand_overs.hand_over(city.hub, unit=unit_of(unit), agency=None, to=to, on=on, by=by, note="催缴无果")


def test_a_unit_goes_to_inspection_and_on_to_the_labour_administration(in_arrears: City) -> None:
    assert hand(in_arrears, Desk.INSPECTION, "12-08").made is not None
    assert hand(in_arrears, Desk.LABOUR, "12-10").made is not None
    assert in_arrears.rows(
        "select step, from_desk, to_desk, handed_on, by_whom, outstanding from hand_over order by step"
    ) == [
        (1, "agency", "inspection", date(2026, 12, 8), "王芳", WHOLE),
        (2, "inspection", "labour", date(2026, 12, 10), "王芳", WHOLE),
    ]
    with in_arrears.hub.engine.connect() as conn:
        (case,) = hand_overs.hand_overs.cases(conn, CHAOYANG, (Desk.INSPECTION, Desk.LABOUR))
    assert (case.last.to_desk, case.owes) == (Desk.LABOUR, WHOLE)


def test_the_same_hand_over_again_is_a_repeat(in_arrears: City) -> None:
    first, again = (hand(in_arrears, Desk.INSPECTION, "12-08") for _ in range(2))
    assert (first.repeat, again.repeat, again.made) == (False, True, first.made)
    assert in_arrears.value("select count(*) from hand_over") == 1


def test_a_unit_is_withdrawn_when_it_has_paid_and_not_before(in_arrears: City) -> None:
    hand(in_arrears, Desk.INSPECTION, "12-08")
    assert codes(hand(in_arrears, Desk.WITHDRAWN, "12-10")) == ["outstanding"]
    repayment = bill("P-1", 1, DUE, bank="")._replace(refers_to=PERIOD)
    in_arrears.accept(in_arrears.dues(repayment, period=NEXT, kind="A"))
    in_arrears.accept(in_arrears.receipts(("R-9", "P-1", WHOLE)))
    assert codes(hand(in_arrears, Desk.LABOUR, "12-10")) == ["not-outstanding"]
    assert hand(in_arrears, Desk.WITHDRAWN, "12-10").made is not None


def test_who_owes_nothing_and_who_is_unknown_is_not_handed_over(in_arrears: City) -> None:
    assert codes(hand(in_arrears, Desk.INSPECTION, "12-08", unit=2)) == ["not-outstanding"]
    assert codes(hand(in_arrears, Desk.INSPECTION, "12-08", unit=99)) == ["unknown-unit"]
    assert in_arrears.value("select count(*) from hand_over") == 0


def test_the_list_shows_with_whom_a_unit_is(in_arrears: City) -> None:
    hand(in_arrears, Desk.INSPECTION, "12-08")
    in_arrears.accept(in_arrears.dues(bill("C-1", 1, DUE, bank=""), period=NEXT))
    found = listed(in_arrears, NEXT)["C-1"]
    assert (found.desk, found.handed_on) == (Desk.INSPECTION, date(2026, 12, 8))


@pytest.mark.parametrize("statement", ["delete from hand_over", "update hand_over set note = ''", "truncate hand_over"])
def test_what_was_recorded_stays(in_arrears: City, statement: str) -> None:
    hand(in_arrears, Desk.INSPECTION, "12-08")
    with in_arrears.hub.engine.connect() as conn, pytest.raises(DBAPIError, match="permission denied"):
        conn.execute(text(statement))


def test_the_database_holds_a_hand_over_to_begin_where_the_last_one_ended(in_arrears: City) -> None:
    hand(in_arrears, Desk.INSPECTION, "12-08")
    statement = """
        insert into hand_over (agency, unit, step, from_desk, to_desk, handed_on, by_whom, outstanding, recorded_at)
        select agency, unit, :step, :from_desk, 'withdrawn', handed_on, by_whom, 0, recorded_at from hand_over
    """
    for step, from_desk in ((2, "labour"), (3, "inspection"), (1, "agency")):
        with in_arrears.hub.engine.connect() as conn, pytest.raises(DBAPIError, match="violates"):
            conn.execute(text(statement), {"step": step, "from_desk": from_desk})


def codes(done: Recorded) -> list[str]:
    return [fault.code.value for fault in done.faults]


def test_naming_who_is_listed_as_unanswered_is_refused(after_first: City) -> None:
    for no, each in listed(after_first).items():
        answer = after_first.submit(after_first.again((each.unit, "S"), agency_code=each.agency))
        assert answer.accepted is (each.state.value != "unanswered"), no
