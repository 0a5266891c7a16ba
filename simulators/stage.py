"""What a simulated month is played on: a hub and the banks' programs, whatever stands behind them.

One stage is a hub of its own processes with real servers of banks (``simulators.scene``); a test may bring another.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from simulators.agency import Paper
from simulators.bank_work import Request
from simulators.forms import Export


class HubDoors(Protocol):
    """A hub as everybody outside reaches it: the commands and answers of the contract, section 6."""

    @property
    def spent(self) -> dict[str, float]:
        """Wall seconds by command."""

    def advance(self, to: datetime) -> None:
        """``hub clock advance``."""

    def submit(self, files: Sequence[Path], *, refused: bool = False) -> list[dict[str, Any]]:
        """``hub agency submit``, one object per file; ``refused``: none of them may be accepted."""

    def poll(self, bank: str = "") -> list[dict[str, Any]]:
        """``hub bank poll``, one object per file."""

    def export(self, export: Export) -> dict[str, Any]:
        """``hub export``."""

    def worklist(self) -> list[dict[str, Any]]:
        """``hub worklist list``."""

    def verify(self) -> list[dict[str, Any]]:
        """The checks of ``hub verify``, whether they hold or not."""


class Bank(Protocol):
    """A bank's own program: ``simulators.bank_program.BankProgram``, or one that works the same without a disk."""

    @property
    def code(self) -> str:
        """The bank's code."""

    def receive(self) -> list[Request]:
        """Take every sealed request; it lies on the desk until answered."""

    def on_desk(self) -> list[Request]:
        """Requests taken and not answered yet."""

    def result(self, request: Request, day: date) -> Paper:
        """The answer to ``request``, not delivered."""

    def next_number(self, day: date, begins: str = "") -> int:
        """The sequence number of the next file of that day: a result, or what has names that begin so."""

    def deliver(self, paper: Paper) -> None:
        """Lay a file into the inbound directory, its ``.ok`` last."""

    def answer(self, request: Request, day: date) -> Paper:
        """Deduct, answer, clear the desk."""


class Stage(Protocol):
    """A stage that is set."""

    @property
    def hub(self) -> HubDoors:
        """The hub."""

    @property
    def programs(self) -> Mapping[str, Bank]:
        """The banks' programs, by code."""

    @property
    def no_parts(self) -> frozenset[str]:
        """Banks that deduct all or nothing."""

    def file(self, paper: Paper, folder: str = "papers") -> Path:
        """``paper`` on disk, where an agency would hand it in."""
