"""The tail of the topics, on a real broker."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from aiokafka import AIOKafkaProducer
from playwright.async_api import expect
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

import topics
from hub.dashboard.flow import Flow, LinesOf, Reach, lines_by_outbox, source_of
from hub.runtime.embedded.kafka import ensure_kafka, stop_kafka
from hub.runtime.topic_admin import ensure_topics
from hub.wire.events import headers
from tests.dashboard.conftest import Books, Watch, serving

NOW = datetime(2026, 12, 4, tzinfo=UTC)


def said(topic: topics.Topic, event: UUID, causation: UUID | None = None) -> list[tuple[str, bytes]]:
    return headers(event_id=event, topic=topic, occurred_at=NOW, subject="s", causation=causation)


def own(topic: topics.Topic) -> topics.Topic:
    """A topic like that one which nobody else writes to."""
    return replace(topic, name=f"{topic.name}.{uuid.uuid4().hex}")


@asynccontextmanager
async def producing(bootstrap: str, wanted: Sequence[topics.Topic]) -> AsyncIterator[AIOKafkaProducer]:
    await ensure_topics(bootstrap, wanted)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


@asynccontextmanager
async def tailing(bootstrap: str, wanted: Sequence[topics.Topic], lines_of: LinesOf) -> AsyncIterator[Flow]:
    flow, stop = Flow(bootstrap, wanted, lines_of), asyncio.Event()
    running = asyncio.create_task(flow.run(stop))
    try:
        yield flow
    finally:
        stop.set()
        await asyncio.wait_for(running, 20)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0.05)


async def test_events_are_counted_from_the_beginning_with_their_lines(kafka_bootstrap: str) -> None:
    event = uuid.uuid4()
    asked, split = wanted = own(topics.CHEQUE_RETURNED), own(topics.FUNDS_SPLIT)
    async with producing(kafka_bootstrap, wanted) as producer:
        await producer.send_and_wait(asked.name, b"never decoded", headers=said(asked, event))
        await producer.send_and_wait(split.name, b"", headers=said(split, uuid.uuid4(), causation=event))
        await producer.send_and_wait(split.name, b"", headers=[("ce_id", b"\xff")])
        async with tailing(kafka_bootstrap, wanted, lambda _: {event: 500}) as flow:
            await until(lambda: flow.bundles == 3)
            assert flow.reach is Reach.UP
            assert (flow.passing[asked.name].lines, flow.passing[split.name].lines) == (500, 501)
            assert flow.passing[asked.name].offset == 0
            await producer.send_and_wait(asked.name, b"", headers=said(asked, event))
            await until(lambda: flow.lines == 1501)


async def test_a_broker_may_come_late_go_and_come_back(tmp_path: Path) -> None:
    topic = own(topics.RECEIPT_RECORDED)
    bootstrap = await asyncio.to_thread(ensure_kafka, tmp_path)
    try:
        await ensure_topics(bootstrap, [topic])
        await asyncio.to_thread(stop_kafka, tmp_path)
        async with tailing(bootstrap, [topic], lambda _: {}) as flow:
            for passed in (1, 2):
                await until(lambda: flow.reach is Reach.AWAY)
                await asyncio.to_thread(ensure_kafka, tmp_path)
                await until(lambda: flow.reach is Reach.UP)
                async with producing(bootstrap, [topic]) as producer:
                    await producer.send_and_wait(topic.name, b"", headers=said(topic, uuid.uuid4()))
                await until(lambda passed=passed: flow.bundles == passed)
                await asyncio.to_thread(stop_kafka, tmp_path)
    finally:
        await asyncio.to_thread(stop_kafka, tmp_path)


async def test_what_cannot_be_looked_up_now_is_counted_later(kafka_bootstrap: str) -> None:
    topic, event, refused = own(topics.FUNDS_SPLIT), uuid.uuid4(), []

    def look_up(events: Collection[UUID]) -> Mapping[UUID, int]:
        if not refused:
            refused.append(events)
            raise OperationalError("select", {}, ConnectionError())
        return dict.fromkeys(events, 480)

    async with producing(kafka_bootstrap, [topic]) as producer, tailing(kafka_bootstrap, [topic], look_up) as flow:
        await producer.send_and_wait(topic.name, b"", headers=said(topic, event))
        await until(lambda: flow.bundles == 1)
        assert refused == [{event}]
        assert flow.lines == 480


def test_lines_are_looked_up_in_the_outbox(books: Books, reading: Engine) -> None:
    known, unknown = uuid.uuid4(), uuid.uuid4()
    books.write(
        lambda rows: rows.run(
            "insert into outbox (event_id, topic, key, payload, subject, lines, occurred_at, awaiting)"
            " values (:id, 't', 'k', '', 's', 480, now(), 0)",
            id=known,
        )
    )
    assert lines_by_outbox(reading)({known, unknown}) == {known: 480}


def test_the_source_of_a_message_is_in_its_headers() -> None:
    event, cause = uuid.uuid4(), uuid.uuid4()
    assert source_of(said(topics.FIRST_RESULT, event)) == event
    assert source_of(said(topics.FUNDS_SPLIT, event, cause)) == cause
    assert source_of([]) is None
    assert source_of([("ce_id", b"<script>")]) is None


async def test_what_passes_shows_on_the_page(books: Books, reading: Engine, kafka_bootstrap: str, watch: Watch) -> None:
    async with producing(kafka_bootstrap, topics.ALL) as producer, serving(reading, kafka_bootstrap) as address:
        page = await watch(address)
        tile = page.locator("#part-flow li[data-k=receipt-recorded]")
        await expect(page.locator("#part-flow .reach")).to_contain_text("消息总线正常")
        before = await tile.get_attribute("data-pulse") or ""
        topic = topics.RECEIPT_RECORDED
        await producer.send_and_wait(topic.name, b"", headers=said(topic, uuid.uuid4()))
        await expect(tile).not_to_have_attribute("data-pulse", before)
        await expect(tile).to_have_class(re.compile("pulse"))
