"""The kernel's accounts of a process, read from /proc."""

import os
from pathlib import Path
from typing import Final

TICKS: Final = os.sysconf("SC_CLK_TCK")
"""Of the kernel's processor accounts, a second."""


def cpu_of(pid: int) -> float:
    """Seconds a process and its ended children have used; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / TICKS


def memory_of(pid: int, what: str) -> int:
    """A line of ``status`` in bytes: ``VmHWM``, ``RssAnon``; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith(f"{what}:")), 0)


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def family_of(pid: int) -> list[int]:
    return [pid, *(member for child in _children(pid) for member in family_of(child))]
