"""What the domain is fed in its property tests."""

from hypothesis import strategies as st

from hub.domain.funds import FundAmounts
from hub.domain.money import MAX_AMOUNT, Fen

fen = st.integers(0, MAX_AMOUNT // 4).map(Fen)
amounts = st.builds(FundAmounts, fen, fen, fen, fen)

few_fen = st.integers(0, 5).map(Fen)
small_amounts = st.builds(FundAmounts, few_fen, few_fen, few_fen, few_fen)
"""Small enough that zeros and exact fits come often."""


def fund_amounts(*yuan: int) -> FundAmounts:
    """Whole yuan per fund, for tables that people read."""
    return FundAmounts(*(Fen(each * 100) for each in yuan))
