"""The tail of the topics, on a real broker."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from aiokafka import AIOKafkaProducer
from playwright.async_api import expect
from sqlalchemy import Engine

import topics
from hub.dashboard.flow import Flow, Reach, lines_by_outbox, source_of
from hub.runtime.topic_admin import ensure_topics
from hub.wire.events import headers
from tests.dashboard.conftest import Books, Watch, free_port, serving

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
async def tailing(bootstrap: str, wanted: Sequence[topics.Topic], lines: Mapping[UUID, int]) -> AsyncIterator[Flow]:
    flow, stop = Flow(bootstrap, wanted, lambda _: lines), asyncio.Event()
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
        async with tailing(kafka_bootstrap, wanted, {event: 500}) as flow:
            await until(lambda: flow.bundles == 3)
            assert flow.reach is Reach.UP
            assert (flow.passing[asked.name].lines, flow.passing[split.name].lines) == (500, 501)
            assert flow.passing[asked.name].offset == 0
            await producer.send_and_wait(asked.name, b"", headers=said(asked, event))
            await until(lambda: flow.lines == 1501)


async def test_a_broker_that_comes_is_found(kafka_bootstrap: str) -> None:
    port = free_port()
    host, _, real = kafka_bootstrap.partition(":")
    await ensure_topics(kafka_bootstrap, (topics.FIRST_RESULT,))

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, int(real))

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.close()

        await asyncio.gather(pump(reader, back), pump(there, writer), return_exceptions=True)

    async with tailing(f"127.0.0.1:{port}", (topics.FIRST_RESULT,), {}) as flow:
        await until(lambda: flow.reach is Reach.AWAY)
        version = flow.version
        async with await asyncio.start_server(pass_on, "127.0.0.1", port):
            await until(lambda: flow.reach is Reach.UP)
        assert flow.version > version


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
