"""Forms of a record that may stand beside each other: each must read all others (full, transitive)."""

import json
from typing import Any

import pytest

import schemas
from schemas import Schema
from schemas.compatibility import reading_faults, shape_faults


def form(*fields: dict[str, Any]) -> Schema:
    return schemas.from_text(
        json.dumps({"type": "record", "namespace": "settle", "name": "Example", "fields": list(fields)})
    )


AMOUNT = {"name": "amount", "type": "long"}
AMOUNTS = {"name": "amounts", "type": {"type": "array", "items": "long"}}
DAY = {"name": "day", "type": {"type": "int", "logicalType": "date"}}


@pytest.mark.parametrize(
    ("change", "writer", "reader", "fits"),
    [
        ("nothing", form(AMOUNT), form(AMOUNT), True),
        ("a field with a default comes", form(AMOUNT), form(AMOUNT, {"name": "n", "type": "int", "default": 0}), True),
        ("a field without a default comes", form(AMOUNT), form(AMOUNT, {"name": "n", "type": "int"}), False),
        ("a field goes", form(AMOUNT, DAY), form(AMOUNT), True),
        ("int widens to long", form({"name": "amount", "type": "int"}), form(AMOUNT), True),
        ("long narrows to int", form(AMOUNT), form({"name": "amount", "type": "int"}), False),
        ("a day becomes a number", form(DAY), form({"name": "day", "type": "int"}), False),
        ("a column becomes one value", form(AMOUNTS), form({"name": "amounts", "type": "long"}), False),
        ("a value may be missing", form(AMOUNT), form({"name": "amount", "type": ["null", "long"]}), True),
        ("a value may no longer be missing", form({"name": "amount", "type": ["null", "long"]}), form(AMOUNT), False),
    ],
)
def test_what_a_reader_can_take(change: str, writer: Schema, reader: Schema, fits: bool) -> None:
    assert (not list(reading_faults(writer, reader))) == fits, change


def test_no_schema_can_carry_a_float() -> None:
    assert list(shape_faults(form({"name": "amount", "type": "double"}).source))
    assert list(shape_faults(form({"name": "amount", "type": {"type": "array", "items": "float"}}).source))
    assert not list(shape_faults(form(AMOUNT, AMOUNTS, DAY).source))


def test_a_former_form_is_still_read(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A topic holds what was written before the last release; its bytes keep their meaning."""
    import topics
    from hub.wire.codec import decode, encode

    now = schemas.load("settle.WorkItemRaised")
    before = {**now.source, "fields": [field for field in now.source["fields"] if field["name"] != "line"]}
    for name in schemas.names():
        (tmp_path / f"{name}.avsc").write_text(schemas.load(name).text, encoding="utf-8")
    (tmp_path / "settle.WorkItemRaised.former-1.avsc").write_text(json.dumps(before), encoding="utf-8")
    record = {"queue": "late", "agency": "", "bank": "", "file": "", "field": "", "summary": "x"}
    with monkeypatch.context() as patched:
        patched.setattr(schemas, "FOLDER", tmp_path)
        forget()
        assert [form.name for form in schemas.former("settle.WorkItemRaised")] == ["settle.WorkItemRaised"]
        old = schemas.former("settle.WorkItemRaised")[0]
        patched.setattr(schemas, "load", lambda _name: old)
        written = encode(topics.WORK_ITEM_RAISED, record)
        patched.undo()
        patched.setattr(schemas, "FOLDER", tmp_path)
        assert decode(topics.WORK_ITEM_RAISED, written) == {**record, "line": None}
    forget()


def forget() -> None:
    for cached in (schemas.names, schemas.load, schemas.former, schemas._by_fingerprint):
        cached.cache_clear()
