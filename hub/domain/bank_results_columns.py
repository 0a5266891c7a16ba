"""A bank's answer as columns, and whether it fits what the bank was asked (C9-2, C9-3; contract section 4).

``hub.domain.bank_results`` says what is wrong with an answer that does not fit.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import polars as pl

from hub.domain.bank_results import CODES, PAID_IN_FULL, PAID_IN_PART, AnswerLine
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.splitting_columns import split_expressions

AMOUNTS: Final = ("requested", "deducted", *FUND_NAMES)
ANSWERS: Final[Mapping[str, type[pl.DataType]]] = {
    "file_line": pl.Int32,
    "line": pl.Int32,
    "instruction_no": pl.String,
    "unit": pl.String,
    **dict.fromkeys(AMOUNTS, pl.Int64),
    "code": pl.String,
    "reference": pl.String,
}
"""The columns of answers, in this order; each is what ``AnswerLine`` says, the split by its four funds, in fen."""


_ROWS_AT_ONCE: Final = 100_000  # held beside each other, with all that is worked out of them


def answers_of(lines: Iterable[AnswerLine]) -> pl.DataFrame:
    """Answers as columns, in the order of the lines."""
    rows = [(*line[:6], *line.split, line.code, line.reference) for line in lines]
    return pl.DataFrame(rows, schema=dict(ANSWERS), orient="row")


def lines_of(answers: pl.DataFrame) -> list[AnswerLine]:
    """Answers line by line, in the order of the frame."""
    rows = answers.select(tuple(ANSWERS)).iter_rows()
    return [
        AnswerLine(file_line, line, number, unit, requested, deducted, FundAmounts(*split), code, reference)
        for file_line, line, number, unit, requested, deducted, *split, code, reference in rows
    ]


def answers_fit(asked: Iterable[pl.DataFrame], answers: pl.DataFrame) -> bool:
    """Whether ``check_answers`` would find nothing: every line asked is answered once, in any order, and as asked.

    ``asked`` is all that the file asked in parts, which are taken to the last, each line once and in order: line,
    instruction_no, unit, the four funds (fen) and partial.
    """
    order = answers["line"].arg_sort()
    first, fits = 0, True
    for part in asked:
        for rows in part.iter_slices(_ROWS_AT_ONCE):
            end = first + rows.height
            fits = fits and end <= answers.height and _part_fits(rows, answers[order[first:end]])
            first = end
    return fits and first == answers.height


def _part_fits(asked: pl.DataFrame, answers: pl.DataFrame) -> bool:
    """The same of some lines and as many answers, both in the order of the lines."""
    beside = pl.concat([asked.select(pl.all().name.prefix("asked ")), answers.drop("reference")], how="horizontal")
    return beside.select(pl.all_horizontal(_as_asked()).all(ignore_nulls=False)).item() is True


def _as_asked() -> list[pl.Expr]:
    """True where one answer fits, in the order of the rules of ``check_answer``."""
    requested = [pl.col(f"asked {fund}") for fund in FUND_NAMES]
    total, deducted, code = pl.sum_horizontal(requested), pl.col("deducted"), pl.col("code")
    in_part = pl.col("asked partial") & (deducted > 0) & (deducted < total)
    fits = pl.when(code == PAID_IN_FULL).then(deducted == total).when(code == PAID_IN_PART).then(in_part)
    shares = split_expressions(deducted, requested)
    return [
        *(pl.col(name) == pl.col(f"asked {name}") for name in ("line", "instruction_no", "unit")),
        pl.col("requested") == total,
        code.is_in(CODES),
        fits.otherwise(deducted == 0),
        pl.sum_horizontal(FUND_NAMES) == deducted,
        *(pl.col(fund) == share for fund, share in zip(FUND_NAMES, shares, strict=True)),
    ]
