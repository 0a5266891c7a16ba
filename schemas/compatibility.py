"""May two forms of a record stand beside each other on a topic? (full, transitive compatibility)

Our schemas are flat records of primitives, arrays of primitives and one union with null; this check knows exactly those
and reports anything else, so that a new shape is a decision and not an accident.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import Any, Final

from schemas import ParsedSchema, Schema, former, load

PRIMITIVES: Final = frozenset({"null", "boolean", "int", "long", "string", "bytes"})
"""What a field may be made of. No float and no double: money is whole fen."""

PROMOTIONS: Final = frozenset({("int", "long")})
"""(writer, reader): what Avro widens on reading. It works one way only, so it never passes ``faults_of``."""


def faults_of(name: str) -> list[str]:
    """Why the forms of a record, former and current, cannot all read each other; empty when they can."""
    forms = (*former(name), load(name))
    return [fault for writer, reader in permutations(forms, 2) for fault in reading_faults(writer, reader)]


def reading_faults(writer: Schema, reader: Schema) -> Iterator[str]:
    """Why ``reader`` cannot take what ``writer`` wrote."""
    if writer.name != reader.name:
        yield f"{writer.name} became {reader.name}"
    written = {field["name"]: field for field in writer.source["fields"]}
    for field in reader.source["fields"]:
        before = written.get(field["name"])
        if before is None:
            if "default" not in field:
                yield f"{reader.name}.{field['name']} has no default, and a former writer does not write it"
        elif not _readable(before["type"], field["type"]):
            yield f"{reader.name}.{field['name']}: {before['type']} cannot be read as {field['type']}"


def shape_faults(schema: ParsedSchema) -> Iterator[str]:
    """Fields whose type is none of the shapes that this module knows."""
    for field in schema["fields"]:
        if not _known(field["type"]):
            yield f"{schema['name']}.{field['name']} is {field['type']}"


def _known(kind: Any) -> bool:
    match kind:
        case str():
            return kind in PRIMITIVES
        case {"type": "array", "items": str(items)}:
            return items in PRIMITIVES
        case {"type": "int", "logicalType": "date"}:
            return True
        case ["null", other]:
            return _known(other)
    return False


def _readable(written: Any, read: Any) -> bool:
    if isinstance(read, list):
        choices = written if isinstance(written, list) else [written]
        return all(any(_readable(one, other) for other in read) for one in choices)
    if isinstance(written, dict) and isinstance(read, dict):
        same_meaning = written.get("logicalType") == read.get("logicalType")
        return same_meaning and written["type"] == read["type"] and _readable(written.get("items"), read.get("items"))
    both_plain = isinstance(written, str) and isinstance(read, str)
    return bool(written == read) or (both_plain and (written, read) in PROMOTIONS)
