"""The period's steps in order, as the desk shows them: done, due, next, waiting, passed over, or without a date."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.timetable import ScheduledStep, Step

DoneSteps = Mapping[tuple[str, int, str], datetime]
"""(step, round, bank) → when it was carried out, business time."""


class Progress(StrEnum):
    """How far a step is."""

    DONE = "done"
    DUE = "due"  # its hour has passed, it is not carried out yet
    NEXT = "next"
    WAITING = "waiting"
    PASSED_OVER = "passed-over"  # it was due before business time began
    UNDATED = "undated"  # it needs a day beyond the calendar's horizon


@dataclass(frozen=True, slots=True, kw_only=True)
class BankStep:
    """One bank's part of a step."""

    bank: str
    due_at: datetime | None
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A step of the timeline; ``banks`` is empty for steps of the city and the agencies."""

    step: Step
    round: int
    due_at: datetime | None
    done_at: datetime | None
    progress: Progress
    banks: tuple[BankStep, ...]

    @property
    def key(self) -> str:
        return f"{self.step.value}-{self.round}"

    @property
    def banks_done(self) -> int:
        return sum(1 for part in self.banks if part.done_at is not None)


def nodes(steps: Iterable[ScheduledStep], done: DoneSteps, now: datetime, began: datetime) -> tuple[Node, ...]:
    """One node per step and round, in the order of their due times. The first that is still to come is the next."""
    grouped: dict[tuple[Step, int], list[BankStep]] = {}
    for each in steps:
        part = BankStep(bank=each.bank, due_at=each.due_at, done_at=done.get((each.step.value, each.round, each.bank)))
        grouped.setdefault((each.step, each.round), []).append(part)
    found = [_node(step, round_, parts, now, began) for (step, round_), parts in grouped.items()]
    ordered = sorted(found, key=lambda node: (node.due_at is None, node.due_at or now))
    for place, node in enumerate(ordered):
        if node.progress is Progress.WAITING:
            ordered[place] = _with(node, Progress.NEXT)
            break
    return tuple(ordered)


def _node(step: Step, round_: int, parts: list[BankStep], now: datetime, began: datetime) -> Node:
    dues = [part.due_at for part in parts if part.due_at is not None]
    dones = [part.done_at for part in parts if part.done_at is not None]
    due_at = max(dues) if len(dues) == len(parts) else None
    done_at = max(dones) if len(dones) == len(parts) else None
    if done_at is not None:
        progress = Progress.DONE
    elif due_at is None:
        progress = Progress.UNDATED
    elif due_at < began:
        progress = Progress.PASSED_OVER
    else:
        progress = Progress.DUE if due_at <= now else Progress.WAITING
    of_banks = tuple(part for part in parts if part.bank)
    return Node(step=step, round=round_, due_at=due_at, done_at=done_at, progress=progress, banks=of_banks)


def _with(node: Node, progress: Progress) -> Node:
    return Node(
        step=node.step, round=node.round, due_at=node.due_at, done_at=node.done_at, progress=progress, banks=node.banks
    )
