"""Step 11 (rules section 6): a receipt that comes back unpaid (退票) is reversed whole, once, in the period that is open."""

from dataclasses import replace

import pytest

from simulators.agency import Receipt, Returned, receipts, returns
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, unit_of
from tests.processors.test_take_in_dues import told

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
NOTHING: Four = (0, 0, 0, 0)


@pytest.fixture
def counter(city: City) -> City:
    """5 November: A-1 paid by cheque R-1, A-2 in part by its bank and the rest by cheque R-2, A-3 in full by its bank,
    A-4 in cash R-4, A-5 not at all; B-1 of another agency by cheque R-9."""
    sporadic = [bill(f"A-{n}", n, DUE, bank="") for n in (1, 4, 5)]
    city.accept(city.dues(*sporadic, bill("A-2", 2, DUE), bill("A-3", 3, DUE)))
    city.accept(city.dues(bill("B-1", 1, DUE, bank="", agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.first_deduction(ICBC={"A-2": 10400})
    city.accept(city.cheques(("R-1", "A-1", WHOLE), ("R-2", "A-2", WHOLE - 10400)))
    city.accept(city.receipts(("R-4", "A-4", WHOLE)))
    city.accept(city.cheques(("R-9", "B-1", WHOLE), agency_code=HAIDIAN))
    return city


def postings(city: City, what: str) -> set[tuple[str, str, str, int]]:
    query = """
        select p.account, p.fund, p.side, sum(p.amount_fen)::bigint from journal_entry e
        join journal_posting p on p.entry_id = e.id where e.what = :what and e.agency = :agency group by 1, 2, 3
    """
    return {(row[0], row[1], row[2], row[3]) for row in city.rows(query, what=what, agency=CHAOYANG)}


def test_the_whole_receipt_is_taken_back_with_its_funds(counter: City) -> None:
    answer = counter.accept(counter.returns(("T-1", "R-1", WHOLE), ("T-2", "R-2", WHOLE - 10400)))
    assert (answer.bills, answer.total) == (2, 2 * WHOLE - 10400)
    assert counter.collected("A-1") == NOTHING
    assert counter.collected("A-2") == (10000, 400, 0, 0)
    taken = (
        "select pension, unemployment, injury, maternity from collection where source = 'RECEIPT_REVERSAL' order by 1"
    )
    assert counter.rows(taken) == [(-10000, -1000, -500, -300), (0, -600, -500, -300)]


def test_the_entry_mirrors_that_of_the_receipts(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE, bank="")))
    city.advance("11-05T09:00")
    city.accept(city.cheques(("R-1", "A-1", WHOLE)))
    city.accept(city.returns(("T-1", "R-1", WHOLE)))
    other = {"D": "C", "C": "D"}
    assert postings(city, "receipt-returned") == {
        (account, fund, other[side], fen) for account, fund, side, fen in postings(city, "receipt")
    }


def test_what_was_recorded_for_people_is_withdrawn(counter: City) -> None:
    assert counter.total("balances", "collected", agency=CHAOYANG) == (4, 4 * WHOLE)
    counter.accept(counter.returns(("T-1", "R-1", WHOLE)))
    assert counter.total("balances", "collected", agency=CHAOYANG) == (3, 3 * WHOLE)
    (row,) = counter.form("unit", unit=unit_of(1), agency=CHAOYANG)["rows"]
    assert (row["status"], row["unarrived"]["total"], row["arrived"]["count"]) == ("open", WHOLE, 0)


def test_a_bill_of_the_open_month_is_unarrived_and_can_be_paid_again(counter: City) -> None:
    counter.accept(counter.returns(("T-1", "R-1", WHOLE), ("T-2", "R-2", WHOLE - 10400)))
    counter.accept(counter.again((unit_of(2), "B")))
    counter.accept(counter.cheques(("R-11", "A-1", WHOLE)))
    counter.advance("11-20T14:10")
    assert counter.asked("ICBC") == {"A-2-2": (0, 600, 500, 300)}
    assert counter.collected("A-1") == DUE
    counter.accept(counter.returns(("T-11", "R-11", WHOLE)))
    counter.advance("11-30T23:30")
    assert counter.total("f1", "arrears", period=PERIOD, agency=CHAOYANG) == (3, 2 * WHOLE + WHOLE - 10400)


def test_what_comes_back_after_the_second_upload_is_not_asked_by_it(counter: City) -> None:
    """The hour of the upload decides, however late it is drawn up: by it, the cheque had paid the bill."""
    counter.accept(counter.returns(("T-2", "R-2", WHOLE - 10400)))
    counter.accept(counter.again((unit_of(2), "B")))
    counter.accept(counter.cheques(("R-12", "A-2", WHOLE - 10400)))
    counter.time_passes("11-20T13:00")
    counter.accept(counter.returns(("T-12", "R-12", WHOLE - 10400)))
    counter.advance("11-20T14:10")
    assert counter.asked("ICBC") == {}


def test_after_month_end_the_arrears_of_the_month_are_opened(counter: City) -> None:
    counter.advance("11-30T23:30")
    closed = counter.form("f1", period=PERIOD)
    assert counter.total("arrears", "outstanding") == (1, WHOLE)
    counter.advance("12-03T10:00")
    counter.accept(counter.returns(("T-1", "R-1", WHOLE), ("T-2", "R-2", WHOLE - 10400)))
    assert counter.form("f1", period=PERIOD) == closed
    rows = {row["unit"]: row["outstanding"]["total"] for row in counter.form("arrears")["rows"]}
    assert rows == {unit_of(1): WHOLE, unit_of(2): WHOLE - 10400, unit_of(5): WHOLE}
    assert {row["period"] for row in counter.form("arrears")["rows"]} == {PERIOD}
    counter.pump.drain()
    assert counter.arrears_told() == counter.arrears_outstanding(), "readers of the topics are told as well"
    (entries,) = counter.rows(
        "select count(*) from journal_entry where what = 'arrears-opened' and agency = :a", a=CHAOYANG
    )
    assert entries == (1,), "the return itself has booked what it opened"
    (row,) = counter.form("unit", unit=unit_of(1), agency=CHAOYANG)["rows"]
    assert row["status"] == "arrears"
    assert ("MEMO_ARREARS", "pension", "D", 10000) in postings(counter, "receipt-returned")
    assert counter.rows("select distinct booking_period from reversal") == [("2026-12",)]
    assert counter.total("balances", "collected", period="2026-12") == (0, -(2 * WHOLE - 10400))
    assert told(counter.submit(counter.cheques(("R-11", "A-1", WHOLE)))) == [(2, "bill id", "period-closed")]


def test_what_comes_back_between_the_hour_and_its_closing_is_not_of_the_month(counter: City) -> None:
    """The hour closes a month, even when the close is carried out later."""
    counter.time_passes("11-30T23:05")
    counter.accept(counter.returns(("T-1", "R-1", WHOLE)))
    counter.advance("11-30T23:30")
    assert counter.total("f1", "arrears", period=PERIOD, agency=CHAOYANG) == (1, WHOLE)
    assert counter.total("arrears", "outstanding") == (2, 2 * WHOLE)


def test_session_forms_stay_as_they_were(counter: City) -> None:
    def told_of_the_session() -> list[object]:
        return [counter.form(name, period=PERIOD, round=1) for name in ("f6", "t26", "f7", "f8", "t27")]

    before = told_of_the_session()
    counter.accept(counter.returns(("T-1", "R-1", WHOLE), ("T-2", "R-2", WHOLE - 10400)))
    assert told_of_the_session() == before


def test_others_are_told(counter: City) -> None:
    counter.accept(counter.returns(("T-1", "R-1", WHOLE)))
    assert counter.rows("select key, subject from outbox where topic = 'settle.cheque-returned.v1'") == [
        (CHAOYANG, "T-1")
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (("T-1", "NONE", WHOLE), (2, "receipt id", "unknown-receipt")),
        (("T-1", "R-9", WHOLE), (2, "receipt id", "unknown-receipt")),
        (("T-1", "R-4", WHOLE), (2, "receipt id", "method")),
        (("T-1", "R-1", WHOLE - 1), (2, "amount", "amount")),
        (("T-1", "R-1", WHOLE + 1), (2, "amount", "amount")),
    ],
)
def test_what_cannot_come_back_is_refused(
    counter: City, line: tuple[str, str, int], fault: tuple[int, str, str]
) -> None:
    assert told(counter.submit(counter.returns(line))) == [fault]
    assert counter.value("select count(*) from reversal") == 0


