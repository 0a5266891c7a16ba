"""Numbers are told exactly; Decimal keeps the other books."""

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from hub.dashboard import numerals

FEN = st.integers(-(10**15), 10**15)


@given(FEN)
def test_yuan_says_every_fen(fen: int) -> None:
    assert Decimal(numerals.yuan(fen).replace(",", "").replace("−", "-")) == Decimal(fen) / 100


@given(FEN)
def test_large_units_are_rounded_half_up(fen: int) -> None:
    for told, unit in ((numerals.wan(fen), 1_000_000), (numerals.million(fen), 100_000_000)):
        expected = (Decimal(fen) / unit).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert Decimal(told.replace(",", "").replace("−", "-")) == expected


@given(st.integers(0, 10**15), st.integers(1, 10**15))
def test_a_share_is_whole_only_when_all_of_it_is_there(part: int, whole: int) -> None:
    share = numerals.permille(part, whole)
    assert 0 <= share <= 1000
    assert (share == 1000) == (part >= whole)


def test_nothing_of_nothing_is_no_share() -> None:
    assert numerals.percent(numerals.permille(0, 0)) == "0.0%"


def test_lengths_name_their_two_largest_parts() -> None:
    told = [
        numerals.length(timedelta(days=d, hours=h, minutes=m), ("天", "时", "分"))
        for d, h, m in ((17, 2, 30), (0, 3, 5), (0, 0, 0), (1, 0, 4), (-3, 0, 0))
    ]
    assert told == ["17 天 2 时", "3 时 5 分", "0 分", "1 天 4 分", "0 分"]
