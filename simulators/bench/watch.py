"""Who used the processor, and how much memory: the processes of a hub's home and of its banks, read from /proc.

Processor time is exact: a postmaster and an sshd also count the children that have ended. Peak memory of a role is the
kernel's own high-water mark of resident memory. Of PostgreSQL it is the largest backend's private memory (``RssAnon``),
looked at five times a second: its shared buffers, which every backend seems to hold, are given in ``hub up``'s settings.
"""

import json
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from simulators.bench.accounts import TICKS, cpu_of, family_of, memory_of
from simulators.bench.commands import Ran

EVERY_SECONDS: Final = 0.2
SERVICES: Final = ("kafka", "postgres", "processors", "streams", "connector", "web")
OWN_ROLES: Final = ("processors", "streams", "connector", "web")
"""The hub's own processes; the others are services it starts."""


class MachineUse:
    """How busy the machine is from now on, and how much of that is somebody else's."""

    def __init__(self) -> None:
        self._began, self._busy, self._own = time.time(), _machine_busy(), time.process_time()

    def by_others(self, watch: "Watch", commands: Sequence[Ran]) -> float:
        """The share of the machine's cores that neither the hub, nor its services, nor we have used."""
        watch.look()
        ours = sum(watch.between(self._began, watch.times[-1]).values()) + time.process_time() - self._own
        busy = _machine_busy() - self._busy - ours - sum(one.cpu_seconds for one in commands)
        return round(max(0.0, busy) / ((time.time() - self._began) * (os.cpu_count() or 1)), 2)


def _machine_busy() -> float:
    """Seconds that all cores together have worked: user, nice, system, interrupts, stolen."""
    fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    idle = int(fields[4]) + int(fields[5])
    return (sum(map(int, fields[1:9])) - idle) / TICKS


@dataclass(slots=True)
class Watch:
    """Looks at the processes under ``home`` until told to stop."""

    home: Path
    times: list[float] = field(default_factory=list)
    used: list[dict[str, float]] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def between(self, began: float, ended: float) -> dict[str, float]:
        """Processor seconds by process from one moment to another."""
        if not self.times:
            return {}
        first = self.used[min(bisect_left(self.times, began), len(self.times) - 1)]
        last = self.used[min(bisect_left(self.times, ended), len(self.times) - 1)]
        return {name: round(last[name] - first.get(name, 0.0), 2) for name in last}

    def pids(self) -> dict[str, int]:
        """The processes to look at, by name; those that do not run are left out."""
        found: dict[str, int] = {}
        for name in SERVICES:
            try:
                found[name] = int(json.loads((self.home / "hub" / "run" / f"{name}.json").read_text())["pid"])
            except (OSError, ValueError, KeyError):
                continue
        for number, file in enumerate(sorted((self.home / "banks").glob("*/ssh/sshd.pid"))):
            try:
                found[f"sshd {number + 1}"] = int(file.read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue
        return found

    def _run(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            self.look()

    def look(self) -> None:
        """One look at all of them."""
        used: dict[str, float] = {}
        pids = self.pids()
        now = time.time()
        for name, pid in pids.items():
            family = family_of(pid) if name == "postgres" or name.startswith("sshd") else [pid]
            called = "sshd" if name.startswith("sshd") else name
            used[called] = used.get(called, 0.0) + sum(cpu_of(member) for member in family)
            mark = "RssAnon" if name == "postgres" else "VmHWM"
            self.peaks[called] = max(self.peaks.get(called, 0), *(memory_of(member, mark) for member in family))
        self.times.append(now)
        self.used.append(used)
