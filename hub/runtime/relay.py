"""The relay: puts the outbox on the topics.

A row is marked only after Kafka's acknowledgement, in the transaction that holds its lock. If the relay dies between
the two, the row goes out once more, which every consumer's inbox knows. Several relays share the rows by
``skip locked``; within a relay the rows of a lane leave in the order in which they were written, so a key keeps its
order there. Which lanes have their turn, and how much may be in flight, is the outbox's to say.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import psycopg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from sqlalchemy import Connection, Engine, text

from hub.domain.errors import HubError, RetriableError
from hub.ledger import dead_letters, outbox
from hub.ledger.dead_letters import RawRecord
from hub.ledger.outbox import CHANNEL, OutboxRow
from hub.runtime import failpoints
from hub.runtime.failures import is_retriable, pauses, reason_of
from hub.runtime.shutdown import pause
from hub.runtime.topic_admin import ensure_topics
from hub.runtime.watchdog import Watchdog
from hub.wire.codec import reframe
from hub.wire.events import headers
from hub.wire.registry import Registry
from topics import by_name

log = logging.getLogger(__name__)

NAME: Final = "relay"
ROWS_AT_ONCE: Final = 200
LOOK_SECONDS: Final = 1.0
"""How long the relay trusts that it would have been told. A lost connection loses words."""
ANSWER_SECONDS: Final = 10.0
"""How long Kafka may take to acknowledge what it was sent; the rows are locked so long."""
BATCH_BYTES: Final = 262_144
"""Of a partition's records that go to Kafka together. The usual 16 kB hold one bundle."""
MAX_RECORD_BYTES: Final = 1_000_000
"""A little less than a broker's default limit of a record."""

_MARK: Final = text("""
    update outbox set published_at = now(), published = published + 1 where id = any(cast(:ids as bigint[]))""")


class NotAcknowledgedError(RetriableError):
    """Kafka has not acknowledged all that it was sent."""


async def run_relay(
    engine: Engine,
    bootstrap: str,
    stop: asyncio.Event,
    *,
    registry: Registry | None = None,
    watchdog: Watchdog | None = None,
) -> None:
    """Publishes until ``stop`` is set. The producer is made anew when it dies, and topics that vanished are too."""
    told = asyncio.Event()
    listening = asyncio.create_task(_listen(engine, told, stop))
    waiting = pauses()
    try:
        while not stop.is_set():
            try:
                await _publishing(engine, bootstrap, stop, told, registry=registry, watchdog=watchdog)
            except Exception as error:
                if not is_retriable(error):
                    raise
                log.warning("relay: begins anew after %s", reason_of(error))
                await pause(stop, waiting.take())
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        if watchdog is not None:
            watchdog.ended(NAME)


async def _publishing(
    engine: Engine,
    bootstrap: str,
    stop: asyncio.Event,
    told: asyncio.Event,
    *,
    registry: Registry | None,
    watchdog: Watchdog | None,
) -> None:
    """Publishes with one producer until it fails or the stop."""
    await ensure_topics(bootstrap)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        client_id="settle.relay",
        enable_idempotence=True,
        acks="all",
        compression_type="zstd",
        max_batch_size=BATCH_BYTES,
        request_timeout_ms=int(ANSWER_SECONDS * 1000),
        metadata_max_age_ms=30_000,
    )
    await producer.start()
    try:
        while not stop.is_set():
            if watchdog is not None:
                watchdog.turned(NAME)
            told.clear()
            if not await publish_some(engine, producer, registry):
                await _told_or_time(told, stop)
    finally:
        await producer.stop()


async def publish_some(engine: Engine, producer: AIOKafkaProducer, registry: Registry | None) -> int:
    """Publishes and marks the next round of rows; how many. Raises when Kafka did not take all."""
    conn = await asyncio.to_thread(engine.connect)
    try:
        rows = await asyncio.to_thread(outbox.claim, conn, ROWS_AT_ONCE)
        if not rows:
            return 0
        acknowledged, too_large, failure = await _send(producer, rows, registry)
        failpoints.reach(failpoints.AFTER_PUBLISH)
        await asyncio.to_thread(_mark, conn, acknowledged, too_large)
        if failure is not None:
            raise failure
        return len(rows)
    finally:
        await asyncio.to_thread(conn.close)


def _mark(conn: Connection, acknowledged: Sequence[OutboxRow], too_large: Sequence[OutboxRow]) -> None:
    for row in too_large:
        dead_letters.park(conn, NAME, _as_record(row), f"{len(row.payload)} bytes are more than a record may have")
    conn.execute(_MARK, {"ids": [row.id for row in (*acknowledged, *too_large)]})
    conn.commit()


async def _send(
    producer: AIOKafkaProducer, rows: Sequence[OutboxRow], registry: Registry | None
) -> tuple[list[OutboxRow], list[OutboxRow], BaseException | None]:
    """Sends all rows in order: those acknowledged, those too large for Kafka, and the first failure of the others."""
    pending: list[tuple[OutboxRow, asyncio.Future[Any]]] = []
    too_large: list[OutboxRow] = []
    failure: BaseException | None = None
    for row in rows:
        if len(row.payload) > MAX_RECORD_BYTES:
            too_large.append(row)
            continue
        try:
            pending.append((row, await _hand_over(producer, row, registry)))
        except MessageSizeTooLargeError:
            too_large.append(row)
        except (KafkaError, HubError) as error:
            failure = error  # what stands behind it must not overtake it
            break
    if pending:
        await asyncio.wait([sent for _, sent in pending], timeout=ANSWER_SECONDS)
    acknowledged = []
    for row, sent in pending:
        if not sent.done():
            failure = failure or NotAcknowledgedError()
        elif isinstance(sent.exception(), MessageSizeTooLargeError):
            too_large.append(row)
        elif sent.exception() is not None:
            failure = failure or sent.exception()
        else:
            acknowledged.append(row)
    return acknowledged, too_large, failure


async def _hand_over(producer: AIOKafkaProducer, row: OutboxRow, registry: Registry | None) -> "asyncio.Future[Any]":
    topic = by_name(row.topic)
    value = row.payload if registry is None else await asyncio.to_thread(reframe, topic, row.payload, registry)
    sent: asyncio.Future[Any] = await producer.send(
        topic.name,
        key=row.key.encode(),
        value=value,
        headers=headers(
            event_id=row.event_id,
            topic=topic,
            occurred_at=row.occurred_at,
            subject=row.subject,
            traceparent=row.traceparent,
        ),
    )
    return sent


def _as_record(row: OutboxRow) -> RawRecord:
    """A row that never came to its topic, parked under its place in the outbox."""
    return RawRecord(
        topic=row.topic,
        partition=-1,
        offset=row.id,
        key=row.key.encode(),
        value=row.payload,
        headers=(("ce_id", str(row.event_id).encode()),),
    )


async def _told_or_time(told: asyncio.Event, stop: asyncio.Event) -> None:
    waits = [asyncio.create_task(told.wait()), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


async def _listen(engine: Engine, told: asyncio.Event, stop: asyncio.Event) -> None:
    """Sets ``told`` whenever a transaction commits that wrote events or took some. A lost connection is made anew."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    waiting = pauses()
    while not stop.is_set():
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
                await conn.execute(f"listen {CHANNEL}")
                waiting = pauses()
                told.set()
                async for _ in conn.notifies():
                    told.set()
        except (psycopg.Error, OSError) as error:
            log.info("relay: listens anew after %s", reason_of(error))
            await pause(stop, waiting.take())
