"""The hub's commands as they are measured: wall, processor and memory of each, from the kernel's own accounts."""

import json
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Final

from simulators.bench.profile import Profiler
from simulators.hub_command import DONE, HubAnswerError, HubCommand, hub_program

LOOK_SECONDS: Final = 0.01
"""Between two looks at a command's memory. What ``wait4`` tells of it begins with the memory of whoever started it."""
WORK: Final = ("agency", "clock", "bank")
"""The commands that carry a month; the others look at it."""


def memory_of(pid: int, what: str) -> int:
    """A line of ``/proc/<pid>/status`` in bytes: ``VmHWM``, ``RssAnon``; 0 when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(f"{what}:")), 0)


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
            peak = 0
            while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
                peak = max(peak, memory_of(process.pid, "VmHWM"))
                time.sleep(LOOK_SECONDS)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            ended = time.time()
            cpu = used.ru_utime + used.ru_stime
            self.ran.append(Ran(tuple(words), began, ended, cpu, peak))
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
