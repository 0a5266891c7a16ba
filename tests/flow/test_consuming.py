"""A consumer books once and loses nothing: kills at every place, replays, strangers' bytes, poison (faults 6–9, 15, 16)."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from aiokafka import TopicPartition
from sqlalchemy import Connection, text

import topics
from hub.domain.errors import RetriableError
from hub.ledger import dead_letters
from hub.ledger.database import engine
from hub.runtime import consume
from hub.runtime.consume import TRIES, run_consumer
from hub.runtime.relay import run_relay
from hub.wire.codec import encode
from hub.wire.events import Event, Received, headers
from tests.flow.conftest import AT, Books, Broker, Workers, declared, until
from tests.flow.worker import DECLARATIONS, POISON, book

TOPIC = topics.DEDUCTION_DECLARED
GROUP = DECLARATIONS.group


def once(events: list[Event]) -> dict[str, int]:
    return {str(event.event_id): 1 for event in events}


async def test_every_event_is_booked_once_and_settled(books: Books, broker: Broker, workers: Workers) -> None:
    events = [declared(number) for number in range(50)]
    async with workers.running("relay", "declarations"):
        books.append(*events)
        await until(lambda: not books.in_flight(), "all events are taken")
        await until(lambda: broker.caught_up(GROUP, TOPIC), "the offsets are committed")

    assert books.booked() == once(events)
    assert books.one("select count(*) from inbox where settles = event_id") == len(events)
    assert books.one("select max(published) from outbox") == 1


async def test_killed_between_the_two_commits_it_books_nothing_twice(
    books: Books, broker: Broker, workers: Workers
) -> None:
    events = [declared(number) for number in range(20)]
    books.append(*events)
    async with workers.running("relay"):
        await until(
            lambda: not books.one("select count(*) from outbox where published_at is null"), "all are published"
        )
    workers.instance = "one"
    await workers.killed(workers.start("declarations", "after_db_commit"))
    booked, committed = books.booked(), await broker.committed(GROUP, TOPIC)
    assert booked, "the database had committed"
    assert not committed, "the offsets had not"

    async with workers.running("declarations"):
        await until(lambda: broker.caught_up(GROUP, TOPIC), "the offsets are committed")

    assert books.booked() == once(events)
    assert not books.in_flight()


async def test_killed_before_the_database_commits_it_leaves_no_half_entry(
    books: Books, broker: Broker, workers: Workers
) -> None:
    events = [declared(number) for number in range(20)]
    books.append(*events)
    async with workers.running("relay"):
        await until(
            lambda: not books.one("select count(*) from outbox where published_at is null"), "all are published"
        )
    workers.instance = "one"
    await workers.killed(workers.start("declarations", "before_db_commit"))

    assert books.booked() == {}
    assert books.one("select count(*) from inbox") == 0
    assert books.in_flight() == len(events)
    assert not await broker.committed(GROUP, TOPIC), "an offset never runs ahead of the books"

    async with workers.running("declarations"):
        await until(lambda: broker.caught_up(GROUP, TOPIC), "the offsets are committed")
    assert books.booked() == once(events)


async def test_a_topic_replayed_from_offset_zero_changes_nothing(
    books: Books, broker: Broker, workers: Workers
) -> None:
    events = [declared(number) for number in range(20)]
    books.append(*events)
    async with workers.running("relay", "declarations"):
        await until(lambda: broker.caught_up(GROUP, TOPIC), "the offsets are committed")
    await broker.set_offsets(GROUP, {TopicPartition(TOPIC.name, number): 0 for number in range(TOPIC.partitions)})

    async with workers.running("declarations"):
        await until(lambda: broker.caught_up(GROUP, TOPIC), "the topic has been read once more")

    assert books.booked() == once(events)
    assert not books.in_flight()


async def test_what_is_no_record_is_parked_with_its_bytes_and_its_neighbours_pass(
    books: Books, broker: Broker, workers: Workers
) -> None:
    good = [declared(number) for number in range(3)]
    whole = encode(TOPIC, good[0].record)
    found = headers(event_id=good[0].event_id, topic=TOPIC, occurred_at=AT, subject="stranger")
    crafted: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = [
        (b"k", b"hello", [("ce_id", b"\x00\xff"), ("\x00", b"")]),
        (b"k", whole, []),
        (b"k", whole[:-3], found),
        (b"k", b"\xc3\x01" + bytes(8) + whole[10:], found),
        (b"k", b"\x00\x00\x00\x00\x01" + whole[10:], found),
        (b"k", None, found),
        (b"\xff\xfe", whole, found),
    ]
    await broker.produce(TOPIC, *crafted[:4])
    async with workers.running("relay", "declarations"):
        books.append(*good)
        await until(lambda: not books.in_flight(), "the neighbours are taken")
        await broker.produce(TOPIC, *crafted[4:])
        await until(lambda: broker.caught_up(GROUP, TOPIC), "the strangers' records are passed")

    assert books.booked() == once(good), "a stranger with an event's id does not stand in for it"
    parked = books.rows("select key, payload, reason from dead_letter")
    assert sorted((bytes(row.key or b""), bytes(row.payload or b"")) for row in parked) == sorted(
        (key or b"", value or b"") for key, value, _ in crafted
    )
    assert books.one("select count(*) from work_item where queue = 'dead-letter' and state = 'open'") == len(crafted)
    assert books.one("select count(*) from outbox where topic = 'settle.dead-letter.v1'") == len(crafted)


async def test_an_event_damaged_on_its_way_stays_in_flight_until_it_comes_whole(
    books: Books, broker: Broker, workers: Workers
) -> None:
    event = declared(1)
    books.append(event)
    with books.owner.begin() as conn:
        conn.execute(text("update outbox set published_at = now() - interval '1 hour', published = 1"))
    damaged = encode(TOPIC, event.record)[:-1]
    found = headers(event_id=event.event_id, topic=TOPIC, occurred_at=AT, subject=event.subject)
    await broker.produce(TOPIC, (event.key.encode(), damaged, found))

    async with workers.running("declarations"):
        await until(lambda: books.one("select count(*) from dead_letter"), "the damaged record is parked")
        assert books.in_flight() == 1
        async with workers.running("relay", "sweeper"):
            await until(lambda: not books.in_flight(), "the sweeper has it sent again")

    assert books.booked() == once([event])


async def test_a_poisoned_event_is_parked_and_its_neighbours_pass(
    books: Books, broker: Broker, workers: Workers
) -> None:
    before, after = [declared(number) for number in range(5)], [declared(number) for number in range(5, 10)]
    poison = replace(declared(99, agency=POISON), key=before[0].key)
    books.append(*before, poison, *after)
    async with workers.running("relay", "declarations"):
        await until(lambda: broker.caught_up(GROUP, TOPIC), "the topic is read to its end")

    assert books.booked() == once([*before, *after])
    assert not books.in_flight(), "the parked one waits for a person, not for the pipeline"
    (letter,) = books.rows("select consumer, topic, payload, reason from dead_letter")
    assert (letter.consumer, letter.topic) == ("collect-declarations", TOPIC.name)
    assert bytes(letter.payload) == encode(TOPIC, poison.record)
    assert letter.reason == "PoisonError: "
    assert books.one("select count(*) from work_item where queue = 'dead-letter'") == 1


def retried(books: Books) -> list[bool]:
    """Asks for another try of every dead letter, as a person does on the work list."""
    items = books.rows("select id from work_item where queue = 'dead-letter' order by id")
    with books.owner.begin() as conn:
        return [dead_letters.retry(conn, row.id) for row in items]


async def test_a_parked_event_is_booked_once_when_its_cause_is_mended(books: Books, broker: Broker) -> None:
    poison = declared(99, agency=POISON)
    await consumed(books, broker, book, lambda: books.one("select count(*) from dead_letter") == 1, poison)

    assert retried(books) == [True]
    assert books.in_flight() == 1
    assert retried(books) == [False], "a second try of the same letter would be a second delivery"

    def mended(conn: Connection, events: Sequence[Received]) -> None:
        book(conn, [replace(event, record={**event.record, "agency": "110105"}) for event in events])

    await consumed(books, broker, mended, lambda: not books.in_flight())
    assert books.booked() == once([poison])


async def test_a_retry_never_reopens_an_event_that_was_booked(books: Books, broker: Broker) -> None:
    """Only a damaged copy was parked; taking the inbox row away would book the money again."""
    event = declared(1)
    found = headers(event_id=event.event_id, topic=TOPIC, occurred_at=AT, subject=event.subject)
    await broker.produce(TOPIC, (event.key.encode(), encode(TOPIC, event.record)[:-1], found))
    await consumed(
        books,
        broker,
        book,
        lambda: not books.in_flight() and books.one("select count(*) from dead_letter") == 1,
        event,
    )

    assert retried(books) == [False]
    assert not books.in_flight()
    assert books.one("select count(*) from inbox") == 1


@pytest.mark.parametrize("failing", [1, TRIES - 1])
async def test_a_failure_that_passes_by_is_no_dead_letter(books: Books, broker: Broker, failing: int) -> None:
    """A handler that fails a few times and then can do it: booked, not parked."""
    left = failing + 1  # the first failure makes the records go one by one

    def sometimes(conn: Connection, events: Sequence[Received]) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise RuntimeError("not yet")
        book(conn, events)

    event = declared(1)
    await consumed(books, broker, sometimes, lambda: not books.in_flight(), event)

    assert books.booked() == once([event])
    assert books.one("select count(*) from dead_letter") == 0


async def test_a_database_that_goes_away_is_waited_for(books: Books, broker: Broker) -> None:
    """Its connections are cut in the middle of a transaction; the same records are booked on the next."""
    cut = False

    def cutting(conn: Connection, events: Sequence[Received]) -> None:
        nonlocal cut
        book(conn, events)
        if not cut:
            cut = True
            mine = conn.execute(text("select pg_backend_pid()")).scalar_one()
            with books.owner.begin() as other:
                other.execute(text("select pg_terminate_backend(:pid)"), {"pid": mine})

    events = [declared(number) for number in range(10)]
    await consumed(books, broker, cutting, lambda: not books.in_flight(), *events)

    assert cut
    assert books.booked() == once(events)
    assert books.one("select count(*) from dead_letter") == 0


async def test_the_new_events_of_a_transaction_come_as_one_set(books: Books, broker: Broker) -> None:
    """In the order of their key, never none, and never one that was booked before."""
    sets: list[list[str]] = []

    def noting(conn: Connection, events: Sequence[Received]) -> None:
        sets.append([str(event.event_id) for event in events])
        book(conn, events)

    sent = [replace(declared(number), key="110105") for number in range(40)]
    before, after = sent[:10], sent[10:]
    await consumed(books, broker, noting, lambda: not books.in_flight(), *before)
    with books.owner.begin() as conn:
        conn.execute(text("update outbox set published_at = null"))
    await consumed(books, broker, noting, lambda: not books.in_flight(), *after)

    assert [event_id for booked in sets for event_id in booked] == [str(event.event_id) for event in sent]
    assert all(sets)
    assert len(sets) < len(sent) / 2


async def consumed(
    books: Books,
    broker: Broker,
    handle: Callable[[Connection, Sequence[Received]], None],
    done: Callable[[], bool],
    *events: Event,
    at_once: int = 1,
) -> None:
    """Consumes in this process with another handler until the condition holds."""
    stop = asyncio.Event()
    consumption = replace(DECLARATIONS, handle=handle, at_once=at_once)
    books.append(*events)
    running = [
        asyncio.create_task(run_relay(books.app, broker.bootstrap, stop)),
        asyncio.create_task(run_consumer(consumption, books.app, broker.bootstrap, stop)),
    ]
    try:
        await until(done, "the events are taken")
    finally:
        stop.set()
        await asyncio.gather(*running)


async def test_a_second_member_comes_while_a_handler_works(books: Books, broker: Broker) -> None:
    """The partitions move under the handler's hands (fault 10): refused offsets, no second booking."""
    entered, go_on = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def waiting(conn: Connection, events: Sequence[Received]) -> None:
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
        book(conn, events)

    events = [declared(number) for number in range(30)]
    books.append(*events)
    stop = asyncio.Event()
    other = engine(books.url)
    relay = asyncio.create_task(run_relay(books.app, broker.bootstrap, stop))
    first = asyncio.create_task(run_consumer(replace(DECLARATIONS, handle=waiting), books.app, broker.bootstrap, stop))
    try:
        await asyncio.wait_for(entered.wait(), 30)
        second = asyncio.create_task(run_consumer(DECLARATIONS, other, broker.bootstrap, stop))
        await until(
            lambda: books.booked() or books.one("select count(*) from pg_locks where not granted"),
            "the second has taken other records, or the same and waits for the first one's inbox rows",
        )
        go_on.set()
        await until(lambda: not books.in_flight(), "all events are taken")
    finally:
        go_on.set()
        stop.set()
        await asyncio.gather(relay, first, second)
        other.dispose()

    assert books.booked() == once(events)


async def test_what_is_independent_is_booked_side_by_side(
    books: Books, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two transactions are open at once. One fails for now: it is done again, and those beside it are not."""
    monkeypatch.setattr(consume, "LINES_AT_ONCE", 1)
    events = [replace(declared(number), key="110105") for number in range(20)]
    inside, most, failed = threading.Semaphore(0), [0], [False]

    def noting(conn: Connection, taken: Sequence[Received]) -> None:
        inside.release()
        most[0] = max(most[0], inside._value)
        book(conn, taken)
        conn.execute(text("select pg_sleep(0.05)"))
        inside.acquire()
        if taken[0].event_id == events[7].event_id and not failed[0]:
            failed[0] = True
            raise RetriableError("the database is away")

    await consumed(books, broker, noting, lambda: not books.in_flight(), *events, at_once=2)

    assert books.booked() == once(events)
    assert failed[0]
    assert most[0] == 2
