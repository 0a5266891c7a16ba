"""Dead letters: records that a consumer cannot process, kept with their bytes, so that their neighbours can pass.

Parking is a booking like any other: the bytes, a work item for a person and the word to the desk in one transaction,
together with the inbox row that takes the event out of flight, when it is known which event it was.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

import topics
from hub.domain.work import Queue
from hub.ledger import clock, inbox, outbox, work_items
from hub.wire import codec
from hub.wire.events import Event, Headers, Received

_PARK: Final = text("""
    insert into dead_letter (consumer, topic, partition, "offset", key, payload, headers, reason)
    values (:consumer, :topic, :partition, :offset, :key, :payload, cast(:headers as jsonb), :reason)
    on conflict do nothing
    returning id""")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRecord:
    """A record as it lay on its topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


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
    where = f"{record.topic}[{record.partition}]@{record.offset}"
    work_items.raise_item(
        conn,
        queue=Queue.DEAD_LETTER,
        summary=f"{consumer} could not process {where}: {reason}",
        about=f"{consumer}/{where}/{digest}",
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


def park_event(conn: Connection, consumer: str, record: RawRecord, event: Received, reason: str, takers: tuple[str, ...]) -> bool:
    """Parks a record whose event is known and takes it out of flight, for each of ``takers``.

    ``takers`` is the consumer itself, or, when a stream processor parks, the consumers of what it would have written;
    ``event`` is then that derived event. False, and nothing happens, when all of them have it already.
    """
    if not [taker for taker in takers if inbox.take(conn, taker, [event])]:
        return False
    park(conn, consumer, record, reason)
    return True


def is_as_sent(conn: Connection, event_id: UUID, value: bytes | None) -> bool:
    """Whether the outbox holds exactly these bytes for the event.

    If so, sending it again would not help; if not, the record was damaged on its way, and the sweeper sends it anew.
    """
    stored = conn.execute(text("select payload from outbox where event_id = :id"), {"id": event_id}).scalar_one_or_none()
    return stored is not None and value is not None and codec.body_of(bytes(stored)) == codec.body_of(value)
