"""A fault says where, what was expected and what was found; a clerk reads them in the order of the file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.faults import Fault, FaultCode, in_file_order, repeated


def test_a_fault_in_the_contracts_words() -> None:
    fault = Fault(5, "total", FaultCode.SUM, "10.00", "9.00")
    assert fault.as_json() == {
        "line": 5, "field": "total", "code": "sum", "expected": "10.00", "found": "9.00",
        "message": "line 5, total: expected 10.00, found 9.00",
    }  # fmt: skip
    assert (
        Fault(None, "C", FaultCode.CONTROL_TOTAL, "a C line", "").message == "file, C: expected a C line, found nothing"
    )


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("by", "--by: expected"),
        ("note", "--note: expected"),
        ("to", "--to: expected"),
        ("on", "--on: expected"),
        ("unit", "--unit: expected"),
        ("file", "file: expected"),
        ("outcome", "outcome: expected"),
    ],
)
def test_what_a_person_said_is_no_part_of_a_file(field: str, said: str) -> None:
    assert Fault(None, field, FaultCode.SAME_PERSON, "somebody else", "Li").message.startswith(said)


@given(
    st.lists(
        st.builds(
            Fault, st.none() | st.integers(1, 9), st.just("f"), st.sampled_from(FaultCode), st.just(""), st.just("")
        )
    )
)
def test_the_whole_file_first_then_line_by_line(faults: list[Fault]) -> None:
    ordered = in_file_order(faults)
    places = [fault.line or 0 for fault in ordered]
    assert places == sorted(places)
    assert sorted(map(repr, ordered)) == sorted(map(repr, faults))


@given(st.lists(st.sampled_from("ABC"), max_size=10))
def test_every_repeat_names_the_line_it_repeats(texts: list[str]) -> None:
    found = repeated("bill id", enumerate(texts, start=2))
    assert len(found) == len(texts) - len(set(texts))
    for fault in found:
        assert fault.line is not None
        assert fault.expected == f"a bill id not in line {texts.index(fault.found) + 2} already"
        assert texts[fault.line - 2] == fault.found
