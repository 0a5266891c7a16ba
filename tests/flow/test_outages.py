"""The services themselves are killed or frozen in the middle; when they are back the pipeline drains by itself, and the
books have each event once (faults 1, 3, 11, 21, 30)."""

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text

import topics
from hub.runtime.embedded.kafka import ensure_kafka, kafka_process
from hub.runtime.embedded.postgres import ensure_postgres, postgres_process
from hub.wire.events import Event, derive
from tests.flow.conftest import Books, Broker, Workers, declared, result, until

EVERYBODY = ("relay", "sweeper", "streams", "arrivals", "declarations")


async def kill_kafka(home: Path, bootstrap: str) -> None:
    started = kafka_process(home)
    assert started is not None
    os.kill(started.pid, signal.SIGKILL)
    await until(lambda: not started.alive, "the broker is dead")
    assert ensure_kafka(home) == bootstrap


async def freeze_kafka(home: Path, bootstrap: str) -> None:
    """Longer than the sessions of its members, which are thrown out meanwhile and wake as zombies."""
    started = kafka_process(home)
    assert started is not None
    os.kill(started.pid, signal.SIGSTOP)
    try:
        await elapsed(12)
    finally:
        os.kill(started.pid, signal.SIGCONT)


async def kill_postgres(home: Path, _bootstrap: str) -> None:
    started = postgres_process(home)
    assert started is not None
    os.kill(started.pid, signal.SIGKILL)
    await until(lambda: not started.alive, "the postmaster is dead")
    ensure_postgres(home)


async def elapsed(seconds: float) -> None:
    """The one place where time itself is the condition: a session must have run out."""
    import time

    end = time.monotonic() + seconds
    await until(lambda: time.monotonic() > end, "the time has passed", seconds + 5)


@pytest.mark.parametrize("outage", [kill_kafka, freeze_kafka, kill_postgres])
async def test_an_outage_loses_nothing_and_doubles_nothing(
    outage: Callable[[Path, str], Awaitable[None]], books: Books, broker: Broker, workers: Workers, services_home: Path
) -> None:
    events: list[Event] = [
        *(result(number, lines=2) for number in range(60)),
        *(declared(number) for number in range(60)),
    ]
    third = len(events) // 3
    async with workers.running(*EVERYBODY):
        books.append(*events[::3])
        await until(lambda: books.in_flight() < third, "the work has begun")
        books.append(*events[1::3])
        await outage(services_home, broker.bootstrap)
        books.owner.dispose()
        books.app.dispose()
        books.append(*events[2::3])
        await until(lambda: not books.in_flight(), "everything drains by itself", 120)

    assert books.booked() == {
        **{
            str(derive(topics.FUNDS_SPLIT, event.event_id)): 2 for event in events if event.topic == topics.FIRST_RESULT
        },
        **{str(event.event_id): 1 for event in events if event.topic == topics.DEDUCTION_DECLARED},
    }
    assert books.one("select count(*) from dead_letter") == 0
    with books.owner.connect() as conn:
        assert conn.execute(text("select count(*) from outbox where published_at is null")).scalar_one() == 0
