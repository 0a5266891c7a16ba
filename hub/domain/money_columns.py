"""Money by columns: fen out of the yuan text of files and back, as ``hub.domain.money`` does it amount by amount."""

import polars as pl

from hub.domain.money import Fen


def fen_of(text: pl.Expr) -> pl.Expr:
    """The fen (64 bits) of texts known to be amounts; ``1234.56`` is 123456."""
    return text.str.replace(".", "", literal=True).cast(pl.Int64)


def yuan_of(amount: pl.Expr) -> pl.Expr:
    """The contract's text of amounts in fen that are not negative; 123456 is ``1234.56``."""
    whole, cents = (amount // 100).cast(pl.String), (amount % 100).cast(pl.String).str.zfill(2)
    return pl.concat_str(whole, pl.lit("."), cents)


def fen_of_digits(text: pl.Expr) -> pl.Expr:
    """The fen (64 bits) of texts known to be whole numbers of fen."""
    return text.cast(pl.Int64)


def digits_of(number: pl.Expr, digits: int) -> pl.Expr:
    """So many digits, with leading zeros, of whole numbers that are not negative and have room in them."""
    return number.cast(pl.String).str.zfill(digits)


def added_up(amounts: pl.Series) -> Fen:
    """What amounts in fen add up to, however many they are."""
    total = amounts.cast(pl.Int128).sum()
    assert isinstance(total, int), f"amounts are whole fen, not {amounts.dtype}"
    return Fen(total)
