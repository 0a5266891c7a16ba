"""Identity and headers of events: what an event is about decides its id, and any Kafka tool can read what it is."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

import topics
from hub.ledger.dead_letters import RawRecord
from hub.wire.codec import UndecodableError, encode
from hub.wire.events import Event, Headers, Received, derive, event_id_of, headers, receive

AT = datetime(2026, 12, 3, 9, 30, tzinfo=timezone(timedelta(hours=8)))
ITEM = {"queue": "late", "agency": "", "bank": "", "file": "", "line": 3, "field": "", "summary": "x"}
SOURCE = UUID("a2a8b9a4-0000-5000-8000-000000000001")


def an_event(subject: str = "late/1", at: datetime = AT) -> Event:
    return Event(topic=topics.WORK_ITEM_RAISED, key="late", subject=subject, record=ITEM, occurred_at=at)


def received(found: Headers, key: bytes | None = b"late", value: bytes | None = None) -> Received:
    lying = RawRecord(
        topic=topics.WORK_ITEM_RAISED.name,
        partition=0,
        offset=7,
        key=key,
        value=encode(topics.WORK_ITEM_RAISED, ITEM) if value is None else value,
        headers=found,
    )
    (event,) = receive([lying])
    if isinstance(event, UndecodableError):
        raise event
    return event


def sent(causation: UUID | None = None) -> list[tuple[str, bytes]]:
    event = an_event()
    return headers(
        event_id=event.event_id,
        topic=event.topic,
        occurred_at=AT,
        subject=event.subject,
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        causation=causation,
    )


@given(one=st.text(), other=st.text())
def test_two_events_of_a_topic_are_the_same_when_they_are_about_the_same(one: str, other: str) -> None:
    assert (an_event(one).event_id == an_event(other).event_id) == (one == other)


def test_neither_clock_nor_content_moves_an_id() -> None:
    """The id is pinned: were it to change, everything ever sent would count as new."""
    assert an_event().event_id == an_event(at=AT + timedelta(days=1)).event_id
    assert an_event().event_id == UUID("daabd4ed-212e-59c7-add7-137a1a001cd8")
    assert derive(topics.FUNDS_SPLIT, SOURCE) == UUID("6bbc5bb2-6368-598b-81dc-a84895f94006")


def test_a_source_derives_one_event_a_topic() -> None:
    assert derive(topics.FUNDS_SPLIT, SOURCE) == derive(topics.FUNDS_SPLIT, SOURCE)
    assert derive(topics.FUNDS_SPLIT, SOURCE) != derive(topics.ARREARS_OPENED, SOURCE)


def test_headers_are_cloudevents_in_binary_mode() -> None:
    found = dict(sent())

    assert found["content-type"] == b"application/avro"
    assert found["ce_specversion"] == b"1.0"
    assert found["ce_id"] == str(an_event().event_id).encode()
    assert found["ce_type"] == b"settle.work-item-raised.v1"
    assert found["ce_source"] == b"/settlement-hub/work-items"
    assert found["ce_subject"] == b"late/1"
    assert found["ce_time"] == b"2026-12-03T01:30:00.000000Z"
    assert "ce_causationid" not in found


def test_an_event_comes_back_from_its_headers() -> None:
    event = received(sent())

    assert event.event_id == event.settles == an_event().event_id
    assert event.occurred_at == AT.astimezone(UTC)
    assert (event.key, event.record, event.offset) == ("late", ITEM, 7)
    assert event.traceparent.startswith("00-4bf92f")


def test_a_derived_event_settles_its_source() -> None:
    assert received(sent(causation=SOURCE)).settles == SOURCE


WITHOUT: Callable[[str], list[tuple[str, bytes]]] = lambda name: [pair for pair in sent() if pair[0] != name]  # noqa: E731


@pytest.mark.parametrize(
    ("found", "key"),
    [
        ([], b"late"),
        (WITHOUT("ce_id"), b"late"),
        (WITHOUT("ce_time"), b"late"),
        ([*WITHOUT("ce_id"), ("ce_id", b"17")], b"late"),
        ([*WITHOUT("ce_id"), ("ce_id", b"\xff\xfe")], b"late"),
        ([*WITHOUT("ce_time"), ("ce_time", b"2026-12-03T01:30:00")], b"late"),
        ([*sent(), ("ce_causationid", b"nobody")], b"late"),
        (sent(), b"\xff"),
    ],
)
def test_headers_that_say_nothing_are_refused(found: Headers, key: bytes) -> None:
    with pytest.raises(UndecodableError):
        received(found, key)


def test_an_id_is_read_from_headers_only_when_it_is_one() -> None:
    assert event_id_of(sent()) == an_event().event_id
    assert event_id_of([("ce_id", b"17")]) is None
    assert event_id_of([]) is None
