"""Step 1 again (C9-5): whom an agency may ask a second time, and what its word does to the second deduction."""

import pytest

from simulators.amounts import Four
from tests.processors.city import HAIDIAN, City, bill, unit_of
from tests.processors.test_take_in_dues import told

DUE: Four = (10000, 1000, 500, 300)


@pytest.fixture
def after_first(city: City) -> City:
    """13 November: A-1 was paid in full, A-2 refused, A-3 not answered, A-4 is sporadic, A-5 paid in part."""
    city.accept(
        city.dues(
            bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE, bank="CCB"), bill("A-4", 4, DUE, bank=""),
            bill("A-5", 5, DUE),
        )
    )  # fmt: skip
    city.first_deduction(ICBC={"A-2": "02", "A-5": 10001})
    city.advance("11-13T10:00")
    return city


def test_a_unit_without_a_bill_of_this_agency_is_unknown(after_first: City) -> None:
    refused = after_first.submit(after_first.again((unit_of(2), "B"), (unit_of(77), "B")))
    assert told(refused) == [(3, "unit", "unknown-unit")]
    other = after_first.submit(after_first.again((unit_of(2), "B"), agency_code=HAIDIAN))
    assert told(other) == [(2, "unit", "unknown-unit")]


@pytest.mark.parametrize("mode", ["B", "S"])
def test_an_unanswered_unit_is_not_asked_again(after_first: City, mode: str) -> None:
    assert told(after_first.submit(after_first.again((unit_of(3), mode)))) == [(2, "unit", "unanswered")]


def test_a_unit_without_an_account_cannot_be_asked_of_a_bank(after_first: City) -> None:
    assert told(after_first.submit(after_first.again((unit_of(4), "B")))) == [(2, "mode", "no-account")]
    after_first.accept(after_first.again((unit_of(4), "S")))


def test_a_paid_unit_is_passed_over(after_first: City) -> None:
    answer = after_first.accept(after_first.again((unit_of(1), "B"), (unit_of(2), "B")))
    assert answer.bills == 2
    after_first.advance("11-20T14:10")
    assert after_first.asked("ICBC") == {"A-2-2": DUE}


def test_exactly_what_is_missing_is_asked_again(after_first: City) -> None:
    after_first.accept(after_first.again((unit_of(5), "B")))
    after_first.advance("11-20T14:10")
    assert after_first.asked("ICBC") == {"A-5-2": (0, 999, 500, 300)}


def test_mode_s_ends_bank_requests_for_the_month(after_first: City) -> None:
    after_first.accept(after_first.again((unit_of(2), "B"), (unit_of(5), "B")))
    after_first.accept(after_first.again((unit_of(2), "S")))
    assert told(after_first.submit(after_first.again((unit_of(2), "B")))) == [(2, "mode", "bank-requests-ended")]
    after_first.advance("11-20T14:10")
    assert set(after_first.asked("ICBC")) == {"A-5-2"}


def test_mode_s_before_the_first_upload_keeps_a_bill_from_the_bank(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.accept(city.again((unit_of(1), "S")))
    city.advance("11-02T09:10")
    assert set(city.asked("ICBC")) == {"A-2-1"}


def test_after_the_second_upload_nobody_is_asked_again(after_first: City) -> None:
    after_first.advance("11-20T12:00")
    assert told(after_first.submit(after_first.again((unit_of(2), "B")))) == [(1, "period", "session-closed")]


def test_an_answer_that_came_makes_a_unit_askable(after_first: City) -> None:
    after_first.answer("CCB", {"A-3": "02"})
    assert after_first.poll("CCB") == ["taken"]
    after_first.accept(after_first.again((unit_of(3), "B")))
    after_first.advance("11-20T14:10")
    assert after_first.asked("CCB") == {"A-3-2": DUE}
