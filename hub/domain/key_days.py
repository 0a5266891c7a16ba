"""The days on which a key counts: from the first to the last, both included, so that a rotation overlaps."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class KeyState(StrEnum):
    """What a key is worth on a day."""

    VALID = "valid"
    NOT_YET = "not-yet"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyDays:
    """``first_day`` and ``last_day`` count; None is without an end."""

    first_day: date | None = None
    last_day: date | None = None

    def state_on(self, day: date) -> KeyState:
        """Valid, not yet valid, or ended on this business day."""
        if self.first_day is not None and day < self.first_day:
            return KeyState.NOT_YET
        if self.last_day is not None and day > self.last_day:
            return KeyState.ENDED
        return KeyState.VALID

    @property
    def words(self) -> str:
        """The days for people: "from 2026-12-01 until 2027-01-31"; nothing for a key that always counts."""
        first = f"from {self.first_day}" if self.first_day else ""
        last = f"until {self.last_day}" if self.last_day else ""
        return " ".join(part for part in (first, last) if part)
