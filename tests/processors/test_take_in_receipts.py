"""Step 11 (C9-1, C9-5): a sporadic receipt pays all that is outstanding on its bill, or it is refused."""

from dataclasses import replace

import pytest

from simulators.amounts import Four
from tests.processors.city import HAIDIAN, PERIOD, City, bill, unit_of
from tests.processors.test_take_in_dues import told

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


@pytest.fixture
def counter(city: City) -> City:
    """5 November: A-1 sporadic, A-2 paid in part by its bank, A-3 paid in full, B-1 is another agency's."""
    city.accept(
        city.dues(bill("A-1", 1, DUE, bank=""), bill("A-2", 2, DUE), bill("A-3", 3, DUE), bill("A-4", 4, DUE, bank=""))
    )
    city.accept(city.dues(bill("B-1", 1, DUE, bank="", agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.first_deduction(ICBC={"A-2": 10400})
    return city


def test_a_receipt_pays_every_fund(counter: City) -> None:
    answer = counter.accept(counter.receipts(("R-1", "A-1", WHOLE)))
    assert (answer.bills, answer.total) == (1, WHOLE)
    assert counter.collected("A-1") == DUE


def test_a_receipt_pays_what_the_bank_left(counter: City) -> None:
    counter.accept(counter.receipts(("R-1", "A-2", WHOLE - 10400)))
    assert counter.collected("A-2") == DUE
    booked = "select pension, unemployment, injury, maternity from collection where source = 'RECEIPT'"
    assert counter.rows(booked) == [(0, 600, 500, 300)]


@pytest.mark.parametrize("fen", [1, WHOLE - 1, WHOLE + 1])
def test_another_amount_than_all_that_is_outstanding(counter: City, fen: int) -> None:
    refused = counter.submit(counter.receipts(("R-1", "A-1", fen)))
    assert told(refused) == [(2, "amount", "not-outstanding")]
    assert refused.faults[0].expected.startswith("118.00")


def test_a_bill_that_is_paid_takes_nothing(counter: City) -> None:
    assert told(counter.submit(counter.receipts(("R-1", "A-3", WHOLE)))) == [(2, "bill id", "not-outstanding")]


def test_a_bill_of_another_agency_is_unknown_here(counter: City) -> None:
    refused = counter.submit(counter.receipts(("R-1", "B-1", WHOLE), ("R-2", "NONE", WHOLE)))
    assert told(refused) == [(2, "bill id", "unknown-bill"), (3, "bill id", "unknown-bill")]


def test_a_bill_is_paid_once_in_a_file(counter: City) -> None:
    refused = counter.submit(counter.receipts(("R-1", "A-1", WHOLE), ("R-2", "A-1", WHOLE)))
    assert [(line, code) for line, _, code in told(refused)] == [(3, "duplicate")]
    assert counter.collected("A-1") == (0, 0, 0, 0)


def test_a_receipt_id_is_used_once(counter: City) -> None:
    counter.accept(counter.receipts(("R-1", "A-1", WHOLE)))
    assert told(counter.submit(counter.receipts(("R-1", "A-4", WHOLE)))) == [(2, "receipt id", "duplicate")]


def test_one_bad_line_refuses_the_whole_file(counter: City) -> None:
    assert told(counter.submit(counter.receipts(("R-1", "A-1", WHOLE), ("R-2", "A-3", 5)))) == [
        (3, "bill id", "not-outstanding")
    ]
    assert counter.value("select count(*) from receipt") == 0


def test_after_month_end_a_monthly_bill_takes_none(counter: City) -> None:
    counter.advance("11-30T23:00")
    assert told(counter.submit(counter.receipts(("R-1", "A-1", WHOLE)))) == [(2, "bill id", "period-closed")]


def test_the_same_bytes_again_pay_nothing_twice(counter: City) -> None:
    paper = counter.receipts(("R-1", "A-1", WHOLE))
    first = counter.accept(paper)
    counter.advance("11-30T23:30")
    assert counter.accept(paper) == replace(first, repeat=True)
    assert counter.collected("A-1") == DUE


def test_a_receipt_right_behind_a_late_answer_sees_its_money(city: City) -> None:
    """The answer was posted by business time; how far the pipeline has come with it must not matter."""
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.first_deduction()
    city.answer("ICBC", {"A-1": 10400})
    assert city.poll("ICBC") == ["taken"]
    assert city.collected("A-1") == (0, 0, 0, 0)  # released, and still in flight
    assert told(city.submit(city.receipts(("R-1", "A-2", WHOLE)))) == [(2, "bill id", "not-outstanding")]
    assert told(city.submit(city.receipts(("R-1", "A-1", WHOLE)))) == [(2, "amount", "not-outstanding")]
    city.accept(city.receipts(("R-1", "A-1", WHOLE - 10400)))
    city.pump.drain()
    assert (city.collected("A-1"), city.collected("A-2")) == (DUE, DUE)
    assert city.work("suspense") == []
    assert city.total("balances", "collected") == (2, 2 * WHOLE)


def test_a_receipt_between_the_deductions_leaves_nothing_to_ask(counter: City) -> None:
    counter.accept(counter.again((unit_of(2), "B")))
    counter.accept(counter.receipts(("R-1", "A-2", WHOLE - 10400)))
    counter.advance("11-20T14:10")
    assert counter.asked("ICBC") == {}
    assert counter.total("f6", "requested", period=PERIOD, round=2) == (0, 0)
