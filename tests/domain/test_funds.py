"""The four funds stand in statutory order (C4, C9-2)."""

from hypothesis import given

from hub.domain.funds import FUND_NAMES, NOTHING, STATUTORY_ORDER, Fund, FundAmounts
from tests.domain.strategies import amounts


def test_the_statutory_order() -> None:
    assert STATUTORY_ORDER == (Fund.PENSION, Fund.UNEMPLOYMENT, Fund.INJURY, Fund.MATERNITY)
    assert FUND_NAMES == ("pension", "unemployment", "injury", "maternity") == FundAmounts._fields


@given(amounts, amounts)
def test_plus_and_minus_undo_each_other(some: FundAmounts, more: FundAmounts) -> None:
    assert some.plus(more).minus(more) == some
    assert some.plus(more).total == some.total + more.total
    assert some.plus(NOTHING) == some == some.minus(NOTHING)
