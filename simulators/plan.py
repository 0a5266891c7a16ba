"""What is meant to happen in a simulated run: who takes part, which banks are late, what the agencies decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Final

from simulators.chance import draw, percent
from simulators.sessions import dates_of, previous


class Comes(Enum):
    """When a bank's answer comes."""

    PROMPT = "prompt"
    LATE = "late"  # after its posting step, in the same month
    AFTER_CLOSE = "after-close"  # after month end, when the bills are in arrears already
    NEVER = "never"  # not within the run


_LATE_PATTERNS: Final = (
    (Comes.LATE, Comes.AFTER_CLOSE),
    (Comes.AFTER_CLOSE, Comes.LATE),
    (Comes.NEVER, Comes.AFTER_CLOSE),
)
"""First and second deduction of a period, one bank each. Periods take them in turn; the seed says where from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run. ``profiles`` names the form of a bank's files where it is not the contract's.

    ``quiet`` leaves out bills paid twice, answers after the close, returned payments and changed answers, so that a month
    adds up by eye; ``thorough`` compares every export of the period after every stage, not only those the stage moves.
    ``lively`` multiplies the chance of what happens to few, so that a month of few units has some of everything.
    """

    seed: int
    periods: tuple[str, ...]
    units: int
    agencies: tuple[str, ...]
    banks: tuple[str, ...]
    profiles: Mapping[str, str] = field(default_factory=dict)
    quiet: bool = False
    thorough: bool = False
    lively: int = 1

    @property
    def start(self) -> datetime:
        """The 28th before the first period, 08:00."""
        return datetime.fromisoformat(f"{previous(self.periods[0])}-28T08:00")

    def comes(self, period: str, number: int, bank: str) -> Comes:
        """When ``bank`` answers the request of that period and round."""
        if len(self.banks) < 2:
            return Comes.PROMPT
        turn = self.periods.index(period)
        pattern = _LATE_PATTERNS[0] if self.quiet else _LATE_PATTERNS[(self.seed + turn) % len(_LATE_PATTERNS)]
        slow = self.banks[(draw(self.seed, "slow") + turn + number) % len(self.banks)]
        if bank != slow or (self.quiet and number == 2):
            return Comes.PROMPT
        return pattern[number - 1]

    def garbler(self, period: str) -> str:
        """The bank whose first answer of the period is wrong: a prompt one."""
        prompt = [bank for bank in self.banks if self.comes(period, 1, bank) is Comes.PROMPT]
        return prompt[draw(self.seed, "garbled", period) % len(prompt)]

    def second_chance(self, bill: str) -> str:
        """What an agency decides on a bill the bank did not pay in full: B, S, or nothing (passed over)."""
        luck = percent(self.seed, "again", bill)
        return "B" if luck < 55 else "S" if luck < 78 else ""

    def pays_at_counter(self, bill: str, occasion: str, in_hundred: int) -> bool:
        return self.happens(in_hundred, "counter", occasion, bill)

    def happens(self, in_hundred: int, *about: object) -> bool:
        """Whether what happens to so many of a hundred does to this one. What happens to most is no livelier."""
        livelier = max(in_hundred, min(in_hundred * self.lively, LIVELIEST))
        return percent(self.seed, *about) < livelier


LIVELIEST: Final = 50
"""Of a hundred, in a lively plan."""


def plan_of(seed: int, periods: Sequence[str], units: int, agencies: Sequence[str], banks: Sequence[str]) -> Plan:
    """A plan whose periods are known. Raises ValueError for one nobody announced the days of."""
    for period in periods:
        try:
            dates_of(period)
        except KeyError:
            raise ValueError(f"the days of {period} are not announced; 2026-01 to 2026-12 are") from None
    return Plan(seed=seed, periods=tuple(periods), units=units, agencies=tuple(agencies), banks=tuple(banks))
