"""Many records of one schema at once, as a frame: one row a record, one list column a column of the record.

Value by value the Avro reader takes most of a consumer's time; read as columns the same bytes take a ninth of it. Only
records in a schema's current form come here, and only when every one of them is flawless: in any doubt there is no
frame, and :mod:`hub.wire.codec` reads record by record and words the fault.
"""

import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from io import BytesIO
from typing import Any, Final

import polars as pl

import schemas
from schemas import Schema
from topics import Topic

_SEAL_FIELD: Final = "seal_of_the_record"
_SEAL: Final = secrets.randbits(61) | 1 << 60
"""Stands behind every record while it is read. A record that is longer or shorter than its schema says misses it."""
_SYNC: Final = bytes(16)

_KINDS: Final[Mapping[str, Any]] = {"string": pl.String, "int": pl.Int32, "long": pl.Int64, "boolean": pl.Boolean}
_FIRST_DAY: Final = -719_162
_LAST_DAY: Final = 2_932_896
"""Days from 1970-01-01 to those of Python's calendar, 0001-01-01 and 9999-12-31."""


class Row(Mapping[str, Any]):
    """One record of a frame. A value becomes a Python object when it is asked for."""

    __slots__ = ("frame", "place")

    def __init__(self, frame: pl.DataFrame, place: int) -> None:
        self.frame = frame
        self.place = place

    def __getitem__(self, name: str) -> Any:
        if name not in self.frame.columns:
            raise KeyError(name)
        value = self.frame.get_column(name)[self.place]
        return value.to_list() if isinstance(value, pl.Series) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.frame.columns)

    def __len__(self) -> int:
        return self.frame.width

    def length(self, name: str) -> int:
        """Values of a column, without making Python objects of them."""
        return len(self.frame.get_column(name)[self.place])

    def __repr__(self) -> str:
        return f"Row({dict(self)!r})"


def read(schema: Schema, bodies: Sequence[bytes]) -> pl.DataFrame | None:
    """The records as a frame in their order, or None when one of them is not exactly as the schema says."""
    types = column_types(schema)
    if types is None:
        return None
    seal = _varint(_SEAL)
    block = b"".join(part for body in bodies for part in (body, seal))
    file = b"".join((_head(schema), _varint(len(bodies)), _varint(len(block)), block, _SYNC))
    try:
        frame = pl.read_avro(BytesIO(file))
        if frame.height != len(bodies) or not (frame.get_column(_SEAL_FIELD) == _SEAL).all():
            return None
        return _typed(schema, frame.drop(_SEAL_FIELD), types)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError, OverflowError):
        return None


def frame_of(topic: Topic, records: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """The records of a topic as one frame, a row each in their order; without a copy when they were read together."""
    frames = {id(record.frame): record.frame for record in records if isinstance(record, Row)}
    if len(frames) == 1 and all(isinstance(record, Row) for record in records):
        (frame,) = frames.values()
        return frame[[record.place for record in records if isinstance(record, Row)]]
    types = column_types(schemas.load(topic.schema))
    assert types is not None, f"{topic.name} has no columns"
    return pl.DataFrame([dict(record) for record in records], schema=types)


@cache
def column_types(schema: Schema) -> dict[str, Any] | None:
    """The type of each column of a schema's frame, or None for a schema that is not read as a frame."""
    types = {str(field["name"]): _type_of(field["type"]) for field in schema.source["fields"]}
    return types if schema.columns and all(kind is not None for kind in types.values()) else None


def _type_of(kind: Any) -> Any:
    match kind:
        case {"type": "array", "items": str(items)}:
            return pl.List(_KINDS[items]) if items in _KINDS else None
        case {"type": "int", "logicalType": "date"}:
            return pl.Date
        case str():
            return _KINDS.get(kind)
    return None


@cache
def _head(schema: Schema) -> bytes:
    """The head of an Avro file of such records. Whole numbers are read wide, so that none is cut to its type."""
    fields = [{"name": field["name"], "type": _wide(field["type"])} for field in schema.source["fields"]]
    sealed = {"type": "record", "name": "Sealed", "fields": [*fields, {"name": _SEAL_FIELD, "type": "long"}]}
    entries = {"avro.schema": json.dumps(sealed).encode(), "avro.codec": b"null"}
    texts = (text for name, value in entries.items() for text in (name.encode(), value))
    return b"Obj\x01" + _varint(len(entries)) + b"".join(_varint(len(text)) + text for text in texts) + b"\0" + _SYNC


def _wide(kind: Any) -> Any:
    match kind:
        case {"type": "array", "items": items}:
            return {"type": "array", "items": _wide(items)}
        case "int" | {"type": "int"} | "boolean":  # a truth is one byte: 0 reads as 0, 1 as -1, no other is one
            return "long"
    return kind


def _typed(schema: Schema, frame: pl.DataFrame, types: Mapping[str, Any]) -> pl.DataFrame | None:
    """The frame in its types; None when a number does not fit, a day is none or columns are not equally long."""
    days = [name for name, kind in types.items() if kind == pl.Date]
    truths = {name: pl.col(name) for name, kind in types.items() if kind == pl.Boolean}
    truths |= {name: pl.col(name).explode() for name, kind in types.items() if kind == pl.List(pl.Boolean)}
    lengths = [pl.col(name).list.len() for name in schema.columns]
    flawless = frame.select(
        *(pl.col(name).is_between(_FIRST_DAY, _LAST_DAY).all() for name in days),
        *(truth.is_between(-1, 0).all() for truth in truths.values()),
        *((length == lengths[0]).all().alias(f"length {place}") for place, length in enumerate(lengths)),
    )
    if not all(flawless.row(0)):
        return None
    return frame.with_columns(pl.col(days).cast(pl.Int32)).cast(pl.Schema(types))


def _varint(number: int) -> bytes:
    """A whole number from zero as Avro writes it: doubled, seven bits a byte, the lowest first."""
    left, out = number << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)
