"""The table of topics and the schemas keep the habits that everything else relies on."""

import re

import pytest

import schemas
import topics
from hub.domain.funds import FUND_NAMES
from schemas.compatibility import faults_of, shape_faults
from topics import Topic
from topics.definition import PREFIX

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.title)
EACH_SCHEMA = pytest.mark.parametrize("name", schemas.names())

CONTRACT = (
    "deduction-requested", "deduction-declared", "deduction-batched", "bank-file-sent", "first-result", "second-result",
    "funds-split", "arrival-notified", "receipt-recorded", "cheque-returned", "period-closed", "arrears-opened",
    "arrears-settled", "work-item-raised", "dead-letter",
)  # fmt: skip
OURS = ("answer-changed",)
"""What the hub needs beyond the contract (section 8: it adds and changes nothing)."""
UNITS = re.compile(
    r"fen|bytes|days since|days\b|from [01]\b|number of|numbers?\b|digits|code|codes|YYYY-MM|true|hexadecimal|SHA256|"
    r"name\b|names\b|queue|sentence|agency|agencies|month|CASH|kind|bill|receipt|field|consumer|topic|bank batch|"
    r"could not|1 or 2|empty",
    re.IGNORECASE,
)


def test_the_topics_are_the_contracts() -> None:
    assert {topic.title for topic in topics.ALL} == {*CONTRACT, *OURS}


@EACH_TOPIC
def test_a_topic_is_named_by_the_rule_and_found_by_its_name(topic: Topic) -> None:
    assert topic.name == f"{PREFIX}{topic.title}.v1"
    assert topics.by_name(topic.name) is topic


@EACH_TOPIC
def test_a_topic_has_one_writer_and_says_why_it_is_there(topic: Topic) -> None:
    assert topic.writer
    assert topic.writer not in topic.readers
    assert topic.why.endswith(".")


@EACH_TOPIC
def test_a_topics_schema_loads(topic: Topic) -> None:
    assert schemas.load(topic.schema).name == topic.schema


def test_every_schema_is_on_a_topic() -> None:
    assert set(schemas.names()) == {topic.schema for topic in topics.ALL}


@EACH_TOPIC
def test_money_topics_are_never_compacted(topic: Topic) -> None:
    """Compaction keeps the last record of a key; of a bundle key that is a random part of the money."""
    assert topic.cleanup == "delete"
    assert topic.retention_ms > 0


@EACH_TOPIC
def test_what_is_read_for_the_books_is_settled(topic: Topic) -> None:
    """Who reads a topic to book by it must be awaited: directly, or through what a stream processor derives."""
    derived = {other.writer: other for other in topics.ALL}
    for reader in topic.readers:
        settlers = derived[reader].settled_by if reader in derived and reader not in topic.settled_by else (reader,)
        assert set(settlers) <= set(topic.settled_by)


@EACH_TOPIC
def test_topics_with_one_key_are_partitioned_alike(topic: Topic) -> None:
    """So a key stands in the same partition of each, and a stream processor's output follows its input."""
    assert {other.partitions for other in topics.ALL if other.key == topic.key} == {topic.partitions}


@EACH_SCHEMA
def test_a_schema_lives_in_our_name_space_and_says_what_it_is(name: str) -> None:
    source = schemas.load(name).source
    assert source["namespace"] == schemas.NAMESPACE
    assert name == f"{source['namespace']}.{source['name']}"
    assert source["doc"].endswith(".")


@EACH_SCHEMA
def test_every_field_says_what_it_is_in_which_unit(name: str) -> None:
    for field in schemas.load(name).source["fields"]:
        assert UNITS.search(field["doc"]), f"{name}.{field['name']}: {field['doc']}"


@EACH_SCHEMA
def test_money_is_long_fen(name: str) -> None:
    for field in schemas.load(name).source["fields"]:
        is_money = field["name"].removeprefix("requested_") in {
            *FUND_NAMES,
            "amount",
            "total",
            "deducted",
            "agency_totals",
        }
        assert is_money <= ("fen" in field["doc"])
        if "fen" in field["doc"]:
            assert field["type"] in ("long", {"type": "array", "items": "long"}), f"{name}.{field['name']}"


@EACH_SCHEMA
def test_a_schema_has_only_shapes_that_the_compatibility_check_knows(name: str) -> None:
    assert not list(shape_faults(schemas.load(name).source))


@EACH_SCHEMA
def test_all_forms_that_a_record_ever_had_can_read_each_other(name: str) -> None:
    assert not faults_of(name)


@EACH_SCHEMA
def test_no_two_forms_of_a_record_are_the_same(name: str) -> None:
    forms = [schemas.load(name), *schemas.former(name)]
    assert len({form.fingerprint for form in forms}) == len(forms)
