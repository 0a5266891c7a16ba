"""Every fen is explained: on a month with everything, the account of every bill and the bills behind every entry add up."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import topics
from hub.domain.bill_account import BillAccount
from hub.domain.explanations import Place, Way
from hub.domain.funds import FundAmounts, sum_of
from hub.domain.posting import EntryKind
from hub.ledger import bill_accounts
from hub.ledger.journey import Bytes, Stop, follow
from tests.processors.city import City
from tests.processors.conftest import NewCity
from tests.processors.test_any_order import History

MOMENTS = ("_advance", "_hand_in", "_answer", "_change")
"""After each of these the accounts are looked at."""


@pytest.fixture
def city(new_city: NewCity, monkeypatch: pytest.MonkeyPatch) -> City:
    monkeypatch.setattr(topics, "BUNDLE_LINES", 2)  # entries of a line or two, and of several bills
    return new_city(max_lines=7, no_parts=())


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


def trace(city: City, name: str) -> tuple[Stop, ...]:
    files = Bytes(archive=city.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030")
    with city.hub.engine.connect() as conn:
        return follow(conn, name, files)
