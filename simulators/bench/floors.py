"""What each layer costs bare, on the very data of the run: the same bytes, events, rows and files, with the least code.

Every floor does the layer's work once, one after another, with nothing beside it. The hub may use both cores; the
floors do not.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

import paramiko
import psycopg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from fastavro import parse_schema, schemaless_reader, schemaless_writer
from fastavro.schema import fingerprint, load_schema, to_parsing_canonical_form
from psycopg import sql

import topics
from simulators.bank import BankServer, BankServerError

SCRATCH: Final = "bench.scratch"
SCRATCH_PARTITIONS: Final = max(topic.partitions for topic in topics.ALL)
_BLOCK: Final = 1 << 20
_HEAD: Final = 10
"""Single-object encoding: two bytes of mark, eight of the schema's fingerprint."""

Floors = dict[str, dict[str, float | int]]
Event = tuple[bytes | None, bytes]
"""Key and value of a record."""


class Stopwatch:
    """Adds up the time of the blocks it is put around."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - began


def files_floor(files: Sequence[Path], scratch: Path) -> Floors:
    """Read each file and write its bytes to another, synced: what an archive cannot do without."""
    watch, total = Stopwatch(), 0
    for file in files:
        target = scratch / file.name
        with watch.running():
            data = file.read_bytes()
            with target.open("wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
        total += len(data)
        target.unlink()
    return {"files": {"seconds": watch.seconds, "bytes": total, "files": len(files)}}


# -- Kafka and Avro -------------------------------------------------------------------------------------------------


async def read_topic(servers: str, topic: topics.Topic) -> list[Event]:
    """Key and value of every record of a topic, from its beginning."""
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    found: list[Event] = []
    try:
        places = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        consumer.assign(places)
        firsts, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        lying = sum(ends.values()) - sum(firsts.values())
        while len(found) < lying:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                found += [(record.key, record.value or b"") for record in records]
    finally:
        await consumer.stop()
    return found


def avro_floor(events: Sequence[Event], schemas: Path) -> tuple[float, float]:
    """Seconds to decode and to encode every event once, with the schema it was written with."""
    parsed = {_mark(schema): schema for schema in _schemas(schemas)}
    decoding, encoding = Stopwatch(), Stopwatch()
    for _, value in events:
        schema = parsed[value[2:_HEAD]]
        with decoding.running():
            record = schemaless_reader(BytesIO(value[_HEAD:]), schema)
        out = BytesIO()
        with encoding.running():
            schemaless_writer(out, schema, record)
    return decoding.seconds, encoding.seconds


def _schemas(folder: Path) -> Iterator[Any]:
    for file in sorted(folder.glob("settle.*.avsc")):
        if ".former-" not in file.name:
            yield load_schema(str(file))


def _mark(schema: Any) -> bytes:
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(parse_schema(schema)), "CRC-64-AVRO"))


async def kafka_floor(servers: str, events: Sequence[Event]) -> tuple[float, float]:
    """Seconds to produce the events, zstd, all acknowledged, to the scratch topic, and to consume them again."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, enable_idempotence=True, acks="all", compression_type="zstd")
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await producer.start()
    await consumer.start()
    try:
        places = [TopicPartition(SCRATCH, number) for number in range(SCRATCH_PARTITIONS)]
        await asyncio.gather(*[producer.send_and_wait(SCRATCH, b"", partition=place.partition) for place in places])
        consumer.assign(places)  # from here on: without a group, and by default, a consumer begins at the end
        await asyncio.gather(*map(consumer.position, places))
        began = time.perf_counter()
        for key, value in events:
            await producer.send(SCRATCH, key=key, value=value)
        await producer.flush()
        produced = time.perf_counter() - began
        began, taken = time.perf_counter(), 0
        while taken < len(events):
            taken += sum(map(len, (await consumer.getmany(timeout_ms=1000)).values()))
        consumed = time.perf_counter() - began
    finally:
        await producer.stop()
        await consumer.stop()
    return produced, consumed


