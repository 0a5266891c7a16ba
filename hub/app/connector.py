"""The connector's loops: bank files go out as soon as they are written; with the system clock, results come in and steps run.

Each bank has a task of its own, which delivers and visits in turn and keeps its door open; the schedule has another.
None waits for another, but for one thing: a step waits until the banks it concerns were visited since its hour.
"""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, ParamSpec, TypeVar

import structlog
from sqlalchemy.exc import OperationalError

from hub.app import bank_door, schedule
from hub.app.wiring import Hub
from hub.domain.errors import HubError
from hub.domain.timetable import TZ
from hub.ledger import circuits, clock
from hub.ports import BankDoor
from hub.processors import deliver_bank_file
from hub.runtime.shutdown import pause

_log = structlog.get_logger(__name__)
P = ParamSpec("P")
R = TypeVar("R")

LOOK_SECONDS: Final = 0.1
"""Between two looks for a file that is ready to go."""
SCHEDULE_SECONDS: Final = 1.0
"""Between two looks at the timetable, with the system clock."""
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0


@dataclass
class _Patience:
    """A bank that fails is tried again after a pause that doubles, with jitter, so that nobody is stormed."""

    pause_seconds: float = FIRST_PAUSE_SECONDS
    not_before: float = field(default=0.0)

    def failed(self) -> None:
        self.not_before = time.monotonic() + self.pause_seconds * random.uniform(0.8, 1.2)  # noqa: S311
        self.pause_seconds = min(self.pause_seconds * 2, LONGEST_PAUSE_SECONDS)

    def begin_after(self, seconds: float) -> None:
        """A process that has just started goes on being patient where the one before it was."""
        if seconds > 0:
            self.not_before, self.pause_seconds = time.monotonic() + seconds, LONGEST_PAUSE_SECONDS

    def went_well(self) -> None:
        self.pause_seconds, self.not_before = FIRST_PAUSE_SECONDS, 0.0

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.not_before


@dataclass
class _Bank:
    """What a bank's task is told, and how far it is. Times of visits are wall clock."""

    code: str
    poll_seconds: float | None  # None with the manual clock: commands visit the banks
    told: asyncio.Event = field(default_factory=asyncio.Event)
    has_file: bool = False
    awaited_since: datetime | None = None
    """A step waits for a visit that began at this moment or later."""
    visited_at: datetime | None = None
    """When the last visit that is over began, whatever came of it."""
    next_visit: float = 0.0  # monotonic
    deliveries: _Patience = field(default_factory=_Patience)
    visits: _Patience = field(default_factory=_Patience)

    @property
    def is_awaited(self) -> bool:
        return self.awaited_since is not None and (self.visited_at is None or self.visited_at < self.awaited_since)

    def seconds_to_visit(self) -> float | None:
        """Until the next visit is due; None: never by itself. A step does not wait until patience is over."""
        if self.poll_seconds is None:
            return None
        if self.is_awaited:
            return 0.0
        return max(0.0, max(self.next_visit, self.visits.not_before) - time.monotonic())


async def run_connector(hub: Hub, stop: asyncio.Event) -> None:
    """Runs until ``stop`` is set."""
    with hub.engine.connect() as conn:
        manual = clock.is_manual(conn)
        open_circuits = {code: each.until for code, each in circuits.of_banks(conn).items() if each.until is not None}
    banks = {bank.code: _Bank(bank.code, None if manual else bank.poll_seconds) for bank in hub.settings.banks}
    for code, until in open_circuits.items():
        for patience in (banks[code].deliveries, banks[code].visits) if code in banks else ():
            patience.begin_after((until - datetime.now(TZ)).total_seconds())
    live = {code: bank for code, bank in banks.items() if not hub.bank(code).shadow}
    # A thread for each task, so that banks that are silent keep no other from its turn.
    with ThreadPoolExecutor(len(banks) + 2, thread_name_prefix="connector") as threads:
        aside = _Aside(threads)
        async with asyncio.TaskGroup() as group:
            for bank in banks.values():
                group.create_task(_serve(hub, bank, aside, stop))
            group.create_task(_look_for_files(hub, live, aside, stop))
            if not manual:
                group.create_task(_keep_schedule(hub, banks, aside, stop))
            await stop.wait()
            for bank in banks.values():
                bank.told.set()


