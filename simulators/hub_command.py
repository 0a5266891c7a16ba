"""The hub as everybody outside sees it: its command line, exit codes and JSON answers (contract, section 6)."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from simulators.forms import Export

DONE: Final = 0
REFUSED: Final = 2
LIMIT_SECONDS: Final = 600.0
"""Longer than any single command of a simulated month may take."""


class HubAnswerError(Exception):
    """The hub did not answer as the contract says."""


def hub_program() -> list[str]:
    """The ``hub`` beside this Python, else the one on the path, else the module it starts."""
    beside = Path(sys.executable).parent / "hub"
    found = str(beside) if beside.exists() else shutil.which("hub")
    return [found] if found else [sys.executable, "-m", "hub.app.cli.main"]


@dataclass(frozen=True, slots=True)
class HubCommand:
    """The command line of one hub, told apart by its ``hub.toml``."""

    configuration: Path
    spent: dict[str, float] = field(default_factory=dict, compare=False)
    """Wall seconds by command, e.g. ``clock advance``, for measurements."""

    def ask(self, *words: str, expect: Sequence[int] = (DONE,)) -> Any:
        """One command with ``--json``. Raises HubAnswerError on another exit code, or when the answer is no JSON."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        began = time.monotonic()
        run = subprocess.run(
            [*hub_program(), *words, "--json"],
            env={**environment, "HUB_CONFIG": str(self.configuration)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        command = " ".join(words[: 1 if words[0] in {"up", "down", "status", "export", "verify"} else 2])
        self.spent[command] = self.spent.get(command, 0.0) + time.monotonic() - began
        said = f"hub {' '.join(words)} --json"
        if run.returncode not in expect:
            told = (run.stderr + run.stdout).decode(errors="replace").strip()[-2000:]
            raise HubAnswerError(f"`{said}` ended with {run.returncode}, not {list(expect)}: {told}")
        if not run.stdout.strip():
            return None
        try:
            return json.loads(run.stdout)
        except ValueError as wrong:
            raise HubAnswerError(f"`{said}` did not print JSON: {run.stdout[:500]!r}") from wrong

    def up(self) -> None:
        self.ask("up", "--detach")

    def down(self) -> None:
        self.ask("down")

    def status(self) -> dict[str, Any]:
        return dict(self.ask("status"))

    def advance(self, to: datetime) -> None:
        self.ask("clock", "advance", f"{to:%Y-%m-%dT%H:%M}")

    def submit(self, files: Sequence[Path], *, refused: bool = False) -> list[dict[str, Any]]:
        """Hand files in; answers one object per file."""
        answer = self.ask("agency", "submit", *map(str, files), expect=(REFUSED if refused else DONE,))
        return answer if isinstance(answer, list) else [answer]

    def poll(self, bank: str = "") -> list[dict[str, Any]]:
        """Let the hub look into the banks' inbound directories now; answers one object per file."""
        return list(self.ask("bank", "poll", *([bank] if bank else []))["files"])

    def export(self, export: Export) -> dict[str, Any]:
        words = ["export", export.form, "--format", "json"]
        if export.period:
            words += ["--period", export.period]
        if export.round:
            words += ["--round", str(export.round)]
        if export.unit:
            words += ["--unit", export.unit]
        return dict(self.ask(*words))

    def worklist(self) -> list[dict[str, Any]]:
        return list(self.ask("worklist", "list")["rows"])

    def verify(self) -> list[dict[str, Any]]:
        """The checks of ``hub verify``, whether they hold or not."""
        return list(self.ask("verify", expect=(DONE, 1))["checks"])
