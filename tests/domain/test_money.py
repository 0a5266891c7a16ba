"""Yuan text and fen: one grammar, nothing repaired (contract section 1)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.money import MAX_AMOUNT, MAX_TOTAL, Fen, parse_fen, parse_total, parse_yuan, print_fen, print_yuan


@given(st.integers(0, MAX_AMOUNT).map(Fen))
def test_an_amount_survives_print_and_parse(amount: Fen) -> None:
    assert parse_yuan(print_yuan(amount)) == amount


@given(st.integers(0, 99_999_999_999_999_99).map(Fen))
def test_a_total_survives_print_and_parse(total: Fen) -> None:
    assert parse_total(print_yuan(total)) == total


@given(st.from_regex(r"(0|[1-9][0-9]{0,9})\.[0-9]{2}", fullmatch=True).filter(str.isascii))
def test_an_amount_has_one_text(text: str) -> None:
    amount = parse_yuan(text)
    assert amount is not None
    assert print_yuan(amount) == text


@given(st.text(alphabet="0123456789.,-+eE ０１२٣_\n\t¥", max_size=14) | st.text(max_size=14))
def test_nothing_else_is_an_amount(text: str) -> None:
    is_amount = re.fullmatch(r"(0|[1-9][0-9]{0,9})\.[0-9]{2}", text, re.ASCII) is not None
    assert (parse_yuan(text) is not None) is is_amount


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "0", "0.0", "0.000", "00.00", "01.00", ".50", "5.", "1,000.00", "1 000.00", " 1.00", "1.00 ",
        "1.00\n", "\n1.00", "1.00\r", "-1.00", "+1.00", "-0.00", "1e3", "1e3.00", "1E3.00", "0x1.00", "1_000.00",
        "１.00", "1.００", "１２.３４", "٣.00", "१.00", "²1.00", "一.00", "1．00", "1。00", "1,00", "¥1.00", "1.00元",
        "1.0O", "NaN", "inf", "Infinity", "1.00\x00", "1.00\u200b", "\ufeff1.00", "10000000000.00", "99999999999.99",
    ],
)  # fmt: skip
def test_a_hostile_text_is_no_amount(text: str) -> None:
    assert parse_yuan(text) is None


@pytest.mark.parametrize(
    ("text", "amount", "total"),
    [
        ("0.00", 0, 0),
        ("0.01", 1, 1),
        ("1234.56", 123456, 123456),
        ("9999999999.99", 999999999999, 999999999999),
        ("10000000000.00", None, 1000000000000),
        ("99999999999999.99", None, 9999999999999999),
        ("100000000000000.00", None, None),
    ],
)
def test_totals_have_four_digits_more(text: str, amount: int | None, total: int | None) -> None:
    assert parse_yuan(text) == amount
    assert parse_total(text) == total


def test_a_negative_amount_is_never_printed() -> None:
    with pytest.raises(AssertionError):
        print_yuan(Fen(-1))


@given(st.integers(0, MAX_TOTAL).map(Fen))
def test_whole_fen_survive_print_and_parse_and_fill_their_digits(amount: Fen) -> None:
    for digits in (16, 20):
        text = print_fen(amount, digits)
        assert len(text) == digits
        assert parse_fen(text, MAX_TOTAL) == amount
        assert parse_fen(text) == (amount if amount <= MAX_AMOUNT else None)


@pytest.mark.parametrize("text", ["", "1.00", "-1", "+1", " 1", "1 ", "1e3", "１", "٣", "1_0", "0" * 41])
def test_a_hostile_text_is_no_whole_fen(text: str) -> None:
    assert parse_fen(text) is None


@pytest.mark.parametrize(("amount", "digits"), [(-1, 12), (1_000_000_000_000, 12), (10, 1)])
def test_whole_fen_that_have_no_room_are_never_printed(amount: int, digits: int) -> None:
    with pytest.raises(AssertionError):
        print_fen(Fen(amount), digits)
