"""Every fen is explained: on a month with everything, the account of every bill and the bills behind every entry add up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

import topics
from hub.app import schedule
from hub.domain.bill_account import BillAccount
from hub.domain.explanations import Because, Place, Way
from hub.domain.funds import Fund, FundAmounts, sum_of
from hub.domain.posting import EntryKind
from hub.ledger import bill_accounts, explanations
from hub.ledger.database import engine
from hub.ledger.journey import Bytes, Stop, follow
from hub.processors import FLOW
from simulators.amounts import Four
from tests.processors.city import PERIOD, City, bill, unit_of
from tests.processors.conftest import NewCity
from tests.processors.test_any_order import History


@pytest.fixture
def city(new_city: NewCity, monkeypatch: pytest.MonkeyPatch) -> City:
    monkeypatch.setattr(topics, "BUNDLE_LINES", 2)  # entries of a line or two, and of several bills
    return new_city(max_lines=7, no_parts=())


PROCESSORS = {step.module for step in FLOW}


def accounts(city: City) -> dict[str, BillAccount]:
    numbers = {row[0]: row[1] for row in city.rows("select id, bill_no from bill")}
    with city.hub.engine.connect() as conn:
        return {numbers[key]: found for key, found in bill_accounts.accounts(conn, list(numbers)).items()}


def forms(city: City) -> tuple[dict[str, Mapping[str, Any]], dict[tuple[str, str], int]]:
    """What the exports say: of each bill its row of ``unit``; the outstanding of each unit and period of ``arrears``."""
    units = {row[0] for row in city.rows("select distinct unit from bill")}
    rows = {row["bill"]: row for unit in units for row in city.form("unit", unit=unit)["rows"]}
    arrears = {(row["unit"], row["period"]): row["outstanding"] for row in city.form("arrears")["rows"]}
    return rows, arrears


def of(measure: Mapping[str, int]) -> FundAmounts:
    return FundAmounts(*(measure[fund] for fund in FundAmounts._fields))  # type: ignore[arg-type]


def hold_to_the_forms(city: City) -> set[Way]:
    """Each bill's pieces add up to what is due (its account would not be made otherwise) and to what the exports say."""
    found = accounts(city)
    rows, arrears = forms(city)
    assert found.keys() == rows.keys()
    units = {row[0]: (row[1], row[2]) for row in city.rows("select bill_no, unit, period from bill where kind = 'M'")}
    for number, account in found.items():
        assert account.due == of(rows[number]["due"])
        assert account.at(Place.ARRIVED) == of(rows[number]["arrived"]), number
        assert account.at(Place.DISAGREES).total == 0, (number, account.pieces)
        missing = account.due.minus(account.at(Place.ARRIVED))
        assert missing == of(rows[number]["unarrived"]), number
        assert (account.at(Place.CANCELLED).total > 0) == (rows[number]["status"] == "cancelled"), number
        for piece in (*account.pieces, *account.beyond):
            assert piece.said.says.zh and piece.said.says.en
            assert piece.carried_out.processor in PROCESSORS
            assert sum(turn.got for turn in piece.split) <= sum(turn.asked for turn in piece.split)
        if number in units:
            outstanding = arrears.get(units[number])
            in_arrears = account.at(Place.ARREARS)
            posted = not any(piece.way is Way.OPENING for piece in account.pieces)
            coming = account.at(Place.ON_ITS_WAY).total
            if outstanding is None:
                assert in_arrears.total == 0 or not posted, number
            elif posted and not coming:
                assert in_arrears == of(outstanding), number
    (collected,) = [sum_of(of(row["collected"]) for row in city.form("balances")["rows"])]
    assert collected == sum_of(account.at(Place.ARRIVED) for account in found.values())
    suspense = city.rows("select sum(pension), sum(unemployment), sum(injury), sum(maternity) from suspense")[0]
    assert sum_of(account.at(Place.SUSPENSE) for account in found.values()) == tuple(each or 0 for each in suspense)
    return {piece.way for account in found.values() for piece in (*account.pieces, *account.beyond)}


class Watched(History):
    """The month with everything, looked at after each thing that happens."""

    def __init__(self, city: City) -> None:
        super().__init__(city, None)
        self.ways: set[Way] = set()

    def _look(self) -> None:
        self.ways |= hold_to_the_forms(self.city)

    def _advance(self, to: str) -> None:
        super()._advance(to)
        self._look()

    def _hand_in(self, *papers: Any) -> None:
        super()._hand_in(*papers)
        self._look()

    def _poll(self, bank: str) -> None:
        super()._poll(bank)
        self._look()


