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
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
from hub.runtime.work_log import working
from hub.wire.codec import UndecodableError, encode, reframe
from hub.wire.events import Received, derive, headers, receive
from hub.wire.registry import Registry
from topics import Topic

log = logging.getLogger(__name__)

GROUP: Final = "settle.streams"
SESSION_TIMEOUT_SECONDS: Final = 10.0
PATIENCE_SECONDS: Final = 60.0
"""How long one event may fail for outer reasons before the process gives itself up."""
TOGETHER: Final = 32
"""Events that are read, transformed and sent together: a few milliseconds of work and one request to Kafka."""
HANDS: Final = 2
GATHER_SECONDS: Final = 0.005
BATCH_BYTES: Final = 262_144
"""Of a partition's records that go to Kafka together. The usual 16 kB hold one bundle."""
LOOK_SECONDS: Final = 1.0
STALL_SECONDS: Final = 20.0
"""An event that lay on a topic for so long, while nothing was taken after it came, shows that Faust is stuck."""
START_SECONDS: Final = 30.0
"""A Faust whose broker goes away while it starts can wait for its partitions for ever."""
STOP_SECONDS: Final = 15.0

# The age of the youngest event of these topics that is still awaited and older than the limit.
_OVERDUE: Final = text("""
    select min(extract(epoch from now() - published_at))::int from outbox
    where awaiting > 0 and topic = any(cast(:topics as text[]))
      and published_at < now() - make_interval(secs => :limit)""")

Record = Mapping[str, Any]
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True)
class Transformation:
    """A stream processor: ``transform`` makes the record for ``writes`` out of each record on ``reads``; it is pure."""

    name: str
    reads: tuple[Topic, ...]
    writes: Topic
    transform: Callable[[Record], dict[str, Any]]


@dataclass
class _Progress:
    """When Faust last handed anything over, on this machine's monotonic clock."""

    last: float = field(default_factory=time.monotonic)

    def made(self) -> None:
        self.last = time.monotonic()


@dataclass(kw_only=True)
class _Taken:
    """One event that Faust handed over, on its way to be certain: published, or parked."""

    event: Any  # faust.Event; the library is untyped
    lying: RawRecord
    sent: Awaitable[Any] | None = None
    certain: bool = False


@dataclass(frozen=True, kw_only=True)
class _Attached:
    """A transformation with what it runs on."""

    transformation: Transformation
    progress: _Progress
    engine: Engine
    registry: Registry | None
    output: Any  # faust.Topic
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self, stream: Any) -> None:
        """Takes what Faust hands over, many events at a time.

        While some wait for Kafka's acknowledgement, the next are transformed: ``HANDS`` times ``TOGETHER`` events at
        most are taken and not yet certain. Each is acknowledged to Faust only when it is.
        """
        arrived: asyncio.Queue[Any] = asyncio.Queue(TOGETHER)
        async with asyncio.TaskGroup() as group:
            hands = [group.create_task(self._work(stream, arrived)) for _ in range(HANDS)]
            try:
                async for event in stream.noack().events():
                    await arrived.put(event)
            finally:
                for hand in hands:
                    hand.cancel()

    async def _work(self, stream: Any, arrived: "asyncio.Queue[Any]") -> None:
        while True:
            async with self.turn:  # events are handed over in the order in which they came
                taken = [_Taken(event=event, lying=RawRecord.of(event.message)) for event in await _some(arrived)]
                self.progress.made()
                await self._patiently(taken, self._hand_over)
            await self._patiently(taken, self._make_certain)
            for each in taken:
                await stream.ack(each.event)

    async def _patiently(self, taken: Sequence[_Taken], work: Callable[[Sequence[_Taken]], Awaitable[None]]) -> None:
        """Returns only when the work is done; what time may heal is tried again, on anything else the process ends."""
        waiting = pauses()
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while True:
            try:
                await work(taken)
                return
            except Exception as error:  # noqa: BLE001 - Faust would take any exception for a job done
                if not is_retriable(error) or asyncio.get_running_loop().time() > deadline:
                    give_up(f"{self.transformation.name} at {taken[0].lying}: {reason_of(error)}")
                log.warning("%s: tries again after %s", self.transformation.name, reason_of(error))
            await asyncio.sleep(waiting.take())

    async def _make_certain(self, taken: Sequence[_Taken]) -> None:
        """Waits for Kafka's acknowledgements; what it refused is handed over once more."""
        await self._hand_over(taken)
        for each in taken:
            if each.sent is not None and not each.certain:
                sent, each.sent = each.sent, None
                await sent
                each.certain = True
                failpoints.reach(failpoints.AFTER_DERIVE)

    async def _hand_over(self, taken: Sequence[_Taken]) -> None:
        """Transforms and gives to the producer, in order, what is not yet there, or parks it."""
        left = [each for each in taken if each.sent is None and not each.certain]
        if not left:
            return
        with working(self.transformation.name) as piece:
            sources = await self._unblocked(receive, [each.lying for each in left], self.registry)
            for each, source in zip(left, sources, strict=True):
                if isinstance(source, UndecodableError):
                    await asyncio.to_thread(self._park_undecodable, each.lying, str(source))
                    each.certain = True
                else:
                    await self._derive(each, source)
                    piece.lines += source.lines

    async def _derive(self, each: _Taken, source: Received) -> None:
        writes = self.transformation.writes
        try:
            payload = encode(writes, self.transformation.transform(source.record))
        except Exception as error:
            if is_retriable(error):
                raise
            await asyncio.to_thread(self._park, each.lying, source, reason_of(error))
            each.certain = True
            return
        value = await self._unblocked(reframe, writes, payload, self.registry)
        event_id = derive(writes, source.event_id)
        each.sent = await self.output.send(
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
            await asyncio.wait_for(app.start(), START_SECONDS)
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
        producer_max_batch_size=BATCH_BYTES,
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

    channel = _channel(app, *transformation.reads)
    app.agent(channel, name=transformation.name, concurrency=1)(attached.run)


async def _some(arrived: "asyncio.Queue[Any]") -> list[Any]:
    """What has arrived, at least one event and at most ``TOGETHER``. Faust hands over one by one, so it is given a moment."""
    taken = [await arrived.get()]
    await asyncio.sleep(GATHER_SECONDS)
    while len(taken) < TOGETHER and not arrived.empty():
        taken.append(arrived.get_nowait())
    return taken


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
