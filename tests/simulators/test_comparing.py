"""The comparison misses nothing: a fen, a count, a row, an order or a total that is off is named."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from simulators.forms import FORMS, Export, add_up, differences, expected
from simulators.oracle import Oracle
from simulators.sessions import dates_of
from simulators.tie_out import Figure, FundMonth, TieOut

EXPORT = Export("f8", "2026-09", 1)
Answer = dict[str, Any]


@pytest.fixture
def oracle(paper_hub) -> Oracle:
    hub = paper_hub(units=60)
    hub.file_dues("2026-09")
    hub.ask_banks("2026-09", 1)
    for bank in hub.programs:
        hub.answer(bank, "2026-09", 1)
    hub.oracle.advance(dates_of("2026-09").first.posting)
    return hub.oracle


def right_answer(oracle: Oracle, export: Export) -> Answer:
    rows = expected(oracle, export)
    total = add_up(rows, FORMS[export.form].measures)
    return {
        "form": export.form,
        "title": "",
        "period": export.period,
        "round": export.round,
        "unit": "fen",
        "rows": copy.deepcopy(rows),
        "total": total,
    }


def a_fen_more(answer: Answer) -> None:
    answer["rows"][0]["arrived"]["injury"] += 1


def a_count_less(answer: Answer) -> None:
    answer["rows"][-1]["unarrived"]["count"] -= 1


def a_row_missing(answer: Answer) -> None:
    answer["rows"].pop()


def a_row_too_many(answer: Answer) -> None:
    answer["rows"].append({**answer["rows"][-1], "kind": "S"})


def rows_turned_round(answer: Answer) -> None:
    answer["rows"].reverse()


def another_total(answer: Answer) -> None:
    answer["total"]["requested"]["total"] += 1


def another_period(answer: Answer) -> None:
    answer["period"] = "2026-10"


def test_the_right_answer_has_no_difference(oracle: Oracle) -> None:
    for export in (EXPORT, Export("t8", "2026-09"), Export("f1", "2026-09"), Export("balances"), Export("arrears")):
        assert differences(oracle, export, right_answer(oracle, export)) == []


def test_rows_that_hold_nothing_may_be_left_out_or_not(oracle: Oracle) -> None:
    answer = right_answer(oracle, EXPORT)
    nothing = {name: {**sums} for name, sums in add_up([], FORMS["f8"].measures).items()}
    answer["rows"].append({"agency": "999999", "bank": "ZZ", "kind": "M", **nothing})
    assert differences(oracle, EXPORT, answer) == []


@pytest.mark.parametrize(
    "spoil",
    [a_fen_more, a_count_less, a_row_missing, a_row_too_many, rows_turned_round, another_total, another_period],
)
def test_a_wrong_answer_has_a_difference(spoil: Callable[[Answer], None], oracle: Oracle) -> None:
    answer = right_answer(oracle, EXPORT)
    spoil(answer)
    found = differences(oracle, EXPORT, answer)
    assert found
    assert all(difference.startswith("f8 2026-09 1") for difference in found)


def test_figures_tie_when_every_count_and_fund_is_the_same() -> None:
    one = Figure("财表六", 3, (4, 3, 2, 1))
    assert TieOut("asked", (one, one._replace(whose="财表七"))).holds
    assert TieOut("asked", (one, one._replace(bills=None))).holds, "who does not count bills is asked for money only"
    assert not TieOut("asked", (one, one._replace(bills=4))).holds
    assert not TieOut("asked", (one, one._replace(amounts=(4, 3, 1, 2)))).holds, "the same total is not enough"


def test_a_fund_adds_up_to_its_due() -> None:
    assert FundMonth("pension", 10, 5, 2, 1, 2).holds
    assert not FundMonth("pension", 10, 5, 2, 1, 1).holds
