"""How long a small file waits: from its ``.ok``'s rename at the bank to its batch posted, as a bank would feel it.

Three times over: on an idle hub, while a large batch is being posted, and while a month closes. All of it after the
session's posting step, when an answer is posted as soon as it is taken. Files are dropped one after another on the idle
hub; beside other work they are dropped by the clock, whether or not the one before is through.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import psycopg

from simulators.bench.desk import Answer
from simulators.bench.month import SMALL_LINES, Month

FILES: Final = 30
WARM: Final = 3
SMALL_FILES: Final = WARM + 3 * FILES
EVERY_SECONDS: Final = 0.4
"""Between two files beside other work."""
POLL_SECONDS: Final = 0.2
LOOK_SECONDS: Final = 0.01
LIMIT_SECONDS: Final = 900.0

Figures = dict[str, Any]


class NeverPostedError(Exception):
    """An answer was laid down and not posted within the limit."""


@dataclass(slots=True)
class Bookkeeper:
    """Sees in the books when a batch is posted."""

    conn: "psycopg.Connection[Any]"
    seen: dict[str, float] = field(default_factory=dict)

    def await_posted(self, batches: Sequence[str]) -> None:
        """Returns when all are posted; ``seen`` has the moment of each."""
        until = time.monotonic() + LIMIT_SECONDS
        while self.look(batches):
            if time.monotonic() > until:
                raise NeverPostedError(f"{self.look(batches)[0]} is not posted after {LIMIT_SECONDS:.0f} s")
            time.sleep(LOOK_SECONDS)

    def look(self, batches: Sequence[str]) -> list[str]:
        """Notes those that are posted; answers those that are not."""
        waiting = [batch for batch in batches if batch not in self.seen]
        posted = self.conn.execute(
            "select batch_no from batch where state = 'POSTED' and batch_no = any(%s)", (waiting,)
        ).fetchall()
        now = time.time()
        self.seen |= dict.fromkeys((row[0] for row in posted), now)
        return [batch for batch in waiting if batch not in self.seen]

    def is_being_posted(self, batch: str) -> bool:
        """Released for posting, or further."""
        row = self.conn.execute("select state from batch where batch_no = %s", (batch,)).fetchone()
        return row is not None and row[0] in {"POSTING", "POSTED"}


@dataclass(slots=True)
class Drops:
    """Small files still to be dropped, and when those dropped were."""

    waiting: list[Answer]
    dropped: dict[str, float] = field(default_factory=dict)

    def drop(self) -> str:
        """The next one; its batch."""
        answer = self.waiting.pop(0)
        answer.lay_down()
        self.dropped[answer.batch] = answer.seal()
        return answer.batch


def figures(drops: Drops, keeper: Bookkeeper, batches: Sequence[str]) -> Figures:
    """Seconds of the files of ``batches``: nearest-rank percentiles."""
    waited = sorted(keeper.seen[batch] - drops.dropped[batch] for batch in batches)
    if not waited:
        return {"files": 0}
    rank = {50: (len(waited) + 1) // 2, 99: -(-99 * len(waited) // 100)}
    return {
        "files": len(waited),
        "p50": round(waited[rank[50] - 1], 3),
        "p99": round(waited[rank[99] - 1], 3),
        "longest": round(waited[-1], 3),
    }


def measure_latency(month: Month) -> Figures:
    """The whole of it, on a hub that is up. The books are compared by the caller."""
    month.dues()
    month.request_and_deliver(1)
    month.banks_take(1)
    crowd = month.books.crowd
    large = month.print_answers(1, crowd.banks)
    small = Drops(month.print_answers(1, [crowd.small_bank]))
    month.tell("the posting hour passes without an answer")
    month.hub.advance(month.dates.first.posting)
    with psycopg.connect(str(month.hub.status()["database_url"]), autocommit=True) as conn, _polled(month):
        keeper = Bookkeeper(conn)
        keeper.await_posted([small.drop() for _ in range(WARM)])
        found: Figures = {"lines_a_file": SMALL_LINES, "idle": _idle(month, small, keeper)}
        found["beside"] = _beside(month, small, keeper, large)
        found["close"] = _close(month, small, keeper)
        keeper.await_posted([small.drop() for _ in range(len(small.waiting))])
    return found


def _idle(month: Month, small: Drops, keeper: Bookkeeper) -> Figures:
    month.tell(f"{FILES} files on an idle hub")
    batches = []
    for _ in range(FILES):
        batches.append(small.drop())
        keeper.await_posted(batches[-1:])
    return figures(small, keeper, batches)


def _beside(month: Month, small: Drops, keeper: Bookkeeper, large: Sequence[Answer]) -> Figures:
    for answer in large:
        answer.lay_down()
    lines = sum(answer.lines for answer in large)
    month.tell(f"{lines} lines to be posted")
    sealed = [answer.seal() for answer in large]
    names = [answer.batch for answer in large]
    while not any(keeper.is_being_posted(name) for name in names):
        time.sleep(LOOK_SECONDS)
    released = time.time()
    month.tell(f"{FILES} files beside {lines} lines being posted")
    batches = _drop_by_clock(small, keeper, FILES, lambda: True, names)
    keeper.await_posted([*batches, *names])
    ended = max(keeper.seen[name] for name in names)
    beside = [batch for batch in batches if small.dropped[batch] < ended]
    return {
        **figures(small, keeper, beside),
        "large_lines": lines,
        "large_seconds": round(ended - min(sealed), 2),
        "large_posting_seconds": round(ended - released, 2),
        "dropped_after": len(batches) - len(beside),
    }


def _close(month: Month, small: Drops, keeper: Bookkeeper) -> Figures:
    month.hub.advance(datetime.fromisoformat("2026-12-31T22:00"))
    month.tell("month close, and files beside it")
    closing = _Beside(lambda: month.hub.advance(month.dates.month_close))
    began = time.time()
    closing.start()
    batches = _drop_by_clock(small, keeper, FILES, closing.is_alive, ())
    closing.join()
    if closing.failure is not None:
        raise closing.failure
    ended = time.time()
    keeper.await_posted(batches)
    return {**figures(small, keeper, batches), "month_close_seconds": round(ended - began, 2)}


def _drop_by_clock(
    small: Drops, keeper: Bookkeeper, most: int, still: Callable[[], bool], others: Sequence[str]
) -> list[str]:
    """Drops files at even intervals while there is reason to, and goes on looking at the books between."""
    batches: list[str] = []
    due = time.monotonic()
    while len(batches) < most and still():
        batches.append(small.drop())
        due += EVERY_SECONDS
        while time.monotonic() < due:
            keeper.look([*batches, *others])
            time.sleep(LOOK_SECONDS)
    return batches


class _Beside(threading.Thread):
    """Something that runs while the caller goes on; ``failure`` is what it ended with, if not well."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._act = act
        self.failure: Exception | None = None

    def run(self) -> None:
        try:
            self._act()
        except Exception as failure:  # noqa: BLE001  told to the caller, who raises it
            self.failure = failure


@contextmanager
def _polled(month: Month) -> Iterator[None]:
    """With the manual clock nobody looks at the banks by himself: ``hub bank poll --every`` does, in the connector's loop."""
    process = month.hub.begin("bank", "poll", "--every", str(POLL_SECONDS))
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
