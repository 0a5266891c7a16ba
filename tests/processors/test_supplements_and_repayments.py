"""Supplements (补缴, C10) and repayments of arrears (还欠, C11): whole or not at all, cancelled when they fail."""

import threading
from typing import Any

import pytest
from sqlalchemy import text

from connectors.formats.dues import parse_dues
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from hub.ledger import repayments
from hub.ledger.database import engine
from hub.ledger.verification import Evidence, verify
from hub.processors import take_in_dues
from simulators.agency import Bill
from simulators.amounts import FUNDS, Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of
from tests.processors.conftest import NewCity
from tests.processors.test_post_arrivals import journal
from tests.processors.test_take_in_dues import told

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
HALF: Four = (5000, 500, 250, 150)
LIMIT_SECONDS = 30.0


def other(no: str, unit: int, due: Four = DUE, refers_to: str = "2026-09", **more: Any) -> Bill:
    return bill(no, unit, due, **more)._replace(refers_to=refers_to)


def proven(city: City) -> list[str]:
    hub = city.hub
    city.pump.drain()
    assert city.arrears_told() == city.arrears_outstanding(), "readers of the topics know what is outstanding"
    evidence = Evidence(
        archive=hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
        format_of=hub.formats.get,
    )  # fmt: skip
    return [f"{each.name}: {each.detail}" for each in verify(hub.engine, evidence) if not each.ok]


def measures(city: City, form: str, period: str = PERIOD) -> dict[str, tuple[int, int]]:
    """Count and fen of each measure of 财表二 or 财表三."""
    return {name: city.total(form, name, period=period) for name in ("filed", "arrived", "cancelled", "pending")}


@pytest.fixture
def supplements(city: City) -> City:
    """Filed for November: S-1 pays, S-2 fails, S-3 is not answered, S-4 and S-5 are sporadic. A-1 is a monthly bill."""
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.accept(
        city.dues(
            other("S-1", 1), other("S-2", 2), other("S-3", 3, bank="CCB"), other("S-4", 4, bank=""), other("S-5", 5, bank=""),
            kind="S",
        )
    )  # fmt: skip
    return city


def test_supplements_are_asked_for_whole_in_the_next_session(supplements: City) -> None:
    supplements.advance("11-02T09:10")
    (request,) = supplements.requests("ICBC")
    assert {line.instruction: line.may_be_part for line in request.lines} == {
        "A-1-1": True, "S-1-1": False, "S-2-1": False,
    }  # fmt: skip
    assert supplements.total("f6", "requested", period=PERIOD, round=1) == (4, 4 * WHOLE)
    assert {row["kind"] for row in supplements.form("f6", period=PERIOD, round=1)["rows"]} == {"M", "S"}
    assert {row["kind"]: row["due"]["count"] for row in supplements.form("t8", period=PERIOD, bank="")["rows"]} == {
        "S": 2
    }
    assert proven(supplements) == []


def test_a_month_of_supplements(supplements: City) -> None:
    supplements.first_deduction(ICBC={"S-2": "02"})
    assert [supplements.status(no) for no in ("S-1", "S-2", "S-3", "S-4")] == ["arrived", "cancelled", "open", "open"]
    supplements.accept(supplements.receipts(("R-4", "S-4", WHOLE), method="COLLECTION"))
    assert supplements.form("f3", period=PERIOD)["rows"] == []
    supplements.advance("11-23T18:00")
    assert [supplements.status(no) for no in ("S-4", "S-5")] == ["arrived", "cancelled"]
    assert measures(supplements, "f3") == {
        "filed": (5, 5 * WHOLE), "arrived": (2, 2 * WHOLE), "cancelled": (2, 2 * WHOLE), "pending": (1, WHOLE),
    }  # fmt: skip
    assert supplements.form("f2", period=PERIOD)["rows"] == []
    assert supplements.total("balances", "collected") == (3, 3 * WHOLE)
    assert journal(supplements, "AGENCY", "MEMO_DUES", "D") - journal(supplements, "AGENCY", "MEMO_DUES", "C") == WHOLE
    assert proven(supplements) == []


