"""How money that came in for a bill is shared among its four funds (分账, C9-2)."""

from hub.domain.funds import STATUTORY_ORDER, FundAmounts
from hub.domain.money import Fen


def split(collected: Fen, requested: FundAmounts) -> FundAmounts:
    """Fen per fund: pension 养老 is filled first, then unemployment 失业, injury 工伤, maternity 生育 (C4, C9-2).

    A fund gets nothing while an earlier one of the same bill is short. The parts add up to ``collected``, which is
    never more than was requested.
    """
    assert all(amount >= 0 for amount in requested), f"a request is never negative: {requested}"
    assert 0 <= collected <= requested.total, f"collected {collected} of {requested.total}"
    left = collected
    shares: list[Fen] = []
    for _, wanted in zip(STATUTORY_ORDER, requested, strict=True):
        share = min(left, wanted)
        shares.append(share)
        left = Fen(left - share)
    assert left == 0
    return FundAmounts(*shares)
