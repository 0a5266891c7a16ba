"""The statutory waterfall (C4, C9-2): a fund gets nothing while an earlier one is short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.money import ZERO, Fen
from hub.domain.splitting import split, split_columns
from tests.domain.strategies import amounts, fund_amounts, small_amounts


@st.composite
def collections(draw: st.DrawFn) -> tuple[Fen, FundAmounts]:
    requested = draw(amounts | small_amounts)
    return Fen(draw(st.integers(0, requested.total))), requested


@given(collections())
def test_the_parts_add_up_to_what_came_in_and_none_exceeds_its_request(case: tuple[Fen, FundAmounts]) -> None:
    collected, requested = case
    parts = split(collected, requested)
    assert parts.total == collected
    assert all(0 <= part <= wanted for part, wanted in zip(parts, requested, strict=True))


@given(collections())
def test_no_fund_is_paid_while_an_earlier_one_is_short(case: tuple[Fen, FundAmounts]) -> None:
    collected, requested = case
    parts = split(collected, requested)
    for fund in range(4):
        if parts[fund] > 0:
            assert parts[:fund] == requested[:fund]


@given(small_amounts)
def test_it_is_what_handing_out_fen_by_fen_would_give(requested: FundAmounts) -> None:
    handed_out = [0, 0, 0, 0]
    for collected in range(requested.total + 1):
        assert list(split(Fen(collected), requested)) == handed_out
        short = [fund for fund in range(4) if handed_out[fund] < requested[fund]]
        if short:
            handed_out[short[0]] += 1


@given(collections())
def test_two_collections_for_what_is_missing_are_as_good_as_one(case: tuple[Fen, FundAmounts]) -> None:
    collected, requested = case
    first = split(collected, requested)
    missing = requested.minus(first)
    assert first.plus(split(missing.total, missing)) == requested


@pytest.mark.parametrize(
    ("collected", "requested", "parts"),
    [
        (0, (800, 100, 40, 60), (0, 0, 0, 0)),
        (500, (800, 100, 40, 60), (500, 0, 0, 0)),
        (800, (800, 100, 40, 60), (800, 0, 0, 0)),
        (850, (800, 100, 40, 60), (800, 50, 0, 0)),
        (940, (800, 100, 40, 60), (800, 100, 40, 0)),
        (999, (800, 100, 40, 60), (800, 100, 40, 59)),
        (1000, (800, 100, 40, 60), (800, 100, 40, 60)),
        (30, (0, 0, 40, 60), (0, 0, 30, 0)),
        (50, (0, 20, 0, 60), (0, 20, 0, 30)),
    ],
)
def test_by_example(collected: int, requested: tuple[int, ...], parts: tuple[int, ...]) -> None:
    assert split(Fen(collected * 100), fund_amounts(*requested)) == fund_amounts(*parts)


@pytest.mark.parametrize(
    ("collected", "requested"),
    [
        (-1, fund_amounts(1, 0, 0, 0)),
        (101, fund_amounts(1, 0, 0, 0)),
        (1, NOTHING),
        (0, FundAmounts(Fen(-1), Fen(1), ZERO, ZERO)),
    ],
)
def test_more_than_was_asked_is_not_split(collected: int, requested: FundAmounts) -> None:
    with pytest.raises(AssertionError):
        split(Fen(collected), requested)


@st.composite
def many_collections(draw: st.DrawFn) -> list[tuple[Fen, FundAmounts]]:
    """Bills as banks answer them: most in full or not at all."""
    bills = draw(st.lists(amounts | small_amounts, max_size=20))
    paid = [draw(st.sampled_from((0, bill.total)) | st.integers(0, bill.total)) for bill in bills]
    return [(Fen(fen), bill) for fen, bill in zip(paid, bills, strict=True)]


def columns_of(bills: list[FundAmounts]) -> tuple[list[int], ...]:
    return tuple([bill[fund] for bill in bills] for fund in range(4))


@given(many_collections())
def test_by_columns_it_is_the_same_split(cases: list[tuple[Fen, FundAmounts]]) -> None:
    requested = columns_of([bill for _, bill in cases])

    assert split_columns([paid for paid, _ in cases], requested) == columns_of([split(*case) for case in cases])
    assert requested == columns_of([bill for _, bill in cases]), "what was asked for is left as it was"


@pytest.mark.parametrize(
    ("collected", "requested"),
    [
        ([5, -1], ([5, 1], [0, 0], [0, 0], [0, 0])),
        ([5, 2], ([5, 1], [0, 0], [0, 0], [0, 0])),
        ([5, 0], ([5, -1], [0, 1], [0, 0], [0, 0])),
        ([5], ([5, 1], [0, 0], [0, 0], [0, 0])),
        ([5, 1], ([5, 1], [0, 0], [0], [0, 0])),
    ],
)
def test_columns_that_cannot_be_split_are_refused(collected: list[int], requested: tuple[list[int], ...]) -> None:
    with pytest.raises(AssertionError):
        split_columns(collected, requested)