async def visit_banks(hub: Hub, codes: Sequence[str], every_seconds: float, stop: asyncio.Event) -> None:
    """Looks into the inbound directories of some banks until ``stop`` is set, with either clock; delivers nothing."""
    banks = [_Bank(code, every_seconds) for code in codes]
    with ThreadPoolExecutor(len(banks), thread_name_prefix="visits") as threads:
        aside = _Aside(threads)
        async with asyncio.TaskGroup() as group:
            for bank in banks:
                group.create_task(_serve(hub, bank, aside, stop))
            await stop.wait()
            for bank in banks:
                bank.told.set()


class _Aside:
    """Carries out what waits for banks and books in a thread, while the loop turns."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self._threads = threads

    async def __call__(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*args, **kwargs))


async def _look_for_files(hub: Hub, banks: Mapping[str, _Bank], aside: _Aside, stop: asyncio.Event) -> None:
    """Tells each bank's task when a file for it is written; one look for all banks."""
    while not await pause(stop, LOOK_SECONDS):
        waiting = await aside(_banks_with_files, hub)
        if waiting is None:
            await pause(stop, FIRST_PAUSE_SECONDS)
            continue
        for code in waiting & set(banks):
            banks[code].has_file = True
            if banks[code].deliveries.is_over:
                banks[code].told.set()


def _banks_with_files(hub: Hub) -> set[str] | None:
    """Banks for which a file is written; None while the database is away."""
    try:
        with hub.engine.connect() as conn:
            return {batch.bank for batch in deliver_bank_file.pending(conn)}
    except OperationalError as failure:
        _log.warning("database_away", reason=type(failure).__name__)
        return None


async def _serve(hub: Hub, bank: _Bank, aside: _Aside, stop: asyncio.Event) -> None:
    """Delivers and visits, one at a time, with one door that stays open."""
    with closing(hub.door(bank.code)) as door:
        while True:
            await _told_or_time(bank.told, bank.seconds_to_visit())
            if stop.is_set():
                return
            bank.told.clear()
            if bank.has_file and bank.deliveries.is_over:
                bank.has_file = False
                await _deliver(hub, bank, door, aside)
            if bank.seconds_to_visit() == 0.0:
                await _visit(hub, bank, door, aside)


async def _told_or_time(told: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(told.wait(), seconds)
    except TimeoutError:
        return


async def _deliver(hub: Hub, bank: _Bank, door: BankDoor, aside: _Aside) -> None:
    try:
        went_well = await aside(bank_door.deliver, hub, bank.code, door)
    except Exception:  # noqa: BLE001  whatever fails at one bank, the others go on; it is logged and tried again
        _log.exception("delivery_failed", bank=bank.code)
        went_well = False
    if went_well:
        bank.deliveries.went_well()
    else:
        bank.deliveries.failed()


async def _visit(hub: Hub, bank: _Bank, door: BankDoor, aside: _Aside) -> None:
    assert bank.poll_seconds is not None, "with the manual clock nobody visits by himself"
    began_at, began = datetime.now(TZ), time.monotonic()
    try:
        for polled in await aside(bank_door.poll, hub, bank.code, door):
            _log.info("bank_file_read", bank=bank.code, file=polled.file, outcome=polled.outcome)
        bank.visits.went_well()
    except HubError as failure:
        _log.warning("bank_not_read", bank=bank.code, reason=type(failure).__name__)
        bank.visits.failed()
    except Exception:  # noqa: BLE001  as for a delivery
        _log.exception("visit_failed", bank=bank.code)
        bank.visits.failed()
    bank.visited_at, bank.next_visit = began_at, began + bank.poll_seconds


async def _keep_schedule(hub: Hub, banks: Mapping[str, _Bank], aside: _Aside, stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def visited(code: str, since: datetime) -> bool:
        bank = banks[code]
        bank.awaited_since = since
        if bank.is_awaited:
            loop.call_soon_threadsafe(bank.told.set)
        return not bank.is_awaited

    while not await pause(stop, SCHEDULE_SECONDS):
        try:
            await aside(schedule.keep_up, hub, datetime.now(TZ), visited)
        except HubError as failure:
            _log.warning("schedule_waits", reason=str(failure))
        except Exception:  # noqa: BLE001  a database that is away for a moment must not end the schedule
            _log.exception("schedule_failed")
