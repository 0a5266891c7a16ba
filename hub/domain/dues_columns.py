"""The rules of dues by columns: for a file that comes in parts, too large to be held line by line (contract section 2).

They say only whether a file keeps the rules; ``hub.domain.dues`` says what is wrong with one that does not.
"""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Final

import polars as pl

from hub.domain.dues import ControlLine, DuesHeader, Kind, Mode, controls_against
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import BankCode
from hub.domain.reconciliation import NO_LINES, ControlTotals

Rule = Callable[[DuesHeader], pl.Expr]
"""True for each line that keeps the rule; the columns bear the names of a dues part."""


def amounts_over_zero(_: DuesHeader) -> pl.Expr:
    """A bill's total is over zero (contract section 1)."""
    return pl.col("total") > 0


def totals_are_sums(_: DuesHeader) -> pl.Expr:
    """The total is that of the four funds (contract section 1)."""
    return pl.col("total") == pl.sum_horizontal(FUND_NAMES)


def months_referred_to(header: DuesHeader) -> pl.Expr:
    """``refers to``: empty for ``M``; an earlier month for ``S`` (C10) and for ``A``, whose arrears it repays (C11)."""
    refers_to = pl.col("refers_to")
    if header.kind is Kind.MONTHLY:
        return refers_to.is_null()
    return refers_to.is_not_null() & (refers_to < str(header.period))


def accounts_by_mode(_: DuesHeader) -> pl.Expr:
    """Bank, account and account name: all three for mode ``B``, none for ``S`` (C9-1)."""
    by_bank = pl.col("mode") == Mode.BANK.value
    return pl.all_horizontal((pl.col(field) != "") == by_bank for field in ("bank", "account", "account_name"))


LINE_RULES: Final[tuple[Rule, ...]] = (amounts_over_zero, totals_are_sums, months_referred_to, accounts_by_mode)


class DuesByColumns:
    """Holds one file to the rules of ``check_dues``, part by part and then as a whole.

    A part has the columns line, bill_no, unit, mode, bank, account, account_name, pension, unemployment, injury,
    maternity, total (fen) and refers_to (null when empty). Of a line two numbers of eight bytes are remembered.
    """

    def __init__(self, header: DuesHeader) -> None:
        self.totals: dict[tuple[Mode, BankCode], ControlTotals] = {}
        self._header = header
        self._bills: list[pl.Series] = []
        self._units: list[pl.Series] = []

    @property
    def count(self) -> int:
        return self._all.count

    @property
    def amounts(self) -> FundAmounts:
        return self._all.amounts

    @property
    def _all(self) -> ControlTotals:
        return reduce(ControlTotals.plus, self.totals.values(), NO_LINES)

    def part_fits(self, part: pl.DataFrame) -> bool:
        """Whether every line of a part keeps the rules that need no other line; adds the part to what is to come."""
        self._add(part)
        self._bills.append(part["bill_no"].hash())
        if self._header.kind is Kind.MONTHLY:
            self._units.append(part["unit"].cast(pl.Int64))
        kept = part.select(pl.all_horizontal(rule(self._header) for rule in LINE_RULES).all(ignore_nulls=False))
        return kept.item() is True

    def whole_fits(self, controls: Iterable[ControlLine]) -> bool:
        """Whether the ``C`` lines equal the lines, bills are named once and so, in kind ``M``, are units.

        Bills are told apart by a hash of 64 bits: equal ids have equal hashes, and others almost never.
        """
        return not controls_against(controls, self.totals) and _once(self._bills) and _once(self._units)

    def _add(self, part: pl.DataFrame) -> None:
        sums = part.group_by("mode", "bank").agg(pl.len(), *(pl.col(fund).sum() for fund in FUND_NAMES))
        for mode, bank, count, *amounts in sums.iter_rows():
            key = Mode(mode), BankCode(bank)
            self.totals[key] = self.totals.get(key, NO_LINES).plus(ControlTotals(count, FundAmounts(*amounts)))


def _once(parts: list[pl.Series]) -> bool:
    if not parts:
        return True
    found = pl.concat(parts)
    return found.n_unique() == len(found)
