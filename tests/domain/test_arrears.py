"""What is missing and what came in make up what is due (C9-6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.arrears import unarrived
from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.money import Fen
from hub.domain.splitting import split
from tests.domain.strategies import amounts, fund_amounts, small_amounts


@given(amounts | small_amounts, st.data())
def test_due_is_arrived_plus_unarrived(due: FundAmounts, data: st.DataObject) -> None:
    collected = split(Fen(data.draw(st.integers(0, due.total))), due)
    assert collected.plus(unarrived(due, collected)) == due


@given(amounts)
def test_nothing_is_missing_of_a_bill_paid_in_full(due: FundAmounts) -> None:
    assert unarrived(due, due) == NOTHING
    assert unarrived(due, NOTHING) == due


def test_a_fund_is_never_collected_beyond_its_due() -> None:
    with pytest.raises(AssertionError):
        unarrived(fund_amounts(8, 2, 0, 0), fund_amounts(7, 3, 0, 0))
