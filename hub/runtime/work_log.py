"""The record of work: one JSON line in ``<home>/log/work.log`` for each piece of work that is done.

Which stage, how many lines, when it began, how long it took: throughput, for whoever runs the hub and for ``hub bench``.
It holds no bill, account or person. A process that is told no home keeps no record.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final

_LOG_BYTES: Final = 16 << 20
_log: Final = logging.getLogger("hub.work")
_log.propagate = False


@dataclass(slots=True)
class Piece:
    """One piece of work while it is done: ``lines`` may be told as late as at its end."""

    lines: int = 0


def work_log_of(home: Path) -> Path:
    """Where the processes of a home record their work."""
    return home / "log" / "work.log"


def keep_work_log(home: Path) -> None:
    """From now on this process records its work in ``home``; once is enough, a folder that is missing keeps none."""
    file = work_log_of(home)
    if _is_kept() or not file.parent.is_dir():
        return
    if file.exists() and file.stat().st_size > _LOG_BYTES:
        file.replace(file.with_suffix(".log.1"))
    handler = WatchedFileHandler(file, encoding="utf-8")  # another process may have set the file aside
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)


def _is_kept() -> bool:
    return any(isinstance(handler, WatchedFileHandler) for handler in _log.handlers)


@contextmanager
def working(stage: str, lines: int = 0) -> Iterator[Piece]:
    """Records the block as one piece of work of ``stage`` when it ends well; what fails is logged where it fails."""
    piece = Piece(lines)
    began, clock = datetime.now(UTC), time.perf_counter()
    yield piece
    if _is_kept():
        told = {
            "event": "work_done", "stage": stage, "lines": piece.lines, "began": began.isoformat(),
            "seconds": round(time.perf_counter() - clock, 4), "pid": os.getpid(),
        }  # fmt: skip
        _log.info(json.dumps(told))
