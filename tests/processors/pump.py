"""Kafka for tests, in memory: takes the outbox, carries events to the consumers, repeats, shuffles, delays and dies.

What it calls is what the runtime calls: the transformations of the streams, ``inbox.take`` and the handlers, each
batch in one transaction. By default it is kind: every event once, in order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import Connection, text

import topics
from hub.app import bank_door
from hub.app.serve import HANDLERS, TRANSFORMATIONS
from hub.app.wiring import Hub
from hub.ledger import inbox, outbox
from hub.processors import FLOW, release_bank_file
from hub.wire.codec import decode, encode
from hub.wire.events import Received, derive
from topics import Topic

Handle = Callable[[Connection, Sequence[Received]], None]
Transform = Callable[[dict[str, Any]], dict[str, Any]]
TURNS_MAX = 20_000


class DiedError(Exception):
    """A process ended here, as by ``kill -9``."""


@dataclass(frozen=True, slots=True)
class Temper:
    """How unkind the transport is, in per cent, and the chance that decides. The default is kind."""

    chance: Random = field(default_factory=lambda: Random(0))
    shuffles: bool = False
    repeats: int = 0  # an event is carried once more, now or much later
    dies: int = 0  # a consumer or the relay dies, before or after its commit
    together: int = 8  # events in one transaction, at most

    def says(self, percent: int) -> bool:
        return percent > 0 and self.chance.randrange(100) < percent


@dataclass(frozen=True, slots=True)
class Carried:
    """An event on its way to one consumer."""

    consumer: str
    event: Received


class Pump:
    """Relay, broker, streams and consumers of one hub."""

    def __init__(self, hub: Hub, temper: Temper | None = None) -> None:
        self.temper = temper or Temper()
        self.seen: list[Received] = []
        self.meddle: Callable[[Received], Received] = lambda event: event
        self._hub = hub
        self._on_the_way: list[Carried] = []
        self._handlers: Mapping[str, Handle] = {
            **HANDLERS,
            "release-bank-file": partial(release_bank_file.handle, archive=hub.archive, formats=hub.formats),
        }
        self._transformations: Mapping[str, tuple[Topic, Transform]] = {
            step.consumer: (step.writes[0], TRANSFORMATIONS[step.consumer])
            for step in FLOW
            if step.consumer in TRANSFORMATIONS
        }
        self._readers = {
            topic.name: [step.consumer for step in FLOW if step.consumer and topic in step.reads]
            for topic in topics.ALL
        }

    def drain(self) -> None:
        """Returns when no consumer of record awaits anything and no bank file is on its way out."""
        for _ in range(TURNS_MAX):
            self.turn()
            if self._awaited() == 0 and self._files_waiting() == 0:
                return
        raise AssertionError(f"{self._awaited()} events are never taken")

    def turn(self) -> None:
        """A little of everything: the relay, one consumer, the banks."""
        self._relay()
        if self._on_the_way:
            self._consume()
        if self._files_waiting():
            for code in self._hub.parties.banks:
                bank_door.deliver(self._hub, code, self._hub.door(code))

    def repeat_everything(self) -> None:
        """Every topic once more from its beginning, to everyone."""
        self._on_the_way += [Carried(consumer, event) for event in self.seen for consumer in self._consumers_of(event)]
        while self._on_the_way:
            self._consume()

    # -- the relay ------------------------------------------------------------------------------------------------

    def _relay(self) -> None:
        """Publishes, then marks; between the two it may die, and publishes once more."""
        with self._hub.engine.connect() as conn:
            rows = conn.execute(text("select * from outbox where published_at is null order by id")).all()
        if not rows:
            return
        for row in rows:
            topic = topics.by_name(row.topic)
            self._publish(
                Received(
                    topic=topic, partition=0, offset=len(self.seen), event_id=row.event_id, settles=row.event_id,
                    key=row.key, record=decode(topic, bytes(row.payload)), occurred_at=row.occurred_at, traceparent="",
                )
            )  # fmt: skip
        if self.temper.says(self.temper.dies):
            return
        with self._hub.engine.begin() as conn:
            conn.execute(
                text("update outbox set published_at = now(), published = published + 1 where id = any(:ids)"),
                {"ids": [row.id for row in rows]},
            )

    def _publish(self, event: Received) -> None:
        event = self.meddle(event)
        self.seen.append(event)
        for consumer in self._consumers_of(event):
            for _ in range(2 if self.temper.says(self.temper.repeats) else 1):
                self._on_the_way.append(Carried(consumer, event))

    def _consumers_of(self, event: Received) -> Sequence[str]:
        return self._readers[event.topic.name]

    # -- consumers ------------------------------------------------------------------------------------------------

    def _consume(self) -> None:
        """One consumer takes some of what lies there for it, as one transaction."""
        temper = self.temper
        first = temper.chance.choice(self._on_the_way) if temper.shuffles else self._on_the_way[0]
        mine = [carried for carried in self._on_the_way if carried.consumer == first.consumer]
        if temper.shuffles:
            temper.chance.shuffle(mine)
            mine = mine[: temper.chance.randint(1, temper.together)]
        else:
            mine = mine[: temper.together]
        try:
            if first.consumer in self._transformations:
                self._transform(first.consumer, [carried.event for carried in mine])
            else:
                self._book(first.consumer, [carried.event for carried in mine])
        except DiedError:
            return  # nothing was acknowledged: it all comes again
        for carried in mine:
            if not temper.says(temper.repeats):
                self._on_the_way.remove(carried)

    def _transform(self, consumer: str, events: Sequence[Received]) -> None:
        writes, transform = self._transformations[consumer]
        for event in events:
            payload = encode(writes, transform(event.record))
            derived = Received(
                topic=writes, partition=0, offset=len(self.seen), event_id=derive(writes, event.event_id),
                settles=event.event_id, key=event.key, record=decode(writes, payload), occurred_at=event.occurred_at,
                traceparent="",
            )  # fmt: skip
            self._publish(derived)
            if self.temper.says(self.temper.dies):
                raise DiedError

    def _book(self, consumer: str, events: Sequence[Received]) -> None:
        with self._hub.engine.begin() as conn:
            if new := inbox.take(conn, consumer, events):
                self._handlers[consumer](conn, new)
            if self.temper.says(self.temper.dies):
                raise DiedError  # before the commit: nothing has happened
        if self.temper.says(self.temper.dies):
            raise DiedError  # after the commit, before the offsets

    # -- what is left ---------------------------------------------------------------------------------------------

    def _awaited(self) -> int:
        with self._hub.engine.connect() as conn:
            return outbox.in_flight(conn)

    def _files_waiting(self) -> int:
        with self._hub.engine.connect() as conn:
            return int(
                conn.execute(text("select count(*) from batch where state = 'SENDING' and trouble = ''")).scalar_one()
            )