@asynccontextmanager
async def scratch_topic(servers: str) -> AsyncIterator[None]:
    """A topic for the block, with as many partitions as the widest of ours."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    await admin.create_topics([NewTopic(SCRATCH, SCRATCH_PARTITIONS, 1)])
    try:
        yield
    finally:
        await admin.delete_topics([SCRATCH])
        await admin.close()


def topics_floor(servers: str, schemas: Path) -> Floors:
    """Avro and Kafka, topic by topic, so that no more than one topic is in memory."""
    return asyncio.run(_topics_floor(servers, schemas))


async def _topics_floor(servers: str, schemas: Path) -> Floors:
    sums = {"avro": dict.fromkeys(("decode", "encode"), 0.0), "kafka": dict.fromkeys(("produce", "consume"), 0.0)}
    count = total = 0
    async with scratch_topic(servers):
        for topic in topics.ALL:
            events = await read_topic(servers, topic)
            if not events:
                continue
            count, total = count + len(events), total + sum(len(value) for _, value in events)
            decoded, encoded = avro_floor(events, schemas)
            produced, consumed = await kafka_floor(servers, events)
            for layer, what, seconds in (
                ("avro", "decode", decoded), ("avro", "encode", encoded),
                ("kafka", "produce", produced), ("kafka", "consume", consumed),
            ):  # fmt: skip
                sums[layer][what] += seconds
    return {
        layer: {"seconds": sum(parts.values()), **parts, "events": count, "bytes": total}
        for layer, parts in sums.items()
    }


# -- PostgreSQL -----------------------------------------------------------------------------------------------------

_TABLES: Final = """
    select c.relname, c.relpersistence = 'u',
           array_agg(a.attname order by a.attnum) filter (where a.attgenerated = '')
    from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
    where n.nspname = 'public' and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and c.relname <> 'alembic_version'
    group by c.oid order by c.relname
"""


def copy_floor(database_url: str) -> Floors:
    """One COPY into an empty table of the same columns, indexes and checks, for each table that holds rows."""
    tables: dict[str, float | int] = {}
    rows = total = 0
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("drop schema if exists bench cascade")
        conn.execute("create schema bench")
        for name, unlogged, columns in conn.execute(_TABLES).fetchall():
            with TemporaryFile() as spool:
                copied = _copy_out(conn, name, columns, spool)
                if not copied:
                    continue
                total += spool.tell()
                rows += copied
                conn.execute(
                    sql.SQL("create {} table bench.{} (like public.{} including all)").format(
                        sql.SQL("unlogged" if unlogged else ""), sql.Identifier(name), sql.Identifier(name)
                    )
                )
                spool.seek(0)
                began = time.perf_counter()
                _copy_in(conn, name, columns, spool)
                tables[name] = round(time.perf_counter() - began, 4)
            conn.execute(sql.SQL("drop table bench.{}").format(sql.Identifier(name)))
        conn.execute("drop schema bench cascade")
    return {"copy": {"seconds": sum(tables.values()), "rows": rows, "bytes": total, **tables}}


def _copy_out(conn: "psycopg.Connection[Any]", name: str, columns: Sequence[str], spool: IO[bytes]) -> int:
    query = sql.SQL("copy public.{} ({}) to stdout (format binary)").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    cursor = conn.cursor()
    with cursor.copy(query) as copy:
        for block in copy:
            spool.write(block)
    return cursor.rowcount


def _copy_in(conn: "psycopg.Connection[Any]", name: str, columns: Sequence[str], spool: IO[bytes]) -> None:
    query = sql.SQL("copy bench.{} ({}) from stdin (format binary)").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with conn.cursor().copy(query) as copy:
        while block := spool.read(_BLOCK):
            copy.write(block)


# -- SFTP -----------------------------------------------------------------------------------------------------------


def sftp_floor(servers: Sequence[tuple[BankServer, Path, Sequence[Path], Sequence[Path]]]) -> Floors:
    """To each bank's own server: put the request files and get them back, get the result files; plain paramiko.

    ``servers``: server, private key, request files, result files.
    """
    putting, getting, total = Stopwatch(), Stopwatch(), 0
    for server, key, requests, results in servers:
        transport = paramiko.Transport(("127.0.0.1", server.port))
        try:
            transport.connect(username=server.username, pkey=paramiko.Ed25519Key.from_private_key_file(str(key)))
            client = paramiko.SFTPClient.from_transport(transport)
            if client is None:
                raise BankServerError(f"the server of {server.code} has no SFTP")
            there = server.remote("bench.scratch")
            for file in requests:
                with putting.running():
                    client.put(str(file), there, confirm=True)
                total += 2 * file.stat().st_size
                _get(client, there, getting)
            for file in results:
                client.put(str(file), there)
                total += file.stat().st_size
                _get(client, there, getting)
            if requests or results:
                client.remove(there)
        finally:
            transport.close()
    seconds = putting.seconds + getting.seconds
    return {"sftp": {"seconds": seconds, "put": putting.seconds, "get": getting.seconds, "bytes": total}}


def _get(client: paramiko.SFTPClient, name: str, watch: Stopwatch) -> None:
    with TemporaryFile() as out, watch.running():
        client.getfo(name, out)


def tidy(floors: Floors) -> Floors:
    """Seconds to the hundredth of a second, as they are shown and kept."""
    return {
        layer: {name: round(value, 3) if isinstance(value, float) else value for name, value in parts.items()}
        for layer, parts in floors.items()
    }


def total_seconds(floors: Floors) -> float:
    return sum(parts["seconds"] for parts in floors.values())
