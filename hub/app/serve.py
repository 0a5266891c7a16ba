"""A process of a running hub: ``python -m hub.app.serve <role>``. Each role is a few loops that end together."""

import asyncio
import logging
import os
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from hub.app import endpoints, logs
from hub.app.connector import run_connector
from hub.app.settings import load
from hub.app.wiring import Hub
from hub.domain.errors import HubError
from hub.processors import (
    FLOW,
    book_at_agency,
    book_changes,
    collect_declarations,
    collect_requests,
    open_arrears,
    post_arrears,
    post_arrivals,
    release_bank_file,
    split_funds,
)
from hub.runtime.consume import Consumption, run_consumer
from hub.runtime.processes import Readiness
from hub.runtime.relay import run_relay
from hub.runtime.shutdown import stop_on_signals
from hub.runtime.streams import Transformation, run_streams
from hub.runtime.sweeper import run_sweeper
from hub.runtime.watchdog import START_AGAIN, Watchdog, give_up
from hub.runtime.work_log import keep_work_log
from hub.wire.registry import Registry

Loops = Sequence[Coroutine[Any, Any, None]]

HANDLERS: Final = {
    "collect-requests": collect_requests.handle,
    "collect-declarations": collect_declarations.handle,
    "post-arrivals": post_arrivals.handle,
    "book-at-agency": book_at_agency.handle,
    "post-arrears": post_arrears.handle,
    "book-changes": book_changes.handle,
}
"""Consumers of the processors' process: each books in PostgreSQL and nowhere else."""

MEMBERS: Final = {"release-bank-file": 2, "post-arrivals": 2}
"""Loops of a consumer, where one would wait for PostgreSQL while nobody does what comes next."""

AT_ONCE: Final = {"release-bank-file": 4}
"""Transactions of a loop side by side: several banks' files come together, and no two have anything in common."""

TRANSFORMATIONS: Final = {"split-funds": split_funds.transform, "open-arrears": open_arrears.transform}
"""Pure stream processors, run by Faust."""


class Surroundings:
    """What every loop of a process is given."""

    def __init__(self, hub: Hub, stop: asyncio.Event) -> None:
        self.hub = hub
        self.stop = stop
        self.bootstrap = endpoints.bootstrap_servers(hub.settings)
        url = hub.settings.kafka.schema_registry_url
        self.registry = Registry(url) if url else None
        self.watchdog = Watchdog()

    def consumers(self, consumer: str, handle: Callable[..., None]) -> Loops:
        """The loops of one consumer of the flow."""
        reads = next(step.reads for step in FLOW if step.consumer == consumer)
        consumption = Consumption(consumer=consumer, topics=reads, handle=handle, at_once=AT_ONCE.get(consumer, 1))
        return [
            run_consumer(
                consumption, self.hub.engine, self.bootstrap, self.stop,
                registry=self.registry, member=member, watchdog=self.watchdog,
            )
            for member in range(1, MEMBERS.get(consumer, 1) + 1)
        ]  # fmt: skip


def processors(around: Surroundings) -> Loops:
    """Relay, sweeper and the consumers that book."""
    with_registry = {"registry": around.registry, "watchdog": around.watchdog}
    return [
        run_relay(around.hub.engine, around.bootstrap, around.stop, **with_registry),  # type: ignore[arg-type]
        run_sweeper(around.hub.engine, around.stop, watchdog=around.watchdog),
        *(loop for consumer, handle in HANDLERS.items() for loop in around.consumers(consumer, handle)),
    ]


def streams(around: Surroundings) -> Loops:
    """Faust with the pure processors."""
    attached = [
        Transformation(
            name=step.consumer, reads=step.reads, writes=step.writes[0], transform=TRANSFORMATIONS[step.consumer]
        )
        for step in FLOW
        if step.consumer in TRANSFORMATIONS
    ]
    return [
        run_streams(
            attached, around.hub.engine, around.bootstrap, around.stop,
            registry=around.registry, watchdog=around.watchdog,
        )
    ]  # fmt: skip


def connector(around: Surroundings) -> Loops:
    """What speaks to the banks, and the schedule where the clock is the system's."""
    release = partial(release_bank_file.handle, archive=around.hub.archive, formats=around.hub.formats)
    return [*around.consumers("release-bank-file", release), run_connector(around.hub, around.stop)]


def web(around: Surroundings) -> Loops:
    """The desk."""
    from hub.dashboard import server  # noqa: PLC0415  only this process needs it
    from hub.ledger.database import ROLE_READ, engine  # noqa: PLC0415

    settings = around.hub.settings
    app = server.build(engine(endpoints.database_url(settings), ROLE_READ), around.bootstrap, settings)
    return [server.run_desk(app, settings.web.host, settings.web.port, around.stop)]


ROLES: Final[dict[str, Callable[[Surroundings], Loops]]] = {
    "processors": processors, "streams": streams, "connector": connector, "web": web,
}  # fmt: skip


_was_ready: Final = threading.Event()
"""This process worked once: if it breaks off later, it starts itself again instead of staying down."""


async def serve(role: str, config: Path | None) -> None:
    """Runs the role's loops until a signal; when one of them fails, all end, and the failure is the exit code."""
    hub = Hub(load(config))
    keep_work_log(hub.settings.home)
    stop = stop_on_signals()
    around = Surroundings(hub, stop)
    readiness = Readiness(hub.settings.home, role)
    around.watchdog.start()
    try:
        async with asyncio.TaskGroup() as group:
            for loop in ROLES[role](around):
                group.create_task(_until_stop(loop, stop))
            readiness.announce()
            _was_ready.set()
            await stop.wait()
            readiness.withdraw()
    finally:
        readiness.withdraw()
        around.watchdog.stop()


async def _until_stop(loop: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    try:
        await loop
    finally:
        stop.set()


def main() -> None:
    """Entry point of a role's process."""
    role, config = sys.argv[1], None
    if "--config" in sys.argv:
        config = Path(sys.argv[sys.argv.index("--config") + 1])
    logs.to_standard_error(logging.INFO)
    os.environ[START_AGAIN] = "1"
    try:
        asyncio.run(serve(role, config))
    except (HubError, ExceptionGroup) as failure:
        logging.getLogger(__name__).exception("%s broke off", role)
        if not _was_ready.is_set():
            sys.exit(1)  # hub up is waiting and shows why
        give_up(f"{role}: {failure}")


if __name__ == "__main__":
    main()
