"""Several sizes one after another, and the record of them: one JSON line a run, in a file that is only added to."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import machine, python_version
from typing import Any, Final

CODE: Final = ("hub", "connectors", "topics", "schemas")
Record = Mapping[str, Any]


class RunFailedError(Exception):
    """A run of one size ended without figures."""


def measured(units: int, words: Sequence[str]) -> dict[str, Any]:
    """The figures of one size, from a process of its own."""
    command = [sys.executable, "-m", "simulators.bench", "--units", str(units), *words, "--json"]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    found: dict[str, Any] = json.loads(run.stdout or "{}")
    if run.returncode != 0:
        raise RunFailedError(f"{units} units: {found.get('error', 'it broke off')}")
    return found


def keep(file: Path, label: str, figures: Record, code: Path | None) -> dict[str, Any]:
    """Adds a run to the record, with when, where and on what it was made."""
    line = {
        "date": datetime.now(UTC).date().isoformat(),
        "label": label,
        **machine_of(),
        "version": _version(),
        "code": fingerprint(code or Path(__file__).parents[2]),
        **figures,
    }
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
    return line


def records(file: Path) -> list[dict[str, Any]]:
    """Every run of the record, oldest first."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def newest(found: Sequence[Record], label: str) -> list[Record]:
    """The newest throughput run of each size under a label, smallest first."""
    by_size = {one["units"]: one for one in found if one["label"] == label and "ratio" in one}
    return [one for _, one in sorted(by_size.items())]


def machine_of() -> dict[str, Any]:
    """Processor, cores, memory, Python."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines() if told.exists() else []
    name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"processor": name, "cores": os.cpu_count(), "memory_gib": round(memory / 2**30), "python": python_version()}


def fingerprint(root: Path) -> str:
    """Of the code that ran, whatever its place in a history: the same sources, the same twelve digits."""
    digest = sha256()
    for folder in CODE:
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in {".py", ".sql", ".avsc"}:
                digest.update(f"{file.relative_to(root)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _version() -> str:
    try:
        return version("settlement-hub")
    except PackageNotFoundError:
        return "not installed"


def said(found: Sequence[Record]) -> str:
    """The sizes side by side."""
    return "\n".join(_rows(found))


def _rows(found: Sequence[Record]) -> Iterator[str]:
    yield (
        f"{'bills':>9} {'seconds':>8} {'bills/s':>8} {'ratio':>6} {'CPU µs a bill':>14} {'largest MB':>10}"
        f" {'to bank lines/s':>15} {'close s':>8}"
    )
    for one in found:
        yield (
            f"{one['units']:9,} {one['seconds']:8.2f} {one['bills_per_second']:8,} {one['ratio']:6.2f}"
            f" {one['cpu_seconds'] / one['units'] * 1e6:14.1f} {one['peak_rss_bytes'] / 1e6:10.0f}"
            f" {one['requests_to_delivered_lines_per_second']:15,} {one['month_close_seconds']:8.2f}"
        )
