"""What leaves the outbox next: lanes in turns, never more of a topic than its consumers can take in a moment."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

import topics
from hub.ledger import outbox
from hub.ledger.outbox import EVENT_LINES, INCIDENT_AFTER
from hub.runtime.relay import ROWS_AT_ONCE
from hub.runtime.sweeper import sweep
from hub.wire.events import Event
from tests.flow.conftest import AT, Books, Broker, Workers, declared, result, until
from topics.definition import IN_FLIGHT_LINES

BOUND = IN_FLIGHT_LINES // topics.BUNDLE_LINES
"""Full bundles of a topic in flight."""


def bundles(lane: str, count: int) -> list[Event]:
    """Full bundles of a lane. What they say is short: only their number of lines matters here."""
    return [
        replace(result(number), lane=lane, lines=topics.BUNDLE_LINES, subject=f"{lane}/{number}")
        for number in range(count)
    ]


def closed(count: int) -> list[Event]:
    """Full bundles of a month's close, as short."""
    columns = {name: [] for name in ("bills", "units", "in_doubt", "pension", "unemployment", "injury", "maternity")}
    record = {"period": "2026-12", "agency": "110105", "shard": 0, "part": 1, "opened_on": AT.date(), **columns}
    return [
        Event(
            topic=topics.PERIOD_CLOSED, key="110105/0", subject=f"C/{number}", lane="C", record=record,
            lines=topics.BUNDLE_LINES, occurred_at=AT,
        )
        for number in range(count)
    ]  # fmt: skip


def word(number: int) -> Event:
    """A word to the desk, which no consumer of record has to take."""
    record = {"queue": "late", "agency": "", "bank": "", "file": "", "line": None, "field": "", "summary": "x"}
    return Event(
        topic=topics.WORK_ITEM_RAISED, key="late", subject=f"late/{number}", record=record, lines=500, occurred_at=AT
    )


def published(books: Books, rows: int = ROWS_AT_ONCE) -> list[str]:
    """One round, as the relay publishes it; the subjects in the order in which they leave."""
    with books.app.begin() as conn:
        found = outbox.claim(conn, rows)
        conn.execute(
            text("update outbox set published_at = now(), published = published + 1 where id = any(:ids)"),
            {"ids": [row.id for row in found]},
        )
    return [row.subject for row in found]


def taken(books: Books, subjects: Sequence[str]) -> None:
    """Their consumer has booked these."""
    with books.app.begin() as conn:
        conn.execute(text("update outbox set awaiting = 0 where subject = any(:subjects)"), {"subjects": [*subjects]})


def lanes_of(subjects: Sequence[str]) -> Counter[str]:
    return Counter(subject.partition("/")[0] for subject in subjects)


def in_order(subjects: Sequence[str]) -> bool:
    """Whether the events of each lane leave as they were written."""
    numbers: dict[str, list[int]] = {}
    for subject in subjects:
        lane, _, number = subject.partition("/")
        numbers.setdefault(lane, []).append(int(number))
    return all(found == list(range(len(found))) for found in numbers.values())


@pytest.mark.parametrize("attempt", range(5))
def test_every_lane_has_its_turn_and_keeps_its_order(books: Books, seed: int, attempt: int) -> None:
    chance = Random(seed + attempt)
    waiting = {f"L{lane}": chance.randint(1, 60) for lane in range(chance.randint(1, 12))}
    for lane in chance.sample(sorted(waiting), len(waiting)):
        books.append(*bundles(lane, waiting[lane]))
    left: list[str] = []

    while len(left) < sum(waiting.values()):
        still = {lane for lane in waiting if lanes_of(left)[lane] < waiting[lane]}
        round_ = published(books, 20)
        assert set(lanes_of(round_)) == still, "each that waits"
        left += round_
        taken(books, round_)

    assert in_order(left)
    assert lanes_of(left) == waiting
    assert not published(books)


