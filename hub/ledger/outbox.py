"""The outbox: events wait here, inside the transaction that caused them, until the relay has put them on their topic.

A row stays for good: every topic can be written anew from here.

What waits leaves in turns, some rows of each lane, and only so much as its consumers can take in a moment: on a topic
records stand in line, and a small batch behind a million lines would wait for all of them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from sqlalchemy import Connection, text

import topics
from hub.domain.errors import HubError
from hub.ledger.database import raw
from hub.wire import codec
from hub.wire.events import Event

CHANNEL: Final = "outbox"
"""PostgreSQL channel on which the relay listens: events wait, or room was made. PostgreSQL delivers the word at commit."""

INCIDENT_AFTER: Final = 3
"""Times published and still not taken, the first time and two sweeps: from here on it is a person's matter."""

EVENT_LINES: Final = 50
"""What an event costs beside its lines, in lines."""
_EVENT_LINES_MOST: Final = topics.BUNDLE_LINES - EVENT_LINES
"""An event that sums up many lines, such as a notice, is no more work than a bundle."""

_AT_ONCE: Final = 200
"""Events a statement. A bundle is up to 30 kB, so this is some megabytes at most."""

# Here and where it is read again a payload travels as bytes (b), not as twice as many digits.
_APPEND: Final = """
    insert into outbox (event_id, topic, key, payload, subject, lines, occurred_at, traceparent, lane, awaiting)
    select * from unnest(
        %(ids)s::uuid[], %(topics)s::text[], %(keys)s::text[], %(payloads)b::bytea[], %(subjects)s::text[],
        %(lines)s::integer[], %(times)s::timestamptz[], %(traces)s::text[], %(lanes)s::text[], %(awaiting)s::smallint[])
    on conflict (event_id) do nothing
    returning event_id"""

# What no longer counts: events that a person was told of, and those that the relay parked as too large for Kafka. So
# whatever is never taken holds room for the time of two sweeps, and no topic stands still for good.
_ROOM: Final = f"""
    select name as topic, bound - coalesce(lines, 0) as room
    from unnest(%(topics)s::text[], %(bounds)s::integer[]) as bounded (name, bound) left join (
        select topic, sum(least(lines, {_EVENT_LINES_MOST}) + {EVENT_LINES}) as lines
        from outbox o
        where awaiting > 0 and published_at is not null and published < {INCIDENT_AFTER}
          and not exists (
              select from dead_letter d
              where d.consumer = 'relay' and d.topic = o.topic and d.partition = -1 and d."offset" = o.id)
        group by topic) published on published.topic = name
    where coalesce(lines, 0) <= bound * 3 / 4"""
# The first lane of each topic, then by the index from one to the next, however many rows wait in them.
_LANES: Final = """
    select room.topic, first.lane
    from room cross join lateral (
        select lane from outbox o where published_at is null and o.topic = room.topic
        order by lane limit 1) first
    union all
    select lanes.topic, next.lane
    from lanes cross join lateral (
        select lane from outbox o where published_at is null and o.topic = lanes.topic and o.lane > lanes.lane
        order by lane limit 1) next"""
# Each lane's turns are drawn by lot: when there are more lanes than rows in a round, none is always the last.
_CLAIM: Final = f"""
    with recursive room as materialized ({_ROOM}),
    lanes as ({_LANES}),
    drawn as materialized (select topic, lane, random() as lot from lanes),
    heads as materialized (
        select topic, lane, lot, head.id, least(head.lines, {_EVENT_LINES_MOST}) + {EVENT_LINES} as lines
        from drawn cross join lateral (
            select id, lines from outbox o
            where published_at is null and o.topic = drawn.topic and o.lane = drawn.lane
            order by id limit (select greatest(1, %(rows)s / count(*)) from drawn) for update skip locked) head),
    turns as (select *, row_number() over (partition by topic, lane order by id) as turn from heads),
    standing as (
        select *, sum(lines) over (partition by topic order by turn, lot rows unbounded preceding) - lines as before
        from turns)
    select id, event_id, topic, key, payload, subject, occurred_at, traceparent
    from standing join room using (topic) join outbox using (id, topic)
    where before < room
    order by turn, lot limit %(rows)s"""
_STORED: Final = text("select event_id, payload from outbox where event_id = any(cast(:ids as uuid[]))")


_AWAITED: Final = "from outbox where awaiting > 0 and (cast(:up_to as bigint) is null or id <= :up_to)"


