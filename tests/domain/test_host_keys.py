"""Pins of host keys: each counts on its days, and one beside hub.toml takes two people."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.faults import FaultCode
from hub.domain.host_keys import (
    WARNING_DAYS,
    HostKeyPin,
    PinProposal,
    approval_faults,
    is_fingerprint,
    proposal_faults,
    valid_keys,
    warnings_of,
)
from hub.domain.key_days import KeyState
from hub.domain.persons import same_person
from hub.domain.timetable import TZ

OLD, NEW = "SHA256:" + "A" * 43, "SHA256:" + "B" * 43
DAY = date(2026, 12, 1)
days = st.dates(date(2026, 1, 1), date(2027, 12, 31))
pins = st.builds(
    lambda key, ends: HostKeyPin(key=key, first_day=ends[0], last_day=ends[1]),
    st.sampled_from([OLD, NEW]),
    st.tuples(st.none() | days, st.none() | days).filter(lambda ends: None in ends or ends[0] <= ends[1]),
)


@pytest.mark.parametrize(
    ("first", "last", "state"),
    [
        (None, None, KeyState.VALID),
        (DAY, DAY, KeyState.VALID),
        (DAY + timedelta(1), None, KeyState.NOT_YET),
        (None, DAY - timedelta(1), KeyState.ENDED),
        (DAY, None, KeyState.VALID),
        (None, DAY, KeyState.VALID),
    ],
)
def test_a_pin_counts_from_its_first_to_its_last_day(first: date | None, last: date | None, state: KeyState) -> None:
    assert HostKeyPin(key=OLD, first_day=first, last_day=last).state_on(DAY) is state


@given(st.lists(pins, max_size=5), days)
def test_a_key_counts_when_any_of_its_pins_does(held: list[HostKeyPin], day: date) -> None:
    counting = {
        pin.key
        for pin in held
        if (pin.first_day or date.min) <= day <= (pin.last_day or date.max)
    }  # fmt: skip
    assert valid_keys(held, day) == counting


def test_while_a_key_changes_both_count() -> None:
    rotation = [
        HostKeyPin(key=OLD, last_day=date(2027, 1, 31)),
        HostKeyPin(key=NEW, first_day=date(2026, 12, 15)),
    ]
    counting = [valid_keys(rotation, day) for day in (date(2026, 12, 14), date(2026, 12, 15), date(2027, 2, 1))]
    assert counting == [{OLD}, {OLD, NEW}, {NEW}]


@given(st.lists(pins, max_size=5), days)
def test_a_warning_for_each_valid_pin_that_ends_soon_and_one_when_none_is_valid(
    held: list[HostKeyPin], day: date
) -> None:
    counting = [pin for pin in held if pin.state_on(day) is KeyState.VALID]
    soon = [pin for pin in counting if pin.last_day and pin.last_day <= day + timedelta(WARNING_DAYS)]
    said = warnings_of(held, day)
    assert len(said) == (len(soon) if counting else 1)
    assert all(str(pin.last_day) in text for pin, text in zip(soon, said, strict=False))


@pytest.mark.parametrize(
    ("text", "is_one"),
    [(OLD, True), (OLD + "=", False), (OLD[:-1], False), ("MD5:aa", False), ("", False), (OLD + "\n", False)],
)
def test_a_fingerprint_is_what_ssh_keygen_prints(text: str, is_one: bool) -> None:
    assert is_fingerprint(text) is is_one


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Li Hua", "li  hua ", True),
        ("Ｌｉ Hua", "LI HUA", True),
        ("李华", "李华", True),
        ("李华", "李 华", True),
        ("Ou Yangxiu", "O'uyang-xiu", True),
        ("李华", "王芳", False),
    ],
)
def test_spelling_makes_no_second_person(one: str, other: str, same: bool) -> None:
    assert same_person(one, other) is same


def test_a_proposal_is_told_all_that_is_wrong_with_it() -> None:
    wrong = HostKeyPin(key="MD5:aa", first_day=DAY, last_day=DAY - timedelta(1))
    assert [(fault.field, fault.code) for fault in proposal_faults(wrong, " ")] == [
        ("key", FaultCode.GRAMMAR), ("until", FaultCode.DATE), ("by", FaultCode.GRAMMAR),
    ]  # fmt: skip
    assert proposal_faults(HostKeyPin(key=NEW, first_day=DAY, last_day=DAY), "Li Hua") == []


APPROVALS = [
    (HostKeyPin(key=NEW), "Wang Fang", [("from", FaultCode.MISMATCH)]),
    (HostKeyPin(key=NEW, first_day=DAY), "Wang Fang", []),
    (HostKeyPin(key=NEW, first_day=DAY + timedelta(1)), "Wang Fang", [("from", FaultCode.MISMATCH)]),
    (HostKeyPin(key=NEW, first_day=DAY, last_day=DAY), "Wang Fang", [("until", FaultCode.MISMATCH)]),
    (HostKeyPin(key=NEW, first_day=DAY), "LI HUA", [("by", FaultCode.SAME_PERSON)]),
    (
        HostKeyPin(key=NEW, first_day=DAY, last_day=DAY),
        "Li Hua",
        [("until", FaultCode.MISMATCH), ("by", FaultCode.SAME_PERSON)],
    ),
]


@pytest.mark.parametrize(("said", "by", "expected"), APPROVALS)
def test_an_approval_is_by_somebody_else_and_of_what_was_proposed(
    said: HostKeyPin, by: str, expected: list[tuple[str, FaultCode]]
) -> None:
    proposal = PinProposal(
        id=1, bank="ICBC", pin=HostKeyPin(key=NEW, first_day=DAY), proposed_by="Li Hua",
        proposed_at=datetime(2026, 12, 1, 9, tzinfo=TZ),
    )  # fmt: skip
    assert [(fault.field, fault.code) for fault in approval_faults(proposal, said, by)] == expected


def test_what_nobody_proposed_cannot_be_approved() -> None:
    assert [fault.code for fault in approval_faults(None, HostKeyPin(key=NEW), "Li Hua")] == [FaultCode.NOT_PROPOSED]
