"""Hand-overs (移交) of units that cannot be made to pay: to inspection (稽核), then to the labour administration (C11)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from hub.domain.excerpts import visible
from hub.domain.faults import Fault, FaultCode
from hub.domain.money import Fen, yuan
from hub.domain.persons import name_faults

NOTE_LENGTH_MAX: Final = 500


class Desk(StrEnum):
    """Who pursues a unit's arrears."""

    AGENCY = "agency"  # 经办机构: dunning, as long as nothing was handed over
    INSPECTION = "inspection"  # 稽核
    LABOUR = "labour"  # 劳动保障行政部门, when inspection has not got it paid in time
    WITHDRAWN = "withdrawn"  # 撤回: settled, so back with the agency


MOVES: Final[Mapping[Desk, frozenset[Desk]]] = {
    Desk.AGENCY: frozenset({Desk.INSPECTION}),
    Desk.INSPECTION: frozenset({Desk.LABOUR, Desk.WITHDRAWN}),
    Desk.LABOUR: frozenset({Desk.WITHDRAWN}),
    Desk.WITHDRAWN: frozenset({Desk.INSPECTION}),  # new arrears, a new case
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """One hand-over. ``step``: the unit's how many'th, from 1; ``outstanding``: its arrears at the time, fen."""

    agency: str
    unit: str
    step: int
    from_desk: Desk
    to_desk: Desk
    on: date
    by: str
    note: str
    outstanding: Fen
    recorded_at: datetime

    def says(self, to: Desk, on: date, by: str, note: str) -> bool:
        """Whether this is what somebody says now: the same said again changes nothing."""
        return (self.to_desk, self.on, self.by, self.note) == (to, on, by, note)


def hand_over_faults(
    last: HandOver | None,
    *,
    to: Desk,
    on: date,
    by: str,
    note: str,
    outstanding: Fen,
    opened_on: date | None,
    today: date,
) -> list[Fault]:
    """Everything that keeps a unit from being handed over. ``last``: the hand-over before; ``opened_on``: of its oldest arrears.

    Handed over is who owes, and withdrawn is who owes nothing any more. A hand-over is not dated before the arrears it is
    about or the hand-over before it, nor after today.
    """
    faults = name_faults(by)
    if len(note) > NOTE_LENGTH_MAX or visible(note) != note:
        faults.append(
            _fault("note", FaultCode.GRAMMAR, f"one line of at most {NOTE_LENGTH_MAX} characters", note[:100])
        )
    at = Desk.AGENCY if last is None else last.to_desk
    if to not in MOVES[at]:
        allowed = " or ".join(sorted(desk.value for desk in MOVES[at]))
        faults.append(_fault("to", FaultCode.MOVE, f"{allowed}, since the unit is with: {at.value}", to.value))
    if to is Desk.WITHDRAWN and outstanding:
        faults.append(_fault("unit", FaultCode.OUTSTANDING, "a unit whose arrears are settled", yuan(outstanding)))
    if to is not Desk.WITHDRAWN and not outstanding:
        faults.append(
            _fault("unit", FaultCode.NOT_OUTSTANDING, "a unit with arrears of a closed month", yuan(outstanding))
        )
    before = None if last is None else last.on
    since = max((day for day in (opened_on, before) if day is not None), default=None)
    if on > today or (since is not None and on < since):
        bounds = f"a day up to {today}" if since is None else f"a day from {since} to {today}"
        faults.append(_fault("on", FaultCode.DATE, bounds, str(on)))
    return faults


def _fault(field: str, code: FaultCode, expected: str, found: str) -> Fault:
    return Fault(None, field, code, expected, found)
