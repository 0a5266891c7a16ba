"""The outbox reaches its topics whole, whatever dies (faults 5, 20, 24–27): at least once there, once in the books."""

import asyncio
from collections import Counter
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import text

import topics
from hub.ledger.outbox import ConflictingEventError
from hub.runtime import relay
from hub.runtime.consume import run_consumer
from hub.runtime.rebuild import rebuild
from hub.runtime.relay import run_relay
from hub.runtime.topic_admin import TopicMismatchError, ensure_topics
from hub.wire.events import event_id_of
from hub.wire.registry import Registry
from tests.flow.conftest import Books, Broker, Workers, declared, result, until
from tests.flow.worker import DECLARATIONS
from tests.wire.registry_server import RegistryServer

TOPIC = topics.DEDUCTION_DECLARED


def published(books: Books) -> bool:
    return not books.one("select count(*) from outbox where published_at is null")


async def ids_on(broker: Broker, topic: topics.Topic) -> Counter[UUID | None]:
    return Counter(event_id_of(record.headers) for record in await broker.records(topic))


async def test_a_relay_killed_between_publishing_and_marking_sends_again(
    books: Books, broker: Broker, workers: Workers
) -> None:
    events = [declared(number) for number in range(30)]
    books.append(*events)
    await workers.killed(workers.start("relay", "after_publish"))
    assert not published(books)
    assert set(await ids_on(broker, TOPIC)) == {event.event_id for event in events}

    async with workers.running("relay", "declarations"):
        await until(lambda: published(books) and not books.in_flight(), "all events are published and taken")
        await until(lambda: broker.caught_up(DECLARATIONS.group, TOPIC), "the doubles are read too")

    assert set((await ids_on(broker, TOPIC)).values()) == {2}
    assert books.booked() == {str(event.event_id): 1 for event in events}


async def test_two_relays_share_the_work_and_send_nothing_twice(books: Books, broker: Broker, workers: Workers) -> None:
    events = [declared(number) for number in range(1500)]
    async with workers.running("relay", "relay", "declarations"):
        for start in range(0, len(events), 100):
            books.append(*events[start : start + 100])
        await until(lambda: not books.in_flight(), "all events are taken")

    assert books.booked() == {str(event.event_id): 1 for event in events}
    assert await ids_on(broker, TOPIC) == Counter({event.event_id: 1 for event in events})


async def test_within_a_key_records_stand_in_the_order_of_the_outbox(
    books: Books, broker: Broker, workers: Workers
) -> None:
    events = [declared(number) for number in range(200)]
    async with workers.running("relay"):
        for event in events:
            books.append(event)
        await until(lambda: published(books), "all are published")
    order = {event.event_id: place for place, event in enumerate(events)}
    by_partition: dict[int, list[int]] = {}
    for record in await broker.records(TOPIC):
        found = event_id_of(record.headers)
        assert found is not None
        by_partition.setdefault(record.partition, []).append(order[found])

    assert sum(map(len, by_partition.values())) == len(events)
    assert all(places == sorted(places) for places in by_partition.values())


async def test_a_topic_lost_whole_is_rebuilt_from_the_outbox(books: Books, broker: Broker, workers: Workers) -> None:
    events = [declared(number) for number in range(100)]
    books.append(*events)
    async with workers.running("relay", "declarations"):
        await until(lambda: broker.caught_up(DECLARATIONS.group, TOPIC), "all are booked")
        before = {event_id_of(record.headers): record.value for record in await broker.records(TOPIC)}
    await broker.delete(TOPIC)

    with books.app.begin() as conn:
        assert rebuild(conn, [TOPIC]) == len(events)
    async with workers.running("relay", "declarations"):
        await until(lambda: published(books), "all are published again")
        await until(lambda: broker.caught_up(DECLARATIONS.group, TOPIC), "all are read again")

    after = {event_id_of(record.headers): record.value for record in await broker.records(TOPIC)}
    assert after == before
    assert books.booked() == {str(event.event_id): 1 for event in events}


async def test_a_derived_topic_is_rebuilt_from_what_it_is_derived_from(books: Books) -> None:
    books.append(result(1), result(2), declared(1))
    with books.app.begin() as conn:
        conn.execute(text("update outbox set published_at = now()"))
        assert rebuild(conn, [topics.FUNDS_SPLIT]) == 2


async def test_an_event_larger_than_a_record_may_be_goes_to_a_person_and_holds_nobody_up(
    books: Books, broker: Broker, workers: Workers
) -> None:
    small = declared(1)
    large = replace(declared(2), record={**declared(2).record, "banks": ["B" * (relay.MAX_RECORD_BYTES + 1)]})
    books.append(large, small)
    async with workers.running("relay", "declarations", "sweeper"):
        await until(lambda: books.booked() == {str(small.event_id): 1}, "the small one passes")
        await until(lambda: published(books), "the large one is no longer tried")

    assert books.one("select count(*) from dead_letter where consumer = 'relay'") == 1
    assert books.in_flight() == 1, "its money is not where it belongs"


async def test_with_a_registry_the_topic_carries_confluent_framing(books: Books, broker: Broker) -> None:
    server = RegistryServer()
    server.failing = True
    stop = asyncio.Event()
    events = [declared(number) for number in range(10)]
    books.append(*events)
    url = server.url
    running = [
        asyncio.create_task(run_relay(books.app, broker.bootstrap, stop, registry=Registry(url))),
        asyncio.create_task(run_consumer(DECLARATIONS, books.app, broker.bootstrap, stop, registry=Registry(url))),
    ]
    try:
        await until(lambda: server.asked >= 2, "the relay has met the outage and tried again")
        assert not await broker.records(TOPIC)
        server.failing = False
        await until(lambda: not books.in_flight(), "nothing was dropped")
    finally:
        stop.set()
        await asyncio.gather(*running)
        server.close()

    assert {record.value[0] for record in await broker.records(TOPIC)} == {0}
    assert books.booked() == {str(event.event_id): 1 for event in events}
    assert books.one("select count(*) from dead_letter") == 0


async def test_a_topic_that_is_otherwise_than_the_table_says_is_an_error(broker: Broker) -> None:
    with pytest.raises(TopicMismatchError, match="partitions"):
        await ensure_topics(broker.bootstrap, [replace(TOPIC, partitions=TOPIC.partitions + 1)])
    with pytest.raises(TopicMismatchError, match=r"retention\.ms"):
        await ensure_topics(broker.bootstrap, [replace(TOPIC, retention_ms=1)])
    assert await ensure_topics(broker.bootstrap) == ()


def test_the_same_event_twice_is_one_event(books: Books) -> None:
    assert books.append(declared(1), declared(1)) == 1
    assert books.append(declared(1)) == 0


def test_the_same_identity_with_another_content_is_refused_and_undone(books: Books) -> None:
    books.append(declared(1))
    other = replace(declared(1), record={**declared(1).record, "lines": [2]})
    with pytest.raises(ConflictingEventError):
        books.append(declared(2), other)
    with pytest.raises(ConflictingEventError):
        books.append(replace(declared(3), subject="one"), replace(other, subject="one"))

    assert books.one("select count(*) from outbox") == 1
    assert not ConflictingEventError.retriable
