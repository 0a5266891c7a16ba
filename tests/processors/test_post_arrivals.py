"""Steps 7 to 10 (C9-2 to C9-4): bank money in statutory order on its bills, in both books, told to the agencies."""

import pytest

from hub.processors import split_funds
from simulators.amounts import FUNDS, Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of, waterfall

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


def journal(city: City, level: str, account: str, side: str, period: str = "") -> int:
    """What stands on one side of an account, all agencies and funds."""
    query = """
        select coalesce(sum(p.amount_fen), 0)::bigint from journal_posting p join journal_entry e on e.id = p.entry_id
        where e.level = :level and p.account = :account and p.side = :side and (:period = '' or e.booking_period = :period)
    """
    return int(city.value(query, level=level, account=account, side=side, period=period))


@pytest.mark.parametrize("fen", [1, 9999, 10000, 10001, 11000, 11500, WHOLE - 1, WHOLE])
def test_a_part_goes_to_the_funds_in_statutory_order(city: City, fen: int) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction(ICBC={"A-1": fen})
    assert city.collected("A-1") == waterfall(fen, DUE)
    assert journal(city, "CITY", "FUND_INCOME", "C") == journal(city, "AGENCY", "FUND_INCOME", "C") == fen


def test_the_split_is_refused_when_it_is_not_the_statutory_one() -> None:
    record = {"first_line": 1, "deducted": [10500]}
    record |= {f"requested_{fund}": [due] for fund, due in zip(FUNDS, DUE, strict=True)}
    carried = (
        "period",
        "round",
        "agency",
        "bank",
        "shard",
        "part",
        "batch_no",
        "booking_period",
        "business_date",
        "late",
    )
    record |= dict.fromkeys(carried)
    good = record | dict(zip(FUNDS, ([fen] for fen in waterfall(10500, DUE)), strict=True))
    assert [split_funds.transform(good)[fund] for fund in FUNDS] == [[10000], [500], [0], [0]]
    with pytest.raises(AssertionError, match="the statute"):
        split_funds.transform(good | {"pension": [9999], "unemployment": [501]})


def test_an_answer_waits_for_its_posting_step(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-03T10:00")
    city.answer("ICBC")
    assert city.poll("ICBC") == ["taken"]
    city.advance("11-04T08:59")
    assert city.collected("A-1") == (0, 0, 0, 0)
    assert city.form("f8", period=PERIOD, round=1)["rows"] == []
    city.advance("11-04T09:00")
    assert city.collected("A-1") == DUE
    assert city.total("f8", "arrived", period=PERIOD, round=1) == (1, WHOLE)


def test_every_agency_is_told_and_books_what_it_was_told(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.accept(city.dues(bill("B-1", 1, DUE, agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.first_deduction(ICBC={"A-2": 10400})
    rows = city.rows(
        "select agency, requested_count, arrived_count, unarrived_count, arrived from notice order by agency"
    )
    assert rows == [
        (CHAOYANG, 2, 1, 1, [20000, 1400, 500, 300]),
        (HAIDIAN, 1, 1, 0, list(DUE)),
    ]
    assert (
        journal(city, "AGENCY", "CITY_CLEARING", "D")
        == journal(city, "CITY", "INCOME_ACCOUNT", "D")
        == 2 * WHOLE + 10400
    )
    assert journal(city, "AGENCY", "MEMO_DUES", "D") - journal(city, "AGENCY", "MEMO_DUES", "C") == WHOLE - 10400


def test_money_for_a_bill_paid_meanwhile_goes_to_suspense(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.advance("11-03T10:00")
    city.accept(city.receipts(("R-1", "A-1", WHOLE)))
    city.answer("ICBC", {"A-1": 10400})
    city.advance("11-05T09:00")
    assert city.collected("A-1") == DUE
    ((pension, unemployment, injury, maternity),) = city.rows(
        "select pension, unemployment, injury, maternity from suspense"
    )
    assert (pension, unemployment, injury, maternity) == (10000, 400, 0, 0)
    assert journal(city, "CITY", "SUSPENSE", "C") == journal(city, "AGENCY", "SUSPENSE", "C") == 10400
    (item,) = city.work("suspense")
    assert (item["agency"], item["bank"], item["line"]) == (CHAOYANG, "ICBC", 2)  # A-2 is of an earlier shard
    assert "104.00" in item["summary"] and "A-1" in item["summary"]
    assert city.total("f8", "arrived", period=PERIOD, round=1) == (1, WHOLE + 10400)  # what the bank sent
    assert city.total("balances", "collected", period=PERIOD) == (2, 2 * WHOLE)


def test_only_what_is_beyond_the_bill_goes_to_suspense(city: City) -> None:
    """The bank paid a part in the first session; asked for the rest, it paid after the counter had."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction(ICBC={"A-1": 10400})
    city.accept(city.again((unit_of(1), "B")))
    city.advance("11-20T14:10")
    city.accept(city.receipts(("R-1", "A-1", WHOLE - 10400)))
    city.answer("ICBC")
    city.advance("11-24T09:00")
    assert city.collected("A-1") == DUE
    assert city.value("select sum(unemployment + injury + maternity)::bigint from suspense") == WHOLE - 10400


def test_a_late_answer_is_posted_at_once_into_the_open_period(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.first_deduction()
    assert city.total("f8", "unanswered", period=PERIOD, round=1) == (2, 2 * WHOLE)
    (late,) = city.work("late")
    assert late["file"] == "DK_ICBC_20261102_0001.txt"
    city.advance("11-12T10:00")
    city.answer("ICBC", {"A-2": "02"})
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    assert city.collected("A-1") == DUE
    assert city.work("late") == []
    assert city.rows("select supplementary from notice") == [(True,)]
    assert city.total("f8", "unanswered", period=PERIOD, round=1) == (0, 0)
    assert city.total("t27", "arrived", period=PERIOD, round=1) == (1, WHOLE)


def test_an_answer_after_month_end_settles_arrears_in_doubt_and_restates_nothing(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.first_deduction()
    city.advance("12-06T10:00")
    assert city.rows("select in_doubt from arrears") == [(True,), (True,)]
    before = {form: city.form(form, period=PERIOD) for form in ("f8", "t27", "f1")}
    city.answer("ICBC", {"A-2": 10400})
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    assert {form: city.form(form, period=PERIOD) for form in ("f8", "t27", "f1")} == before
    assert city.total("arrears", "outstanding") == (1, WHOLE - 10400)
    assert city.total("balances", "collected", period="2026-12") == (2, WHOLE + 10400)
    assert city.total("balances", "collected", period=PERIOD) == (0, 0)
    assert journal(city, "AGENCY", "MEMO_ARREARS", "C", "2026-12") == WHOLE + 10400
    settled = city.rows("select subject from outbox where topic like '%arrears-settled%'")
    assert len(settled) == len({subject for (subject,) in settled}) >= 1


def test_a_failed_line_books_nothing(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.first_deduction(ICBC={"A-1": "04"})
    assert city.value("select count(*) from journal_entry where what = 'bank-arrival'") == 0
    assert city.total("f8", "unarrived", period=PERIOD, round=1) == (1, WHOLE)
    assert city.rows("select arrived_count, unarrived_count from notice") == [(0, 1)]


def test_a_month_carried_twice_is_booked_once(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.first_deduction(ICBC={"A-1": 10400}, CCB={})
    city.advance("11-30T23:00")
    once = city.books()
    city.pump.repeat_everything()
    assert city.books() == once
