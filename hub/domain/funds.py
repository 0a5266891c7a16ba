"""The four funds in statutory order (险种顺序, C4, C9-2) and an amount for each."""

from collections.abc import Iterable
from enum import Enum
from typing import Final, NamedTuple

from hub.domain.money import ZERO, Fen


class Fund(Enum):
    """A social-insurance fund. The order of the members is the statutory order of distribution (C9-2)."""

    PENSION = "pension"  # 养老
    UNEMPLOYMENT = "unemployment"  # 失业
    INJURY = "injury"  # 工伤
    MATERNITY = "maternity"  # 生育


STATUTORY_ORDER: Final[tuple[Fund, ...]] = tuple(Fund)
FUND_NAMES: Final[tuple[str, ...]] = tuple(fund.value for fund in STATUTORY_ORDER)
"""The column names of the four funds everywhere: tables, events, exports."""


class FundAmounts(NamedTuple):
    """Fen per fund, in statutory order."""

    pension: Fen
    unemployment: Fen
    injury: Fen
    maternity: Fen

    @property
    def total(self) -> Fen:
        return Fen(self[0] + self[1] + self[2] + self[3])

    def plus(self, other: "FundAmounts") -> "FundAmounts":
        return FundAmounts(*(Fen(mine + theirs) for mine, theirs in zip(self, other, strict=True)))

    def minus(self, other: "FundAmounts") -> "FundAmounts":
        """The difference per fund; it may be negative, which the caller must have meant."""
        return FundAmounts(*(Fen(mine - theirs) for mine, theirs in zip(self, other, strict=True)))


NOTHING: Final = FundAmounts(ZERO, ZERO, ZERO, ZERO)


def sum_of(amounts: Iterable[FundAmounts]) -> FundAmounts:
    """Amounts added up, fund by fund."""
    total = NOTHING
    for each in amounts:
        total = total.plus(each)
    return total
