"""A bank's door with its circuit breaker: what fails is counted for everybody to see, and a refused key is not shown again.

Only a call that returns closes a circuit (an allow-list of success); what is wrong with one file says nothing about the server.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from connectors.bank.failures import (
    AuthenticationRefusedError,
    BankUnreachableError,
    ProtocolBrokenError,
    WeakAlgorithmsError,
)
from hub.domain.circuit import JITTER_PERCENT, Circuit, CircuitState
from hub.domain.errors import HubError, NotRunningError
from hub.domain.timetable import TZ
from hub.domain.work import Queue
from hub.ledger import circuits, clock, work_items
from hub.ports import BankDoor, Delivery, DoorReport, LeftOut, RemoteFile

COUNTED: Final = (BankUnreachableError, AuthenticationRefusedError, WeakAlgorithmsError, ProtocolBrokenError)
"""Failures of a server as such."""


def _wall_clock() -> datetime:
    return datetime.now(TZ)


class GuardedDoor:
    """``hub.ports.BankDoor`` with the bank's circuit, which is in the books: other processes and later ones know it too."""

    def __init__(
        self, door: BankDoor, bank: str, engine: Callable[[], Engine], now: Callable[[], datetime] = _wall_clock
    ) -> None:
        """``engine`` is asked for when it is needed; ``now`` is wall clock."""
        self._door, self._bank, self._engine, self._now = door, bank, engine, now

    def list_results(self) -> list[RemoteFile]:
        """As the port says."""
        with self._guarded():
            return self._door.list_results()

    def left_out(self) -> list[LeftOut]:
        """As the port says."""
        return self._door.left_out()

    def fetch(self, name: str, fingerprint: str | None = None) -> BinaryIO:
        """As the port says."""
        with self._guarded():
            return self._door.fetch(name, fingerprint)

    def deliver(self, name: str, source: Path, ok_text: bytes, signature: bytes | None = None) -> Delivery:
        """As the port says."""
        with self._guarded():
            return self._door.deliver(name, source, ok_text, signature)

    def is_unknown(self, name: str) -> bool:
        """As the port says."""
        return self._door.is_unknown(name)

    def settle(self, name: str, *, arrived: bool) -> None:
        """As the port says."""
        self._door.settle(name, arrived=arrived)

    def move_to_done(self, name: str, fingerprint: str | None = None) -> str:
        """As the port says."""
        with self._guarded():
            return self._door.move_to_done(name, fingerprint)

    def check(self, *, may_write: bool = True) -> DoorReport:
        """A person tries the door, whatever its circuit says; when it goes well, the circuit is closed."""
        try:
            with self._noted():
                return self._door.check(may_write=may_write)
        except (NotRunningError, OperationalError):  # no books to note it in
            return self._door.check(may_write=may_write)

    def close(self) -> None:
        """As the port says."""
        self._door.close()

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        circuit = self._begun()
        if circuit is not None:
            raise AuthenticationRefusedError(
                f"{self._bank} refused the hub's key and is left alone until {circuit.until:%H:%M:%S}: {circuit.why}",
                advice=f"Have the bank accept the key, then: hub bank check {self._bank}",
            )
        with self._noted():
            yield

    def _begun(self) -> Circuit | None:
        """None when the door may be used; else the circuit that holds off. Who comes when a pause is over tries alone."""
        now = self._now()
        with self._engine().connect() as conn:
            circuit = circuits.of_bank(conn, self._bank)
        if circuit.holds_off(now):
            return circuit
        if circuit.until is None or now < circuit.until:
            return None
        with self._engine().begin() as conn:
            circuit = circuits.of_bank(conn, self._bank, lock=True)
            if circuit.holds_off(now):  # somebody else was quicker
                return circuit
            if circuit.until is not None and now >= circuit.until:
                circuits.keep(conn, self._bank, circuit.tried(now))
        return None

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except COUNTED as failure:
            self._failed(failure)
            raise
        self._went_well()

    def _failed(self, failure: HubError) -> None:
        with self._engine().begin() as conn:
            before = circuits.of_bank(conn, self._bank, lock=True)
            after = before.failed(
                str(failure),
                self._now(),
                random.choice(JITTER_PERCENT),  # noqa: S311  who knocks when is no secret
                refused=isinstance(failure, AuthenticationRefusedError),
            )
            circuits.keep(conn, self._bank, after)
            if after.state is CircuitState.OPEN:
                work_items.raise_item(
                    conn,
                    queue=Queue.UNREACHABLE,
                    bank=self._bank,
                    about=self._bank,
                    at=clock.now(conn),
                    summary=f"{failure} {failure.advice}".strip(),
                )

    def _went_well(self) -> None:
        with self._engine().connect() as conn:
            if circuits.of_bank(conn, self._bank).failures == 0:
                return
        with self._engine().begin() as conn:
            circuits.keep(conn, self._bank, circuits.of_bank(conn, self._bank, lock=True).went_well())
            now = clock.now(conn)
            work_items.settle(conn, Queue.UNREACHABLE, self._bank, f"reached {now:%Y-%m-%d %H:%M}", now)
