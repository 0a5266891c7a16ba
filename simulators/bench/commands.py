"""The hub's commands as they are measured: wall, processor and memory of each, from the kernel's accounts."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from simulators.bench.accounts import memory_of
from simulators.bench.profile import Profiler
from simulators.hub_command import DONE, HubAnswerError, HubCommand, hub_program

WORK: Final = ("agency", "clock", "bank")
"""The commands that carry a month; the others look at it."""
LOOK_SECONDS: Final = 0.03
"""Between two looks at a command's memory."""


@dataclass(frozen=True, slots=True)
class Ran:
    """One command that has ended. Times are those of the wall clock, in seconds since 1970."""

    words: tuple[str, ...]
    began: float
    ended: float
    cpu_seconds: float
    peak_rss_bytes: int

    @property
    def seconds(self) -> float:
        return self.ended - self.began

    @property
    def name(self) -> str:
        """``hub clock advance``, without what it was given."""
        alone = self.words[0] in {"up", "down", "status", "export", "verify"}
        return " ".join(("hub", *self.words[: 1 if alone else 2]))


class _Peak:
    """The high-water mark of a process's resident memory, looked at until it ends.

    The account that ``wait4`` gives is of no use: it also counts what the process was before it became the command, a
    copy of us.
    """

    def __init__(self, pid: int) -> None:
        self.rss_bytes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="peak", daemon=True)

    def __enter__(self) -> "_Peak":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self.rss_bytes = max(self.rss_bytes, memory_of(self._pid, "VmHWM"))


@dataclass(frozen=True)
class MeasuredHub(HubCommand):
    """The command line of one hub. ``code`` is the folder whose hub is run, where it is not the one installed."""

    code: Path | None = None
    ran: list[Ran] = field(default_factory=list, compare=False)
    profiler: Profiler | None = None

    def ask(self, *words: str, expect: Sequence[int] = (DONE,)) -> Any:
        """As the simulators ask, without their limit of time: a command takes as long as it takes."""
        with TemporaryFile() as out, TemporaryFile() as err:
            began = time.time()
            process = subprocess.Popen(
                self._words(words),
                env=self._environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=self.code,
            )  # fmt: skip
            with _Peak(process.pid) as peak:
                _, status, used = os.wait4(process.pid, 0)
                ended = time.time()
            process.returncode = os.waitstatus_to_exitcode(status)
            self.ran.append(Ran(tuple(words), began, ended, used.ru_utime + used.ru_stime, peak.rss_bytes))
            out.seek(0)
            err.seek(0)
            answer = b"".join(line for line in out if self.profiler is None or line[:1] in b"{[")
            if process.returncode not in expect:
                told = (err.read() + answer).decode(errors="replace").strip()[-2000:]
                raise HubAnswerError(f"`hub {' '.join(words)}` ended with {process.returncode}: {told}")
        return json.loads(answer) if answer.strip() else None

    def begin(self, *words: str) -> "subprocess.Popen[bytes]":
        """A command that goes on until it is told to end."""
        return subprocess.Popen(
            [*hub_program(), *words, "--json"],
            env=self._environment(), cwd=self.code,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def _words(self, words: Sequence[str]) -> list[str]:
        command = [*hub_program(), *words, "--json"]
        if self.profiler is None or words[0] not in WORK:
            return command
        return self.profiler.around(" ".join(words[:2]), command)

    def _environment(self) -> dict[str, str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        environment["HUB_CONFIG"] = str(self.configuration)
        if self.code is not None:
            environment["PYTHONPATH"] = str(self.code)
        return environment
