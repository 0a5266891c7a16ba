"""Stream processors under Faust: pure transformations, one event in, one event out, nothing kept.

Faust may deliver twice and, in releases we know of, may commit past an event that was never finished. Neither costs
money here: the derived event's id comes from its source's, so the ledger's inbox knows a repeat, and the sweeper sends
a source again that was not settled. What Faust must not do is pass over a failure in silence, since returning and
raising both acknowledge. So an event that cannot be transformed is parked in PostgreSQL first, and when Kafka or
PostgreSQL fail for long, the process ends itself and is started anew.
"""

import asyncio
import logging
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import faust
from sqlalchemy import Engine, text

from hub.domain.errors import HubError, RetriableError
from hub.ledger import dead_letters
from hub.ledger.dead_letters import RawRecord
from hub.runtime import failpoints
from hub.runtime.failures import is_retriable, pauses, reason_of
from hub.runtime.shutdown import pause
from hub.runtime.watchdog import Watchdog, give_up
from hub.wire.codec import UndecodableError, encode, reframe
from hub.wire.events import Received, derive, headers
from hub.wire.registry import Registry
from topics import Topic

log = logging.getLogger(__name__)

GROUP: Final = "settle.streams"
SESSION_TIMEOUT_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 60.0
"""How long one event may fail for outer reasons before the process gives itself up."""
LOOK_SECONDS: Final = 1.0
STALL_SECONDS: Final = 20.0
"""An event that lay on a topic for so long, while nothing was taken after it came, shows that Faust is stuck."""
STOP_SECONDS: Final = 15.0

# The age of the youngest event of these topics that is still awaited and older than the limit.
_OVERDUE: Final = text("""
    select min(extract(epoch from now() - published_at))::int from outbox
    where awaiting > 0 and topic = any(cast(:topics as text[]))
      and published_at < now() - make_interval(secs => :limit)""")

