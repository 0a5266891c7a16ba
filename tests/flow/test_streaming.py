"""Faust may die and may forget; the sweeper finds what is missing, and the books have each event once (faults 17–19)."""

from aiokafka import TopicPartition
from sqlalchemy import text

import topics
from hub.ledger import dead_letters
from hub.runtime.streams import GROUP, HANDS, TOGETHER
from hub.runtime.sweeper import Swept, sweep
from hub.wire.codec import decode
from hub.wire.events import derive, event_id_of
from tests.flow.conftest import Books, Broker, Workers, result, until
from tests.flow.worker import POISON, split


async def test_each_source_becomes_one_derived_event_that_settles_it(
    books: Books, broker: Broker, workers: Workers
) -> None:
    events = [result(number, lines=3) for number in range(20)]
    async with workers.running("relay", "streams", "arrivals"):
        books.append(*events)
        await until(lambda: not books.in_flight(), "all results are settled")

    sources = {event.event_id: event for event in events}
    records = await broker.records(topics.FUNDS_SPLIT)
    assert len(records) == len(events)
    for record in records:
        found = dict(record.headers)
        source = sources[next(event_id for event_id in sources if str(event_id).encode() == found["ce_causationid"])]
        assert event_id_of(record.headers) == derive(topics.FUNDS_SPLIT, source.event_id)
        assert record.key == source.key.encode()
        assert decode(topics.FUNDS_SPLIT, record.value) == split(dict(source.record))
    assert books.booked() == {str(derive(topics.FUNDS_SPLIT, event_id)): 3 for event_id in sources}
    assert books.one("select count(*) from inbox where settles <> event_id") == len(events)


async def test_a_killed_worker_and_a_commit_past_the_unfinished_are_made_good_by_the_sweeper(
    books: Books, broker: Broker, workers: Workers
) -> None:
    """The worst of Faust at once: it dies in the middle, and its offsets say that everything was done."""
    events = [result(number) for number in range(HANDS * TOGETHER + 36)]
    async with workers.running("relay", "arrivals"):
        books.append(*events)
        await workers.killed(workers.start("streams", "after_derive:5"))
        await until(lambda: len(events) - books.in_flight() >= 5, "what was derived is settled")
        assert books.in_flight() >= 36, "what was not yet taken from Faust is not derived"

        ends = await broker.ends(topics.FIRST_RESULT)
        await broker.set_offsets(
            GROUP, {TopicPartition(topics.FIRST_RESULT.name, number): end for number, end in ends.items()}
        )
        async with workers.running("streams", "sweeper"):
            await until(lambda: not books.in_flight(), "the sweeper has had them sent again")

    assert books.booked() == {str(derive(topics.FUNDS_SPLIT, event.event_id)): 1 for event in events}
    assert books.one("select max(published) from outbox") >= 2


async def test_what_cannot_be_transformed_is_parked_before_it_is_acknowledged(
    books: Books, broker: Broker, workers: Workers
) -> None:
    good, poison = [result(number) for number in range(6)], result(7, agency=POISON)
    await broker.produce(topics.FIRST_RESULT, (good[0].key.encode(), b"hello", []))
    async with workers.running("relay", "streams", "arrivals"):
        books.append(*good[:3], poison, *good[3:])
        await until(lambda: not books.in_flight(), "all results are settled or parked")
        await until(lambda: books.one("select count(*) from dead_letter") == 2, "both are parked")

    assert books.booked() == {str(derive(topics.FUNDS_SPLIT, event.event_id)): 1 for event in good}
    assert {row.reason for row in books.rows("select reason from dead_letter where consumer = 'split-funds'")} == {
        "PoisonError: ",
        "the header 'ce_id' is missing",
    }
    items = books.rows("select id, summary from work_item where queue = 'dead-letter'")
    assert len(items) == 2
    with books.owner.begin() as conn:
        again = {dead_letters.retry(conn, item.id): item.summary for item in items}
    assert "PoisonError" in again[True], "the event goes back into flight when a person says so"
    assert "ce_id" in again[False]
    assert books.in_flight() == 1


async def test_what_is_swept_again_and_again_is_told_to_a_person(books: Books, broker: Broker) -> None:
    """Nobody takes it: it stays in flight, and after two sweeps there is one work item, not many."""
    books.append(result(1))
    found = []
    for times in range(1, 6):
        with books.app.begin() as conn:
            conn.execute(
                text("update outbox set published_at = now() - interval '2 hours', published = :times"),
                {"times": times},
            )
            found.append(sweep(conn, 60))

    assert found == [Swept(1, 0), Swept(1, 0), Swept(1, 1), Swept(1, 1), Swept(1, 1)]
    assert books.one("select count(*) from work_item where queue = 'dead-letter'") == 1
    assert books.in_flight() == 1


async def test_what_was_sent_a_moment_ago_is_left_alone(books: Books) -> None:
    books.append(result(1))
    with books.app.begin() as conn:
        assert sweep(conn, 60) == Swept(0, 0), "it has not even been sent"
        conn.execute(text("update outbox set published_at = now(), published = 1"))
        assert sweep(conn, 60) == Swept(0, 0)
