"""A batch's moves, all of them, and how a bill stands."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.lifecycle import MOVES, BatchState, BillStatus, DeliveryOutcome, after_failure, bill_status, move
from hub.domain.money import Fen
from hub.domain.splitting import split
from tests.domain.strategies import fund_amounts, small_amounts

ALLOWED = {
    ("BATCHED", "SENDING"),
    ("SENDING", "SENT"),
    ("SENT", "ANSWERED"),
    ("ANSWERED", "POSTING"),
    ("POSTING", "POSTED"),
}


@pytest.mark.parametrize(("state", "to"), list(product(BatchState, BatchState)))
def test_every_move(state: BatchState, to: BatchState) -> None:
    if (state.value, to.value) in ALLOWED:
        assert move(state, to) is to
    else:
        with pytest.raises(AssertionError, match=f"{state.value} to {to.value}"):
            move(state, to)


@pytest.mark.parametrize(
    ("before", "unknown", "after"),
    [
        ("", None, "refused"),
        ("", False, "refused"),
        ("", True, "unknown"),
        ("refused", None, "refused"),
        ("refused", True, "unknown"),
        ("unknown", None, "unknown"),  # nobody got as far as looking
        ("unknown", True, "unknown"),
        ("unknown", False, "refused"),  # somebody looked, and it is not there
    ],
)
def test_an_unknown_delivery_stays_unknown_until_somebody_has_looked(
    before: str, unknown: bool | None, after: str
) -> None:
    assert after_failure(DeliveryOutcome(before), unknown=unknown).value == after


def test_every_state_has_its_moves_and_leads_to_posted() -> None:
    assert set(MOVES) == set(BatchState)
    state, path = BatchState.BATCHED, [BatchState.BATCHED]
    while MOVES[state]:
        [state] = MOVES[state]
        path.append(state)
    assert path == list(BatchState)


@pytest.mark.parametrize(
    ("due", "arrived", "in_arrears", "cancelled", "status"),
    [
        ((8, 2, 0, 0), (0, 0, 0, 0), False, False, BillStatus.OPEN),
        ((8, 2, 0, 0), (5, 0, 0, 0), False, False, BillStatus.PART),
        ((8, 2, 0, 0), (8, 0, 0, 0), False, False, BillStatus.PART),
        ((8, 2, 0, 0), (8, 2, 0, 0), False, False, BillStatus.ARRIVED),
        ((8, 2, 0, 0), (0, 0, 0, 0), True, False, BillStatus.ARREARS),
        ((8, 2, 0, 0), (8, 1, 0, 0), True, False, BillStatus.ARREARS),
        ((8, 2, 0, 0), (8, 2, 0, 0), True, False, BillStatus.ARRIVED),  # settled since
        ((8, 2, 0, 0), (0, 0, 0, 0), False, True, BillStatus.CANCELLED),
        ((0, 0, 3, 0), (0, 0, 3, 0), False, False, BillStatus.ARRIVED),
    ],
)
def test_how_a_bill_stands(
    due: tuple[int, ...], arrived: tuple[int, ...], in_arrears: bool, cancelled: bool, status: BillStatus
) -> None:
    assert bill_status(fund_amounts(*due), fund_amounts(*arrived), in_arrears, cancelled) is status


@given(small_amounts.filter(lambda due: due.total > 0), st.booleans(), st.data())
def test_a_bill_has_arrived_when_nothing_is_missing(due: FundAmounts, in_arrears: bool, data: st.DataObject) -> None:
    collected = Fen(data.draw(st.integers(0, due.total)))
    status = bill_status(due, split(collected, due), in_arrears, cancelled=False)
    assert (status is BillStatus.ARRIVED) is (collected == due.total)
    assert (status is BillStatus.OPEN) is (collected == 0 and not in_arrears)
    assert bill_status(due, NOTHING, in_arrears, cancelled=True) is BillStatus.CANCELLED