def test_at_every_moment_every_bill_adds_up_to_what_the_exports_say(city: City) -> None:
    month = Watched(city)
    month.live()
    others = {Way.REPAID_BACK, Way.WAITS, Way.OPENING, Way.ELSEWHERE, Way.DISAGREES}  # by tests of their own
    assert month.ways >= set(Way) - others, f"the month does not hold {set(Way) - others - month.ways}"


def test_every_posting_of_the_month_is_explained_by_the_bills_behind_it(city: City, tmp_path: Path) -> None:
    History(city, None).live()
    kinds = set()
    for number, what, lines in city.rows(
        "select e.id, e.what, (select count(distinct p.account) from journal_posting p where p.entry_id = e.id) "
        "from journal_entry e order by 1"
    ):
        (entry,) = trace(city, str(number))
        kinds.add(what)
        why = entry.facts["why"]
        assert len(why) == lines
        assert all(each["agrees"] for each in why), (number, what, why)
        assert entry.facts["bills_behind"]["count"] >= 1
    assert kinds == {kind.value for kind in EntryKind}


DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


def pieces(city: City, number: str) -> list[tuple[str, str, int]]:
    """Where, by which way and how many fen: each piece of a bill, suspense too."""
    hold_to_the_forms(city)
    account = accounts(city)[number]
    return [(piece.place, piece.way, piece.amounts.total) for piece in (*account.pieces, *account.beyond)]


def reasons(city: City, number: str) -> list[str]:
    return [said.what for piece in accounts(city)[number].pieces for said in piece.because]


def test_a_bill_from_its_coming_to_its_arrears(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    assert (pieces(city, "A-1"), reasons(city, "A-1")) == ([("unarrived", "unarrived", WHOLE)], [Because.NOT_ASKED_YET])
    city.advance("11-02T09:10")
    assert (pieces(city, "A-1"), reasons(city, "A-1")) == (
        [("unanswered", "unanswered", WHOLE)], [Because.STILL_UNANSWERED],
    )  # fmt: skip
    city.advance("11-03T10:00")
    city.answer("ICBC", {"A-1": 10500})
    city.poll("ICBC")
    short = [Because.SHORT_IN_TURN, Because.MAY_BE_NAMED]
    assert pieces(city, "A-1") == [("on-its-way", "waits", 10500), ("unarrived", "unarrived", WHOLE - 10500)]
    assert reasons(city, "A-1") == short
    city.advance("11-05T09:00")
    assert pieces(city, "A-1") == [("arrived", "bank", 10500), ("unarrived", "unarrived", WHOLE - 10500)]
    assert reasons(city, "A-1") == short
    city.advance("11-30T22:00")
    assert reasons(city, "A-1") == [Because.SHORT_IN_TURN, Because.NOT_NAMED]
    city.advance("11-30T23:30")
    assert pieces(city, "A-1") == [("arrived", "bank", 10500), ("arrears", "arrears", WHOLE - 10500)]
    assert reasons(city, "A-1") == [Because.SHORT_IN_TURN, Because.NOT_NAMED]


def test_between_the_close_and_its_posting_arrears_are_being_opened(
    city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE, bank="")))
    city.advance("11-30T22:00")
    monkeypatch.setattr(schedule, "drain", lambda _hub: None)
    monkeypatch.setattr(schedule, "settle", lambda _hub: None)
    city.advance("11-30T23:30")
    assert pieces(city, "A-1") == [("arrears", "opening", WHOLE)]
    city.pump.drain()
    assert pieces(city, "A-1") == [("arrears", "arrears", WHOLE)]


def test_a_repayment_whose_money_goes_back(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE, bank="")))
    city.advance("11-30T23:30")
    part: Four = (4000, 0, 0, 0)
    repayment = bill("E-1", 1, part, bank="")._replace(refers_to=PERIOD)
    city.accept(city.dues(repayment, period="2026-12", kind="A"))
    city.accept(city.cheques(("P-1", "E-1", 4000)))
    assert pieces(city, "A-1") == [("repaid", "repaid", 4000), ("arrears", "arrears", WHOLE - 4000)]
    assert pieces(city, "E-1") == [("arrived", "receipt", 4000)]
    city.accept(city.returns(("T-1", "P-1", 4000)))
    assert pieces(city, "A-1") == [
        ("repaid", "repaid", 4000), ("repaid", "repaid-back", -4000), ("arrears", "arrears", WHOLE),
    ]  # fmt: skip
    assert pieces(city, "E-1") == [
        ("arrived", "receipt", 4000), ("arrived", "receipt-back", -4000), ("cancelled", "cancelled", 4000),
    ]  # fmt: skip
    assert reasons(city, "E-1") == [Because.TAKEN_BACK, Because.CANCELLED_RETURNED]


