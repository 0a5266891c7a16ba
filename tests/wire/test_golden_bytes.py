"""Bytes that were once on a topic keep their meaning: ``tests/golden/events``, one file for each form of each record.

A new form of a record gets a file of its own, and the old file stays: its bytes must give the same values for ever,
with the defaults of the fields that came later.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import schemas
import topics
from hub.wire.codec import decode

FOLDER = Path(__file__).parents[1] / "golden" / "events"
FILES = sorted(FOLDER.glob("*.json"))


def told(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in record.items()}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_bytes_are_read_as_they_were_meant(path: Path) -> None:
    golden = json.loads(path.read_text(encoding="utf-8"))
    topic = topics.by_name(golden["topic"])
    found = told(decode(topic, bytes.fromhex(golden["bytes"])))
    defaults = {
        field["name"]: field["default"] for field in schemas.load(topic.schema).source["fields"] if "default" in field
    }
    still_there = {name: value for name, value in golden["record"].items() if name in found}

    assert found == {**defaults, **still_there}


def test_every_form_of_every_record_has_its_golden_bytes() -> None:
    held = {bytes.fromhex(json.loads(path.read_text(encoding="utf-8"))["bytes"])[2:10] for path in FILES}

    for name in schemas.names():
        for form in (schemas.load(name), *schemas.former(name)):
            assert form.fingerprint in held, f"{name} has a form without golden bytes"
    for fingerprint in held:
        assert schemas.by_fingerprint(fingerprint), (
            "a former form was dropped; keep it as settle.<Record>.former-<n>.avsc"
        )
