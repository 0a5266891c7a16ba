"""Deliveries of which nobody can see whether they happened: two persons say what the bank told them."""

from dataclasses import dataclass
from datetime import datetime

from hub.domain.faults import Fault, FaultCode
from hub.domain.lifecycle import BatchState
from hub.domain.persons import name_faults, same_person


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one person says became of a file: the bank has it (``arrived``), or it never came."""

    id: int
    arrived: bool
    by: str
    at: datetime
    proposed_by: str | None = None
    """Who said so first; None for who says so first."""

    def is_approval_of(self, *, arrived: bool, by: str) -> bool:
        """Whether this very person has agreed to this very outcome already."""
        return self.proposed_by is not None and self.arrived is arrived and same_person(self.by, by)


def finding_faults(state: BatchState, last: Finding | None, *, arrived: bool, by: str, approves: bool) -> list[Fault]:
    """What keeps a finding from being taken down. ``last``: the newest finding about this file.

    The second person names the outcome as well, so that what is agreed to is what he has seen.
    """
    faults = name_faults(by)
    if state is not BatchState.SENDING:
        faults.append(Fault(None, "file", FaultCode.SETTLED, "a file that is being sent", state.value.lower()))
    if not approves:
        return faults
    if last is None or last.proposed_by is not None:
        return [*faults, Fault(None, "file", FaultCode.NOT_PROPOSED, "a finding that somebody proposed", "none")]
    if last.arrived is not arrived:
        faults.append(
            Fault(None, "outcome", FaultCode.MISMATCH, outcome(arrived=last.arrived), outcome(arrived=arrived))
        )
    if same_person(last.by, by):
        faults.append(Fault(None, "by", FaultCode.SAME_PERSON, f"somebody other than {last.by}, who proposed it", by))
    return faults


def outcome(*, arrived: bool) -> str:
    """How an outcome is called."""
    return "arrived" if arrived else "missing"
