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
from hub.wire.events import Event, Headers, Received, event_id_of

_PARK: Final = text("""
    insert into dead_letter (consumer, topic, partition, "offset", key, payload, headers, reason)
    values (:consumer, :topic, :partition, :offset, :key, :payload, cast(:headers as jsonb), :reason)
    on conflict do nothing
    returning id""")


_LETTER_OF: Final = text("""
    select d.headers, d.consumer, d.topic, d.partition, d."offset" from work_item w
    join dead_letter d on d.consumer = w.detail ->> 'consumer' and d.topic = w.detail ->> 'topic'
     and d.partition = (w.detail ->> 'partition')::integer and d."offset" = (w.detail ->> 'offset')::bigint
    where w.id = :item and w.queue = :queue and w.state = 'open'""")
_TAKE_BACK: Final = text("""
    delete from inbox
    where settles = :settles and consumer = any(:takers) and partition = :partition and "offset" = :offset""")


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


def park(conn: Connection, consumer: str, record: RawRecord, reason: str) -> None:
    """Keeps a record that is no event of its topic, and tells a person.

    The inbox stays as it is: was the event damaged on its way, the sweeper sends it again; can this release not read
    it, a later one will. ``reason`` is shown and logged: no names, no account numbers.

    The same position of the same topic is kept once. A topic that was deleted and written anew counts again from
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
            "headers": json.dumps({_shown(name): _shown(value) for name, value in record.headers}),
            "reason": reason,
        },
    ).scalar_one_or_none()
    now = clock.now(conn)
    digest = hashlib.sha256(record.value or b"").hexdigest()[:16]
    event = event_id_of(record.headers)
    work_items.raise_item(
        conn,
        queue=Queue.DEAD_LETTER,
        summary=f"{consumer} could not process {record}: {reason}",
        about=f"{consumer}/{record if event is None else event}/{digest}",
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


def retry(conn: Connection, item: int) -> bool:
    """Puts a parked event back into flight once what stopped it is mended; False when the item holds no such event.

    Takes away the inbox rows that parking wrote, so ``conn`` is the owner's: no process of the hub may do that. They
    are known by the dead letter's position: the row of an event that was booked, of which only a damaged or strange
    copy was parked, has another one and stays.
    """
    letter = conn.execute(_LETTER_OF, {"item": item, "queue": Queue.DEAD_LETTER.value}).one_or_none()
    if letter is None:
        return False
    try:
        settles = UUID(letter.headers.get("ce_causationid", letter.headers["ce_id"]))
    except (KeyError, ValueError):
        return False
    taken = conn.execute(
        _TAKE_BACK,
        {
            "settles": settles,
            "takers": [letter.consumer, *topics.by_name(letter.topic).settled_by],
            "partition": letter.partition,
            "offset": letter.offset,
        },
    ).rowcount
    if not taken:
        return False
    conn.execute(
        text("update outbox set awaiting = awaiting + :taken, published_at = null where event_id = :settles"),
        {"settles": settles, "taken": taken},
    )
    conn.execute(text("select pg_notify(:channel, '')"), {"channel": outbox.CHANNEL})
    return True


def _shown(text_or_bytes: str | bytes | None) -> str:
    """A stranger's header as text that jsonb takes: PostgreSQL has no place for the character zero."""
    shown = text_or_bytes if isinstance(text_or_bytes, str) else (text_or_bytes or b"").decode("latin-1")
    return shown.replace("\x00", "\\0")
