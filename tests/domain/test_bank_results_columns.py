"""Answers by columns fit exactly when no line is at fault; the split by columns is that of every bill."""

from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.bank_results import CODES, REASONS, AnswerLine, RequestedLine, check_answers
from hub.domain.bank_results_columns import ANSWERS, answers_fit, answers_of, lines_of
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen
from hub.domain.splitting import split
from hub.domain.splitting_columns import split_expressions
from tests.domain.strategies import amounts, fund_amounts, small_amounts

THOUSAND = fund_amounts(800, 100, 40, 60)
seldom = st.integers(0, 30).map(lambda chance: chance == 0)


@st.composite
def requests(draw: st.DrawFn) -> list[RequestedLine]:
    return [
        RequestedLine(
            line,
            InstructionNo(f"B{line}-1"),
            UnitNo(f"{line:012d}"),
            draw((amounts | small_amounts).filter(lambda each: each.total > 0)),
            draw(st.booleans()),
        )
        for line in range(1, draw(st.integers(0, 5)) + 1)
    ]


@st.composite
def answered(draw: st.DrawFn, asked: RequestedLine) -> AnswerLine:
    """Mostly what an honest bank answers."""
    total = asked.amounts.total
    code = draw(st.sampled_from(CODES))
    if code == "01" and (not asked.partial or total == 1) and not draw(seldom):
        code = "00"
    deducted = Fen(total if code == "00" else draw(st.integers(1, max(1, total - 1))) if code == "01" else 0)
    if draw(seldom):
        deducted = Fen(draw(st.sampled_from([0, 1, total, total + 1])))
    parts = split(deducted, asked.amounts) if deducted <= total else asked.amounts
    if draw(seldom):
        parts = draw(small_amounts)
    honest = AnswerLine(0, asked.line, asked.instruction_no, asked.unit, total, deducted, parts, code, "R")
    changes: dict[str, object] = {
        "line": draw(st.integers(1, 6)), "instruction_no": "B1-1", "unit": "000000000001", "requested": Fen(1),
        "code": draw(st.sampled_from(["07", "0", "", "００"])), "reference": "同",
    }  # fmt: skip
    return honest._replace(**{name: value for name, value in changes.items() if draw(seldom)})


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[RequestedLine], list[AnswerLine]]:
    asked = draw(requests())
    answers = draw(st.permutations([draw(answered(line)) for line in asked]))
    if draw(seldom):
        answers = answers[1:]
    elif draw(seldom):
        answers += answers[:1]
    return asked, [answer._replace(file_line=place) for place, answer in enumerate(answers, start=2)]


def frame_of(asked: list[RequestedLine]) -> pl.DataFrame:
    return pl.DataFrame(
        [(line.line, line.instruction_no, line.unit, *line.amounts, line.partial) for line in asked],
        schema={"line": pl.Int32, "instruction_no": pl.String, "unit": pl.String}
        | dict.fromkeys(FUND_NAMES, pl.Int64)
        | {"partial": pl.Boolean},
        orient="row",
    )


def in_parts(asked: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Of two lines each, as the books hand a request out."""
    return asked.iter_slices(2)


@settings(max_examples=600, deadline=None)
@given(cases())
def test_answers_fit_by_columns_exactly_when_no_line_is_at_fault(
    case: tuple[list[RequestedLine], list[AnswerLine]],
) -> None:
    asked, answers = case
    faults = list(check_answers(asked, answers))
    assert answers_fit(in_parts(frame_of(asked)), answers_of(answers)) is not bool(faults), faults


def fits(asked: RequestedLine, answer: AnswerLine) -> bool:
    """Whether a single answer fits, which both ways must agree on."""
    found = answers_fit([frame_of([asked])], answers_of([answer]))
    assert found is not bool(list(check_answers([asked], [answer])))
    return found


@pytest.mark.parametrize("code", [*CODES, "07", ""])
@pytest.mark.parametrize("partial", [True, False])
def test_code_and_amount(code: str, partial: bool) -> None:
    wanted = FundAmounts(Fen(2), Fen(0), Fen(1), Fen(3))
    asked = RequestedLine(1, InstructionNo("B1-1"), UnitNo("000000000001"), wanted, partial)
    right = {"00": [6], "01": [1, 2, 3, 4, 5] if partial else []} | {reason: [0] for reason in REASONS}
    found = []
    for deducted in range(8):
        parts = split(Fen(min(deducted, 6)), wanted)
        answer = AnswerLine(2, 1, asked.instruction_no, asked.unit, wanted.total, Fen(deducted), parts, code, "")
        if fits(asked, answer):
            found.append(deducted)
    assert found == right.get(code, [])


@settings(deadline=None)
@given(small_amounts, st.integers(0, 20), small_amounts)
def test_only_the_statutory_split_fits(wanted: FundAmounts, deducted: int, parts: FundAmounts) -> None:
    asked = RequestedLine(1, InstructionNo("B1-1"), UnitNo("000000000001"), wanted, partial=True)
    paid = Fen(min(deducted, wanted.total))
    code = "00" if paid == wanted.total else "01" if paid else "02"
    answer = AnswerLine(2, 1, asked.instruction_no, asked.unit, wanted.total, paid, split(paid, wanted), code, "")
    assert fits(asked, answer)
    assert fits(asked, answer._replace(split=parts)) is (parts == answer.split)


@given(cases())
def test_answers_are_the_same_by_lines_and_by_columns(case: tuple[list[RequestedLine], list[AnswerLine]]) -> None:
    frame = answers_of(case[1])
    assert dict(frame.schema) == ANSWERS
    assert lines_of(frame) == case[1]


@st.composite
def collections(draw: st.DrawFn) -> tuple[Fen, FundAmounts]:
    requested = draw(amounts | small_amounts)
    return Fen(draw(st.integers(0, requested.total))), requested


@given(st.lists(collections(), max_size=8))
def test_a_split_by_columns_is_that_of_every_bill(bills: list[tuple[Fen, FundAmounts]]) -> None:
    frame = pl.DataFrame(
        [(collected, *requested) for collected, requested in bills],
        schema=dict.fromkeys(("collected", *FUND_NAMES), pl.Int64),
        orient="row",
    )
    shares = split_expressions(pl.col("collected"), [pl.col(fund) for fund in FUND_NAMES])
    found = frame.select(share.alias(fund) for fund, share in zip(FUND_NAMES, shares, strict=True))
    assert found.rows() == [tuple(split(*bill)) for bill in bills]
