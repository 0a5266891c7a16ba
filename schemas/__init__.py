"""The Avro schemas of every event, as readable files beside this one: ``settle.<Record>.avsc`` is the current form.

A form that was once on a topic stays as ``settle.<Record>.former-<n>.avsc``, n from 1, so that its bytes can still be
read; ``compatibility`` says whether two forms may stand beside each other. The folder is flat because Avro looks a
named type up as ``<full name>.avsc`` in one folder.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

FOLDER: Final = Path(__file__).parent
NAMESPACE: Final = "settle"

ParsedSchema = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """One form of a record. ``fingerprint`` is the CRC-64-AVRO of its canonical form, eight bytes little-endian.

    ``source`` is the file's content as JSON; ``parsed`` is what fastavro reads and writes with; ``columns`` are the
    names of the array fields, which are all equally long in one record; ``numbers`` those of whole numbers, single or
    in columns.
    """

    name: str
    fingerprint: bytes
    source: ParsedSchema
    parsed: ParsedSchema
    columns: tuple[str, ...]
    numbers: tuple[str, ...]

    @property
    def text(self) -> str:
        """The schema as one line of JSON, as a registry takes it."""
        return json.dumps(self.source, ensure_ascii=False, separators=(",", ":"))


def from_text(text: str) -> Schema:
    """The schema of a JSON text; ValueError or fastavro's SchemaParseException when it is none."""
    source: ParsedSchema = json.loads(text)
    parsed = parse_schema(source)
    if not isinstance(parsed, dict):
        raise ValueError("every event is a record")
    digest = bytes.fromhex(fingerprint(to_parsing_canonical_form(parsed), "CRC-64-AVRO"))
    kinds = {str(field["name"]): field["type"] for field in source["fields"]}
    return Schema(
        name=str(parsed["name"]),
        fingerprint=digest,
        source=source,
        parsed=parsed,
        columns=tuple(name for name, kind in kinds.items() if isinstance(kind, dict) and kind["type"] == "array"),
        numbers=tuple(name for name, kind in kinds.items() if _innermost(kind) in ("int", "long")),
    )


def _innermost(kind: Any) -> Any:
    """What a field or its column consists of; a day counts as itself and not as a number."""
    match kind:
        case {"type": "array", "items": items}:
            return items
        case ["null", other]:
            return other
    return kind


@cache
def names() -> tuple[str, ...]:
    """Full names of all records, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("settle.*.avsc") if ".former-" not in path.stem))


@cache
def load(name: str) -> Schema:
    """The current form of a record by full name, e.g. ``settle.BankResult``; FileNotFoundError when there is none."""
    return from_text((FOLDER / f"{name}.avsc").read_text(encoding="utf-8"))


@cache
def former(name: str) -> tuple[Schema, ...]:
    """The forms that a record had before, oldest first."""
    paths = sorted(FOLDER.glob(f"{name}.former-*.avsc"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return tuple(from_text(path.read_text(encoding="utf-8")) for path in paths)


@cache
def _by_fingerprint() -> dict[bytes, Schema]:
    return {schema.fingerprint: schema for name in names() for schema in (*former(name), load(name))}


def by_fingerprint(digest: bytes) -> Schema | None:
    """The form, current or former, with this CRC-64-AVRO fingerprint (eight bytes little-endian), or None."""
    return _by_fingerprint().get(digest)
