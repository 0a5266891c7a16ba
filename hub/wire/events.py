"""An event: what leaves a processor, what a consumer receives, and the headers between them.

Ids derive from what an event is about, never from chance or clock, so that a repeat is the same event.
Headers are CloudEvents 1.0 in binary mode plus W3C ``traceparent``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID, uuid5

from hub.wire.codec import UndecodableError, decode
from hub.wire.registry import Registry
from topics import Topic

NAMESPACE: Final = UUID("0f1f7a3e-6c55-5b0a-9a0e-5d1c7f5f2b10")
"""The name space of all event ids. Changing it would make every event of the past a new one."""

CONTENT_TYPE: Final = "application/avro"
Headers = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event about to leave. ``subject`` says in words what it is about and, with the topic, is its identity."""

    topic: Topic
    key: str
    subject: str
    record: Mapping[str, Any]
    lines: int = 1
    occurred_at: datetime

    def __post_init__(self) -> None:
        assert self.occurred_at.tzinfo is not None, "business time has a zone"

    @property
    def event_id(self) -> UUID:
        return uuid5(NAMESPACE, f"{self.topic.name}|{self.subject}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An event as a consumer takes it. ``settles`` is the outbox event it settles: itself, or its source."""

    topic: Topic
    partition: int
    offset: int
    event_id: UUID
    settles: UUID
    key: str
    record: dict[str, Any]
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


def receive(
    *,
    topic: Topic,
    partition: int,
    offset: int,
    key: bytes | None,
    value: bytes | None,
    found: Headers,
    registry: Registry | None = None,
) -> Received:
    """The event in a Kafka record. UndecodableError when it is none, the registry's RetriableError when it is down."""
    attributes = dict(found)
    try:
        event_id = UUID(attributes["ce_id"].decode("ascii"))
        cause = attributes.get("ce_causationid")
        settles = event_id if cause is None else UUID(cause.decode("ascii"))
        occurred_at = datetime.fromisoformat(attributes["ce_time"].decode("ascii"))
        key_text = (key or b"").decode("utf-8")
        traceparent = attributes.get("traceparent", b"").decode("ascii")
    except KeyError as error:
        raise UndecodableError(f"the header {error} is missing") from error
    except ValueError as error:
        raise UndecodableError(f"a header or the key cannot be read: {type(error).__name__}") from error
    if occurred_at.tzinfo is None:
        raise UndecodableError("the header ce_time has no zone")
    return Received(
        topic=topic,
        partition=partition,
        offset=offset,
        event_id=event_id,
        settles=settles,
        key=key_text,
        record=decode(topic, value, registry),
        occurred_at=occurred_at,
        traceparent=traceparent,
    )
