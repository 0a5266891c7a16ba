"""What passes on the topics: a tail of its own, outside every consumer group, that reads headers and counts.

It begins at the beginning of each topic when the desk starts. The lines of an event are looked up by its id in the
outbox, so no payload is decoded. While the broker is away only the state shown changes; then counting goes on where it
was.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain, repeat
from typing import Any, Final
from uuid import UUID

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from topics import Topic

log = structlog.get_logger()

LOOK_SECONDS: Final = 3.0
"""How often the broker is asked whether it is there, and for topics that are new."""

BACK_OFF_SECONDS: Final = (1.0, 2.0, 5.0, 10.0)
POLL_MS: Final = 400
EVENTS_AT_ONCE: Final = 500


class Reach(StrEnum):
    """Whether the desk sees the broker."""

    STARTING = "starting"
    UP = "up"
    AWAY = "away"


@dataclass(slots=True)
class Passing:
    """What has passed on one topic: bundles (events), lines in them, and the last one; ``at`` is the broker's time."""

    bundles: int = 0
    lines: int = 0
    partition: int = -1
    offset: int = -1
    at: datetime | None = None


LinesOf = Callable[[Collection[UUID]], Mapping[UUID, int]]


def lines_by_outbox(engine: Engine) -> LinesOf:
    """Looks the lines of events up where they were written; ids unknown there are left out."""

    def look_up(events: Collection[UUID]) -> Mapping[UUID, int]:
        with engine.connect() as conn:
            found = conn.execute(
                text("select event_id, lines from outbox where event_id = any(:events)"), {"events": list(events)}
            )
            return {row.event_id: row.lines for row in found}

    return look_up


def source_of(headers: Sequence[tuple[str, bytes]]) -> UUID | None:
    """The outbox event behind a message: the one it was derived from, or itself; None when the headers do not say."""
    known = dict(headers)
    try:
        return UUID((known.get("ce_causationid") or known["ce_id"]).decode("ascii"))
    except (KeyError, ValueError):
        return None


class Flow:
    """Counts per topic, kept by ``run``. ``version`` grows with everything that would look different."""

    def __init__(self, bootstrap: str, topics: Sequence[Topic], lines_of: LinesOf) -> None:
        self.reach = Reach.STARTING
        self.version = 0
        self.passing: dict[str, Passing] = {topic.name: Passing() for topic in topics}
        self._bootstrap = bootstrap
        self._topics = topics
        self._lines_of = lines_of
        self._positions: dict[TopicPartition, int] = {}

    @property
    def bundles(self) -> int:
        return sum(passing.bundles for passing in self.passing.values())

    @property
    def lines(self) -> int:
        return sum(passing.lines for passing in self.passing.values())

    async def run(self, stop: asyncio.Event) -> None:
        """Tails until ``stop``; while there is no broker to begin with, it tries again, less and less often."""
        for pause in chain(BACK_OFF_SECONDS, repeat(BACK_OFF_SECONDS[-1])):
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                client_id="settlement-desk",
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                fetch_max_wait_ms=POLL_MS,
                request_timeout_ms=10_000,
                retry_backoff_ms=1_000,
            )
            try:
                await consumer.start()
                await self._tail(consumer, stop)
            except (KafkaError, OSError) as trouble:
                self._reached(Reach.AWAY, str(trouble))
            finally:
                await _close(consumer)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            if stop.is_set():
                return

    async def _tail(self, consumer: AIOKafkaConsumer, stop: asyncio.Event) -> None:
        """Once begun, one consumer outlives every absence of the broker: it reconnects, and forgets no position."""
        loop = asyncio.get_running_loop()
        look_at = loop.time()
        while not stop.is_set():
            if loop.time() >= look_at:
                try:
                    await asyncio.wait_for(self._look(consumer), LOOK_SECONDS * 3)
                except (KafkaError, OSError) as trouble:
                    self._reached(Reach.AWAY, str(trouble) or "no answer")
                look_at = loop.time() + LOOK_SECONDS
            if not self._positions:
                await asyncio.sleep(POLL_MS / 1000)
                continue
            fetched = await consumer.getmany(timeout_ms=POLL_MS, max_records=EVENTS_AT_ONCE)
            try:
                await self._count(fetched)
            except SQLAlchemyError:  # nobody knows their lines now; they are fetched again
                for partition in fetched:
                    consumer.seek(partition, self._positions[partition])
                await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        """Asks the broker what topics there are, which also tells that it is there, and follows those that are ours."""
        there = await consumer.topics()
        ours = {
            TopicPartition(topic.name, partition)
            for topic in self._topics
            if topic.name in there
            for partition in range(topic.partitions)
        }
        if ours and ours != consumer.assignment():
            consumer.assign(sorted(ours))
            for partition in ours:
                consumer.seek(partition, self._positions.setdefault(partition, 0))
        self._reached(Reach.UP)

    async def _count(self, fetched: Mapping[TopicPartition, Sequence[Any]]) -> None:
        sources = {source for messages in fetched.values() for each in messages if (source := source_of(each.headers))}
        lines = await asyncio.to_thread(self._lines_of, sources) if sources else {}
        for partition, messages in fetched.items():
            passing = self.passing[partition.topic]
            for message in messages:
                source = source_of(message.headers)
                passing.bundles += 1
                passing.lines += 1 if source is None else lines.get(source, 1)
                at = datetime.fromtimestamp(message.timestamp / 1000, UTC)
                if passing.at is None or at >= passing.at:
                    passing.partition, passing.offset, passing.at = partition.partition, message.offset, at
            if messages:
                self._positions[partition] = messages[-1].offset + 1
                self.version += 1

    def _reached(self, reach: Reach, reason: str = "") -> None:
        if reach is self.reach:
            return
        if reach is Reach.UP:
            log.info("desk.broker_reached")
        else:
            log.warning("desk.broker_away", reason=reason)
        self.reach = reach
        self.version += 1


async def _close(consumer: AIOKafkaConsumer) -> None:
    """Closes a consumer in a task of its own: aiokafka's ``stop`` may end as cancelled, which must not look like ours."""
    closing = asyncio.ensure_future(consumer.stop())
    await asyncio.wait({closing}, timeout=LOOK_SECONDS)
    if closing.done() and not closing.cancelled() and (trouble := closing.exception()) is not None:
        log.debug("desk.tail_closed", reason=str(trouble))
    closing.cancel()
