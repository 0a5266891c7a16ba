"""Dead letters: records that a consumer cannot process, kept with their bytes, so that their neighbours can pass.

Parking is a booking like any other: the bytes, a work item for a person and the word to the desk in one transaction,
together with the inbox row that takes the event out of flight, when it is known which event it was.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self
from uuid import UUID

from sqlalchemy import Connection, text

import topics
from hub.domain.work import Queue
from hub.ledger import clock, inbox, outbox, work_items
from hub.wire import codec
from hub.wire.events import Event, Headers, Received, derive, event_id_of, receive
from hub.wire.registry import Registry
from topics import Topic

_PARK: Final = text("""
    insert into dead_letter (consumer, topic, partition, "offset", key, payload, headers, reason)
    values (:consumer, :topic, :partition, :offset, :key, :payload, cast(:headers as jsonb), :reason)
    on conflict do nothing
    returning id""")


class KafkaRecord(Protocol):
    """What Kafka's clients call a record, as far as it matters here."""

    topic: str
    partition: int
    offset: int
    key: Any
    value: Any
    headers: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRecord:
    """A record as it lay on its topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @classmethod
    def of(cls, record: KafkaRecord) -> Self:
        """The record of aiokafka (headers as pairs) or Faust (headers as a mapping)."""
        found = record.headers or ()
        pairs = tuple(found.items()) if isinstance(found, Mapping) else tuple(found)
        return cls(
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            key=record.key,
            value=record.value,
            headers=pairs,
        )

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]@{self.offset}"

    def decoded(self, registry: Registry | None) -> Received:
        """The event in it. UndecodableError when it is none, the registry's RetriableError when that is down."""
        return receive(
            topic=topics.by_name(self.topic),
            partition=self.partition,
            offset=self.offset,
            key=self.key,
            value=self.value,
            found=self.headers,
            registry=registry,
        )


def park(conn: Connection, consumer: str, record: RawRecord, reason: str) -> None:
    """Keeps the record and tells a person. ``reason`` is shown and logged: no names, no account numbers.

    The same position of the same topic is kept once; a topic that was deleted and written anew counts again from
    zero, and then the work item still tells the two apart.
    """
    parked = conn.execute(
        _PARK,
        {
            "consumer": consumer,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "key": record.key,
            "payload": record.value,
            "headers": json.dumps({name: value.decode("latin-1") for name, value in record.headers}),
            "reason": reason,
        },
    ).scalar_one_or_none()
    now = clock.now(conn)
    digest = hashlib.sha256(record.value or b"").hexdigest()[:16]
    work_items.raise_item(
        conn,
        queue=Queue.DEAD_LETTER,
        summary=f"{consumer} could not process {record}: {reason}",
        about=f"{consumer}/{record}/{digest}",
        detail={"consumer": consumer, "topic": record.topic, "partition": record.partition, "offset": record.offset},
        at=now,
    )
    if parked is not None:
        outbox.append(
            conn,
            [
                Event(
                    topic=topics.DEAD_LETTER,
                    key=consumer,
                    subject=f"{consumer}/{parked}",
                    record={
                        "consumer": consumer,
                        "source_topic": record.topic,
                        "partition": record.partition,
                        "offset": record.offset,
                        "reason": reason,
                    },
                    occurred_at=now,
                )
            ],
        )


def park_event(
    conn: Connection, consumer: str, record: RawRecord, reason: str, event: Received, *, takers: tuple[str, ...]
) -> bool:
    """Parks a record whose event is known and takes it out of flight for each of ``takers``.

    That is the consumer itself; or, when a stream processor parks, the consumers of what it would have written, and
    then ``event`` is that derived event. False, and nothing happens, when all of them have it already.
    """
    if not [taker for taker in takers if inbox.take(conn, taker, [event])]:
        return False
    park(conn, consumer, record, reason)
    return True


def park_undecodable(
    conn: Connection, consumer: str, record: RawRecord, reason: str, *, writes: Topic | None = None
) -> None:
    """Parks a record that is no event of its topic; ``writes`` is the topic to which a stream processor derives.

    When the outbox holds exactly these bytes for it, sending them again would not help, and the event goes out of
    flight into a person's hands. Otherwise it was damaged on its way or is a stranger's: the inbox stays as it is, and
    the sweeper sends again what is missing.
    """
    sent = event_id_of(record.headers)
    if sent is None or not _is_as_sent(conn, sent, record.value):
        park(conn, consumer, record, reason)
        return
    unread = Received(
        topic=topics.by_name(record.topic) if writes is None else writes,
        partition=record.partition,
        offset=record.offset,
        event_id=sent if writes is None else derive(writes, sent),
        settles=sent,
        key="",
        record={},
        occurred_at=clock.now(conn),
        traceparent="",
    )
    takers = (consumer,) if writes is None else writes.settled_by
    park_event(conn, consumer, record, reason, unread, takers=takers)


def retry(conn: Connection, item: int) -> bool:
    """Puts a parked event back into flight once what stopped it is mended; False when the item holds no such event.

    Takes the inbox rows away that parking wrote, so ``conn`` is the owner's: no process of the hub may do that.
    """
    row = conn.execute(
        text("""
            select d.headers, d.consumer, d.topic from work_item w
            join dead_letter d on d.consumer = w.detail ->> 'consumer' and d.topic = w.detail ->> 'topic'
             and d.partition = (w.detail ->> 'partition')::int and d."offset" = (w.detail ->> 'offset')::bigint
            where w.id = :item and w.queue = :queue and w.state = 'open'
        """),
        {"item": item, "queue": Queue.DEAD_LETTER.value},
    ).one_or_none()
    if row is None or "ce_id" not in row.headers:
        return False
    settles = UUID(row.headers.get("ce_causationid", row.headers["ce_id"]))
    takers = [row.consumer, *topics.by_name(row.topic).settled_by]
    taken = conn.execute(
        text("delete from inbox where settles = :settles and consumer = any(:takers)"),
        {"settles": settles, "takers": takers},
    ).rowcount
    conn.execute(
        text("update outbox set awaiting = awaiting + :taken, published_at = null where event_id = :settles"),
        {"settles": settles, "taken": taken},
    )
    conn.execute(text("select pg_notify(:channel, '')"), {"channel": outbox.CHANNEL})
    return taken > 0


def _is_as_sent(conn: Connection, event_id: UUID, value: bytes | None) -> bool:
    stored = conn.execute(
        text("select payload from outbox where event_id = :id"), {"id": event_id}
    ).scalar_one_or_none()
    return stored is not None and value is not None and codec.body_of(bytes(stored)) == codec.body_of(value)