def test_a_receipt_comes_back_once(counter: City) -> None:
    counter.accept(counter.returns(("T-1", "R-1", WHOLE)))
    again = counter.submit(counter.returns(("T-1", "R-1", WHOLE)))
    assert told(again) == [(2, "return id", "duplicate"), (2, "receipt id", "returned")]
    twice = counter.submit(counter.returns(("T-2", "R-2", WHOLE - 10400), ("T-3", "R-2", WHOLE - 10400)))
    assert told(twice) == [(3, "receipt id", "duplicate")]
    assert counter.collected("A-1") == NOTHING


def test_a_receipt_of_a_later_day_cannot_have_come_back(counter: City) -> None:
    day = counter.today()
    later = Receipt("R-5", "A-5", "CHEQUE", "007", WHOLE, day.replace(day=day.day + 1))
    counter.accept(receipts(CHAOYANG, day, 77, [later]))
    assert told(counter.submit(counter.returns(("T-5", "R-5", WHOLE)))) == [(2, "returned on", "date")]


def test_one_bad_line_refuses_the_whole_file_with_every_fault(counter: City) -> None:
    answer = counter.submit(counter.returns(("T-1", "R-1", WHOLE), ("T-4", "R-4", 5), ("T-9", "NONE", 1)))
    assert told(answer) == [(3, "receipt id", "method"), (3, "amount", "amount"), (4, "receipt id", "unknown-receipt")]
    assert counter.collected("A-1") == DUE


