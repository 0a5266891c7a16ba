"""A watch on progress, not on life: a process whose loops no longer turn ends itself, and is started anew.

It runs in a thread of its own, so that a blocked event loop cannot keep it from looking.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

STALLED: Final = 70
"""Exit status of a process that gave itself up (EX_SOFTWARE)."""

STALL_SECONDS: Final = 300.0
"""A turn may wait for a lock or a big bundle; five minutes is neither."""


START_AGAIN: Final = "HUB_START_AGAIN"
"""Set in the environment of a hub's own processes: one that gives itself up becomes a new one, under the same pid."""
BREATH_SECONDS: Final = 1.0


def give_up(reason: str) -> None:
    """Ends the process at once, and starts it again where it belongs to a hub. What was under way comes from the database."""
    print(f"giving up: {reason}", file=sys.stderr, flush=True)  # noqa: T201 - the last words must not need a logger
    if os.environ.get(START_AGAIN):
        time.sleep(BREATH_SECONDS)
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - our own command line, as we were started
    os._exit(STALLED)


class Watchdog:
    """Ends the process when one of its loops has not turned for ``limit`` seconds."""

    def __init__(self, limit: float = STALL_SECONDS, on_stall: Callable[[str], None] = give_up) -> None:
        self._limit = limit
        self._on_stall = on_stall
        self._last: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def turned(self, name: str) -> None:
        """The loop ``name`` has made a turn."""
        self._last[name] = time.monotonic()

    def ended(self, name: str) -> None:
        """The loop ``name`` has ended by itself and is no longer watched."""
        self._last.pop(name, None)

    def _look(self) -> None:
        while not self._ended.wait(min(5.0, self._limit / 4)):
            now = time.monotonic()
            for name, last in list(self._last.items()):
                if now - last > self._limit:
                    self._on_stall(f"{name} has made no progress for {now - last:.0f} s")
