"""Two requests of one session laid side by side (并行试运行比对), ours and the one that another system sent, by columns.

Batch numbers, instruction ids, line numbers and the order of lines are each system's own, so a line is found again by its
unit. Where a unit has several lines, they are paired in the order of their accounts and amounts.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.splitting_columns import split_expressions

REQUESTS: Final[Mapping[str, type[pl.DataType]]] = {
    "file": pl.String,
    "line": pl.Int32,
    "instruction_no": pl.String,
    "unit": pl.String,
    "account": pl.String,
    "account_name": pl.String,
    **dict.fromkeys(FUND_NAMES, pl.Int64),
    "partial": pl.Boolean,
}
"""The columns of a session's requested lines, of all its files; amounts in fen."""

COMPARED: Final = ("account", "account_name", *FUND_NAMES, "partial")
"""What must be the same on both sides, line by line, in the order of the file's fields."""
_TOTAL: Final = pl.sum_horizontal(FUND_NAMES)
_KEY: Final = ("unit", "turn")


class Difference(NamedTuple):
    """One difference of two requests. A side that has no such line has None as its place."""

    unit: str
    field: str
    here: tuple[str, int] | None  # file and line
    there: tuple[str, int] | None
    expected: str  # what this hub has
    found: str


class Sides(NamedTuple):
    """A session's requests in sum: lines and fen per fund."""

    lines: int
    amounts: FundAmounts


def added_up(requests: pl.DataFrame) -> Sides:
    """Control totals of requested lines."""
    sums = requests.select(pl.col(fund).sum() for fund in FUND_NAMES).row(0)
    return Sides(requests.height, FundAmounts(*sums))


def differences(here: pl.DataFrame, there: pl.DataFrame) -> list[Difference]:
    """Every difference, by unit and then by field: a line that only one side has is one, under the field ``line``."""
    both = _in_turn(here).join(_in_turn(there), on=_KEY, how="full", suffix=" there", coalesce=True)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name} there")) for name in COMPARED)
    apart = both.filter(~same | pl.col("line").is_null() | pl.col("line there").is_null()).sort(_KEY)
    return [difference for row in apart.iter_rows(named=True) for difference in _of_row(row)]


def _of_row(row: Mapping[str, object]) -> list[Difference]:
    unit, here, there = str(row["unit"]), _place(row, ""), _place(row, " there")
    if here is None or there is None:
        asked = [str(sum(int(str(row[f"{fund}{side}"])) for fund in FUND_NAMES)) for side in _sides(here, there)]
        expected, found = ("", asked[0]) if here is None else (asked[0], "")
        return [Difference(unit, "line", here, there, expected, found)]
    return [
        Difference(unit, name, here, there, str(row[name]), str(row[f"{name} there"]))
        for name in COMPARED
        if row[name] != row[f"{name} there"]
    ]


def _sides(here: object, there: object) -> list[str]:
    return [side for place, side in ((here, ""), (there, " there")) if place is not None]


def _place(row: Mapping[str, object], side: str) -> tuple[str, int] | None:
    line = row[f"line{side}"]
    return None if line is None else (str(row[f"file{side}"]), int(str(line)))


def _in_turn(requests: pl.DataFrame) -> pl.DataFrame:
    """The lines with the turn of each among those of its unit."""
    ordered = requests.sort("unit", "account", _TOTAL, *FUND_NAMES, "file", "line")
    return ordered.with_columns(turn=pl.int_range(pl.len()).over("unit"))


def answers_here(here: pl.DataFrame, answers: pl.DataFrame, there: pl.DataFrame | None = None) -> pl.DataFrame:
    """Answers to the other system's request as answers to ours, found by unit: ``hub.domain.bank_results_columns.ANSWERS``.

    ``there`` is that request; without it the unit and the amount of the answer itself have to do. A line is answered with
    as much as we asked for at most, and an answer for nobody that we asked is left out.
    """
    if there is None:
        asked = answers.sort("unit", "requested", "line").with_columns(turn=pl.int_range(pl.len()).over("unit"))
    else:
        turns = _in_turn(there).select("line", *_KEY)
        asked = answers.drop("unit").join(turns, on="line", how="inner")
    ours = _in_turn(here).select(
        *_KEY, pl.col("line").alias("line here"), pl.col("instruction_no").alias("number here"), "partial",
        *(pl.col(fund).alias(f"asked {fund}") for fund in FUND_NAMES),
    )  # fmt: skip
    paired = asked.join(ours, on=_KEY, how="inner")
    wanted = [pl.col(f"asked {fund}") for fund in FUND_NAMES]
    deducted = pl.min_horizontal(pl.col("deducted"), pl.sum_horizontal(wanted))
    code = (
        pl.when(deducted == pl.sum_horizontal(wanted)).then(pl.lit(PAID_IN_FULL))
        .when(deducted > 0).then(pl.lit(PAID_IN_PART)).otherwise(pl.col("code"))
    )  # fmt: skip
    shares = split_expressions(deducted, wanted)
    return paired.select(
        "file_line", pl.col("line here").alias("line"), pl.col("number here").alias("instruction_no"), "unit",
        pl.sum_horizontal(wanted).alias("requested"), deducted.alias("deducted"),
        *(share.alias(fund) for fund, share in zip(FUND_NAMES, shares, strict=True)), code.alias("code"), "reference",
    ).sort("line")  # fmt: skip


class Outcome(NamedTuple):
    """What an answer would come to if it were booked: lines by outcome, and fen per fund."""

    in_full: int
    in_part: int
    nothing: int
    amounts: FundAmounts


def outcome(answers: pl.DataFrame) -> Outcome:
    """Counts an answer's lines and adds up its money, fund by fund as the bank has split it."""
    full, part = answers["code"] == PAID_IN_FULL, answers["code"] == PAID_IN_PART
    sums = answers.select(pl.col(fund).sum() for fund in FUND_NAMES).row(0)
    counted = int(full.sum()), int(part.sum())
    return Outcome(*counted, answers.height - sum(counted), FundAmounts(*sums))
