"""Control totals and the hash total are the same however the lines are ordered or bundled (rules section 12-2)."""

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.funds import FundAmounts
from hub.domain.reconciliation import NO_LINES, ControlTotals, hash_total
from tests.domain.strategies import amounts

lines = st.lists(amounts, max_size=20)
totals = st.builds(ControlTotals, st.integers(0, 10**6), amounts)
accounts = st.lists(st.from_regex(r"[0-9]{10,32}", fullmatch=True).filter(str.isascii), max_size=20)


@given(lines, st.integers(0, 20))
def test_totals_do_not_depend_on_order_or_bundles(each: list[FundAmounts], cut: int) -> None:
    whole = ControlTotals.of(each)
    assert ControlTotals.of(each[:cut]).plus(ControlTotals.of(each[cut:])) == whole
    assert ControlTotals.of(reversed(each)) == whole
    assert whole.count == len(each)
    assert whole.total == sum(line.total for line in each)


@given(totals, totals)
def test_a_difference_is_what_is_missing(ours: ControlTotals, theirs: ControlTotals) -> None:
    assert theirs.plus(ours.difference(theirs)) == ours
    assert (ours.difference(theirs) == NO_LINES) is (ours == theirs)


@given(accounts)
def test_a_hash_total_does_not_depend_on_the_order(each: list[str]) -> None:
    assert hash_total(each) == hash_total(reversed(each)) == hash_total(sorted(each))
    assert 0 <= hash_total(each) < 10**12


@given(accounts)
def test_a_hash_total_takes_the_last_ten_digits(each: list[str]) -> None:
    assert hash_total(each) == sum(int(account) % 10**10 for account in each) % 10**12


def test_a_hash_total_by_example() -> None:
    assert hash_total([]) == 0
    assert hash_total(["6222020000123456789"]) == 123456789  # the last ten digits are 0123456789
    assert hash_total(["0000000001", "990000000002"]) == 3
    assert hash_total(["9999999999"] * 101) == 101 * 9999999999 - 10**12
