"""What the tests of the running parts share: books, clean topics, processes that are really killed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError
from sqlalchemy import Engine, text

import topics
from hub.domain.timetable import TZ
from hub.ledger import clock, outbox
from hub.ledger.database import engine
from hub.runtime.topic_admin import ensure_topics
from hub.wire.events import Event
from topics import Topic

ROOT = Path(__file__).parents[2]
LIMIT = 40.0
"""Seconds after which a condition that should have come true has failed; two session time-outs and room."""
AT = datetime(2026, 12, 1, 16, 0, tzinfo=TZ)


async def until(holds: Callable[[], Any], what: str, limit: float = LIMIT) -> Any:
    """Waits for a condition, not for a time; the test fails when it does not come true."""
    deadline = time.monotonic() + limit
    while True:
        found = holds()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {limit} s: {what}"
        await asyncio.sleep(0.02)


@dataclass
class Books:
    """The database of one test, seen by its owner and by the hub's role."""

    url: str
    app: Engine
    owner: Engine

    def rows(self, query: str, **parameters: Any) -> list[Any]:
        with self.owner.connect() as conn:
            return list(conn.execute(text(query), parameters))

    def one(self, query: str, **parameters: Any) -> Any:
        return self.rows(query, **parameters)[0][0]

    def append(self, *events: Event) -> int:
        with self.app.begin() as conn:
            return outbox.append(conn, events)

    def in_flight(self) -> int:
        with self.app.connect() as conn:
            return outbox.in_flight(conn)

    def booked(self) -> dict[str, int]:
        """Event id → rows that the processor wrote for it."""
        return {str(row[0]): row[1] for row in self.rows("select event_id, count(*) from scratch group by event_id")}


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    owner, app = engine(database, role=None, pool_size=2), engine(database)
    with owner.begin() as conn:
        clock.set_up(conn, "manual", AT)
        conn.execute(text("create table scratch (event_id uuid not null, agency text not null, fen bigint not null)"))
        conn.execute(text("grant select, insert on scratch to hub_app"))
    yield Books(url=database, app=app, owner=owner)
    app.dispose()
    owner.dispose()


@dataclass
class Broker:
    """The session's broker with empty topics."""

    bootstrap: str

    async def produce(self, topic: Topic, *records: tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]) -> None:
        """Puts crafted records on a topic: key, value, headers."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for key, value, found in records:
                await producer.send_and_wait(topic.name, key=key, value=value, headers=found)
        finally:
            await producer.stop()

    async def records(self, topic: Topic) -> list[Any]:
        """All records that are on a topic now."""
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, auto_offset_reset="earliest")
        await consumer.start()
        try:
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[Any] = []
            while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
                for records in (await consumer.getmany(timeout_ms=100)).values():
                    found.extend(records)
            return found
        finally:
            await consumer.stop()

    async def ends(self, topic: Topic) -> dict[int, int]:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
            return {partition.partition: end for partition, end in (await consumer.end_offsets(partitions)).items()}
        finally:
            await consumer.stop()

    async def committed(self, group: str, topic: Topic) -> dict[int, int]:
        """The group's committed offsets on a topic; partitions without one are left out."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
            found = await admin.list_consumer_group_offsets(group, partitions=partitions)
            return {partition.partition: offset.offset for partition, offset in found.items() if offset.offset >= 0}
        finally:
            await admin.close()

    async def set_offsets(self, group: str, offsets: dict[TopicPartition, int]) -> None:
        """Sets a group's offsets as an operator does: when its last member has gone, or its session has ended."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False)
        await consumer.start()

        async def done() -> bool:
            try:
                await consumer.commit(offsets)
            except CommitFailedError:
                return False
            return True

        try:
            consumer.assign(list(offsets))
            await until(done, f"{group} has no member any more")
        finally:
            await consumer.stop()

    async def caught_up(self, group: str, topic: Topic) -> bool:
        """Whether the group's committed offsets stand at the end of every partition that holds something."""
        ends = {partition: end for partition, end in (await self.ends(topic)).items() if end}
        committed = await self.committed(group, topic)
        return bool(ends) and all(committed.get(partition) == end for partition, end in ends.items())

    async def delete(self, *wanted: Topic) -> None:
        names = {topic.name for topic in wanted}
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            present = names & set(await admin.list_topics())
            if present:
                await admin.delete_topics(sorted(present))

                async def gone() -> bool:
                    return not names & set(await admin.list_topics())

                await until(gone, "the topics are deleted")
        finally:
            await admin.close()


@pytest.fixture
async def broker(kafka_bootstrap: str) -> Broker:
    made = Broker(kafka_bootstrap)
    await made.delete(*topics.ALL)
    await ensure_topics(kafka_bootstrap)
    return made


@dataclass
class Workers:
    """Real processes; whatever a test leaves running is killed at its end."""

    url: str
    bootstrap: str
    instance: str = ""
    started: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    def start(self, role: str, failpoint: str = "") -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "HUB_FAILPOINT": failpoint,
            "WORKER_INSTANCE": self.instance,
        }
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "worker.py"), role, self.url, self.bootstrap],
            cwd=ROOT,
            env=environment,
        )
        self.started.append(process)
        return process

    @asynccontextmanager
    async def running(self, *roles: str) -> AsyncIterator[None]:
        """The processes, for the length of a block; then asked to end, which they must do with status 0."""
        processes = [self.start(role) for role in roles]
        yield
        for process in processes:
            assert process.poll() is None, "a worker ended by itself"
            process.terminate()
        for role, process in zip(roles, processes, strict=True):
            assert await until(lambda ended=process: ended.poll() is not None, f"{role} ends when told")
            assert process.returncode == 0, role

    async def killed(self, process: "subprocess.Popen[bytes]") -> None:
        """Waits until a process has reached its failpoint and died there."""
        await until(lambda: process.poll() is not None, "the process reaches its failpoint")
        assert process.returncode == 137

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def workers(books: Books, broker: Broker) -> Iterator[Workers]:
    made = Workers(books.url, broker.bootstrap)
    yield made
    made.end()


# ── events ──────────────────────────────────────────────────────────────────────────────────────────────────────────

FUNDS = ("pension", "unemployment", "injury", "maternity")


def declared(number: int, agency: str = "110105") -> Event:
    """A declaration of one row over 10 fen."""
    record = {"period": "2026-12", "round": 1, "agency": agency, "banks": ["ICBC"], "kinds": ["M"], "lines": [1]}
    return Event(
        topic=topics.DEDUCTION_DECLARED,
        key=f"{agency}/{number}",
        subject=f"2026-12/1/{agency}/{number}",
        record={**record, **{fund: [place + 1] for place, fund in enumerate(FUNDS)}},
        occurred_at=AT,
    )


def result(number: int, agency: str = "110105", lines: int = 1) -> Event:
    """A bank's result of some lines over 10 fen each."""
    record: dict[str, Any] = {
        "period": "2026-12", "round": 1, "agency": agency, "bank": "ICBC", "shard": number % 4, "part": number,
        "batch_no": "ICBC20261203001", "booking_period": "2026-12", "business_date": AT.date(), "late": False,
        "first_line": 1, "deducted": [10] * lines,
    }  # fmt: skip
    for place, fund in enumerate(FUNDS):
        record[fund] = record[f"requested_{fund}"] = [place + 1] * lines
    return Event(
        topic=topics.FIRST_RESULT,
        key=f"{agency}/{number % 4}",
        subject=f"ICBC20261203001/{agency}/{number}",
        record=record,
        lines=lines,
        occurred_at=AT,
    )
