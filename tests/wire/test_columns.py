"""Records read together, as columns, are exactly the records read one by one; what is not flawless alone is not together."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from fastavro import schemaless_writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import schemas
import topics
from hub.wire import codec, columns
from hub.wire.codec import UndecodableError, decode, decode_many, encode
from tests.wire.records import records
from topics import Topic

BUNDLES = [topic for topic in topics.ALL if columns.column_types(schemas.load(topic.schema)) is not None]
EACH_BUNDLE = pytest.mark.parametrize("topic", BUNDLES, ids=lambda topic: topic.title)
RESULT = topics.FIRST_RESULT
SPLIT = {
    "period": "2026-12", "round": 1, "agency": "110105", "bank": "ICBC", "shard": 0, "part": 1, "batch_no": "B",
    "booking_period": "2026-12", "business_date": 20_000, "late": False, "first_line": 1,
    "pension": [1], "unemployment": [1], "injury": [1], "maternity": [1],
}  # fmt: skip


@pytest.fixture(autouse=True)
def every_size_is_worth_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "_WORTH_A_FRAME", 0)


def alone(topic: Topic, data: bytes) -> Mapping[str, Any] | str:
    try:
        return decode(topic, data)
    except UndecodableError as error:
        return str(error)


def together(topic: Topic, bodies: list[bytes]) -> list[Mapping[str, Any] | str]:
    return [str(found) if isinstance(found, UndecodableError) else dict(found) for found in decode_many(topic, bodies)]


def test_the_money_topics_are_read_as_columns() -> None:
    wanted = {topics.DEDUCTION_REQUESTED, RESULT, topics.FUNDS_SPLIT, topics.PERIOD_CLOSED, topics.ARREARS_OPENED}
    assert wanted <= set(BUNDLES)


@EACH_BUNDLE
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_together_is_as_alone(topic: Topic, data: st.DataObject) -> None:
    written = data.draw(st.lists(records(topic.schema), min_size=1, max_size=4))
    bodies = [encode(topic, record) for record in written]

    assert columns.read(schemas.load(topic.schema), [body[10:] for body in bodies]) is not None
    assert together(topic, bodies) == written == [alone(topic, body) for body in bodies]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_record_is_found_and_its_neighbours_are_whole(data: st.DataObject) -> None:
    bodies = [encode(RESULT, record) for record in data.draw(st.lists(records(RESULT.schema), min_size=1, max_size=3))]
    place = data.draw(st.integers(0, len(bodies) - 1))
    whole = bodies[place]
    cut = data.draw(st.integers(10, len(whole)))
    bodies[place] = whole[:cut] + data.draw(st.binary(max_size=6)) + whole[cut + data.draw(st.integers(0, 3)) :]

    assert together(RESULT, bodies) == [alone(RESULT, body) for body in bodies]


@pytest.mark.parametrize(
    "other",
    [
        {"first_line": 2**31},  # more than the schema's int: the writer lets it pass
        {"round": -(2**31) - 1},
        {"business_date": 3_000_000},  # beyond the calendar
        {"pension": [1, 2]},
    ],
)
def test_what_the_schema_does_not_allow_is_never_read_as_something_else(other: dict[str, Any]) -> None:
    out = BytesIO()
    schemaless_writer(out, schemas.load(topics.FUNDS_SPLIT.schema).parsed, {**SPLIT, **other})

    assert columns.read(schemas.load(topics.FUNDS_SPLIT.schema), [out.getvalue()]) is None


@EACH_BUNDLE
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_frame_of_some_records_is_the_same_however_they_were_read(topic: Topic, data: st.DataObject) -> None:
    written = data.draw(st.lists(records(topic.schema), min_size=1, max_size=5))
    read = decode_many(topic, [encode(topic, record) for record in written])
    some = data.draw(st.permutations(range(len(written))))[: data.draw(st.integers(1, len(written)))]

    frame = columns.frame_of(topic, [record for at in some if not isinstance(record := read[at], UndecodableError)])

    assert frame.equals(columns.frame_of(topic, [written[at] for at in some]))
    assert [dict(columns.Row(frame, place)) for place in range(frame.height)] == [written[at] for at in some]
