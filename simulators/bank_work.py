"""What a bank's program works on, whatever the files look like: what was asked of it, and what it gave."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from simulators.amounts import Four, in_order


class UnusableRequestError(Exception):
    """A request file of the hub that the bank will not carry out."""


class Asked(NamedTuple):
    """One line of a request; ``may_be_part``: the bank may deduct part."""

    line: int
    instruction: str
    unit: str
    account: str
    account_name: str
    wanted: Four
    may_be_part: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request file, checked."""

    name: str
    bank: str
    batch: str
    period: str
    round: int
    day: date
    lines: tuple[Asked, ...]


class Given(NamedTuple):
    """What the bank did with one line. ``told``: a split that the bank tells instead of the statutory one, by mistake."""

    asked: Asked
    deducted: int
    code: str
    reference: str
    told: Four | None = None

    @property
    def split(self) -> Four:
        return in_order(self.deducted, self.asked.wanted) if self.told is None else self.told


class Changed(NamedTuple):
    """What the bank says now of a line that it has answered (更正): ``before`` and ``now`` in fen, of the batch's ``asked``."""

    batch: str
    asked: Asked
    before: int
    now: int
    code: str
    reason: str = "冲正"


def refuse_unless(fits: bool, name: str, what: str) -> None:
    if not fits:
        raise UnusableRequestError(f"{name}: {what}")