def test_a_bill_of_a_bank_in_shadow_is_another_systems(new_city: NewCity) -> None:
    city = new_city(shadow=("CCB",))
    city.accept(city.dues(bill("A-1", 1, DUE, bank="CCB")))
    city.advance("11-30T23:30")
    assert pieces(city, "A-1") == [("elsewhere", "elsewhere", WHOLE)]


def test_books_that_contradict_themselves_are_told(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE, bank="")))
    city.advance("11-30T23:30")
    owner = engine(city.hub.settings.database.url, role=None)
    with owner.begin() as conn:
        conn.execute(text("update arrears set pension = pension - 7"))
    owner.dispose()
    found = accounts(city)["A-1"]
    assert {piece.way: piece.amounts.total for piece in found.pieces} == {Way.ARREARS: WHOLE - 7, Way.DISAGREES: 7}


def test_the_split_the_step_and_the_evidence_of_a_bank_s_money(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction(ICBC={"A-1": 10500})
    (stop,) = trace(city, "A-1")
    arrived = stop.facts["why"][0]
    assert (arrived["rule"], arrived["version"], arrived["articles"]) == ("split-order", 1, ["C4", "C9-2"])
    assert (arrived["processor"], arrived["step"], arrived["round"]) == ("post_arrivals", "posting", 1)
    assert arrived["at"].startswith("2026-11-04T") and arrived["booking_period"] == PERIOD
    ((answer, file_line, request),) = city.rows("""
        select f.name, r.file_line, t.batch_no from result_line r join batch t on t.id = r.batch_id
        join file_intake f on f.id = t.result_file_id
    """)
    entries = [row[0] for row in city.rows("select id from journal_entry where what like '%-arrival' order by id")]
    assert arrived["evidence"] == {
        "entries": entries, "instruction": "A-1-1", "batch": request, "file": answer, "line": file_line,
    }  # fmt: skip
    assert [tuple(turn.values()) for turn in arrived["split"]] == [
        ("pension", 10000, 10500, 10000, 0), ("unemployment", 1000, 500, 500, 500), ("injury", 500, 0, 0, 500),
        ("maternity", 300, 0, 0, 300),
    ]  # fmt: skip


def test_each_name_explains_what_rests_on_it_and_a_fund_narrows(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="")))
    city.first_deduction(ICBC={"A-1": "02"})
    city.accept(city.cheques(("R-2", "A-2", WHOLE)))
    city.accept(city.returns(("T-2", "R-2", WHOLE)))

    def ways(name: str, fund: Fund | None = None) -> list[tuple[str, dict[str, int]]]:
        (stop,) = trace(city, name, fund)
        return [(each["way"], each["amounts"]) for each in stop.facts["why"]]

    assert [way for way, _ in ways("A-1-1")] == ["unarrived"]  # nothing rests on it: what the bill lacks, and why
    assert [way for way, _ in ways("R-2")] == ["receipt", "receipt-back"]
    assert [way for way, _ in ways("T-2")] == ["receipt-back"]
    assert ways("A-2", Fund.UNEMPLOYMENT) == [
        ("receipt", {"unemployment": 1000}), ("receipt-back", {"unemployment": -1000}), ("unarrived", {"unemployment": 1000}),
    ]  # fmt: skip
    (unit,) = trace(city, unit_of(1))
    assert [stop.facts["account"]["unarrived"]["total"] for stop in unit.then] == [WHOLE]


def test_an_entry_of_many_bills_lists_some_and_counts_all(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "BILLS_SHOWN", 2)
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 6))))
    ((number,),) = city.rows("select id from journal_entry")
    (entry,) = trace(city, str(number))
    behind = entry.facts["bills_behind"]
    assert behind["count"] == 5
    assert [each["bill"] for each in behind["bills"]] == ["A-1", "A-2"]
    assert [each["behind"]["total"] for each in entry.facts["why"]] == [5 * WHOLE, 5 * WHOLE]
    assert trace(city, str(number + 999)) == ()


def trace(city: City, name: str, fund: Fund | None = None) -> tuple[Stop, ...]:
    files = Bytes(archive=city.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030")
    with city.hub.engine.connect() as conn:
        return follow(conn, name, files, fund)
