"""Which processes are ours. A pid alone proves nothing: after a crash another program may have got the number.

So a record holds the pid together with the moment of its start as the kernel counts it, since boot and with the boot's
own id: neither a recycled number nor a stepped clock nor a restarted machine can deceive it.
"""

import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Started:
    """A process that was started: its pid and its start mark."""

    pid: int
    mark: str

    @property
    def alive(self) -> bool:
        """Whether this very process still runs. A zombie does not."""
        return mark_of(self.pid) == self.mark


def mark_of(pid: int) -> str | None:
    """When process ``pid`` started, in a form only good for comparing; None when there is no such live process."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():  # not Linux
        return _portable_mark(pid)
    try:
        after_name = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    if after_name[0] in "ZX" and int(after_name[17]) <= 1:  # with threads left it still holds ports and locks
        return None
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{after_name[19]}"  # field 22 of proc(5): start time in clock ticks since boot


def _portable_mark(pid: int) -> str | None:
    import psutil  # noqa: PLC0415  only where there is no /proc

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def remember(path: Path, pid: int, **more: object) -> Started:
    """Writes the record of a process just started; whole or not at all."""
    started = Started(pid, mark_of(pid) or "")
    write_whole(path, json.dumps({"pid": pid, "mark": started.mark, **more}))
    return started


def recall(path: Path) -> dict[str, object]:
    """The record as written; empty when there is none or it cannot be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def running(path: Path) -> Started | None:
    """The live process of a record; None when it died or never was."""
    record = recall(path)
    pid, mark = record.get("pid"), record.get("mark")
    if not isinstance(pid, int) or not isinstance(mark, str):
        return None
    started = Started(pid, mark)
    return started if started.alive else None


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes a small file so that a reader sees all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(path)


def end(started: Started, *, gently: signal.Signals = signal.SIGTERM, seconds: float) -> bool:
    """Asks a process to end, waits, and kills its whole session when ``seconds`` were not enough.

    True when it ended by itself. It never touches a process that only has the same number.
    """
    if not started.alive:
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(started.pid, gently)
    if gone(started, seconds):
        return True
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(started.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(started.pid, signal.SIGKILL)
    gone(started, 10)
    return False


def gone(started: Started, seconds: float) -> bool:
    """Waits up to ``seconds`` for the process to end; True when it did. Buries it when it is a child of ours."""
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(started.pid, os.WNOHANG)
        if not started.alive:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_SECONDS)
