"""The quarantine bench: what persons may decide about a bank's answer that does not fit (contract section 4).

Maker and checker are two persons, and an approval counts for the very bytes that were proposed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from hub.domain.faults import Fault, FaultCode
from hub.domain.persons import name_faults, same_person

OVERRIDABLE: Final[Mapping[tuple[FaultCode, str], str]] = {
    (FaultCode.NAME, "file name"): "the header names the bank and the batch, and the batch is the answer's identity",
    (FaultCode.NAME, "date"): "nothing is booked by the bank's date: the hub fixes the business date itself",
    (
        FaultCode.ENCODING,
        "encoding",
    ): "amounts, numbers and codes are ASCII and were read; nothing compares a reference",
}
"""Faults, by code and field, that two persons may judge harmless, and why.

Strictly these. Every other fault says that the file is not whole (``.ok``, line ends, counts), that nobody we know has signed
it, that its money does not add up, or that it contradicts its request (rules section 12); such a file can only be refused or
replaced.
"""


class QuarantineState(StrEnum):
    """Where a quarantined file stands."""

    HELD = "held"  # nobody has decided anything
    RELEASE_PROPOSED = "release-proposed"  # a second person is awaited
    CORRECTION_PROPOSED = "correction-proposed"  # a second person is awaited
    REFUSED = "refused"  # the bank has to send another
    RELEASED = "released"  # taken in as it stands
    CORRECTED = "corrected"  # another file was taken in by hand in its place


class Act(StrEnum):
    """What a person does about a quarantined file."""

    REFUSE = "refuse"
    PROPOSE_RELEASE = "propose-release"
    RELEASE = "release"  # approves the release that was proposed
    PROPOSE_CORRECTION = "propose-correction"
    CORRECT = "correct"  # approves the correction that was proposed


PROPOSAL_OF: Final[Mapping[Act, Act]] = {
    Act.RELEASE: Act.PROPOSE_RELEASE,
    Act.CORRECT: Act.PROPOSE_CORRECTION,
}
"""What each approval approves."""

_UNSETTLED: Final[Mapping[Act, QuarantineState]] = {
    Act.REFUSE: QuarantineState.REFUSED,
    Act.PROPOSE_RELEASE: QuarantineState.RELEASE_PROPOSED,
    Act.PROPOSE_CORRECTION: QuarantineState.CORRECTION_PROPOSED,
}
MOVES: Final[Mapping[QuarantineState, Mapping[Act, QuarantineState]]] = {
    QuarantineState.HELD: _UNSETTLED,
    QuarantineState.RELEASE_PROPOSED: {**_UNSETTLED, Act.RELEASE: QuarantineState.RELEASED},
    QuarantineState.CORRECTION_PROPOSED: {**_UNSETTLED, Act.CORRECT: QuarantineState.CORRECTED},
    # What the bank sends instead of a refused file may come by hand.
    QuarantineState.REFUSED: {Act.PROPOSE_CORRECTION: QuarantineState.CORRECTION_PROPOSED},
    QuarantineState.RELEASED: {},
    QuarantineState.CORRECTED: {},
}
WAITING: Final = frozenset(
    {QuarantineState.HELD, QuarantineState.RELEASE_PROPOSED, QuarantineState.CORRECTION_PROPOSED}
)
"""States in which a person has something to do."""
AWAITS_SECOND_PERSON: Final = frozenset({QuarantineState.RELEASE_PROPOSED, QuarantineState.CORRECTION_PROPOSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person decided. ``file`` and ``sha256`` are the content decided on; ``at`` is business time.

    ``proposed_by`` names the maker where the act is an approval.
    """

    act: Act
    file: str
    sha256: str
    by: str
    note: str
    at: datetime
    proposed_by: str | None = None


def state_after(decisions: Iterable[Decision]) -> QuarantineState:
    """Where the decisions have led, oldest first; a move that is not in the table is a mistake of the program."""
    state = QuarantineState.HELD
    for decision in decisions:
        assert decision.act in MOVES[state], f"{decision.act.value} does not follow {state.value}"
        state = MOVES[state][decision.act]
    return state


def awaited(decisions: Sequence[Decision]) -> Decision | None:
    """The proposal that waits for a second person."""
    return decisions[-1] if state_after(decisions) in AWAITS_SECOND_PERSON else None


def hindering(faults: Iterable[Fault]) -> list[Fault]:
    """The faults that nobody may override."""
    return [fault for fault in faults if (fault.code, fault.field) not in OVERRIDABLE]


def decide(
    before: Sequence[Decision], act: Act, *, file: str, sha256: str, by: str, note: str, at: datetime
) -> Decision | tuple[Fault, ...]:
    """The decision, or every reason why it does not count.

    1. a person has a name, and says why a file is refused or should be released;
    2. the act is one of the allowed moves from where the file stands;
    3. an approval is of the very content that was proposed;
    4. maker and checker are two persons.
    """
    faults = name_faults(by)
    if act in (Act.REFUSE, Act.PROPOSE_RELEASE) and not note.strip():
        faults.append(Fault(None, "note", FaultCode.GRAMMAR, "a note that says why", ""))
    state = state_after(before)
    proposal = before[-1] if act in PROPOSAL_OF and before and before[-1].act is PROPOSAL_OF[act] else None
    if act not in MOVES[state]:
        faults.append(_not_now(state, act))
    if proposal is not None and (proposal.sha256, proposal.file) != (sha256, file):
        proposed, found = f"{proposal.sha256} {proposal.file}, as proposed", f"{sha256} {file}"
        faults.append(Fault(None, "content", FaultCode.DIGEST, proposed, found))
    if proposal is not None and same_person(proposal.by, by):
        expected = f"somebody other than {proposal.by}, who proposed it"
        faults.append(Fault(None, "by", FaultCode.SAME_PERSON, expected, by))
    if faults:
        return tuple(faults)
    maker = None if proposal is None else proposal.by
    return Decision(act=act, file=file, sha256=sha256, by=by.strip(), note=note.strip(), at=at, proposed_by=maker)


def _not_now(state: QuarantineState, act: Act) -> Fault:
    if act in PROPOSAL_OF and state in WAITING:
        return Fault(None, "state", FaultCode.NOT_PROPOSED, f"a file with {PROPOSAL_OF[act].value}", state.value)
    return Fault(None, "state", FaultCode.SETTLED, "a file that waits for a decision", state.value)
