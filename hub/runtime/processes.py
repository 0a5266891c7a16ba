"""The hub's own processes, one for each role: started, watched, ended, by anyone who has the home.

The protocol between ``hub up`` and a role: the role is started as ``python -m hub.app.serve <role> --config FILE`` in a
session of its own, without the starter's descriptors, its output in ``<home>/log/<role>.log``. It calls
``Readiness.announce`` once it works, ``withdraw`` when it begins to stop, and stops in good order on SIGTERM.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import hub
from hub.domain.errors import HubError
from hub.runtime.embedded.ground import last_lines
from hub.runtime.pid_files import Started, end, gone, recall, remember, running

ROLES: Final = ("processors", "streams", "connector", "web")
"""In the order of starting; they stop in the opposite one."""

_STOP_SECONDS: Final = 30.0
_POLL_SECONDS: Final = 0.05
_LOG_BYTES: Final = 16 << 20


class Readiness:
    """A role's own word that it works: a file that names the process, so that an old one deceives nobody."""

    def __init__(self, home: Path, role: str) -> None:
        self._file = _ready_file(home, role)
        self._pid_file = _pid_file(home, role)

    def announce(self) -> None:
        """From now on ``health`` says ``up``. Also heals a record that a killed ``hub up`` did not come to write."""
        if running(self._pid_file) is None:
            remember(self._pid_file, os.getpid())
        remember(self._file, os.getpid())

    def withdraw(self) -> None:
        """The role has begun to stop."""
        self._file.unlink(missing_ok=True)


@contextmanager
def ready(home: Path, role: str) -> Iterator[None]:
    """Announces for the length of a block: ``with ready(home, "web"): await stopped.wait()``."""
    readiness = Readiness(home, role)
    readiness.announce()
    try:
        yield
    finally:
        readiness.withdraw()


def serve_command(role: str, config: Path) -> list[str]:
    """How a role is started."""
    return [sys.executable, "-m", "hub.app.serve", role, "--config", str(config)]


def start(home: Path, role: str, command: Sequence[str]) -> Started:
    """Starts a role unless it runs; holds none of the caller's descriptors."""
    already = running(_pid_file(home, role))
    if already is not None:
        return already
    _ready_file(home, role).unlink(missing_ok=True)
    log = log_of(home, role)
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=Path(hub.__file__).parents[1],  # where `python -m` finds the hub, installed or not
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    return remember(_pid_file(home, role), process.pid)


def stop(home: Path, roles: Sequence[str] = ROLES, seconds: float = _STOP_SECONDS) -> list[str]:
    """Ends roles in good order and at the same time, after ``seconds`` by force; returns those that were running."""
    found = {role: started for role in reversed(roles) if (started := running(_pid_file(home, role))) is not None}
    for started in found.values():
        with suppress(ProcessLookupError):
            os.kill(started.pid, signal.SIGTERM)
    until = time.monotonic() + seconds
    for started in found.values():
        if not gone(started, max(0.0, until - time.monotonic())):
            end(started, gently=signal.SIGKILL, seconds=1)
    for role in roles:
        for left in (_ready_file(home, role), _pid_file(home, role)):
            left.unlink(missing_ok=True)
    return list(found)


def process_of(home: Path, role: str) -> Started | None:
    """The live process of a role, if there is one."""
    return running(_pid_file(home, role))


def health(home: Path, role: str) -> str:
    """``up``, ``starting`` (or stopping: alive, and not announced) or ``down``."""
    started = running(_pid_file(home, role))
    if started is None:
        return "down"
    told = recall(_ready_file(home, role))
    return "up" if told.get("pid") == started.pid and told.get("mark") == started.mark else "starting"


def await_health(home: Path, roles: Sequence[str], seconds: float) -> None:
    """Waits until all are up. HubError with the end of its log for one that died or is not ready in time."""
    until = time.monotonic() + seconds
    waiting = list(roles)
    while waiting:
        states = {role: health(home, role) for role in waiting}
        for role, state in states.items():
            if state == "down":
                raise _not_well(home, role, "ended while it started")
        waiting = [role for role, state in states.items() if state != "up"]
        if waiting and time.monotonic() > until:
            raise _not_well(home, waiting[0], f"is not ready after {seconds:.0f} s")
        if waiting:
            time.sleep(_POLL_SECONDS)


def log_of(home: Path, role: str) -> Path:
    """Where a role, or an embedded service, writes."""
    return home / "log" / f"{role}.log"


def _not_well(home: Path, role: str, what: str) -> HubError:
    log = log_of(home, role)
    return HubError(f"{role} {what}.\n{last_lines(log)}".rstrip(), advice=f"Read {log}, then run hub up again.")


def _pid_file(home: Path, role: str) -> Path:
    return home / "run" / f"{role}.json"


def _ready_file(home: Path, role: str) -> Path:
    return home / "run" / f"{role}.ready"
