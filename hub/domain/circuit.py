"""A circuit breaker (熔断) for each bank: how often in a row its server could not be used, and when it is tried next.

CLOSED: used as ever; failures are tried again after a pause that doubles. OPEN: left alone until an hour. HALF_OPEN: that hour has
come, and one try decides. A server that refuses the hub's key opens it at once, since accounts are locked after a few
times, and then nobody may knock; one that cannot be reached only slows down who comes by himself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class CircuitState(StrEnum):
    """What may be done at a bank's door."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


MOVES: Final[Mapping[CircuitState, frozenset[CircuitState]]] = {
    CircuitState.CLOSED: frozenset({CircuitState.CLOSED, CircuitState.OPEN}),
    CircuitState.OPEN: frozenset({CircuitState.OPEN, CircuitState.HALF_OPEN, CircuitState.CLOSED}),
    CircuitState.HALF_OPEN: frozenset({CircuitState.HALF_OPEN, CircuitState.OPEN, CircuitState.CLOSED}),
}
"""OPEN goes to CLOSED where somebody tried all the same, and it went well."""

FAILURES_MAX: Final = 5
"""So many failures in a row open the circuit of a bank that cannot be reached."""
PAUSE_FIRST: Final = timedelta(seconds=60)
PAUSE_UNREACHABLE_MAX: Final = timedelta(seconds=60)
"""The connector comes about once a minute, so that a bank that is there again soon has its files."""
PAUSE_REFUSED_MAX: Final = timedelta(minutes=30)
TRY_TAKES: Final = timedelta(minutes=2)
"""One who tries a half-open circuit and dies keeps others from trying no longer than this."""
JITTER_PERCENT: Final = range(100, 141)
"""Of a pause, by chance. Never less than the whole: a door keeps its own pause after a refused key, which must be over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """How a bank's server stands. ``until`` is wall clock; ``refused``: the server does not accept the hub's key."""

    state: CircuitState = CircuitState.CLOSED
    failures: int = 0
    until: datetime | None = None
    refused: bool = False
    why: str = ""

    def holds_off(self, now: datetime) -> bool:
        """Whether nobody may show his key: it was refused, and the pause is not over."""
        return self.refused and self.until is not None and now < self.until

    def failed(self, why: str, now: datetime, jitter_percent: int, *, refused: bool) -> "Circuit":
        """After one more failure. ``jitter_percent`` is of the pause, by chance, so that nobody knocks with all the others."""
        assert jitter_percent in JITTER_PERCENT, f"{jitter_percent} per cent of a pause"
        failures, held = self.failures + 1, self.until if self.holds_off(now) else None
        refused = refused or held is not None  # another failure does not end the pause after a refused key
        if not refused and failures < FAILURES_MAX and self.state is CircuitState.CLOSED:
            return Circuit(failures=failures, why=why)
        most = PAUSE_REFUSED_MAX if refused else PAUSE_UNREACHABLE_MAX
        pause = min(PAUSE_FIRST * 2 ** min(failures - 1, 16), most) if refused else most
        until = now + pause * jitter_percent // 100
        return self._moved(
            Circuit(
                state=CircuitState.OPEN, failures=failures, until=max(until, held or until), refused=refused,
                why=why,
            )
        )  # fmt: skip

    def tried(self, now: datetime) -> "Circuit":
        """While somebody tries whether it works again; the others go on being held off."""
        assert self.until is not None and now >= self.until, "a circuit is tried when its pause is over"
        return self._moved(
            Circuit(
                state=CircuitState.HALF_OPEN, failures=self.failures, until=now + TRY_TAKES, refused=self.refused,
                why=self.why,
            )
        )  # fmt: skip

    def went_well(self) -> "Circuit":
        """The server was used: all is forgotten."""
        return self._moved(Circuit())

    def _moved(self, to: "Circuit") -> "Circuit":
        assert to.state in MOVES[self.state], f"a circuit cannot go from {self.state.value} to {to.state.value}"
        return to


CLOSED: Final = Circuit()
