"""Paying units and their bills of one month, as columns: what ``simulators.population`` draws unit by unit, by the million."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from simulators.amounts import FUNDS
from simulators.chance import dice
from simulators.population import (
    ACCOUNT_SHAPE,
    BASE_CEILING,
    BASE_FLOOR,
    BRANDS,
    COMPANY_FORMS,
    GIVEN,
    INDUSTRIES,
    MATERNITY_RATE,
    PENSION_RATE,
    SMALL_FORMS,
    SURNAMES,
    UNEMPLOYMENT_RATE,
)

PERIOD: Final = "2026-12"
ALONE_IN_HUNDRED: Final = 8
"""Sole traders: their account is in a person's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Who is to pay. ``small_bank`` has ``small_lines`` of the bills, the other banks share the rest evenly."""

    seed: int
    units: int
    agencies: tuple[str, ...]
    banks: tuple[str, ...]
    small_bank: str = ""
    small_lines: int = 0

    @property
    def all_banks(self) -> tuple[str, ...]:
        return (*self.banks, self.small_bank) if self.small_bank else self.banks


def draws(seed: int, about: str, count: int) -> pl.Series:
    """``count`` numbers of 64 bits that belong to ``seed`` and ``about``."""
    numbers = array("Q")
    numbers.frombytes(dice(seed, "bench", about).randbytes(8 * count))
    return pl.Series(about, numbers, dtype=pl.UInt64)


def bills_of(crowd: Crowd) -> pl.DataFrame:
    """One monthly bill a unit, paid by bank deduction: bill_no, agency, unit, unit_name, bank, account, account_name, four funds.

    Agency by agency, as they would file them; the first agencies are the larger ones.
    """
    of_agency, numbers = _places(crowd)
    count = crowd.units
    frame = pl.DataFrame({"agency": of_agency, "number": numbers}).with_columns(
        unit=pl.col("agency") + pl.col("number").cast(pl.String).str.zfill(6)
    )
    frame = frame.with_columns(bill_no=pl.lit(f"M{PERIOD.replace('-', '')}-") + pl.col("unit"))
    frame = frame.with_columns(*_names(crowd.seed, count), _banks(crowd, count))
    return frame.with_columns(_accounts(crowd, count), *_amounts(crowd.seed, count)).select(
        "bill_no", "agency", "unit", "unit_name", "bank", "account", "account_name", *FUNDS
    )


def _places(crowd: Crowd) -> tuple[pl.Series, pl.Series]:
    parts = [len(crowd.agencies) - place + 1 for place in range(len(crowd.agencies))]
    codes, numbers, made = [], [], 0
    for place, agency in enumerate(crowd.agencies):
        until = crowd.units * sum(parts[: place + 1]) // sum(parts)
        codes.append(pl.repeat(agency, until - made, eager=True))
        numbers.append(pl.int_range(1, until - made + 1, eager=True))
        made = until
    return pl.concat(codes), pl.concat(numbers)


def _picked(choices: Sequence[str], drawn: pl.Series) -> pl.Series:
    return pl.Series(choices).gather((drawn % len(choices)).cast(pl.UInt32))


def _names(seed: int, count: int) -> list[pl.Series]:
    """unit_name and account_name; some hold characters that break careless encodings."""
    drawn = pl.DataFrame(
        {
            "brand": _picked(BRANDS, draws(seed, "brand", count)),
            "new": _picked(("", "", "恒", "新", "达", "科"), draws(seed, "new", count)),
            "word": _picked([one.word for one in INDUSTRIES], draws(seed, "industry", count)),
            "company": _picked(COMPANY_FORMS, draws(seed, "company", count)),
            "shop": _picked(SMALL_FORMS, draws(seed, "shop", count)),
            "person": _picked(SURNAMES, draws(seed, "surname", count)) + _picked(GIVEN, draws(seed, "given", count)),
            "alone": draws(seed, "alone", count) % 100 < ALONE_IN_HUNDRED,
        }
    )
    firm = pl.concat_str(pl.lit("北京"), "brand", "new", "word", "company")
    shop = pl.concat_str("brand", "new", "word", "shop", pl.lit("("), "person", pl.lit(")"))
    named = drawn.with_columns(unit_name=pl.when("alone").then(shop).otherwise(firm))
    named = named.with_columns(account_name=pl.when("alone").then("person").otherwise("unit_name"))
    return [named["unit_name"], named["account_name"]]


def _banks(crowd: Crowd, count: int) -> pl.Series:
    chosen = _picked(crowd.banks, draws(crowd.seed, "bank", count)).alias("bank")
    if not crowd.small_bank:
        return chosen
    every = count // crowd.small_lines
    row = pl.int_range(count, eager=True)
    small = (row % every == 0) & (row // every < crowd.small_lines)
    return pl.select(pl.when(small).then(pl.lit(crowd.small_bank)).otherwise(chosen).alias("bank")).to_series()


def _accounts(crowd: Crowd, count: int) -> pl.Expr:
    drawn = draws(crowd.seed, "account", count)
    account = pl.lit("")
    for bank in crowd.all_banks:
        first, length = ACCOUNT_SHAPE.get(bank, ("6222", 18))
        digits = length - len(first)
        text = first + (drawn % 10**digits).cast(pl.String).str.zfill(digits)
        account = pl.when(pl.col("bank") == bank).then(text).otherwise(account)
    return account.alias("account")


def _amounts(seed: int, count: int) -> list[pl.Series]:
    """Base times rate, rounded half up; many small units and a few large ones."""
    heads = 1 + draws(seed, "heads", count) % 20
    large = draws(seed, "large", count) % 100 < 12
    heads = (heads * (1 + large.cast(pl.UInt64) * (draws(seed, "times", count) % 15))).cast(pl.Int64)
    span = (BASE_CEILING - BASE_FLOOR) // 2
    bases = heads * (BASE_FLOOR + (draws(seed, "wage", count) % span).cast(pl.Int64))
    rates = pl.Series([one.injury for one in INDUSTRIES], dtype=pl.Int64)
    injury = rates.gather((draws(seed, "industry", count) % len(INDUSTRIES)).cast(pl.UInt32))
    proxy = (draws(seed, "proxy", count) % 100 < 3).cast(pl.Int64)
    by_fund = (PENSION_RATE, UNEMPLOYMENT_RATE, injury * (1 - proxy), MATERNITY_RATE * (1 - proxy))
    return [((2 * bases * rate + 10_000) // 20_000).alias(fund) for fund, rate in zip(FUNDS, by_fund, strict=True)]
