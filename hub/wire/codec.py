"""Avro bytes of event records.

Two framings, and a reader takes both:
- single-object encoding (Avro specification): ``C3 01``, the writer schema's CRC-64-AVRO fingerprint little-endian,
  then the body. This is what the outbox stores; it needs nobody to be read again.
- Confluent: ``00``, the schema's id at the registry as four bytes big-endian, then the body. The relay writes it
  instead when a registry is configured, so that ordinary Kafka tools can read the topics.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final

from fastavro import schemaless_reader, schemaless_writer

import schemas
from hub.domain.errors import HubError
from hub.wire import columns
from hub.wire.registry import Registry, UnknownSchemaError
from schemas import Schema
from topics import Topic

SINGLE_OBJECT: Final = b"\xc3\x01"
CONFLUENT: Final = b"\x00"
_SINGLE_HEAD: Final = len(SINGLE_OBJECT) + 8
_CONFLUENT_HEAD: Final = len(CONFLUENT) + 4
_WORTH_A_FRAME: Final = 4096
"""Bytes of records from which reading them as columns costs less than reading them value by value."""


class UndecodableError(HubError):
    """The bytes are no record of this topic."""


def encode(topic: Topic, record: Mapping[str, Any]) -> bytes:
    """The record in single-object encoding, written with the topic's current schema.

    The fields must be exactly the schema's, numbers whole and all columns of equal length; ValueError or TypeError
    otherwise, which is a mistake of ours and never of a partner.
    """
    schema = schemas.load(topic.schema)
    lengths = _column_lengths(schema, record)
    if len(lengths) > 1:
        raise ValueError(f"{schema.name}: columns of unequal length {sorted(lengths)}")
    for name in schema.numbers:
        if not _is_whole(record.get(name)):  # the Avro writer would cut 1.25 to 1 and say nothing
            raise TypeError(f"{schema.name}.{name} holds something that is no whole number")
    out = BytesIO()
    out.write(SINGLE_OBJECT)
    out.write(schema.fingerprint)
    schemaless_writer(out, schema.parsed, record, strict=True)
    return out.getvalue()


def decode(topic: Topic, data: bytes | None, registry: Registry | None = None) -> dict[str, Any]:
    """The record in the topic's current form, whatever known form it was written in.

    Raises UndecodableError for bytes that are no such record, and the registry's RetriableError when it cannot be
    asked: those bytes may be perfectly good.
    """
    if not data:
        raise UndecodableError("an empty body (a tombstone) has no meaning on our topics")
    writer, body = _writer_and_body(data, registry)
    reader = schemas.load(topic.schema)
    if writer.name != reader.name:
        raise UndecodableError(f"a {writer.name} on a topic of {reader.name}")
    stream = BytesIO(body)
    try:
        # resolving a form against itself would cost as much again
        resolved = None if writer.fingerprint == reader.fingerprint else reader.parsed
        record = schemaless_reader(stream, writer.parsed, resolved)
    except Exception as error:  # cut and random bytes fail in many ways inside the Avro reader
        raise UndecodableError(f"the body is no {writer.name}: {type(error).__name__}") from error
    if stream.tell() != len(body):
        raise UndecodableError(f"{len(body) - stream.tell()} bytes behind the end of the {writer.name}")
    assert isinstance(record, dict), "every event is a record"
    if len(_column_lengths(reader, record)) > 1:
        raise UndecodableError(f"columns of unequal length in a {writer.name}")
    return record


def decode_many(
    topic: Topic, bodies: Sequence[bytes | None], registry: Registry | None = None
) -> list[Mapping[str, Any] | UndecodableError]:
    """What :func:`decode` makes of each, or the error it raises; records that are alike are read as one frame."""
    found: list[Mapping[str, Any] | UndecodableError | None] = [None] * len(bodies)
    reader = schemas.load(topic.schema)
    current: dict[int, bytes] = {}
    for place, data in enumerate(bodies):
        try:
            writer, body = _writer_and_body(data or b"", registry)
        except UndecodableError:
            continue  # said below, in the same words as for one alone
        if writer.fingerprint == reader.fingerprint:
            current[place] = body
    if sum(map(len, current.values())) >= _WORTH_A_FRAME:
        frame = columns.read(reader, list(current.values()))
        if frame is not None:
            for row, place in enumerate(current):
                found[place] = columns.Row(frame, row)
    return [
        _decoded(topic, data, registry) if record is None else record
        for record, data in zip(found, bodies, strict=True)
    ]


def _decoded(topic: Topic, data: bytes | None, registry: Registry | None) -> Mapping[str, Any] | UndecodableError:
    try:
        return decode(topic, data, registry)
    except UndecodableError as error:
        return error


def reframe(topic: Topic, payload: bytes, registry: Registry | None) -> bytes:
    """A payload of the outbox as it goes on the topic: as it is, or in Confluent framing when there is a registry.

    Raises the registry's RetriableError when it cannot be asked.
    """
    if registry is None:
        return payload
    schema, body = _writer_and_body(payload, None)
    return CONFLUENT + registry.id_of(f"{topic.name}-value", schema).to_bytes(4, "big") + body


def _writer_and_body(data: bytes, registry: Registry | None) -> tuple[Schema, bytes]:
    if data.startswith(SINGLE_OBJECT) and len(data) >= _SINGLE_HEAD:
        schema = schemas.by_fingerprint(data[len(SINGLE_OBJECT) : _SINGLE_HEAD])
        if schema is None:
            raise UndecodableError("no schema of ours has this fingerprint")
        return schema, data[_SINGLE_HEAD:]
    if data.startswith(CONFLUENT) and len(data) >= _CONFLUENT_HEAD:
        if registry is None:
            raise UndecodableError("Confluent framing, and no schema registry is configured")
        try:
            return registry.schema(int.from_bytes(data[1:_CONFLUENT_HEAD], "big")), data[_CONFLUENT_HEAD:]
        except UnknownSchemaError as error:
            raise UndecodableError(str(error)) from error
    raise UndecodableError("neither of the framings we know")


def _column_lengths(schema: Schema, record: Mapping[str, Any]) -> set[int]:
    return {len(record[name]) for name in schema.columns if name in record}


def _is_whole(value: object) -> bool:
    """Whole numbers or none; a missing field is the writer's to refuse."""
    return value is None or set(map(type, value if isinstance(value, list | tuple) else (value,))) <= {int}
