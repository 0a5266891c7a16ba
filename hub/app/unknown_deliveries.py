"""Settles deliveries of unknown outcome: the bank was asked, two persons say what it said, and the hub goes on from there."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from hub.app.wiring import Hub
from hub.domain.faults import Fault, FaultCode
from hub.domain.lifecycle import DeliveryOutcome
from hub.domain.unknown_delivery import finding_faults, outcome
from hub.ledger import batches, clock, delivery_findings
from hub.ledger.database import POLL_LOCK, session_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What became of a finding: proposed, approved, or refused with every fault."""

    file: str
    outcome: str
    state: str
    faults: Sequence[Fault] = ()

    def as_json(self) -> dict[str, object]:
        """Refusals as the contract has them."""
        if self.faults:
            return {"accepted": False, "file": self.file, "faults": [fault.as_json() for fault in self.faults]}
        return {"accepted": True, "file": self.file, "outcome": self.outcome, "state": self.state}


def settle(hub: Hub, file: str, *, arrived: bool, by: str, approves: bool) -> Found:
    """Takes a finding down; approved, the next delivery takes the file for delivered, or sends it once more.

    The same approval again does what a crash may have left undone.
    """
    by, said = by.strip(), outcome(arrived=arrived)
    with hub.engine.connect() as conn:
        batch = batches.by_file(conn, file)
    if batch is None:
        unknown = Fault(None, "file", FaultCode.UNKNOWN_BATCH, "the name of a bank file of ours", file[:300])
        return Found(file=file, outcome=said, state="", faults=[unknown])
    with session_lock(hub.engine, POLL_LOCK, batch.bank), closing(hub.door(batch.bank)) as door:
        with hub.engine.connect() as conn:
            last = delivery_findings.newest(conn, batch.id)
        if approves and last is not None and last.is_approval_of(arrived=arrived, by=by):
            if door.is_unknown(file):
                door.settle(file, arrived=arrived)
            return Found(file=file, outcome=said, state="approved")
        if not door.is_unknown(file):
            known = Fault(
                None, "file", FaultCode.SETTLED, "a file whose delivery is unknown", batch.state.value.lower()
            )
            return Found(file=file, outcome=said, state="", faults=[known])
        with hub.engine.begin() as conn:
            last = delivery_findings.newest(conn, batch.id)
            if faults := finding_faults(batch.state, last, arrived=arrived, by=by, approves=approves):
                return Found(file=file, outcome=said, state="", faults=faults)
            agrees_with = last if approves else None
            delivery_findings.keep(conn, batch.id, arrived=arrived, by=by, at=clock.now(conn), agrees_with=agrees_with)
            if approves and not arrived:  # what arrived counts as delivered once the next visit has written its proof
                batches.note(conn, batch, outcome=DeliveryOutcome.REFUSED.value)
        if approves:
            door.settle(file, arrived=arrived)
    return Found(file=file, outcome=said, state="approved" if approves else "waiting")
