"""Steps 8 and 9, post arrivals and notify agencies (C9-3): money goes on its bills; a batch that is posted whole is notified.

Reads: funds-split, key agency/shard. Writes: the city's journal, collections, suspense, arrival-notified; tells of arrears settled.
Rule: a bill takes what it still lacks, fund by fund; what is beyond goes to suspense with a work item. A supplement or a
repayment is taken whole or not at all: a cancelled one not, nor one whose arrears have been settled meanwhile (C10, C11).
Repeat: the inbox row of the event, and one collection a batch line.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import groupby

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES, NOTHING
from hub.domain.lifecycle import BatchState, Cancelled
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, bank_arrival
from hub.domain.work import Queue
from hub.ledger import arrivals, batches, cancellations, journal, notices, repayments, settlements, work_items
from hub.ledger.arrivals import Arrived, Bundle
from hub.ledger.batches import Batch, Section
from hub.ledger.database import lock_books_shared, lock_shards
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    """Books all bundles at once, round by round: within a round a bill has one line, so that none can take two."""
    lock_books_shared(conn)
    lock_shards(conn, {(event.record["agency"], event.record["shard"]) for event in events})
    for _, of_round in groupby(sorted(events, key=_round_of), key=_round_of):
        _post(conn, list(of_round))


def _round_of(event: Received) -> int:
    return int(event.record["round"])


def _post(conn: Connection, events: Sequence[Received]) -> None:
    # Gather
    # In one order, as every transaction counts its batches.
    posted = {number: _being_posted(conn, number) for number in sorted({event.record["batch_no"] for event in events})}
    sections = {number: batches.sections(conn, batch.id) for number, batch in posted.items()}
    with_money = [event for event in events if any(map(any, _amounts(event)))]
    entry_of = dict(zip((event.event_id for event in with_money), journal.numbers(conn, len(with_money)), strict=True))
    bundles = {
        entry: _bundle(event, entry, posted[event.record["batch_no"]], sections[event.record["batch_no"]])
        for event in with_money
        for entry in [entry_of[event.event_id]]
    }
    # Decide and apply: what a bill still lacks is known to the books, so they share each line.
    at = max(event.occurred_at for event in events)
    spoken_for = repayments.spoken_for(conn, list(bundles.values()), at)
    arrived = arrivals.collect(conn, list(bundles.values()), spoken_for.amounts)
    journal.book_all(
        conn,
        [(number, _entry(event, arrived[number])) for event in with_money for number in [entry_of[event.event_id]]],
    )
    for event in with_money:
        number, batch = entry_of[event.event_id], posted[event.record["batch_no"]]
        if arrived[number].suspense != NOTHING:
            _open_suspense_items(conn, batch, event, number)
        _settle(conn, batch, event, bundles[number], spoken_for.too_late)
    for number, batch in posted.items():
        of_batch = [event for event in events if event.record["batch_no"] == number]
        if arrivals.count_posted(conn, batch.id, sum(map(_lines, of_batch))):
            batches.advance(conn, batch, BatchState.POSTED)
            notices.issue(conn, batch, of_batch[-1].occurred_at)


def _being_posted(conn: Connection, number: str) -> Batch:
    batch = batches.by_number(conn, number)
    assert batch is not None and batch.state is BatchState.POSTING, f"{number} is not being posted"
    return batch


def _lines(event: Received) -> int:
    return len(event.record[FUND_NAMES[0]])


def _amounts(event: Received) -> list[list[int]]:
    return [event.record[fund] for fund in FUND_NAMES]


def _bundle(event: Received, entry: int, batch: Batch, sections: Sequence[Section]) -> Bundle:
    record = event.record
    first = record["first_line"]
    assert batch.released_at is not None, f"{batch.batch_no} is being posted, so it was released"
    place = bisect_right(sections, first, key=lambda section: section.first_line) - 1
    section = sections[max(place, 0)]
    assert section.first_line <= first <= section.last_line - _lines(event) + 1 and (section.agency, section.shard) == (
        record["agency"],
        record["shard"],
    ), f"{batch.batch_no} has no such lines of {record['agency']}"
    return Bundle(
        entry_id=entry, batch_id=batch.id, first_line=first, first_instruction=first + section.offset,
        kind=section.kind, period=batch.period, booking_period=record["booking_period"],
        business_date=record["business_date"], amounts=_amounts(event),
    )  # fmt: skip


def _entry(event: Received, arrived: Arrived) -> JournalEntry:
    record = event.record
    return JournalEntry(
        level=Level.CITY, agency=record["agency"], what=EntryKind.BANK_ARRIVAL, cause=str(event.event_id),
        booking_period=Period(record["booking_period"]), business_date=record["business_date"],
        postings=bank_arrival(arrived.applied, arrived.suspense),
    )  # fmt: skip


def _open_suspense_items(conn: Connection, batch: Batch, event: Received, entry: int) -> None:
    for line, bill_no, fen in arrivals.beyond(conn, entry):
        work_items.raise_item(
            conn,
            queue=Queue.SUSPENSE,
            agency=event.record["agency"],
            bank=batch.bank,
            file=batch.file_name,
            line=line,
            field="deducted",
            at=event.occurred_at,
            about=f"{batch.batch_no}/{line}",
            summary=f"{print_yuan(Fen(fen))} yuan beyond what was outstanding on bill {bill_no}",
        )


def _settle(conn: Connection, batch: Batch, event: Received, bundle: Bundle, too_late: set[int]) -> None:
    """What a bundle means for arrears: it settles some, or repayments come too late for theirs and are cancelled."""
    if bundle.kind == "M" and bundle.booking_period > bundle.period:
        settlements.tell_of_bills(
            conn, event.event_id, bundle, batch.batch_no, event.record["agency"], event.occurred_at
        )
    if bundle.kind == "A":
        at, period, number = event.occurred_at, Period(bundle.booking_period), batch.batch_no
        beyond, arrived = (arrivals.bills_of(conn, table, bundle) for table in ("suspense", "collection"))
        cancellations.cancel(conn, beyond & too_late, Cancelled.SETTLED, at=at, period=period, cause=number)
        settlements.tell_of_repayments(conn, arrived, booking_period=period, batch_no=number, at=at)