def test_no_more_is_in_flight_than_the_bound_and_what_is_taken_makes_room(books: Books) -> None:
    books.append(*bundles("A", 2 * BOUND), *bundles("B", 3))
    first = published(books, 4 * BOUND)

    assert len(first) == BOUND
    assert not published(books)
    assert lanes_of(first)["B"] == 3, "the small lane is among the first"
    quarter = -(-BOUND // 4)
    taken(books, first[: quarter - 1])
    assert not published(books), "less than a quarter is free"
    taken(books, first[:quarter])
    assert published(books) == [f"A/{number}" for number in range(BOUND - 3, BOUND - 3 + quarter)]


def test_small_events_count_with_what_an_event_costs(books: Books) -> None:
    books.append(*(declared(number) for number in range(2 * IN_FLIGHT_LINES // EVENT_LINES)))
    count = 0
    while round_ := published(books, 500):
        count += len(round_)

    assert count == -(-IN_FLIGHT_LINES // (EVENT_LINES + 1))


def test_a_months_close_goes_at_leisure(books: Books) -> None:
    """So few of its bundles are under way that live answers, which pass the same loops, hardly wait."""
    books.append(*closed(2 * BOUND), *bundles("A", 3))
    first = published(books, 4 * BOUND)

    assert lanes_of(first) == {"C": topics.PERIOD_CLOSED.in_flight_lines // topics.BUNDLE_LINES, "A": 3}
    assert topics.PERIOD_CLOSED.in_flight_lines * 5 < IN_FLIGHT_LINES


def test_a_topic_whose_consumer_is_away_holds_no_other_up(books: Books) -> None:
    books.append(*bundles("A", BOUND + 5), *(word(number) for number in range(BOUND + 5)), declared(1))
    subjects: list[str] = []
    while round_ := published(books):
        subjects += round_

    assert lanes_of(subjects) == {"A": BOUND, "late": BOUND + 5, "2026-12": 1}, "what nobody awaits is not bounded"


@pytest.mark.parametrize("why", ["swept", "parked"])
def test_what_is_never_taken_gives_its_room_back(books: Books, why: str) -> None:
    """The sweeper's tries count twice, then a person knows; what is too large for Kafka is told at once."""
    books.append(*bundles("A", BOUND + 10))
    lost = published(books, 4 * BOUND)
    assert len(lost) == BOUND
    if why == "parked":
        with books.app.begin() as conn:
            conn.execute(
                text("""
                    insert into dead_letter (consumer, topic, partition, "offset", reason)
                    select 'relay', topic, -1, id, 'too large' from outbox where published > 0""")
            )
    else:
        for _ in range(INCIDENT_AFTER - 1):
            with books.owner.begin() as conn:
                conn.execute(text("update outbox set published_at = now() - interval '1 day' where published > 0"))
            with books.app.begin() as conn:
                assert sweep(conn, 60).again == BOUND
            assert published(books, 4 * BOUND) == lost, "the oldest first"

    assert published(books) == [f"A/{number}" for number in range(BOUND, BOUND + 10)]


def test_two_relays_never_hold_the_same_row(books: Books) -> None:
    books.append(*bundles("A", 30), *bundles("B", 30))
    with books.app.connect() as one, books.app.connect() as other:
        mine, theirs = outbox.claim(one, 20), outbox.claim(other, 20)

    assert len(mine) == len(theirs) == 20
    assert not {row.id for row in mine} & {row.id for row in theirs}


def test_among_more_lanes_than_a_round_has_rows_none_is_always_last(books: Books) -> None:
    books.append(*(event for lane in range(40) for event in bundles(f"L{lane}", 30)))
    books.append(*bundles("late-comer", 4))
    rounds, left = 0, Counter[str]()
    while left["late-comer"] < 4:
        round_ = published(books, 20)
        taken(books, round_)
        left += lanes_of(round_)
        rounds += 1

    assert sum(left.values()) == rounds * 20
    assert rounds < 50, "each lane has every second round, by lot"


async def test_a_small_batch_passes_a_big_one(books: Books, broker: Broker, workers: Workers) -> None:
    """Two thousand bundles wait; four of another batch, released later, are posted while most of the first still wait."""
    big, small = bundles("big", 2000), bundles("small", 4)
    for number, event in enumerate(small):
        small[number] = replace(event, key="110106/0", record={**event.record, "agency": "110106"})

    def left(agency: str) -> Any:
        return books.one("select count(*) from outbox where awaiting > 0 and subject like :lane", lane=f"{agency}/%")

    books.append(*big)
    async with workers.running("relay", "streams", "arrivals"):
        await until(lambda: left("big") < len(big), "the big one is being posted")
        books.append(*small)
        await until(lambda: not left("small"), "the small one is posted")
        assert left("big") > len(big) / 2, "most of the big one still waits"
        await until(lambda: not books.in_flight(), "the big one is posted too", 120)

    assert len(books.booked()) == len(big) + len(small)
    assert set(books.booked().values()) == {1}
    assert books.one("select max(published) from outbox") == 1


def test_what_is_in_flight_is_found_by_its_index(books: Books) -> None:
    """The index holds what the bound counts; with another number in its condition it could not be used."""
    condition = books.one(
        "select pg_get_expr(indpred, indrelid) from pg_index where indexrelid = 'outbox_in_flight'::regclass"
    )
    assert f"(published < {INCIDENT_AFTER})" in condition
