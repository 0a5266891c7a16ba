"""The bank to try things on, at a hub with real books: what it errs in books nothing, what is right is booked once."""

import json
from pathlib import Path

import pytest

from tests.faults.real_bank import ICBC, RealBank
from tests.simulators.test_bank_kit import kit

IN_FULL = ("--insufficient", 0, "--partial", 0, "--refused", 0)


def answer(bank: RealBank, *words: object) -> None:
    code, said = kit(bank.sshd.outbound.parent, "--once", "--bank", ICBC, *IN_FULL, *words)
    assert code == 0, said


def ask_again(folder: Path) -> None:
    """The bank's people put the request back on the desk."""
    for path in (folder / "answered").iterdir():
        path.rename(folder / "outbound" / path.name)


@pytest.mark.parametrize("fault", ["wrong-sum", "more-than-asked", "missing-line", "out-of-order", "unknown-batch"])
def test_a_seeded_fault_is_quarantined_and_the_right_answer_booked_once(bank: RealBank, fault: str) -> None:
    bank.was_asked()
    answer(bank, "--fault", fault)
    assert bank.poll() == ["quarantined"]
    bank.nothing_is_booked()
    ask_again(bank.sshd.outbound.parent)
    answer(bank)
    bank.what_was_answered_is_booked_once()


@pytest.mark.parametrize(
    ("fault", "second", "code"), [("again", "repeat", None), ("other-bytes-same-name", "quarantined", "identity-taken")]
)
def test_what_comes_a_second_time_under_a_name_changes_nothing(
    bank: RealBank, fault: str, second: str, code: str | None
) -> None:
    bank.was_asked()
    answer(bank, "--fault", fault)
    assert bank.poll() == ["taken"]
    answer(bank)  # lays down what waited for the name
    assert bank.poll() == [second]
    if code is not None:
        faults = bank.city.value("select faults from file_intake where outcome = 'quarantined'")
        assert code in json.dumps(faults)
    bank.what_was_answered_is_booked_once()


def test_an_answer_without_its_ok_waits(bank: RealBank) -> None:
    bank.was_asked()
    answer(bank, "--fault", "no-ok")
    assert bank.poll() == []
    bank.nothing_is_booked()
