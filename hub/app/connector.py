"""The connector's loop: bank files go out as soon as they are written; with the system clock, results come in and steps run."""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy.exc import OperationalError

from hub.app import bank_door, schedule
from hub.app.wiring import Hub
from hub.domain.errors import HubError
from hub.domain.timetable import TZ
from hub.ledger import clock
from hub.processors import deliver_bank_file
from hub.runtime.shutdown import pause

_log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.1
"""Between two looks for a file that is ready to go."""
SCHEDULE_SECONDS: Final = 5.0
"""Between two visits of the banks and looks at the timetable, with the system clock."""
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

    def went_well(self) -> None:
        self.pause_seconds, self.not_before = FIRST_PAUSE_SECONDS, 0.0


async def run_connector(hub: Hub, stop: asyncio.Event) -> None:
    """Runs until ``stop`` is set. Each bank has a task of its own: one bank's trouble delays no other."""
    with hub.engine.connect() as conn:
        manual = clock.is_manual(conn)
    ready = {code: asyncio.Event() for code in hub.parties.banks}
    async with asyncio.TaskGroup() as group:
        for code, told in ready.items():
            group.create_task(_deliver_for(hub, code, told, stop))
        group.create_task(_look_for_files(hub, ready, stop))
        if not manual:
            group.create_task(_keep_schedule(hub, stop))


async def _look_for_files(hub: Hub, ready: Mapping[str, asyncio.Event], stop: asyncio.Event) -> None:
    """Tells each bank's task when a file for it is written; one look for all banks."""
    while not await pause(stop, LOOK_SECONDS):
        waiting = await asyncio.to_thread(_banks_with_files, hub)
        if waiting is None:
            await pause(stop, FIRST_PAUSE_SECONDS)
            continue
        for code in waiting & set(ready):
            ready[code].set()
    for told in ready.values():
        told.set()


def _banks_with_files(hub: Hub) -> set[str] | None:
    """Banks for which a file is written; None while the database is away."""
    try:
        with hub.engine.connect() as conn:
            return {batch.bank for batch in deliver_bank_file.pending(conn)}
    except OperationalError as failure:
        _log.warning("database_away", reason=type(failure).__name__)
        return None


async def _deliver_for(hub: Hub, code: str, told: asyncio.Event, stop: asyncio.Event) -> None:
    patience = _Patience()
    with closing(hub.door(code)) as door:
        while True:
            await told.wait()
            if stop.is_set():
                return
            told.clear()
            if time.monotonic() < patience.not_before:
                continue
            try:
                went_well = await asyncio.to_thread(bank_door.deliver, hub, code, door)
            except Exception:  # noqa: BLE001  whatever fails at one bank, the others go on; it is logged and tried again
                _log.exception("delivery_failed", bank=code)
                went_well = False
            if went_well:
                patience.went_well()
            else:
                patience.failed()


async def _keep_schedule(hub: Hub, stop: asyncio.Event) -> None:
    with closing(schedule.Banks(hub)) as banks:
        while not await pause(stop, SCHEDULE_SECONDS):
            try:
                await asyncio.to_thread(schedule.advance, hub, datetime.now(TZ), banks=banks)
            except HubError as failure:
                _log.warning("schedule_waits", reason=str(failure))
            except Exception:  # noqa: BLE001  a database that is away for a moment must not end the schedule
                _log.exception("schedule_failed")
