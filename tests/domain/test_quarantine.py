"""What persons may decide about a quarantined file: allowed moves, two persons, the very content, harmless faults only."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.faults import Fault, FaultCode
from hub.domain.persons import name_faults, same_person
from hub.domain.quarantine import (
    AWAITS_SECOND_PERSON,
    MOVES,
    OVERRIDABLE,
    PROPOSAL_OF,
    Act,
    Decision,
    QuarantineState,
    awaited,
    decide,
    hindering,
    state_after,
)

AT = datetime(2026, 11, 3, 10, tzinfo=UTC)
MONEY_AND_REQUEST = (
    FaultCode.AMOUNT, FaultCode.SUM, FaultCode.COUNT, FaultCode.CONTROL_TOTAL, FaultCode.DIGEST, FaultCode.SPLIT,
    FaultCode.SIGNATURE, FaultCode.CODE, FaultCode.MISMATCH, FaultCode.MISSING_LINE, FaultCode.DUPLICATE, FaultCode.UNKNOWN_LINE,
    FaultCode.UNKNOWN_BATCH, FaultCode.IDENTITY_TAKEN, FaultCode.LINE_END, FaultCode.CONTROL_CHARACTER, FaultCode.COLUMNS,
    FaultCode.HEADER, FaultCode.TRAILER_MISSING, FaultCode.RECORD_TYPE, FaultCode.GRAMMAR, FaultCode.LINE_NUMBER,
)  # fmt: skip


def decided(before: Sequence[Decision], act: Act, by: str, content: str = "a", note: str = "seen") -> Decision:
    found = decide(before, act, file="HD", sha256=content, by=by, note=note, at=AT)
    assert isinstance(found, Decision), found
    return found


def refused(
    before: Sequence[Decision], act: Act, by: str, content: str = "a", note: str = "seen"
) -> set[tuple[str, FaultCode]]:
    found = decide(before, act, file="HD", sha256=content, by=by, note=note, at=AT)
    assert isinstance(found, tuple), found
    return {(fault.field, fault.code) for fault in found}


@pytest.mark.parametrize(
    ("acts", "state"),
    [
        ((), QuarantineState.HELD),
        ((Act.REFUSE,), QuarantineState.REFUSED),
        ((Act.PROPOSE_RELEASE,), QuarantineState.RELEASE_PROPOSED),
        ((Act.PROPOSE_RELEASE, Act.RELEASE), QuarantineState.RELEASED),
        ((Act.PROPOSE_RELEASE, Act.REFUSE), QuarantineState.REFUSED),
        ((Act.PROPOSE_RELEASE, Act.PROPOSE_CORRECTION, Act.CORRECT), QuarantineState.CORRECTED),
        ((Act.REFUSE, Act.PROPOSE_CORRECTION, Act.CORRECT), QuarantineState.CORRECTED),
    ],
)
def test_where_decisions_lead(acts: Sequence[Act], state: QuarantineState) -> None:
    decisions: list[Decision] = []
    for number, act in enumerate(acts):
        decisions.append(decided(decisions, act, by=f"Person {number}"))
    assert state_after(decisions) is state


@given(st.lists(st.tuples(st.sampled_from(Act), st.sampled_from("ABC"), st.sampled_from("xy")), max_size=12))
def test_nothing_is_let_in_but_by_two_persons_who_saw_the_same(tried: list[tuple[Act, str, str]]) -> None:
    decisions: list[Decision] = []
    for act, by, content in tried:
        found = decide(decisions, act, file="HD", sha256=content, by=by, note="seen", at=AT)
        if isinstance(found, Decision):
            decisions.append(found)
    state_after(decisions)
    for place, decision in enumerate(decisions):
        if decision.act in PROPOSAL_OF:
            proposal = decisions[place - 1]
            assert proposal.act is PROPOSAL_OF[decision.act]
            assert proposal.sha256 == decision.sha256
            assert proposal.by == decision.proposed_by != decision.by
            assert place == len(decisions) - 1, "what is let in is settled for good"


def test_an_approval_needs_its_own_proposal() -> None:
    assert refused([], Act.RELEASE, "Li") == {("state", FaultCode.NOT_PROPOSED)}
    other = [decided([], Act.PROPOSE_CORRECTION, "Wang")]
    assert refused(other, Act.RELEASE, "Li") == {("state", FaultCode.NOT_PROPOSED)}


def test_an_approval_of_other_content_is_void() -> None:
    proposed = [decided([], Act.PROPOSE_CORRECTION, "Wang", content="a")]
    assert refused(proposed, Act.CORRECT, "Li", content="b") == {("content", FaultCode.DIGEST)}
    assert refused(proposed, Act.CORRECT, "Wang", content="b") == {
        ("content", FaultCode.DIGEST),
        ("by", FaultCode.SAME_PERSON),
    }


@pytest.mark.parametrize("again", ["Wang Min", " wang  min ", "ＷＡＮＧ ＭＩＮ"])
def test_the_maker_is_no_checker_however_he_writes_himself(again: str) -> None:
    proposed = [decided([], Act.PROPOSE_RELEASE, "Wang Min")]
    assert refused(proposed, Act.RELEASE, again) == {("by", FaultCode.SAME_PERSON)}
    assert not same_person("Wang Min", "Wang Ming")


@pytest.mark.parametrize("state", [QuarantineState.RELEASED, QuarantineState.CORRECTED])
def test_what_was_let_in_stays_in(state: QuarantineState) -> None:
    assert MOVES[state] == {}
    first, second = (
        (Act.PROPOSE_RELEASE, Act.RELEASE)
        if state is QuarantineState.RELEASED
        else (Act.PROPOSE_CORRECTION, Act.CORRECT)
    )
    decisions = [decided([], first, "Wang")]
    assert awaited(decisions) == decisions[0]
    decisions.append(decided(decisions, second, "Li"))
    assert state_after(decisions) is state
    assert awaited(decisions) is None
    for act in Act:
        assert ("state", FaultCode.SETTLED) in refused(decisions, act, "Zhao")


def test_every_state_has_its_moves_and_waits_only_for_what_was_proposed() -> None:
    assert set(MOVES) == set(QuarantineState)
    for state, moves in MOVES.items():
        assert any(act in PROPOSAL_OF for act in moves) == (state in AWAITS_SECOND_PERSON)


@pytest.mark.parametrize("act", [Act.REFUSE, Act.PROPOSE_RELEASE])
def test_who_refuses_or_wants_to_release_says_why(act: Act) -> None:
    assert refused([], act, "Wang", note="  ") == {("note", FaultCode.GRAMMAR)}


@pytest.mark.parametrize(
    "by",
    [
        "",
        "  ",
        "-",
        "a\nb",
        "a|b",
        "x" * 65,
        "W\u0430ng",
        "Wang\ufe00",
        "王\u034f芳",
        "王\u3164芳",
        "Wang\u200b",
        "<b>",
    ],
)
def test_a_person_has_a_name(by: str) -> None:
    assert [fault.field for fault in name_faults(by)] == ["by"]
    assert ("by", FaultCode.GRAMMAR) in refused([], Act.REFUSE, by)


def test_only_three_faults_may_be_overridden() -> None:
    """The name of the file, its date, its charset; each with the reason."""
    assert set(OVERRIDABLE) == {
        (FaultCode.NAME, "file name"),
        (FaultCode.NAME, "date"),
        (FaultCode.ENCODING, "encoding"),
    }
    assert all(OVERRIDABLE.values())


@given(
    st.sampled_from(MONEY_AND_REQUEST), st.sampled_from(["file name", "date", "encoding", "deducted", "line", ".ok"])
)
def test_nothing_about_money_request_or_wholeness_may_be_overridden(code: FaultCode, field: str) -> None:
    harmless = [Fault(None, field, code, "", "") for code, field in OVERRIDABLE]
    fault = Fault(3, field, code, "", "")
    assert hindering([*harmless, fault]) == [fault]
    assert hindering(harmless) == []


def test_the_bank_in_the_header_is_no_matter_of_names() -> None:
    fault = Fault(1, "bank", FaultCode.NAME, "ICBC", "CCB")
    assert hindering([fault]) == [fault]
