"""The statutory split by columns, for whole files; ``hub.domain.splitting`` has the rule bill by bill (C4, C9-2)."""

from collections.abc import Sequence

import polars as pl


def split_expressions(collected: pl.Expr, requested: Sequence[pl.Expr]) -> list[pl.Expr]:
    """Fen per fund in statutory order: what is left when those before have theirs, and no more than was requested.

    For amounts that are not negative; they add up to what was collected where that is no more than was requested.
    """
    shares: list[pl.Expr] = []
    before = pl.lit(0, pl.Int64)
    for wanted in requested:
        shares.append((collected - before).clip(0, wanted))
        before += wanted
    return shares
