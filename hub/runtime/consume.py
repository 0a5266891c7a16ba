"""The loop of every consumer that books: Kafka hands over, PostgreSQL decides.

The commit order, in the functions below that carry it out:

    Step 1. Take records from Kafka; nothing is acknowledged yet.               _turn
    Step 2. Decode; what is no record of its topic is parked with its bytes.    _book
    Step 3. Begin a transaction for as much as a transaction may hold; write    _book_together
            the inbox rows. Their primary key leaves out what was booked before.
    Step 4. Hand the new events to the processor as one set: books and outbox.  _book_together
    Step 5. Commit the database.                                                _book_together
    Step 6. Only now commit the offsets to Kafka. They are a hint: lost or      _turn
            refused, the same records come again and step 3 knows them.

A failure that time may heal is tried again in place, with the same keys. Any other makes the records go one by one;
the one that fails again and again is parked, and its neighbours pass.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from sqlalchemy import Connection, Engine

from hub.domain.errors import HubError, RetriableError
from hub.ledger import dead_letters, inbox
from hub.ledger.dead_letters import RawRecord
from hub.runtime import failpoints
from hub.runtime.failures import is_retriable, pauses, reason_of
from hub.runtime.shutdown import pause
from hub.runtime.watchdog import Watchdog
from hub.runtime.work_log import working
from hub.wire.codec import UndecodableError
from hub.wire.events import Received, receive
from hub.wire.registry import Registry
from topics import Topic

log = logging.getLogger(__name__)

RECORDS_AT_ONCE: Final = 400
"""Records a turn: what is read together, some megabytes."""
RECORDS_WORTH_A_TURN: Final = 32
GATHER_SECONDS: Final = 0.01
LINES_AT_ONCE: Final = 20_000
"""Lines a transaction: forty full bundles, or all of a turn when they are small. Enough for set-based work to be cheap
a line, and little enough that what stands behind waits a fraction of a second."""
TRIES: Final = 3
"""How often a record may fail alone before it is parked."""
FETCH_WAIT_MS: Final = 100
SESSION_TIMEOUT_MS: Final = 10_000
IDLE_CHECK_SECONDS: Final = 15.0
"""How long Kafka may hand over nothing before we ask it whether there really is nothing."""
PATIENCE_SECONDS: Final = 120.0
"""How long a failing database is waited for before the partitions are given back."""

_NOT_OURS_ANY_MORE: Final = (CommitFailedError, IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


@dataclass(frozen=True, kw_only=True)
class Consumption:
    """A consumer of record: its name, its topics and the processor that books its events.

    ``handle`` is given all new events of a transaction, in their order and never none, and books them as one set. It
    runs inside the transaction that holds their inbox rows; what it raises undoes all of it.

    ``at_once``: transactions side by side, where what a member takes together need not be booked in its order.
    """

    consumer: str
    topics: tuple[Topic, ...]
    handle: Callable[[Connection, Sequence[Received]], None]
    at_once: int = 1

    @property
    def group(self) -> str:
        return f"settle.{self.consumer}"


class StalledError(RetriableError):
    """Kafka has records for us and does not hand them over."""


@dataclass(kw_only=True)
class _Member:
    """One consumer in its group, and what its turns need."""

    consumption: Consumption
    engine: Engine
    kafka: AIOKafkaConsumer
    stop: asyncio.Event
    registry: Registry | None
    last_records: float
    was_behind: bool = False


async def run_consumer(
    consumption: Consumption,
    engine: Engine,
    bootstrap: str,
    stop: asyncio.Event,
    *,
    registry: Registry | None = None,
    instance: str | None = None,
    member: int = 1,
    watchdog: Watchdog | None = None,
) -> None:
    """Consumes until ``stop`` is set. ``instance`` makes a static member, which may restart without a rebalance.

    ``member`` tells several loops of one consumer in a process apart; they share its partitions.

    Returns only at the stop; whatever Kafka or PostgreSQL do, the member is closed and made anew.
    """
    loop = f"{consumption.consumer} {member}"
    waiting = pauses()
    while not stop.is_set():
        try:
            await _membership(
                consumption, engine, bootstrap, stop, registry=registry, instance=instance, watchdog=watchdog, loop=loop
            )
            waiting = pauses()
        except (KafkaError, HubError, OSError) as error:
            if isinstance(error, HubError) and not error.retriable:
                raise
            log.warning("%s: begins anew after %s", consumption.consumer, reason_of(error))
            await pause(stop, waiting.take())
    if watchdog is not None:
        watchdog.ended(loop)


async def _membership(
    consumption: Consumption,
    engine: Engine,
    bootstrap: str,
    stop: asyncio.Event,
    *,
    registry: Registry | None,
    instance: str | None,
    watchdog: Watchdog | None,
    loop: str,
) -> None:
    kafka = AIOKafkaConsumer(
        *(topic.name for topic in consumption.topics),
        bootstrap_servers=bootstrap,
        client_id=consumption.group,
        group_id=consumption.group,
        group_instance_id=instance,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_TIMEOUT_MS,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        max_poll_records=RECORDS_AT_ONCE,
        metadata_max_age_ms=30_000,
    )
    await kafka.start()
    try:
        now = asyncio.get_running_loop().time
        member = _Member(
            consumption=consumption, engine=engine, kafka=kafka, stop=stop, registry=registry, last_records=now()
        )
        while not stop.is_set():
            if watchdog is not None:
                watchdog.turned(loop)
            if await _turn(member):
                member.last_records = now()
                member.was_behind = False
            elif now() - member.last_records > IDLE_CHECK_SECONDS:
                behind = await asyncio.wait_for(_is_behind(kafka), IDLE_CHECK_SECONDS)
                if behind and member.was_behind:  # a record may arrive just as we look, so look twice
                    raise StalledError
                member.last_records, member.was_behind = now(), behind
    finally:
        await kafka.stop()


async def _turn(member: _Member) -> bool:
    """One round of the six steps; False when there was nothing to do."""
    # Step 1. Take records from Kafka; nothing is acknowledged yet.
    handed = await _gather(member.kafka)
    records = [record for partition in handed.values() for record in partition]
    if not records:
        return False
    # Steps 2 to 5, in a thread: the loop goes on answering Kafka's heartbeats.
    if not await _book_patiently(member, records):
        return True
    # Step 6. Only now commit the offsets to Kafka.
    offsets: dict[TopicPartition, int] = {
        partition: records[-1].offset + 1 for partition, records in handed.items() if records
    }
    try:
        await member.kafka.commit(offsets)
    except _NOT_OURS_ANY_MORE as error:
        log.info("%s: offsets not committed (%s)", member.consumption.consumer, type(error).__name__)
    return True


async def _gather(kafka: AIOKafkaConsumer) -> dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]:
    """What Kafka hands over, partition by partition. After a few records it is given a moment for more.

    It answers as soon as one partition has something, and a transaction for two records costs as much as one for forty.
    """
    handed = dict(await kafka.getmany(timeout_ms=FETCH_WAIT_MS * 2, max_records=RECORDS_AT_ONCE))
    count = sum(map(len, handed.values()))
    if 0 < count < RECORDS_WORTH_A_TURN:
        await asyncio.sleep(GATHER_SECONDS)
        for partition, more in (await kafka.getmany(max_records=RECORDS_AT_ONCE - count)).items():
            handed[partition] = [*handed.get(partition, ()), *more]
    return handed


async def _book_patiently(member: _Member, records: Sequence[ConsumerRecord[bytes, bytes]]) -> bool:
    """Books, again and again while the failure is one that time may heal. False when told to stop meanwhile."""
    waiting = pauses()
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            await asyncio.to_thread(_book_on_record, member.consumption, member.engine, member.registry, records)
            return True
        except Exception as error:
            if not is_retriable(error):
                raise
            log.warning("%s: tries again after %s", member.consumption.consumer, reason_of(error))
            if asyncio.get_running_loop().time() > deadline:
                raise RetriableError(reason_of(error)) from error
        if await pause(member.stop, waiting.take()):
            return False


def _book_on_record(
    consumption: Consumption, engine: Engine, registry: Registry | None, records: Sequence[ConsumerRecord[bytes, bytes]]
) -> None:
    with working(consumption.consumer) as piece:
        piece.lines = _book(consumption, engine, registry, records)


def _book(
    consumption: Consumption, engine: Engine, registry: Registry | None, records: Sequence[ConsumerRecord[bytes, bytes]]
) -> int:
    """Steps 2 to 5 for some records; how many lines. Raises only what :func:`is_retriable` says of; the rest ends parked."""
    # Step 2. Decode; what is no record of its topic is parked with its bytes.
    raw = [RawRecord.of(record) for record in records]
    decoded: list[tuple[Received, RawRecord]] = []
    for lying, found in zip(raw, receive(raw, registry), strict=True):
        if isinstance(found, UndecodableError):
            log.error("%s: parked %s: %s", consumption.consumer, lying, found)
            with engine.begin() as conn:
                dead_letters.park(conn, consumption.consumer, lying, str(found))
        else:
            decoded.append((found, lying))
    book = partial(_book_somehow, consumption, engine)
    if consumption.at_once == 1:
        for together in _transactions(decoded):
            book(together)  # what fails for now keeps what stands behind it waiting
    else:
        with ThreadPoolExecutor(consumption.at_once, thread_name_prefix=consumption.consumer) as threads:
            list(threads.map(book, _transactions(decoded)))
    return sum(event.lines for event, _ in decoded)


def _transactions(decoded: Sequence[tuple[Received, RawRecord]]) -> Iterator[list[tuple[Received, RawRecord]]]:
    """Cuts events, in their order, into what one transaction books: ``LINES_AT_ONCE`` at most, and never nothing."""
    together: list[tuple[Received, RawRecord]] = []
    lines = 0
    for event, lying in decoded:
        if together and lines + event.lines > LINES_AT_ONCE:
            yield together
            together, lines = [], 0
        together.append((event, lying))
        lines += event.lines
    if together:
        yield together


def _book_somehow(consumption: Consumption, engine: Engine, together: Sequence[tuple[Received, RawRecord]]) -> None:
    try:
        _book_together(consumption, engine, [event for event, _ in together])
    except Exception as error:
        if is_retriable(error):
            raise
        log.warning("%s: one by one after %s", consumption.consumer, reason_of(error))
        for event, lying in together:
            _book_alone(consumption, engine, event, lying)


def _book_together(consumption: Consumption, engine: Engine, events: Sequence[Received]) -> None:
    # Step 3. Begin a transaction; write the inbox rows.
    with engine.begin() as conn:
        # Step 4. Hand the new events to the processor as one set: books and outbox.
        if new := inbox.take(conn, consumption.consumer, events):
            consumption.handle(conn, new)
        failpoints.reach(failpoints.BEFORE_DB_COMMIT)
        # Step 5. Commit the database (the end of this block).
    failpoints.reach(failpoints.AFTER_DB_COMMIT)


def _book_alone(consumption: Consumption, engine: Engine, event: Received, lying: RawRecord) -> None:
    reason = ""
    for _ in range(TRIES):
        try:
            _book_together(consumption, engine, [event])
            return
        except Exception as error:
            if is_retriable(error):
                raise
            reason = reason_of(error)
    log.error("%s: parked %s: %s", consumption.consumer, lying, reason)
    with engine.begin() as conn:
        dead_letters.park_event(conn, consumption.consumer, lying, reason, event, takers=(consumption.consumer,))


async def _is_behind(kafka: AIOKafkaConsumer) -> bool:
    """Whether Kafka holds records for our partitions, although it has handed over none for a while."""
    assigned = kafka.assignment()
    ends = await kafka.end_offsets(assigned) if assigned else {}
    return any([await kafka.position(partition) < end for partition, end in ends.items()])
