"""Identifiers keep their grammar exactly (contract section 1)."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.ids import ACCOUNT, AGENCY, BANK, BILL_NO, IDENTIFIER, SHARDS, UNIT, instruction_no, shard_of

units = st.from_regex(r"[0-9]{12}", fullmatch=True).filter(str.isascii)


@pytest.mark.parametrize(
    ("grammar", "shortest", "longest", "characters"),
    [
        (AGENCY, 6, 6, "09"),
        (BANK, 2, 12, "AZ09"),
        (UNIT, 12, 12, "09"),
        (ACCOUNT, 10, 32, "09"),
        (IDENTIFIER, 1, 36, "AZ09-"),
        (BILL_NO, 1, 34, "AZ09-"),
    ],
)
def test_length_and_characters(grammar: re.Pattern[str], shortest: int, longest: int, characters: str) -> None:
    for character in characters:
        assert grammar.fullmatch(character * shortest)
        assert grammar.fullmatch(character * longest)
        assert not grammar.fullmatch(character * (shortest - 1))
        assert not grammar.fullmatch(character * (longest + 1))
    for foreign in set("a_| .\n０Ａ٣é京") | (set("A-") - set(characters)):
        assert not grammar.fullmatch(characters[0] * (shortest - 1) + foreign)
    assert not grammar.fullmatch(characters[0] * shortest + "\n")


@given(units, st.integers(1, 64))
def test_a_unit_is_always_in_the_same_shard(unit: str, shards: int) -> None:
    assert 0 <= shard_of(unit, shards) < shards
    assert shard_of(unit, shards) == shard_of(unit, shards)


def test_shards_are_fixed_for_ever() -> None:
    """They are stored with each bill: other numbers here would move units away from their history."""
    found = [shard_of(f"1101050000{n:02d}", SHARDS) for n in range(12)]
    assert found == [0, 2, 0, 2, 1, 3, 1, 3, 2, 0, 1, 3]


@given(st.from_regex(BILL_NO, fullmatch=True), st.sampled_from([1, 2]))
def test_an_instruction_is_its_bill_and_round(bill_no: str, round_no: int) -> None:
    number = instruction_no(bill_no, round_no)
    assert number == f"{bill_no}-{round_no}"
    assert IDENTIFIER.fullmatch(number)


@pytest.mark.parametrize("round_no", [-1, 0, 3])
def test_a_month_has_two_rounds(round_no: int) -> None:
    with pytest.raises(AssertionError):
        instruction_no("B1", round_no)
