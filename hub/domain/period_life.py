"""The life of a period (征缴期): open, its finances closed (22nd, C10, C11), closed (month end, C9-6)."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from hub.domain.timetable import Step


class PeriodState(StrEnum):
    """How far a period is. It is told from the steps carried out and stored nowhere."""

    OPEN = "open"
    FINANCE_CLOSED = "finance-closed"  # 财表二, 三, 四 are drawn up; monthly bills go on
    CLOSED = "closed"  # 财表一 is drawn up, arrears are opened; corrections are entries of the open period


MOVES: Final[Mapping[PeriodState, Mapping[Step, PeriodState]]] = {
    PeriodState.OPEN: {Step.FINANCE_CLOSE: PeriodState.FINANCE_CLOSED, Step.MONTH_CLOSE: PeriodState.CLOSED},
    PeriodState.FINANCE_CLOSED: {Step.MONTH_CLOSE: PeriodState.CLOSED},
    PeriodState.CLOSED: {Step.FINANCE_CLOSE: PeriodState.CLOSED},
}
"""Which step leads where; no step leads back. A month end needs no calendar and so may come without the finance close, which
is then drawn up when the calendar is there, and opens nothing again."""

_CLOSES: Final = (Step.FINANCE_CLOSE, Step.MONTH_CLOSE)


def period_state(done: Collection[Step]) -> PeriodState:
    """The state of a period of which these steps have been carried out."""
    state = PeriodState.OPEN
    for step in _CLOSES:
        if step in done:
            assert step in MOVES[state], f"{step.value} does not follow {state.value}"
            state = MOVES[state][step]
    return state


def per_mille(before: int, now: int) -> int | None:
    """The change from ``before`` to ``now`` in whole per mille of ``before``, halves away from zero; None when that is zero."""
    assert before >= 0, f"due, arrived and arrears are not negative: {before}"
    if before == 0:
        return None
    change = (2 * 1000 * abs(now - before) + before) // (2 * before)
    return change if now >= before else -change