def test_supplements_never_become_arrears_and_stay_pending(supplements: City) -> None:
    """What a bank has not answered by a close is pending there and stands in the next close's account again."""
    supplements.first_deduction(ICBC={"A-1": "02", "S-2": "02"})
    supplements.advance("12-06T10:00")
    assert supplements.rows("select b.bill_no from arrears a join bill b on b.id = a.bill_id") == [("A-1",)]
    assert supplements.status("S-3") == "open"
    supplements.answer("CCB")
    assert supplements.poll("CCB") == ["taken"]
    supplements.pump.drain()
    assert supplements.status("S-3") == "arrived"
    assert journal(supplements, "AGENCY", "MEMO_ARREARS", "C") == 0
    supplements.advance("12-22T18:00")
    nothing = (0, 0)
    assert measures(supplements, "f3", "2026-12") == {
        "filed": (1, WHOLE), "arrived": (1, WHOLE), "cancelled": nothing, "pending": nothing,
    }  # fmt: skip
    assert measures(supplements, "f3")["pending"] == (1, WHOLE)
    assert proven(supplements) == []


def test_a_cancelled_bill_takes_no_receipt_and_is_asked_no_more(supplements: City) -> None:
    supplements.first_deduction(ICBC={"S-2": "03"})
    refused = supplements.submit(supplements.receipts(("R-1", "S-2", WHOLE)))
    assert told(refused) == [(2, "bill id", "cancelled")]
    supplements.advance("11-20T14:10")
    assert all("S-2" not in each for each in supplements.asked("ICBC"))
    supplements.advance("11-23T18:00")
    assert told(supplements.submit(supplements.receipts(("R-2", "S-5", WHOLE)))) == [(2, "bill id", "cancelled")]


def test_the_hour_of_the_finance_close_cancels_also_when_it_is_carried_out_later(supplements: City) -> None:
    supplements.first_deduction(ICBC={})
    supplements.time_passes("11-23T18:00")
    assert told(supplements.submit(supplements.receipts(("R-5", "S-5", WHOLE)))) == [(2, "bill id", "cancelled")]
    supplements.accept(supplements.dues(other("S-9", 9, bank=""), kind="S"))
    supplements.accept(supplements.receipts(("R-9", "S-9", WHOLE)))
    supplements.advance("11-24T10:00")
    assert (supplements.status("S-5"), supplements.status("S-9")) == ("cancelled", "arrived")
    assert measures(supplements, "f3")["arrived"] == (2, 2 * WHOLE)
    supplements.advance("12-22T18:00")
    assert measures(supplements, "f3", "2026-12")["arrived"] == (1, WHOLE)
    assert proven(supplements) == []


def test_one_paid_at_the_counter_meanwhile_is_not_cancelled_and_money_twice_is_suspense(supplements: City) -> None:
    supplements.advance("11-03T10:00")
    supplements.accept(supplements.receipts(("R-1", "S-1", WHOLE), ("R-2", "S-2", WHOLE)))
    supplements.answer("ICBC", {"S-2": "02"})
    supplements.advance("11-05T09:00")
    assert [supplements.status(no) for no in ("S-1", "S-2")] == ["arrived", "arrived"]
    assert supplements.value("select sum(pension + unemployment + injury + maternity) from suspense") == WHOLE
    assert proven(supplements) == []


def test_what_comes_after_an_upload_goes_with_the_next_whatever_its_period(city: City) -> None:
    """No monthly dues are needed for an agency to ask."""
    city.accept(city.dues(other("S-1", 1), period="2026-12", kind="S"))
    city.advance("11-01T18:00")
    city.accept(city.dues(other("S-2", 2), period="2026-10", kind="S"))
    city.accept(city.dues(other("S-3", 3, agency_code=HAIDIAN), kind="S", agency_code=HAIDIAN))
    city.advance("11-02T09:10")
    assert set(city.asked("ICBC")) == {"S-1-1"}
    city.answer("ICBC")
    city.advance("11-20T14:10")
    assert set(city.asked("ICBC")) == {"S-2-2", "S-3-2"}
    assert city.rows("select distinct period from instruction") == [(PERIOD,)]
    assert city.total("t8", "due", period="2026-12") == (1, WHOLE)
    assert proven(city) == []


def test_part_of_a_supplement_is_a_fault_of_the_banks_answer(supplements: City) -> None:
    supplements.advance("11-03T10:00")
    supplements.answer("ICBC", {"S-1": WHOLE - 1})
    assert supplements.poll("ICBC") == ["quarantined"]


