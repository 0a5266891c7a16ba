"""Trust in a bank's server: which host keys count today, and a door that stays shut after one that does not.

The pins of hub.toml and those that two people approved count side by side, each on its days. A server that shows another
key gets nothing, a work item tells a person, and nobody knocks again until the item is resolved, ``hub bank check`` finds
a pinned key, or other pins count. Other banks go on.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from connectors.bank.failures import HostKeyRefusedError
from hub.app.settings import Bank, ClockTable
from hub.domain.errors import NotRunningError
from hub.domain.faults import Fault
from hub.domain.host_keys import (
    HostKeyPin,
    PinProposal,
    approval_faults,
    proposal_faults,
    valid_keys,
)
from hub.domain.timetable import TZ
from hub.domain.work import Queue
from hub.ledger import clock, host_keys, work_items
from hub.ports import BankDoor, Delivery, DoorReport, LeftOut, RemoteFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What counts for a bank on a business day. ``refused`` is the open work item of a key that was not pinned."""

    day: date
    pins: Sequence[HostKeyPin]
    waiting: Sequence[PinProposal] = ()
    refused: work_items.OpenItem | None = None
    has_books: bool = True

    @property
    def keys(self) -> frozenset[str]:
        """The fingerprints that count on the day."""
        return valid_keys(self.pins, self.day)

    @property
    def is_shut(self) -> bool:
        """Whether these very pins were found wanting, and nobody has dealt with it."""
        return self.refused is not None and self.refused.detail.get("pins") == sorted(self.keys)


class Trust:
    """The pins of one bank, looked up in hub.toml and in the books."""

    def __init__(self, bank: Bank, clock_table: ClockTable, engine: Callable[[], Engine]) -> None:
        """``engine`` is asked for when it is needed, for a hub that does not run has none."""
        self._bank = bank
        self._clock = clock_table
        self._engine = engine
        self._keys: frozenset[str] = frozenset()

    def keys(self) -> frozenset[str]:
        """The fingerprints that counted at the last look."""
        return self._keys

    def look(self) -> Standing:
        """What counts now. A database that is away is an error: then nobody knows what was approved or refused."""
        with self._engine().connect() as conn:
            standing = self._look(conn)
        self._keys = standing.keys
        return standing

    def look_without_books(self) -> Standing:
        """``look()``, or while the hub does not run, the pins of hub.toml alone: enough to try a connection by hand."""
        try:
            return self.look()
        except (NotRunningError, OperationalError):
            day = (self._clock.start or datetime.now(TZ)).date()
            standing = Standing(day=day, pins=self._bank.pins, has_books=False)
            self._keys = standing.keys
            return standing

    def shut(self, standing: Standing, refusal: HostKeyRefusedError) -> None:
        """Opens the work item that keeps the door shut under these pins; one that is about former pins is closed."""
        with self._engine().begin() as conn:
            now = clock.now(conn)
            if standing.refused is not None and not standing.is_shut:
                work_items.settle(conn, Queue.HOST_KEY, self._bank.code, "refused again under other pins", now)
            work_items.raise_item(
                conn,
                queue=Queue.HOST_KEY,
                bank=self._bank.code,
                field="host_keys",
                about=self._bank.code,
                at=now,
                summary=f"{refusal} {refusal.advice}",
                detail={"pins": sorted(standing.keys), "shown": list(refusal.shown)},
            )

    def open_again(self, standing: Standing) -> None:
        """A pinned key was met: what kept the door shut is over."""
        if standing.refused is None:
            return
        with self._engine().begin() as conn:
            now = clock.now(conn)
            work_items.settle(conn, Queue.HOST_KEY, self._bank.code, f"a pinned key was met {now:%Y-%m-%d %H:%M}", now)

    def _look(self, conn: Connection) -> Standing:
        code = self._bank.code
        return Standing(
            day=clock.now(conn).date(),
            pins=(*self._bank.pins, *host_keys.approved(conn, code)),
            waiting=host_keys.waiting(conn, code),
            refused=work_items.open_item(conn, Queue.HOST_KEY, code),
        )


