"""The inbox: which consumer has taken which event. Its primary key is what makes a repeated delivery harmless.

The row is written in the same transaction as everything the event causes.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

import topics
from hub.ledger import outbox
from hub.wire.events import Received

_TAKE: Final = text("""
    insert into inbox (consumer, event_id, topic, partition, "offset", settles)
    select :consumer, * from unnest(
        cast(:ids as uuid[]), cast(:topics as text[]), cast(:partitions as integer[]), cast(:offsets as bigint[]),
        cast(:settles as uuid[]))
    on conflict (consumer, event_id) do nothing
    returning event_id, settles""")
# What is taken makes room on its topic; the relay is told at commit.
_SETTLE: Final = text("""
    with settled as (
        update outbox set awaiting = awaiting - 1
        where event_id = any(cast(:settles as uuid[])) and topic = any(cast(:topics as text[])) and awaiting > 0
        returning id)
    select pg_notify(:channel, '') from (select count(*) from settled) counted""")


def take(conn: Connection, consumer: str, received: Sequence[Received]) -> list[Received]:
    """Writes the events into the consumer's inbox and returns those it had not taken before, in their order.

    Each new one counts as one of the awaited takers of the outbox event it settles, when ``consumer`` is a consumer of
    record of that event's topic.
    """
    if not received:
        return []
    first = {event.event_id: event for event in reversed(received)}
    events = [first[event_id] for event_id in dict.fromkeys(event.event_id for event in received)]
    taken = conn.execute(
        _TAKE,
        {
            "consumer": consumer,
            "ids": [event.event_id for event in events],
            "topics": [event.topic.name for event in events],
            "partitions": [event.partition for event in events],
            "offsets": [event.offset for event in events],
            "settles": [event.settles for event in events],
        },
    ).all()
    settled = [topic.name for topic in topics.settled_by(consumer)]
    if taken and settled:
        conn.execute(
            _SETTLE, {"settles": [settles for _, settles in taken], "topics": settled, "channel": outbox.CHANNEL}
        )
    new = {event_id for event_id, _ in taken}
    return [event for event in events if event.event_id in new]
