"""The outbox: events wait here, inside the transaction that caused them, until the relay has put them on their topic.

A row stays for good: every topic can be written anew from here.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from hub.domain.errors import HubError
from hub.wire import codec
from hub.wire.events import Event

CHANNEL: Final = "outbox"
"""PostgreSQL channel on which the relay listens; PostgreSQL delivers the word at commit."""

_AT_ONCE: Final = 200
"""Events a statement. A bundle is up to 30 kB, so this is some megabytes at most."""

_APPEND: Final = text("""
    insert into outbox (event_id, topic, key, payload, subject, lines, occurred_at, traceparent, awaiting)
    select * from unnest(
        cast(:ids as uuid[]), cast(:topics as text[]), cast(:keys as text[]), cast(:payloads as bytea[]),
        cast(:subjects as text[]), cast(:lines as integer[]), cast(:times as timestamptz[]),
        cast(:traces as text[]), cast(:awaiting as smallint[]))
    on conflict (event_id) do nothing
    returning event_id""")
_STORED: Final = text("select event_id, payload from outbox where event_id = any(cast(:ids as uuid[]))")


_AWAITED: Final = "from outbox where awaiting > 0 and (cast(:up_to as bigint) is null or id <= :up_to)"


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


def _append_chunk(conn: Connection, chunk: list[Event], traceparent: str) -> int:
    payloads: dict[UUID, bytes] = {}
    rows: dict[UUID, Event] = {}
    for event in chunk:
        payload = codec.encode(event.topic, event.record)
        if payloads.setdefault(event.event_id, payload) != payload:
            raise ConflictingEventError(f"{event.topic.name} about {event.subject} comes twice with different content")
        rows.setdefault(event.event_id, event)
    new = set(
        conn.execute(
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
                "awaiting": [len(event.topic.settled_by) for event in rows.values()],
            },
        ).scalars()
    )
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
