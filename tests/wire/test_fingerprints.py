"""CRC-64-AVRO against the vectors that Apache Avro publishes (share/test/data/schema-tests.txt)."""

import pytest
from fastavro.schema import fingerprint, parse_schema, to_parsing_canonical_form

import schemas

PUBLISHED = {
    '"null"': 7195948357588979594,
    '"boolean"': -6970731678124411036,
    '"int"': 8247732601305521295,
    '"long"': -3434872931120570953,
    '"float"': 5583340709985441680,
    '"double"': -8181574048448539266,
    '"bytes"': 5746618253357095269,
    '"string"': -8142146995180207161,
    '[ "int"  ]': -5232228896498058493,
    '[ "int" , {"type":"boolean"} ]': 5392556393470105090,
    '{"fields":[], "type":"record", "name":"foo"}': -4824392279771201922,
}


@pytest.mark.parametrize(("text", "published"), PUBLISHED.items())
def test_the_fingerprint_is_the_one_avro_publishes(text: str, published: int) -> None:
    import json

    canonical = to_parsing_canonical_form(parse_schema(json.loads(text)))

    assert bytes.fromhex(fingerprint(canonical, "CRC-64-AVRO")) == published.to_bytes(8, "little", signed=True)


def test_a_schema_is_found_by_its_fingerprint() -> None:
    for name in schemas.names():
        assert schemas.by_fingerprint(schemas.load(name).fingerprint) is schemas.load(name)


def test_the_words_of_a_schema_do_not_change_its_fingerprint() -> None:
    schema = schemas.load("settle.WorkItemRaised")
    reworded = schemas.from_text(schema.text.replace("Queue of the work item.", "Where it waits."))

    assert reworded.fingerprint == schema.fingerprint
