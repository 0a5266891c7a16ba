"""Records survive the wire in both framings; bytes that are no record are refused and never half read."""

import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
import topics
from hub.domain.errors import RetriableError
from hub.wire import codec
from hub.wire.codec import UndecodableError, decode, encode, reframe
from hub.wire.registry import Registry, SchemaRefusedError
from tests.wire.records import records
from tests.wire.registry_server import RegistryServer
from topics import Topic

EACH_TOPIC = pytest.mark.parametrize("topic", topics.ALL, ids=lambda topic: topic.title)
QUICK = settings(max_examples=20, deadline=None)

ITEM = {
    "queue": "late", "agency": "", "bank": "ICBC", "file": "", "line": None, "field": "", "summary": "答复未到",
}  # fmt: skip


@EACH_TOPIC
@QUICK
@given(data=st.data())
def test_what_is_encoded_is_decoded(topic: Topic, data: st.DataObject) -> None:
    record = data.draw(records(topic.schema))

    assert decode(topic, encode(topic, record)) == record


@EACH_TOPIC
@QUICK
@given(data=st.data())
def test_a_cut_record_is_refused(topic: Topic, data: st.DataObject) -> None:
    whole = encode(topic, data.draw(records(topic.schema)))
    cut = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(UndecodableError):
        decode(topic, whole[:cut])


@QUICK
@given(data=st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(topics.WORK_ITEM_RAISED, data)


@QUICK
@given(body=st.binary(max_size=200))
def test_a_random_body_behind_a_good_head_is_a_record_or_refused(body: bytes) -> None:
    head = codec.SINGLE_OBJECT + schemas.load("settle.BankResult").fingerprint
    try:
        record = decode(topics.FIRST_RESULT, head + body)
    except UndecodableError:
        return
    assert len({len(record[name]) for name in schemas.load("settle.BankResult").columns}) <= 1


def test_bytes_behind_the_end_are_refused() -> None:
    with pytest.raises(UndecodableError):
        decode(topics.WORK_ITEM_RAISED, encode(topics.WORK_ITEM_RAISED, ITEM) + b"\x00")


def test_a_record_of_another_topic_is_refused() -> None:
    with pytest.raises(UndecodableError):
        decode(topics.DEAD_LETTER, encode(topics.WORK_ITEM_RAISED, ITEM))


@pytest.mark.parametrize("nothing", [None, b""])
def test_a_tombstone_is_refused(nothing: bytes | None) -> None:
    with pytest.raises(UndecodableError):
        decode(topics.WORK_ITEM_RAISED, nothing)


def test_single_object_encoding_is_marker_fingerprint_body() -> None:
    data = encode(topics.WORK_ITEM_RAISED, ITEM)

    assert data[:2] == b"\xc3\x01"
    assert data[2:10] == schemas.load("settle.WorkItemRaised").fingerprint


@pytest.mark.parametrize(
    "wrong",
    [
        {**ITEM, "line": 1.5},
        {**ITEM, "line": "1"},
        {**ITEM, "more": 1},
        {name: value for name, value in ITEM.items() if name != "queue"},
    ],
)
def test_a_record_that_is_not_the_schemas_is_not_written(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        encode(topics.WORK_ITEM_RAISED, wrong)


def test_columns_of_unequal_length_are_not_written() -> None:
    record = {
        "agency": "110105",
        "period": "2026-12",
        "booking_period": "2027-01",
        "batch_no": "B",
        "bills": ["a", "b"],
    }
    funds = {fund: [1] for fund in ("pension", "unemployment", "injury", "maternity")}

    with pytest.raises(ValueError, match="unequal"):
        encode(topics.ARREARS_SETTLED, {**record, **funds})


def test_money_is_never_a_float() -> None:
    record = {"agency": "110105", "period": "2026-12", "booking_period": "2027-01", "batch_no": "B", "bills": ["a"]}
    funds: dict[str, Any] = {fund: [1] for fund in ("pension", "unemployment", "injury")}

    with pytest.raises((ValueError, TypeError)):
        encode(topics.ARREARS_SETTLED, {**record, **funds, "maternity": [1.25]})


# ── Confluent framing, with a registry ──────────────────────────────────────────────────────────────────────────


@EACH_TOPIC
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_reader_takes_both_framings(topic: Topic, registry_server: RegistryServer, data: st.DataObject) -> None:
    registry = Registry(registry_server.url)
    record = data.draw(records(topic.schema))
    payload = encode(topic, record)
    framed = reframe(topic, payload, registry)

    assert framed[:1] == b"\x00"
    assert framed[5:] == payload[10:]
    assert decode(topic, framed, registry) == decode(topic, payload, registry) == record


def test_the_frame_is_zero_and_the_registrys_id(registry_server: RegistryServer) -> None:
    framed = reframe(topics.WORK_ITEM_RAISED, encode(topics.WORK_ITEM_RAISED, ITEM), Registry(registry_server.url))
    subject, schema_id = registry_server.registered[-1]

    assert struct.unpack(">bI", framed[:5]) == (0, schema_id)
    assert subject == "settle.work-item-raised.v1-value"


def test_the_registry_is_asked_once(registry_server: RegistryServer) -> None:
    registry = Registry(registry_server.url)
    payload = encode(topics.WORK_ITEM_RAISED, ITEM)
    for _ in range(3):
        decode(topics.WORK_ITEM_RAISED, reframe(topics.WORK_ITEM_RAISED, payload, registry), registry)

    assert registry_server.asked == 2


def test_without_a_registry_the_outbox_form_goes_out() -> None:
    payload = encode(topics.WORK_ITEM_RAISED, ITEM)

    assert reframe(topics.WORK_ITEM_RAISED, payload, None) == payload


def test_an_unknown_id_is_refused(registry_server: RegistryServer) -> None:
    with pytest.raises(UndecodableError):
        decode(topics.WORK_ITEM_RAISED, b"\x00\x00\x00\xff\xff" + b"x", Registry(registry_server.url))


def test_confluent_framing_without_a_registry_is_refused() -> None:
    with pytest.raises(UndecodableError):
        decode(topics.WORK_ITEM_RAISED, b"\x00\x00\x00\x00\x01" + b"x")


def test_a_registry_that_is_down_is_no_fault_of_the_record(registry_server: RegistryServer) -> None:
    framed = reframe(topics.WORK_ITEM_RAISED, encode(topics.WORK_ITEM_RAISED, ITEM), Registry(registry_server.url))
    registry_server.failing = True

    with pytest.raises(RetriableError):
        decode(topics.WORK_ITEM_RAISED, framed, Registry(registry_server.url))
    with pytest.raises(RetriableError):
        decode(topics.WORK_ITEM_RAISED, framed, Registry("http://127.0.0.1:9"))


def test_a_schema_that_the_registry_refuses_is_said_so(registry_server: RegistryServer) -> None:
    registry_server.refusing = True

    with pytest.raises(SchemaRefusedError):
        reframe(topics.WORK_ITEM_RAISED, encode(topics.WORK_ITEM_RAISED, ITEM), Registry(registry_server.url))
