"""Hands units that cannot be made to pay over to inspection and the labour administration, and takes them back (C11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from hub.app.wiring import Hub
from hub.domain.faults import Fault, FaultCode
from hub.domain.hand_over import Desk, HandOver, hand_over_faults
from hub.ledger import clock, hand_overs


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a hand-over: recorded, known before, or refused with every fault."""

    made: HandOver | None
    repeat: bool = False
    faults: Sequence[Fault] = ()


def hand_over(hub: Hub, *, unit: str, agency: str | None, to: Desk, on: date, by: str, note: str) -> Recorded:
    """Records a hand-over. ``agency`` may be left out of a unit that only one has billed.

    The same said again changes nothing. Nobody needs to approve: no money moves, and a unit that pays is withdrawn.
    """
    by, note = by.strip(), note.strip()
    with hub.engine.begin() as conn:
        known = [each for each in hand_overs.agencies_of(conn, unit) if agency in (None, each)]
        if len(known) != 1:
            expected = "a unit with a monthly bill" if not known else f"its agency named, one of {', '.join(known)}"
            return Recorded(made=None, faults=[Fault(None, "unit", FaultCode.UNKNOWN_UNIT, expected, unit)])
        hand_overs.take_turn(conn, known[0], unit)
        last, owed, now = (
            hand_overs.newest(conn, known[0], unit),
            hand_overs.owed(conn, known[0], unit),
            clock.now(conn),
        )
        if last is not None and last.says(to, on, by, note):
            return Recorded(made=last, repeat=True)
        faults = hand_over_faults(
            last, to=to, on=on, by=by, note=note, outstanding=owed.total, opened_on=owed.opened_on, today=now.date()
        )
        if faults:
            return Recorded(made=None, faults=faults)
        made = HandOver(
            agency=known[0], unit=unit, step=1 if last is None else last.step + 1,
            from_desk=Desk.AGENCY if last is None else last.to_desk, to_desk=to, on=on, by=by, note=note,
            outstanding=owed.total, recorded_at=now,
        )  # fmt: skip
        hand_overs.keep(conn, made)
        return Recorded(made=made)
