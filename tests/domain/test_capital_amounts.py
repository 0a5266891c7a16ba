"""Capital RMB: the examples of the regulation, and a reading back that knows nothing of the writing."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.capital_amounts import capital_rmb
from hub.domain.money import MAX_TOTAL, Fen, parse_total

EXAMPLES = [
    # the examples of 正确填写票据和结算凭证的基本规定, article 4
    ("1409.50", "壹仟肆佰零玖元伍角"),
    ("6007.14", "陆仟零柒元壹角肆分"),
    ("1680.32", "壹仟陆佰捌拾元零叁角贰分"),
    ("107000.53", "壹拾万柒仟元零伍角叁分"),
    ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
    ("325.04", "叁佰贰拾伍元零肆分"),
    # the ends, and noughts in every place
    ("0.00", "零元整"),
    ("0.01", "壹分"),
    ("0.10", "壹角"),
    ("0.53", "伍角叁分"),
    ("1.00", "壹元整"),
    ("10.00", "壹拾元整"),
    ("15.05", "壹拾伍元零伍分"),
    ("20.50", "贰拾元零伍角"),
    ("100.00", "壹佰元整"),
    ("1010.00", "壹仟零壹拾元整"),
    ("10001.00", "壹万零壹元整"),
    ("10700.00", "壹万零柒佰元整"),
    ("1000000.00", "壹佰万元整"),
    ("10010000.00", "壹仟零壹万元整"),
    ("100000007.00", "壹亿零柒元整"),
    ("100007000.00", "壹亿零柒仟元整"),
    ("107000000.00", "壹亿零柒佰万元整"),
    ("170000000.00", "壹亿柒仟万元整"),
    ("1000000000000.00", "壹万亿元整"),
    ("99999999999999.99", "玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
]


@pytest.mark.parametrize(("figures", "capitals"), EXAMPLES, ids=[figures for figures, _ in EXAMPLES])
def test_examples(figures: str, capitals: str) -> None:
    amount = parse_total(figures)
    assert amount is not None
    assert capital_rmb(amount) == f"人民币{capitals}"


VALUES = {sign: value for value, sign in enumerate("零壹贰叁肆伍陆柒捌玖")}
PLACES = {"拾": 10, "佰": 100, "仟": 1000}


def read(text: str) -> int:
    """The number that a person reads: digits times places, sections times 万, all before 亿 times it."""
    hundred_millions, ten_thousands, section, digit = 0, 0, 0, 0
    for sign in text:
        if sign in VALUES:
            digit = VALUES[sign]
        elif sign in PLACES:
            section, digit = section + digit * PLACES[sign], 0
        elif sign == "万":
            ten_thousands, section, digit = (section + digit) * 10_000, 0, 0
        else:
            assert sign == "亿", sign
            hundred_millions, ten_thousands, section, digit = (ten_thousands + section + digit) * 10**8, 0, 0, 0
    return hundred_millions + ten_thousands + section + digit


def read_back(capitals: str) -> int:
    """Fen. 零 between yuan and cents says only that a place is empty."""
    found = re.fullmatch(r"人民币(?:([^元]+)元)?(整)?(零)?(?:(.)角)?(?:(.)分)?", capitals)
    assert found, capitals
    whole, _, _, jiao, fen = found.groups()
    return read(whole or "") * 100 + VALUES[jiao or "零"] * 10 + VALUES[fen or "零"]


sparse = st.lists(st.sampled_from("0000123456789"), min_size=1, max_size=16).map(lambda digits: int("".join(digits)))
amounts = st.one_of(st.integers(min_value=0, max_value=MAX_TOTAL), sparse).map(Fen)


@given(amounts)
def test_what_is_written_reads_back_as_the_amount(amount: Fen) -> None:
    assert read_back(capital_rmb(amount)) == amount


@given(amounts)
def test_every_paper_keeps_to_the_rule(amount: Fen) -> None:
    """One 零 at most in a row and none before a unit sign; 整 exactly when there are no cents; no 壹 is left out."""
    text = capital_rmb(amount)
    assert text.startswith("人民币")
    assert "零零" not in text
    if amount >= 100:
        assert not re.search("零[元万亿拾佰仟角分整]", text)
    assert text.endswith("整") == (amount % 100 == 0)
    assert not re.search("(?:^人民币|[零万亿仟佰])拾", text)
    if amount >= 100 and 0 < amount % 100 < 10:
        assert "元零" in text


def test_fourteen_digits_of_yuan_are_the_most() -> None:
    with pytest.raises(AssertionError):
        capital_rmb(Fen(MAX_TOTAL + 1))
    with pytest.raises(AssertionError):
        capital_rmb(Fen(-1))