class TrustedDoor:
    """A bank's door as ``hub.ports.BankDoor``, which is not knocked at while it is shut."""

    def __init__(self, door: BankDoor, trust: Trust) -> None:
        """``door`` asks ``trust.keys`` whom to trust."""
        self._door = door
        self._trust = trust

    def list_results(self) -> list[RemoteFile]:
        with self._trusted():
            return self._door.list_results()

    def left_out(self) -> list[LeftOut]:
        return self._door.left_out()

    def fetch(self, name: str, fingerprint: str | None = None) -> BinaryIO:
        with self._trusted():
            return self._door.fetch(name, fingerprint)

    def deliver(self, name: str, source: Path, ok_text: bytes, signature: bytes | None = None) -> Delivery:
        with self._trusted():
            return self._door.deliver(name, source, ok_text, signature)

    def is_unknown(self, name: str) -> bool:
        return self._door.is_unknown(name)

    def settle(self, name: str, *, arrived: bool) -> None:
        self._door.settle(name, arrived=arrived)

    def move_to_done(self, name: str, fingerprint: str | None = None) -> str:
        with self._trusted():
            return self._door.move_to_done(name, fingerprint)

    def check(self, *, may_write: bool = True) -> DoorReport:
        """A person tries the door, shut or not; when a pinned key is met, it is open again."""
        standing = self._trust.look_without_books()
        with self._noted(standing):
            return self._door.check(may_write=may_write)

    def close(self) -> None:
        self._door.close()

    @contextmanager
    def _trusted(self) -> Iterator[None]:
        standing = self._trust.look()
        if standing.is_shut:
            assert standing.refused is not None, "a work item shuts the door"
            raise HostKeyRefusedError(
                standing.refused.summary,
                advice=f"Nothing is tried until the pins change, hub bank check finds a pinned key, or a person resolves"
                f" it: hub worklist resolve {standing.refused.id}",
                shown=standing.refused.detail.get("shown", ()),
            )
        with self._noted(standing):
            yield

    @contextmanager
    def _noted(self, standing: Standing) -> Iterator[None]:
        """Tells the books whether the server was trusted. Any other failure says nothing about its key."""
        try:
            yield
        except HostKeyRefusedError as refusal:
            if standing.has_books:
                self._trust.shut(standing, refusal)
            raise
        self._trust.open_again(standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class PinAnswer:
    """What became of a proposal or an approval: the proposal as it stands, or every fault."""

    bank: str
    key: str
    proposal: PinProposal | None = None
    repeat: bool = False
    faults: Sequence[Fault] = ()

    @property
    def is_approved(self) -> bool:
        return self.proposal is not None and self.proposal.approved_by is not None

    def as_json(self) -> dict[str, object]:
        """Refusals as the contract has them, with the bank in place of the file."""
        if self.proposal is None or self.faults:
            faults = [fault.as_json() for fault in self.faults]
            return {"accepted": False, "bank": self.bank, "key": self.key, "faults": faults}
        proposal = self.proposal
        return {
            "accepted": True, "bank": self.bank, "key": self.key, "repeat": self.repeat,
            "from": proposal.pin.first_day, "until": proposal.pin.last_day,
            "state": "approved" if self.is_approved else "waiting",
            "proposed_by": proposal.proposed_by, "proposed_at": proposal.proposed_at,
            "approved_by": proposal.approved_by, "approved_at": proposal.approved_at,
        }  # fmt: skip


def propose(conn: Connection, bank: Bank, pin: HostKeyPin, by: str) -> PinAnswer:
    """One person wants a key pinned, or other days for a pin. The same proposal again changes nothing."""
    by = by.strip()
    if faults := proposal_faults(pin, by):
        return PinAnswer(bank=bank.code, key=pin.key, faults=faults)
    before = host_keys.newest(conn, bank.code, pin.key)
    if before is not None and (before.pin.first_day, before.pin.last_day) == (pin.first_day, pin.last_day):
        return PinAnswer(bank=bank.code, key=pin.key, proposal=before, repeat=True)
    proposal = host_keys.propose(conn, bank.code, pin, by, clock.now(conn))
    return PinAnswer(bank=bank.code, key=pin.key, proposal=proposal)


def approve(conn: Connection, bank: Bank, pin: HostKeyPin, by: str) -> PinAnswer:
    """Another person agrees to the newest proposal of this key; from now on it counts on its days."""
    by = by.strip()
    proposal = host_keys.newest(conn, bank.code, pin.key)
    if faults := approval_faults(proposal, pin, by):
        return PinAnswer(bank=bank.code, key=pin.key, faults=faults)
    assert proposal is not None, "a missing proposal is a fault"
    is_new = host_keys.approve(conn, proposal, by, clock.now(conn))
    return PinAnswer(
        bank=bank.code, key=pin.key, proposal=host_keys.newest(conn, bank.code, pin.key), repeat=not is_new
    )
