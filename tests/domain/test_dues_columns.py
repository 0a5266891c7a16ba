"""The rules of dues by columns pass exactly what they pass line by line."""

import datetime

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.dues import (
    ControlLine,
    DuesFile,
    DuesHeader,
    DuesLine,
    Kind,
    Mode,
    check_dues,
    totals_by_mode_and_bank,
)
from hub.domain.dues_columns import DuesByColumns
from hub.domain.funds import FUND_NAMES
from hub.domain.ids import AgencyCode, BankCode, BillNo, UnitNo
from hub.domain.money import parse_yuan, print_yuan
from hub.domain.money_columns import fen_of, yuan_of
from hub.domain.periods import Period
from tests.domain.strategies import amounts, fen, small_amounts

seldom = st.integers(0, 30).map(lambda chance: chance == 0)
periods = st.sampled_from([Period("2026-11"), Period("2026-12"), Period("2027-01")])


@st.composite
def bills(draw: st.DrawFn, kind: Kind) -> DuesLine:
    """A bill that mostly keeps the rules, with ids that meet now and then."""
    mode = draw(st.sampled_from(Mode))
    paid = (BankCode(draw(st.sampled_from(["ICBC", "CCB"]))), "0200004109", "名") if mode is Mode.BANK else ("", "", "")
    if draw(seldom):
        paid = (BankCode(draw(st.sampled_from(["", "ICBC"]))), draw(st.sampled_from(["", "0"])), "")
    refers_to = None if (kind is Kind.MONTHLY) is not draw(seldom) else draw(periods)
    number = draw(st.integers(0, 200))
    bill, unit = BillNo(f"B{number}"), UnitNo(f"{number:012d}")
    if draw(seldom):
        bill = BillNo("B1")
    if draw(seldom):
        unit = UnitNo("000000000001")
    return DuesLine(0, bill, unit, "名", mode, BankCode(paid[0]), *paid[1:], draw(amounts | small_amounts), refers_to)


@st.composite
def files(draw: st.DrawFn) -> DuesFile:
    kind = draw(st.sampled_from(Kind))
    header = DuesHeader(AgencyCode("110105"), Period("2026-12"), kind, "0001", datetime.date(2026, 11, 28))
    drawn = draw(st.lists(bills(kind), max_size=6))
    lines = [line._replace(line=place) for place, line in enumerate(drawn, start=1)]
    controls = [ControlLine(9, *key, totals) for key, totals in totals_by_mode_and_bank(lines).items()]
    if draw(seldom):
        controls = controls[1:]
    elif draw(seldom):
        controls += controls[:1]
    return DuesFile(header, lines, controls)


def part_of(lines: list[DuesLine]) -> pl.DataFrame:
    texts = ("bill_no", "unit", "mode", "bank", "account", "account_name")
    return pl.DataFrame(
        [
            (*(str(getattr(line, name)) for name in texts), *line.amounts, line.amounts.total, line.refers_to)
            for line in lines
        ],
        schema=dict.fromkeys(texts, pl.String)
        | dict.fromkeys((*FUND_NAMES, "total"), pl.Int64)
        | {"refers_to": pl.String},
        orient="row",
    )


@settings(max_examples=400, deadline=None)
@given(files(), st.integers(0, 6))
def test_a_file_fits_by_columns_exactly_when_no_line_is_at_fault(file: DuesFile, first: int) -> None:
    lines = list(file.lines)
    rules = DuesByColumns(file.header)
    parts_fit = [rules.part_fits(part_of(part)) for part in (lines[:first], lines[first:])]
    fits = all(parts_fit) and rules.whole_fits(file.controls)
    assert fits is not bool(check_dues(file))
    assert rules.totals == totals_by_mode_and_bank(lines)
    assert rules.count == len(lines)


def test_a_total_that_is_not_the_sum_of_its_funds_does_not_fit() -> None:
    header = DuesHeader(AgencyCode("110105"), Period("2026-12"), Kind.MONTHLY, "0001", datetime.date(2026, 11, 28))
    part = pl.DataFrame(
        {
            "bill_no": ["B1"], "unit": ["000000000001"], "mode": ["S"], "bank": [""], "account": [""],
            "account_name": [""], "pension": [4], "unemployment": [3], "injury": [2], "maternity": [1], "total": [10],
            "refers_to": [None],
        },
        schema_overrides={"refers_to": pl.String},
    )  # fmt: skip
    assert DuesByColumns(header).part_fits(part)
    assert not DuesByColumns(header).part_fits(part.with_columns(total=pl.lit(11)))


@given(st.lists(fen))
def test_yuan_by_columns_is_yuan_one_by_one(fens: list[int]) -> None:
    column = pl.DataFrame({"fen": pl.Series(fens, dtype=pl.Int64)})
    texts = column.select(yuan_of(pl.col("fen")).alias("yuan"))
    assert texts["yuan"].to_list() == [print_yuan(each) for each in fens]
    assert texts.select(fen_of(pl.col("yuan")))["yuan"].to_list() == fens
    assert [parse_yuan(text) for text in texts["yuan"]] == fens
