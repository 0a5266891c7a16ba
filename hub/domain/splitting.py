"""How money that came in for a bill is shared among its four funds (分账, C9-2)."""

from collections.abc import Sequence
from operator import add

from hub.domain.funds import NOTHING, STATUTORY_ORDER, FundAmounts
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


def split_columns(collected: Sequence[int], requested: Sequence[Sequence[int]]) -> tuple[list[int], ...]:
    """The same for many bills at once: one column of fen a fund in statutory order, each a line a bill.

    Most bills are paid in full or not at all, and then nothing has to be computed; the others go through :func:`split`.
    """
    pension, unemployment, injury, maternity = requested
    assert all(min(column, default=0) >= 0 for column in requested), "a request is never negative"
    totals = list(map(add, map(add, pension, unemployment), map(add, injury, maternity)))
    assert len(collected) == len(totals) == max(map(len, requested)), "columns are equally long"
    shares = tuple(map(list, requested))
    for line, (paid, total) in enumerate(zip(collected, totals, strict=True)):
        if paid != total:
            parts = split(Fen(paid), FundAmounts(*(Fen(column[line]) for column in requested))) if paid else NOTHING
            for share, part in zip(shares, parts, strict=True):
                share[line] = part
    return shares
