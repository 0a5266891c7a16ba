"""Signatures: one statement of what is signed, and what hub.toml may say beside a profile."""

from hashlib import sha256
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.faults import FaultCode
from hub.domain.quarantine import hindering
from hub.domain.signatures import Demand, Scheme, Terms, agreed, disagreements, fault, statement

NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=40)
FILES = st.tuples(NAMES, st.binary(max_size=60))
DEMANDS = st.sampled_from(Demand)


def stated(name: str, data: bytes) -> bytes:
    return statement(name, len(data), sha256(data).hexdigest())


def test_the_statement_is_two_lines_to_the_letter() -> None:
    """The example of docs/banks/signatures.md."""
    assert stated("HD_ICBC_20261203_0001.txt", b"example\n") == (
        b"settlement-file-signature 1\n"
        b"8 13550350a8681c84c861aac2e5b440161c2b33a3e4f302ac680ca5b686de48de HD_ICBC_20261203_0001.txt\n"
    )


@given(FILES, FILES)
def test_two_files_have_one_statement_only_if_they_are_one(one: tuple[str, bytes], other: tuple[str, bytes]) -> None:
    assert (stated(*one) == stated(*other)) is (one == other)


def test_a_name_with_a_line_end_is_never_signed() -> None:
    with pytest.raises(AssertionError):
        stated("HD\n9 " + "0" * 64 + " HD", b"")


def test_nobody_overrides_a_signature() -> None:
    found = fault("a signature", "")
    assert found.code is FaultCode.SIGNATURE
    assert hindering([found]) == [found]


@given(DEMANDS, DEMANDS, st.sampled_from(Scheme), st.none() | DEMANDS, st.none() | st.sampled_from(Scheme),
       st.booleans(), st.booleans())  # fmt: skip
def test_hub_toml_tightens_and_never_loosens(
    request_: Demand, result: Demand, scheme: Scheme,
    said: Demand | None, chosen: Scheme | None, signs: bool, verifies: bool,
) -> None:  # fmt: skip
    terms = Terms(request=request_, result=result, scheme=scheme)
    if list(disagreements(terms, result=said, scheme=chosen, signs=signs, verifies=verifies)):
        return
    whole = agreed(terms, result=said, scheme=chosen, signs=signs)
    assert not whole.result.is_less_than(terms.result)
    assert not whole.request.is_less_than(terms.request)
    assert terms.ask_nothing or whole.scheme is terms.scheme
    assert verifies is (whole.result is not Demand.NONE), "keys are there exactly when something is checked with them"
    assert signs or whole.request is not Demand.REQUIRED


@pytest.mark.parametrize(
    ("terms", "says", "faults"),
    [
        (Terms(), {}, set()),
        (Terms(), {"signs": True}, set()),
        (Terms(), {"result": Demand.REQUIRED, "verifies": True}, set()),
        (Terms(), {"result": Demand.REQUIRED}, {"verify_keys"}),
        (Terms(), {"verifies": True}, {"signature"}),
        (Terms(), {"scheme": Scheme.OPENPGP}, {"signature_scheme"}),
        (Terms(), {"scheme": Scheme.OPENPGP, "signs": True}, set()),
        (Terms(request=Demand.REQUIRED), {}, {"signing_key"}),
        (Terms(request=Demand.OPTIONAL), {}, set()),
        (Terms(result=Demand.OPTIONAL), {"verifies": True}, set()),
        (Terms(result=Demand.OPTIONAL), {"result": Demand.NONE, "verifies": True}, {"signature"}),
        (Terms(result=Demand.REQUIRED), {"result": Demand.OPTIONAL, "verifies": True}, {"signature"}),
        (Terms(result=Demand.OPTIONAL), {"scheme": Scheme.OPENPGP, "verifies": True}, {"signature_scheme"}),
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_named_by_its_key(terms: Terms, says: dict[str, object], faults: set[str]) -> None:
    whole = {"result": None, "scheme": None, "signs": False, "verifies": False, **says}
    assert {key for key, _ in disagreements(terms, **whole)} == faults  # type: ignore[arg-type]


def test_demands_are_in_the_order_of_strictness() -> None:
    order = [Demand.NONE, Demand.OPTIONAL, Demand.REQUIRED]
    for one, other in product(order, order):
        assert one.is_less_than(other) is (order.index(one) < order.index(other))