Record = dict[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Transformation:
    """A stream processor: ``transform`` makes the record for ``writes`` out of each record on ``reads``; it is pure."""

    name: str
    reads: tuple[Topic, ...]
    writes: Topic
    transform: Callable[[Record], Record]


@dataclass
class _Progress:
    """When Faust last handed anything over, on this machine's monotonic clock."""

    last: float = field(default_factory=time.monotonic)

    def made(self) -> None:
        self.last = time.monotonic()


@dataclass(frozen=True, kw_only=True)
class _Attached:
    """A transformation with what it runs on."""

    transformation: Transformation
    progress: _Progress
    engine: Engine
    registry: Registry | None
    output: Any  # faust.Topic; the library is untyped

    async def take(self, message: Any) -> None:
        """Transforms and publishes one record, or parks it; returns only when one of the two is certain."""
        self.progress.made()
        lying = RawRecord.of(message)
        waiting = pauses()
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            try:
                await self._take_once(lying)
                return
            except Exception as error:  # noqa: BLE001 - Faust would take any exception for a job done
                if not is_retriable(error) or asyncio.get_running_loop().time() > deadline:
                    give_up(f"{self.transformation.name} at {lying}: {reason_of(error)}")
                log.warning("%s: tries again after %s", self.transformation.name, reason_of(error))
            await asyncio.sleep(waiting.take())

    async def _take_once(self, lying: RawRecord) -> None:
        writes = self.transformation.writes
        try:
            source = (
                lying.decoded(None) if self.registry is None else await asyncio.to_thread(lying.decoded, self.registry)
            )
        except UndecodableError as error:
            await asyncio.to_thread(self._park_undecodable, lying, str(error))
            return
        try:
            payload = encode(writes, self.transformation.transform(source.record))
        except Exception as error:
            if is_retriable(error):
                raise
            await asyncio.to_thread(self._park, lying, source, reason_of(error))
            return
        value = await self._unblocked(reframe, writes, payload, self.registry)
        event_id = derive(writes, source.event_id)
        sent = await self.output.send(
            key=source.key.encode(),
            value=value,
            headers=headers(
                event_id=event_id,
                topic=writes,
                occurred_at=source.occurred_at,
                subject=str(source.event_id),
                traceparent=source.traceparent,
                causation=source.event_id,
            ),
        )
        await sent
        failpoints.reach(failpoints.AFTER_DERIVE)

    async def _unblocked(self, work: Callable[..., Result], *arguments: Any) -> Result:
        """What may ask the registry goes into a thread; without a registry a thread would only cost time."""
        return work(*arguments) if self.registry is None else await asyncio.to_thread(work, *arguments)

    def _park(self, lying: RawRecord, source: Received, reason: str) -> None:
        """Parks the source and takes it out of flight: what would have been written counts as taken by its readers."""
        writes = self.transformation.writes
        derived = replace(source, event_id=derive(writes, source.event_id), settles=source.event_id)
        log.error("%s: parked %s: %s", self.transformation.name, lying, reason)
        with self.engine.begin() as conn:
            dead_letters.park_event(conn, self.transformation.name, lying, reason, derived, takers=writes.settled_by)

    def _park_undecodable(self, lying: RawRecord, reason: str) -> None:
        log.error("%s: parked %s: %s", self.transformation.name, lying, reason)
        with self.engine.begin() as conn:
            dead_letters.park(conn, self.transformation.name, lying, reason)


async def run_streams(
    transformations: Sequence[Transformation],
    engine: Engine,
    bootstrap: str,
    stop: asyncio.Event,
    *,
    registry: Registry | None = None,
    watchdog: Watchdog | None = None,
) -> None:
    """Runs the transformations until ``stop`` is set. A Faust that does not start, or ends by itself, is made anew."""
    waiting = pauses()
    while not stop.is_set():
        try:
            await _run_faust(transformations, engine, bootstrap, stop, registry=registry, watchdog=watchdog)
        except Exception as error:
            if isinstance(error, HubError) and not error.retriable:
                raise
            log.warning("streams: begin anew after %s", reason_of(error))
            await pause(stop, waiting.take())
    if watchdog is not None:
        watchdog.ended(GROUP)


async def _run_faust(
    transformations: Sequence[Transformation],
    engine: Engine,
    bootstrap: str,
    stop: asyncio.Event,
    *,
    registry: Registry | None,
    watchdog: Watchdog | None,
) -> None:
    with tempfile.TemporaryDirectory(prefix="settle-streams-") as folder:
        app, progress = _new_app(bootstrap, folder), _Progress()
        for transformation in transformations:
            _attach(app, transformation, engine, registry, progress)
        app.finalize()
        names = [topic.name for transformation in transformations for topic in transformation.reads]
        try:
            await app.start()
            while not await pause(stop, LOOK_SECONDS):
                if watchdog is not None:
                    watchdog.turned(GROUP)
                if app.should_stop:
                    raise RetriableError(f"Faust has ended by itself: {app.crash_reason!r}")
                silent = time.monotonic() - progress.last
                if silent > STALL_SECONDS and await asyncio.to_thread(_passed_over, engine, names, silent):
                    raise RetriableError(f"Faust has taken nothing for {silent:.0f} s although events wait for it")
        finally:
            try:
                await asyncio.wait_for(app.stop(), STOP_SECONDS)
            except TimeoutError:
                give_up("Faust does not stop")


def _passed_over(engine: Engine, names: Sequence[str], silent_seconds: float) -> bool:
    """Whether an event came after Faust last took one, and waits for longer than it should.

    Faust can lose its partitions when the broker goes away at the wrong moment, and then sits in its group for ever.
    """
    with engine.connect() as conn:
        age = conn.execute(_OVERDUE, {"topics": list(names), "limit": STALL_SECONDS}).scalar_one()
    return age is not None and age < silent_seconds - 1


def _new_app(bootstrap: str, folder: str) -> Any:
    return faust.App(
        GROUP,
        broker=";".join(f"kafka://{server.strip()}" for server in bootstrap.split(",")),
        store="memory://",
        cache="memory://",
        datadir=folder,
        autodiscover=False,
        web_enabled=False,
        processing_guarantee="at_least_once",
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=SESSION_TIMEOUT_SECONDS,
        broker_heartbeat_interval=3.0,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        producer_acks=-1,
        producer_compression_type="zstd",
        producer_max_request_size=1_048_576,
    )


def _attach(
    app: Any, transformation: Transformation, engine: Engine, registry: Registry | None, progress: _Progress
) -> None:
    """Makes an agent of the transformation, by an ordinary call: no module-level app, nothing at import time."""
    attached = _Attached(
        transformation=transformation,
        progress=progress,
        engine=engine,
        registry=registry,
        output=_channel(app, transformation.writes),
    )

    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            await attached.take(event.message)
            await stream.ack(event)

    channel = _channel(app, *transformation.reads)
    app.agent(channel, name=transformation.name, concurrency=1)(agent)


def _channel(app: Any, *topics: Topic) -> Any:
    """The topics as Faust sees them: bytes in, bytes out, created by us and never by it."""
    return app.topic(
        *(topic.name for topic in topics),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=topics[0].partitions,
        allow_empty=True,
    )