class OutboxRow(NamedTuple):
    """An event on its way to its topic."""

    id: int
    event_id: UUID
    topic: str
    key: str
    payload: bytes
    subject: str
    occurred_at: datetime
    traceparent: str


class ConflictingEventError(HubError):
    """An event with this identity is in the outbox already, and says something else."""


def append(conn: Connection, events: Iterable[Event], *, traceparent: str = "") -> int:
    """Puts events into the outbox and returns how many were new. A repeat with equal content is no second event.

    Raises ConflictingEventError when an event of the same topic and subject is there with another content.
    """
    appended = 0
    for chunk in _chunks(events):
        appended += _append_chunk(conn, chunk, traceparent)
    if appended:
        conn.execute(text("select pg_notify(:channel, '')"), {"channel": CHANNEL})
    return appended


def in_flight(conn: Connection, up_to: int | None = None) -> int:
    """Events that at least one consumer of record has not taken yet; of those up to the number ``up_to`` when named."""
    return int(conn.execute(text(f"select count(*) {_AWAITED}"), {"up_to": up_to}).scalar_one())


def is_still(conn: Connection, up_to: int | None = None) -> bool:
    """Whether ``in_flight`` is zero; many times cheaper to ask while thousands of events are under way."""
    return not conn.execute(text(f"select exists (select {_AWAITED})"), {"up_to": up_to}).scalar_one()


def last(conn: Connection) -> int:
    """The number of the last event that was committed; one that is committed later may have a smaller one."""
    return int(conn.execute(text("select coalesce(max(id), 0) from outbox")).scalar_one())


def claim(conn: Connection, rows: int) -> list[OutboxRow]:
    """Locks what is to be published next, at most ``rows``, in the order in which it is to leave.

    A round takes some rows of each lane that waits, in each lane the oldest, and of each topic as much as its bound
    leaves room for. A topic is served again when a quarter of its bound is free, so that bundles leave by the dozen.
    What nobody has to take, such as a word to the desk, is not bounded. Several relays together may exceed the bound.
    """
    bounds = {topic.name: topic.in_flight_lines for topic in topics.ALL}
    with raw(conn).cursor(binary=True, row_factory=class_row(OutboxRow)) as cursor:
        cursor.execute(_CLAIM, {"topics": list(bounds), "bounds": list(bounds.values()), "rows": rows})
        return cursor.fetchall()


def _append_chunk(conn: Connection, chunk: list[Event], traceparent: str) -> int:
    payloads: dict[UUID, bytes] = {}
    rows: dict[UUID, Event] = {}
    for event in chunk:
        payload = codec.encode(event.topic, event.record)
        if payloads.setdefault(event.event_id, payload) != payload:
            raise ConflictingEventError(f"{event.topic.name} about {event.subject} comes twice with different content")
        rows.setdefault(event.event_id, event)
    with raw(conn).cursor() as cursor:
        cursor.execute(
            _APPEND,
            {
                "ids": list(rows),
                "topics": [event.topic.name for event in rows.values()],
                "keys": [event.key for event in rows.values()],
                "payloads": [payloads[event_id] for event_id in rows],
                "subjects": [event.subject for event in rows.values()],
                "lines": [event.lines for event in rows.values()],
                "times": [event.occurred_at for event in rows.values()],
                "traces": [traceparent for _ in rows],
                "lanes": [event.lane for event in rows.values()],
                "awaiting": [len(event.topic.settled_by) for event in rows.values()],
            },
        )
        new = {event_id for (event_id,) in cursor}
    _hold_against_stored(conn, {event_id: event for event_id, event in rows.items() if event_id not in new}, payloads)
    return len(new)


def _hold_against_stored(conn: Connection, repeats: dict[UUID, Event], payloads: dict[UUID, bytes]) -> None:
    if not repeats:
        return
    for event_id, stored in conn.execute(_STORED, {"ids": list(repeats)}):
        if stored == payloads[event_id]:
            continue
        event = repeats[event_id]
        # written with a former schema it may still say the same
        if codec.decode(event.topic, stored) != codec.decode(event.topic, payloads[event_id]):
            raise ConflictingEventError(
                f"{event.topic.name} about {event.subject} is in the outbox with another content"
            )


def _chunks(events: Iterable[Event]) -> Iterator[list[Event]]:
    source = iter(events)
    while chunk := list(islice(source, _AT_ONCE)):
        yield chunk
