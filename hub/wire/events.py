"""An event: what leaves a processor, what a consumer receives, and the headers between them.

Ids derive from what an event is about, never from chance or clock, so that a repeat is the same event.
Headers are CloudEvents 1.0 in binary mode plus W3C ``traceparent``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid5

import polars as pl

import schemas
import topics
from hub.wire import columns
from hub.wire.codec import UndecodableError, decode_many
from hub.wire.registry import Registry
from topics import Topic

NAMESPACE: Final = UUID("0f1f7a3e-6c55-5b0a-9a0e-5d1c7f5f2b10")
"""The name space of all event ids. Changing it would make every event of the past a new one."""

CONTENT_TYPE: Final = "application/avro"
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event about to leave. ``subject`` says in words what it is about and, with the topic, is its identity.

    ``lane`` is what the event belongs to: a batch, an upload. Lanes of a topic leave in turns, so that a small one never
    waits for a big one; '' is the topic's own. Events of a key keep their order within a lane. Across lanes order
    carries no meaning: what two batches say of one unit is booked under the unit's shard lock, by sums, and into the
    period and on the day that were fixed when it was released.
    """

    topic: Topic
    key: str
    subject: str
    record: Mapping[str, Any]
    lines: int = 1
    lane: str = ""
    occurred_at: datetime

    def __post_init__(self) -> None:
        assert self.occurred_at.tzinfo is not None, "business time has a zone"

    @property
    def event_id(self) -> UUID:
        return uuid5(NAMESPACE, f"{self.topic.name}|{self.subject}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event as a consumer takes it. ``settles`` is the outbox event it settles: itself, or its source.

    ``record`` maps the names of the record's fields to their values, columns as lists. It is made from bytes when it is
    looked at; who wants the columns of many events takes :func:`frame_of`.
    """

    topic: Topic
    partition: int
    offset: int
    event_id: UUID
    settles: UUID
    key: str
    record: Any
    occurred_at: datetime
    traceparent: str

    @property
    def lines(self) -> int:
        """Lines that the event stands for: what it says, else the length of its columns; without either, one."""
        schema = schemas.load(self.topic.schema)
        names = schema.columns
        if "lines" in schema.numbers and "lines" not in names:
            return int(self.record["lines"])
        if not names:
            return 1
        return self.record.length(names[0]) if isinstance(self.record, columns.Row) else len(self.record[names[0]])


def frame_of(events: Sequence[Received]) -> pl.DataFrame:
    """The records of one topic's events as a frame, one row an event in their order, columns as lists."""
    (topic,) = {event.topic for event in events}
    return columns.frame_of(topic, [event.record for event in events])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attributes:
    """What the headers and the key of a Kafka record say."""

    event_id: UUID
    settles: UUID
    key: str
    occurred_at: datetime
    traceparent: str


def derive(topic: Topic, source: UUID) -> UUID:
    """The id of the one event that a stream processor writes to ``topic`` for the event ``source``."""
    return uuid5(NAMESPACE, f"{topic.name}|{source}")


def headers(
    *,
    event_id: UUID,
    topic: Topic,
    occurred_at: datetime,
    subject: str,
    traceparent: str = "",
    causation: UUID | None = None,
) -> list[tuple[str, bytes]]:
    """The record's headers. ``causation`` is the source of an event that a stream processor derived."""
    attributes = {
        "content-type": CONTENT_TYPE,
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_source": f"/settlement-hub/{topic.writer}",
        "ce_type": topic.name,
        "ce_subject": subject,
        "ce_time": occurred_at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
    }
    if causation is not None:
        attributes["ce_causationid"] = str(causation)
    if traceparent:
        attributes["traceparent"] = traceparent
    return [(name, value.encode()) for name, value in attributes.items()]


def event_id_of(found: Headers) -> UUID | None:
    """The event id in the headers, or None when they have none that is a UUID."""
    try:
        return UUID(dict(found)["ce_id"].decode("ascii"))
    except (KeyError, ValueError):
        return None


class RecordOnTopic(Protocol):
    """What lies on a topic: bytes, headers as pairs, and the place."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


def receive(records: Sequence[RecordOnTopic], registry: Registry | None = None) -> list[Received | UndecodableError]:
    """The event in each Kafka record, or why there is none. Raises the registry's RetriableError when it is down."""
    found: list[Received | UndecodableError | None] = [None] * len(records)
    attributes: dict[int, _Attributes] = {}
    by_topic: dict[str, list[int]] = {}
    for place, record in enumerate(records):
        try:
            attributes[place] = _attributes_of(record)
        except UndecodableError as error:
            found[place] = error
        else:
            by_topic.setdefault(record.topic, []).append(place)
    for name, places in by_topic.items():
        topic = topics.by_name(name)
        decoded = decode_many(topic, [records[place].value for place in places], registry)
        for place, said in zip(places, decoded, strict=True):
            found[place] = (
                said
                if isinstance(said, UndecodableError)
                else _received(topic, records[place], attributes[place], said)
            )
    return [event for event in found if event is not None]


def _received(topic: Topic, lying: RecordOnTopic, attributes: _Attributes, record: Mapping[str, Any]) -> Received:
    return Received(
        topic=topic,
        partition=lying.partition,
        offset=lying.offset,
        event_id=attributes.event_id,
        settles=attributes.settles,
        key=attributes.key,
        record=record,
        occurred_at=attributes.occurred_at,
        traceparent=attributes.traceparent,
    )


def _attributes_of(record: RecordOnTopic) -> _Attributes:
    attributes = dict(record.headers)
    try:
        event_id = UUID(attributes["ce_id"].decode("ascii"))
        cause = attributes.get("ce_causationid")
        found = _Attributes(
            event_id=event_id,
            settles=event_id if cause is None else UUID(cause.decode("ascii")),
            occurred_at=datetime.fromisoformat(attributes["ce_time"].decode("ascii")),
            key=(record.key or b"").decode("utf-8"),
            traceparent=attributes.get("traceparent", b"").decode("ascii"),
        )
    except KeyError as error:
        raise UndecodableError(f"the header {error} is missing") from error
    except ValueError as error:
        raise UndecodableError(f"a header or the key cannot be read: {type(error).__name__}") from error
    if found.occurred_at.tzinfo is None:
        raise UndecodableError("the header ce_time has no zone")
    return found