# -- repayments ---------------------------------------------------------------------------------------------------


@pytest.fixture
def arrears(city: City) -> City:
    """2 December: A-1 and A-2 of November are in arrears, A-3 in doubt (its bank has not answered), A-4 is paid."""
    city.accept(
        city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE, bank="CCB"), bill("A-4", 4, DUE))
    )
    city.first_deduction(ICBC={"A-1": "02", "A-2": 10400})
    city.advance("11-30T23:00")
    return city


def repay(city: City, *bills: Bill, **more: Any) -> Any:
    return city.submit(city.dues(*bills, period="2026-12", kind="A", **more))


def repaying(no: str, unit: int, due: Four = DUE, **more: Any) -> Bill:
    return other(no, unit, due, refers_to=PERIOD, **more)


def outstanding(city: City) -> dict[str, Four]:
    return {row["unit"][-1]: tuple(row["outstanding"][fund] for fund in FUNDS) for row in city.form("arrears")["rows"]}


def test_a_repayment_that_arrives_settles_arrears_fund_by_fund(arrears: City) -> None:
    assert repay(arrears, repaying("R-1", 1, HALF), repaying("R-2", 1, HALF), repaying("R-3", 3, bank="")).accepted
    arrears.advance("12-02T09:10")
    arrears.answer("ICBC", {"R-2": "02"})
    arrears.advance("12-04T10:00")
    assert [arrears.status(no) for no in ("R-1", "R-2", "A-1")] == ["arrived", "cancelled", "arrears"]
    assert outstanding(arrears)["1"] == HALF
    arrears.accept(arrears.receipts(("P-3", "R-3", WHOLE)))
    assert set(outstanding(arrears)) == {"1", "2"}
    assert arrears.status("A-3") == "arrived"
    memo = journal(arrears, "AGENCY", "MEMO_ARREARS", "D") - journal(arrears, "AGENCY", "MEMO_ARREARS", "C")
    assert memo == WHOLE // 2 + WHOLE - 10400
    settled = arrears.rows("select subject from outbox where topic like '%arrears-settled%' order by 1")
    assert settled == [("repayment/R-1",), ("repayment/R-3",)]
    arrears.advance("12-22T18:00")
    assert measures(arrears, "f2", "2026-12") == {
        "filed": (3, 2 * WHOLE), "arrived": (2, WHOLE + WHOLE // 2), "cancelled": (1, WHOLE // 2), "pending": (0, 0),
    }  # fmt: skip
    assert proven(arrears) == []


def test_a_cancelled_repayment_leaves_its_claim_to_others(arrears: City) -> None:
    assert repay(arrears, repaying("R-1", 1)).accepted
    assert told(repay(arrears, repaying("R-2", 1, (1, 0, 0, 0)))) == [(2, "pension", "not-outstanding")]
    arrears.advance("12-02T09:10")
    arrears.answer("ICBC", {"R-1": "04"})
    arrears.advance("12-04T10:00")
    assert repay(arrears, repaying("R-3", 1)).accepted
    assert proven(arrears) == []


def test_every_fault_of_a_repayment_is_told(arrears: City) -> None:
    refused = repay(
        arrears,
        repaying("R-1", 1, (10001, 1000, 500, 301)),  # two funds over
        repaying("R-2", 2, (0, 600, 0, 0)),
        repaying("R-3", 2, (0, 1, 500, 0)),  # what R-2 claims is gone
        other("R-4", 1, refers_to="2026-10"),  # never billed
        repaying("R-5", 4, (1, 0, 0, 0)),  # paid in time
        repaying("R-6", 8),  # no such unit
    )
    assert told(refused) == [
        (2, "pension", "not-outstanding"),
        (2, "maternity", "not-outstanding"),
        (4, "unemployment", "not-outstanding"),
        (5, "refers to", "unknown-arrears"),
        (6, "pension", "not-outstanding"),
        (7, "refers to", "unknown-arrears"),
    ]
    assert refused.faults[0].expected.startswith("at most 100.00") and refused.faults[0].found == "100.01"
    not_closed = arrears.submit(arrears.dues(other("R-1", 1, refers_to="2026-12"), period="2027-01", kind="A"))
    assert told(not_closed) == [(2, "refers to", "period-open")]
    stranger = repaying("R-1", 1, agency_code=HAIDIAN)._replace(unit=unit_of(1))
    assert told(repay(arrears, stranger, agency_code=HAIDIAN)) == [(2, "refers to", "unknown-arrears")]


def test_two_repayments_at_the_same_moment_cannot_overdraw(arrears: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second file waits for the first, also where nothing but the shard's lock keeps them apart."""
    monkeypatch.setattr("hub.app.intake._lock", lambda *_: None)
    original, others, answers = take_in_dues.keep, list[threading.Thread](), list[Any]()

    def with_another_meanwhile(*given: Any) -> None:
        monkeypatch.setattr(take_in_dues, "keep", original)
        others.append(threading.Thread(target=lambda: answers.append(repay(arrears, repaying("R-2", 1)))))
        others[0].start()
        others[0].join(0.5)
        assert others[0].is_alive(), "the second file does not wait for the first"
        original(*given)

    monkeypatch.setattr(take_in_dues, "keep", with_another_meanwhile)
    assert repay(arrears, repaying("R-1", 1)).accepted
    others[0].join(LIMIT_SECONDS)
    assert [told(answer) for answer in answers] == [[(2, fund, "not-outstanding") for fund in FUNDS]]


def test_a_repayment_is_not_paid_by_collection(arrears: City) -> None:
    assert repay(arrears, repaying("R-1", 1, bank="")).accepted
    refused = arrears.submit(arrears.receipts(("P-1", "R-1", WHOLE), method="COLLECTION"))
    assert told(refused) == [(2, "method", "method")]


def test_late_money_settles_arrears_first_and_a_repayment_that_finds_none_is_suspense(arrears: City) -> None:
    """A-3's bank answers November in December; the repayment that was filed meanwhile has nothing left to repay."""
    assert repay(arrears, repaying("R-3", 3)).accepted
    arrears.advance("12-02T09:10")
    arrears.answer("CCB")
    assert arrears.poll("CCB") == ["taken"]
    arrears.pump.drain()
    assert set(outstanding(arrears)) == {"1", "2"}
    arrears.answer("ICBC")
    arrears.advance("12-04T10:00")
    assert arrears.collected("R-3") == (0, 0, 0, 0)
    assert arrears.status("R-3") == "cancelled"
    assert arrears.value("select reason from cancellation") == "settled"
    assert [item["line"] for item in arrears.work("suspense")] == [1]
    assert proven(arrears) == []


def test_late_money_for_arrears_repaid_meanwhile_is_suspense(arrears: City) -> None:
    assert repay(arrears, repaying("R-3", 3, bank="")).accepted
    arrears.accept(arrears.receipts(("P-3", "R-3", WHOLE)))
    arrears.answer("CCB")
    assert arrears.poll("CCB") == ["taken"]
    arrears.pump.drain()
    assert arrears.collected("A-3") == (0, 0, 0, 0)
    assert arrears.value("select sum(pension + unemployment + injury + maternity) from suspense") == WHOLE
    assert proven(arrears) == []


def test_a_receipt_for_a_repayment_whose_arrears_are_settled_is_refused(arrears: City) -> None:
    assert repay(arrears, repaying("R-3", 3, bank="")).accepted
    arrears.answer("CCB")
    assert arrears.poll("CCB") == ["taken"]
    refused = arrears.submit(arrears.receipts(("P-3", "R-3", WHOLE)))  # the answer is released, and not posted yet
    assert told(refused) == [(2, "bill id", "not-outstanding")]


def test_what_is_outstanding_is_known_before_the_arrears_are_posted(arrears: City) -> None:
    with arrears.hub.engine.begin() as conn:
        found = repayments.claimable(
            conn, CHAOYANG, [repayments.Arrears(unit_of(2), PERIOD)], arrears.moment("12-01T09:00")
        )
    assert list(found.values()) == [(0, 600, 500, 300)]


def test_a_month_of_all_kinds_carried_twice_is_booked_once(arrears: City) -> None:
    assert repay(arrears, repaying("R-1", 1), repaying("R-2", 2, (0, 600, 500, 300))).accepted
    arrears.accept(arrears.dues(other("S-1", 5), period="2026-12", kind="S"))
    arrears.advance("12-03T10:00")
    arrears.answer("ICBC", {"R-1": "02"})
    arrears.advance("12-22T18:00")
    once = arrears.books()
    arrears.pump.repeat_everything()
    assert arrears.books() == once
    assert proven(arrears) == []


TAMPERED = [
    ("update finance_close set pending_count = 2", "filed-is-accounted-for", "finance_close 2026-11 S 110105"),
    ("update finance_close set filed[1] = filed[1] + 1, arrived[1] = arrived[1] + 1",
     "finance-closes-equal-the-books", "expected filed.pension 50000, arrived.pension 20000, found filed.pension 50001"),
    ("delete from finance_close", "finance-closes-equal-the-books", "finance_close 2026-11 S 110105"),
    ("insert into cancellation select id, 'failed', 'x', '2026-11-24', '2026-11', null from bill where bill_no = 'S-1'",
     "cancelled-bills-have-no-money", "cancellation S-1"),
    ("delete from cancellation where reason = 'unpaid'", "control-account-agency-memo-dues", "AGENCY MEMO_DUES"),
    ("update instruction set round = 2 where instruction_no = 'S-2-1'",
     "supplements-and-repayments-are-asked-once", "S-2 of 2026-11 round 1"),
    ("update finance_close set arrived[4] = 0", "money-in-equals-the-forms", "110105: expected maternity 600, found maternity 0"),
    ("update bill set kind = 'A' where bill_no = 'S-1'", "repayments-never-overdraw", "arrears 110105 110105000001 2026-09"),
]  # fmt: skip


@pytest.mark.parametrize(("tampering", "check", "culprit"), TAMPERED, ids=[row[1] for row in TAMPERED])
def test_one_changed_row_is_found_and_named(supplements: City, tampering: str, check: str, culprit: str) -> None:
    supplements.first_deduction(ICBC={"S-2": "02"})
    supplements.accept(supplements.receipts(("R-4", "S-4", WHOLE)))
    supplements.advance("11-23T18:00")
    assert proven(supplements) == []
    owner = engine(supplements.hub.engine.url.render_as_string(hide_password=False), role=None)
    with owner.begin() as conn:
        assert conn.execute(text(tampering)).rowcount == 1, "the tampering touches one row"
    owner.dispose()
    found = [said for said in proven(supplements) if said.startswith(f"{check}:")]
    assert found and culprit in found[0]


def test_the_request_file_of_every_profile_says_that_a_supplement_is_whole(new_city: NewCity) -> None:
    city = new_city(profiles={"ICBC": "fixed-gb18030", "CCB": "iso20022"})
    city.accept(city.dues(bill("A-1", 1, DUE), kind="M"))
    city.accept(city.dues(other("S-1", 1), other("S-2", 2, bank="CCB"), kind="S"))
    city.advance("11-02T09:10")
    parts = {line.instruction: line.may_be_part for b in ("ICBC", "CCB") for r in city.requests(b) for line in r.lines}
    assert parts == {"A-1-1": True, "S-1-1": False, "S-2-1": False}


# -- what comes back ---------------------------------------------------------------------------------------------------


def test_a_supplement_whose_cheque_comes_back_is_cancelled_and_nothing_reopens(supplements: City) -> None:
    supplements.accept(supplements.cheques(("P-4", "S-4", WHOLE)))
    supplements.advance("11-10T10:00")
    supplements.accept(supplements.returns(("T-4", "P-4", WHOLE)))
    assert supplements.status("S-4") == "cancelled" and supplements.collected("S-4") == (0, 0, 0, 0)
    assert told(supplements.submit(supplements.cheques(("P-5", "S-4", WHOLE)))) == [(2, "bill id", "cancelled")]
    assert proven(supplements) == []
    supplements.advance("11-23T18:00")
    assert measures(supplements, "f3")["arrived"] == (0, 0)
    supplements.advance("11-30T23:30")
    assert {row["unit"][-1] for row in supplements.form("arrears")["rows"]} == {"1"}, "the monthly bill's alone"
    assert proven(supplements) == []


def test_a_repayment_that_comes_back_is_cancelled_and_its_arrears_stand_again(arrears: City) -> None:
    before = outstanding(arrears)
    opened = arrears.rows(
        "select opened_on from arrears_of_bill a join bill b on b.id = a.bill_id where b.bill_no = 'A-1'"
    )
    assert repay(arrears, repaying("R-1", 1, bank="")).accepted
    arrears.accept(arrears.cheques(("P-1", "R-1", WHOLE)))
    assert "1" not in outstanding(arrears)
    assert proven(arrears) == []
    arrears.accept(arrears.returns(("T-1", "P-1", WHOLE)))
    assert outstanding(arrears) == before
    assert [arrears.status(no) for no in ("R-1", "A-1")] == ["cancelled", "arrears"]
    assert opened == arrears.rows(
        "select opened_on from arrears_of_bill a join bill b on b.id = a.bill_id where b.bill_no = 'A-1'"
    )
    assert repay(arrears, repaying("R-2", 1, bank="")).accepted, "its claim is free again"
    assert proven(arrears) == []


def test_a_return_after_the_finance_close_leaves_its_report_as_it_was(supplements: City) -> None:
    supplements.accept(supplements.cheques(("P-4", "S-4", WHOLE)))
    supplements.advance("11-23T18:00")
    reported = measures(supplements, "f3")
    assert reported["arrived"] == (1, WHOLE)
    supplements.accept(supplements.returns(("T-4", "P-4", WHOLE)))
    supplements.advance("12-22T18:00")
    assert measures(supplements, "f3") == reported
    assert measures(supplements, "f3", "2026-12")["cancelled"] == (0, 0), "it was settled in the report before"
    assert supplements.status("S-4") == "cancelled"
    assert proven(supplements) == []


def change(city: City, *lines: tuple[str, int, int, str], bank: str = "ICBC") -> list[str]:
    city.put(bank, city.change(bank, *lines))
    outcomes = city.poll(bank)
    city.pump.drain()
    return outcomes


def test_a_supplement_whose_deduction_comes_back_is_cancelled(supplements: City) -> None:
    supplements.first_deduction(ICBC={"S-2": "02"})
    assert [supplements.status(no) for no in ("S-1", "S-2")] == ["arrived", "cancelled"]
    assert change(supplements, ("S-1-1", WHOLE, 0, "99")) == ["taken"]
    assert supplements.status("S-1") == "cancelled" and supplements.collected("S-1") == (0, 0, 0, 0)
    assert proven(supplements) == []


def test_a_supplement_that_failed_and_was_paid_after_all_stays_cancelled(supplements: City) -> None:
    """It may have been filed again by now: the money waits for a person."""
    supplements.first_deduction(ICBC={"S-2": "02"})
    assert change(supplements, ("S-2-1", 0, WHOLE, "00")) == ["taken"]
    assert supplements.status("S-2") == "cancelled" and supplements.collected("S-2") == (0, 0, 0, 0)
    assert supplements.value("select sum(pension + unemployment + injury + maternity) from suspense") == WHOLE
    assert [item["bank"] for item in supplements.work("suspense")] == ["ICBC"]
    assert proven(supplements) == []


def test_a_repayment_whose_deduction_comes_back_lets_its_arrears_stand_again(arrears: City) -> None:
    before = outstanding(arrears)
    assert repay(arrears, repaying("R-1", 1)).accepted
    arrears.advance("12-02T09:10")
    arrears.answer("ICBC", {})
    arrears.advance("12-04T10:00")
    assert "1" not in outstanding(arrears)
    assert change(arrears, ("R-1-1", WHOLE, 0, "99")) == ["taken"]
    assert outstanding(arrears) == before and arrears.status("R-1") == "cancelled"
    memo = journal(arrears, "AGENCY", "MEMO_ARREARS", "D") - journal(arrears, "AGENCY", "MEMO_ARREARS", "C")
    assert memo == sum(sum(funds) for funds in before.values())
    assert proven(arrears) == []


def test_a_monthly_bill_that_was_paid_after_all_takes_only_what_no_repayment_has_brought(arrears: City) -> None:
    assert repay(arrears, repaying("R-1", 1, HALF, bank="")).accepted
    arrears.accept(arrears.cheques(("P-1", "R-1", sum(HALF))))
    assert change(arrears, ("A-1-1", 0, WHOLE, "00")) == ["taken"]
    assert "1" not in outstanding(arrears)
    assert arrears.value("select sum(pension + unemployment + injury + maternity) from suspense") == sum(HALF)
    assert proven(arrears) == []