def test_the_same_bytes_again_take_nothing_back_twice(counter: City) -> None:
    paper = counter.returns(("T-1", "R-1", WHOLE))
    first = counter.accept(paper)
    assert counter.accept(paper) == replace(first, repeat=True)
    other = returns(CHAOYANG, counter.today(), 1, [Returned("T-2", "R-2", WHOLE - 10400, "退票", counter.today())])
    assert other.name == paper.name
    assert "identity-taken" in {code for _, _, code in told(counter.submit(other))}
    assert counter.collected("A-1") == NOTHING


def test_a_return_beside_an_answer_under_way_decides_as_if_it_were_posted(city: City) -> None:
    """The bank's money was released while the cheque had paid the bill: it is beyond it, posted before or after the return."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.first_deduction()
    city.accept(city.cheques(("R-1", "A-1", WHOLE), ("R-2", "A-2", WHOLE)))
    city.answer("ICBC", {"A-2": 10400})
    assert city.poll("ICBC") == ["taken"]
    city.time_passes("11-05T12:00")
    city.accept(city.returns(("T-1", "R-1", WHOLE)))  # the answer is still in flight
    city.accept(city.cheques(("R-11", "A-1", WHOLE)))
    city.pump.drain()
    city.accept(city.returns(("T-2", "R-2", WHOLE)))  # and here it is posted
    assert (city.collected("A-1"), city.collected("A-2")) == (DUE, NOTHING)
    assert city.rows("select b.bill_no, s.pension from suspense s join bill b on b.id = s.bill_id order by 1") == [
        ("A-1", 10000), ("A-2", 10000),
    ]  # fmt: skip
