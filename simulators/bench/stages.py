"""How long each stage of the money's way took, out of the stamps that the hub leaves.

``work``: the hub's own record of pieces of work (``log/work.log``): ``seconds`` is the sum of their lengths, ``span``
from the first one's beginning to the last one's end. Where no piece is recorded, ``span`` is what the books' stamps
tell: from an event's publication to its last taking. ``command``: the time of a command as its caller sees it.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from simulators.bench.commands import Ran

Stage = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of work of the hub. ``began`` and ``ended`` are seconds since 1970."""

    stage: str
    lines: int
    began: float
    ended: float


def pieces_of(log: Path) -> list[Piece]:
    """What the hub has recorded; nothing for a hub that keeps no such record."""
    files = [one for one in (log.with_suffix(".log.1"), log) if one.exists()]
    found = []
    for text in (line for file in files for line in file.read_text(encoding="utf-8").splitlines()):
        told = json.loads(text)
        began = datetime.fromisoformat(told["began"]).timestamp()
        found.append(Piece(told["stage"], int(told["lines"]), began, began + float(told["seconds"])))
    return found


STAGES: Final = {
    "take in dues": ("take-in-dues",),
    "request": ("upload-close",),
    "aggregate": ("collect-requests", "collect-declarations", "city-batch"),
    "write file": ("release-bank-file",),
    "deliver": ("deliver",),
    "fetch": ("fetch",),
    "check and match": ("check",),
    "release": ("posting",),
    "split": ("split-funds",),
    "post": ("post-arrivals",),
    "notify": ("book-at-agency",),
}
"""Stages of a round, by the names of the pieces they consist of."""


def of_pieces(pieces: Iterable[Piece], began: float, ended: float, lines: int) -> dict[str, Stage]:
    """The stages of a round of ``lines`` lines between two moments; those without their first kind are left out."""
    within = [piece for piece in pieces if began <= piece.began <= ended]
    found: dict[str, Stage] = {}
    for stage, names in STAGES.items():
        mine = [piece for piece in within if piece.stage in names]
        if any(piece.stage == names[0] for piece in mine):
            first, last = min(piece.began for piece in mine), max(piece.ended for piece in mine)
            found[stage] = timed(sum(piece.ended - piece.began for piece in mine), last - first, lines)
    return found


def timed(seconds: float | None, span: float, lines: int) -> Stage:
    """A stage. ``lines_per_second`` is by the span, which is what a caller waits for."""
    stage: Stage = {"span": round(span, 3), "lines": lines}
    if seconds is not None:
        stage = {"seconds": round(seconds, 3), **stage}
    if span > 0 and lines:
        stage["lines_per_second"] = round(lines / span)
    return stage


def of_commands(ran: Sequence[Ran]) -> Stage:
    """Commands one after another."""
    seconds = sum(one.seconds for one in ran)
    return {
        "seconds": round(seconds, 3),
        "cpu_seconds": round(sum(one.cpu_seconds for one in ran), 2),
        "commands": [{"command": one.name, "seconds": round(one.seconds, 3)} for one in ran],
    }


@dataclass(frozen=True, slots=True)
class Passing:
    """What the books' stamps tell of one topic: when it was published and when each consumer took it."""

    topic: str
    events: int
    lines: int
    published_first: float
    published_last: float


_PUBLISHED: Final = """
    select topic, count(*), sum(lines), extract(epoch from min(published_at)), extract(epoch from max(published_at))
    from outbox where published_at is not null group by topic
"""
_TAKEN: Final = """
    select i.consumer, i.topic, count(*), sum(o.lines), extract(epoch from min(i.taken_at)), extract(epoch from max(i.taken_at))
    from inbox i join outbox o on o.event_id = i.settles group by i.consumer, i.topic
"""
BY_CONSUMER: Final = {
    "collect-requests": "aggregate",
    "release-bank-file": "write file",
    "post-arrivals": "post",
    "book-at-agency": "notify",
}


def passings(database_url: str) -> dict[str, Passing]:
    """What has been published so far, by topic."""
    with psycopg.connect(database_url) as conn:
        rows = conn.execute(_PUBLISHED).fetchall()
    return {row[0]: Passing(row[0], row[1], int(row[2]), float(row[3]), float(row[4])) for row in rows}


def of_stamps(database_url: str) -> dict[str, Stage]:
    """The stages as far as the stamps tell: from an event's first publication, or taking, to its last taking."""
    published = passings(database_url)
    with psycopg.connect(database_url) as conn:
        taken = conn.execute(_TAKEN).fetchall()
    found: dict[str, Stage] = {}
    for consumer, topic, _, lines, first, last in taken:
        stage = BY_CONSUMER.get(consumer)
        if stage is not None:
            before = published[topic].published_first if topic in published else float(first)
            found[stage] = timed(None, float(last) - before, int(lines))
    results = [one for name, one in published.items() if "-result." in name]
    split = [row for row in taken if row[0] == "post-arrivals"]
    if results and split:
        first = min(one.published_first for one in results)
        found["split"] = timed(None, max(float(row[5]) for row in split) - first, sum(one.lines for one in results))
    return found
