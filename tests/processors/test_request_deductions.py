"""Step 2 (C9-1): which bills are asked of a bank, in which session, and for how much."""

import pytest

from simulators.amounts import Four
from tests.processors.city import PERIOD, City, bill, unit_of

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


def test_the_first_session_asks_every_monthly_bill_for_bank_deduction(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB"), bill("A-3", 3, DUE, bank="")))
    city.advance("11-02T09:10")
    assert (city.asked("ICBC"), city.asked("CCB")) == ({"A-1-1": DUE}, {"A-2-1": DUE})
    assert city.total("f6", "requested", period=PERIOD, round=1) == (2, 2 * WHOLE)


def test_a_bank_that_deducts_no_parts_is_asked_all_or_nothing(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE, bank="CCB")))
    city.advance("11-02T09:10")
    partial = {line.instruction: line.may_be_part for code in ("ICBC", "CCB") for line in city.requests(code)[0].lines}
    assert partial == {"A-1-1": True, "A-2-1": False}


@pytest.mark.parametrize(
    ("handed_in", "first", "second"), [("11-01T17:59", {"A-1-1": DUE}, {}), ("11-01T18:00", {}, {"A-1-2": DUE})]
)
def test_a_bill_after_the_first_upload_joins_the_second_by_itself(
    city: City, handed_in: str, first: dict[str, Four], second: dict[str, Four]
) -> None:
    city.advance(handed_in)
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-02T09:10")
    assert city.asked("ICBC") == first
    city.answer("ICBC", {"A-1": "02"})
    city.advance("11-20T14:10")
    assert city.asked("ICBC") == second


def test_a_unit_that_nobody_names_is_not_asked_again(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.first_deduction(ICBC={"A-1": "02", "A-2": "03"})
    city.accept(city.again((unit_of(1), "B")))
    city.advance("11-20T14:10")
    assert set(city.asked("ICBC")) == {"A-1-2"}


def test_named_before_its_answer_was_there_and_answered_before_the_upload(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.accept(city.again((unit_of(1), "B")))  # nothing has been asked yet, so nothing is unanswered
    city.first_deduction()
    city.advance("11-20T14:10")
    assert city.asked("ICBC") == {"A-1-1": DUE}, "an unanswered request is never asked again"


def test_an_answer_that_arrives_with_the_second_upload_is_not_asked_twice(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.accept(city.again((unit_of(1), "B"), (unit_of(2), "B")))
    city.first_deduction()
    city.advance("11-20T11:00")
    city.answer("ICBC", {"A-1": 10400, "A-2": "02"})
    city.advance("11-20T14:10")
    assert city.asked("ICBC") == {"A-1-2": (0, 600, 500, 300), "A-2-2": DUE}


def test_only_bills_of_the_period_are_asked(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.accept(city.dues(bill("A-2", 1, DUE), period="2026-12"))
    city.advance("11-02T09:10")
    assert set(city.asked("ICBC")) == {"A-1-1"}


def test_a_closed_upload_is_not_closed_twice(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE)))
    city.advance("11-02T09:10")
    city.advance("11-02T09:10")
    city.pump.repeat_everything()
    assert city.value("select count(*) from instruction") == city.value("select count(*) from city_line") == 1
