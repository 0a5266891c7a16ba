"""Steps 8 and 9, post arrivals and notify agencies (C9-3): money goes on its bills; a batch that is posted whole is notified.

Reads: funds-split, key agency/shard. Writes: the city's journal, collections, suspense, arrival-notified, arrears-settled.
Rule: a bill takes what it still lacks, fund by fund; what is beyond goes to suspense with a work item.
Repeat: the inbox row of the event, and one collection a batch line.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

import topics
from hub.domain.funds import FUND_NAMES, NOTHING
from hub.domain.lifecycle import BatchState
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, bank_arrival
from hub.domain.work import Queue
from hub.ledger import arrivals, batches, journal, notices, outbox, work_items
from hub.ledger.batches import Batch
from hub.ledger.database import lock_books_shared, lock_shards
from hub.wire.events import Event, Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    for event in events:
        _post(conn, event)


def _post(conn: Connection, event: Received) -> None:
    # Gather
    record = event.record
    lock_books_shared(conn)
    lock_shards(conn, {(record["agency"], record["shard"])})
    batch = batches.by_number(conn, record["batch_no"])
    assert batch is not None and batch.state is BatchState.POSTING, f"{record['batch_no']} is not being posted"
    # Decide
    arriving = arrivals.stage(conn, batch.id, record)
    entry = JournalEntry(
        level=Level.CITY, agency=record["agency"], what=EntryKind.BANK_ARRIVAL, cause=str(event.event_id),
        booking_period=Period(record["booking_period"]), business_date=record["business_date"],
        postings=bank_arrival(arriving.applied, arriving.suspense),
    )  # fmt: skip
    # Apply
    if entry.postings:
        arrivals.collect(conn, batch.id, record, journal.book(conn, entry))
    if arriving.suspense != NOTHING:
        _open_suspense_items(conn, batch, event)
    if record["booking_period"] > batch.period:
        _tell_arrears_settled(conn, batch, event)
    if arrivals.count_posted(conn, batch.id, len(record["lines"])):
        batches.advance(conn, batch, BatchState.POSTED)
        _notify(conn, batch, event)


def _open_suspense_items(conn: Connection, batch: Batch, event: Received) -> None:
    for line, bill_no, fen in arrivals.beyond(conn):
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


def _tell_arrears_settled(conn: Connection, batch: Batch, event: Received) -> None:
    columns = arrivals.on_bills(conn)
    if not columns:
        return
    settled = Event(
        topic=topics.ARREARS_SETTLED,
        key=event.record["agency"],
        subject=str(event.event_id),
        occurred_at=event.occurred_at,
        lines=len(columns[0]),
        record={
            "agency": event.record["agency"], "period": batch.period,
            "booking_period": event.record["booking_period"], "batch_no": batch.batch_no,
            **dict(zip(("bills", *FUND_NAMES), columns, strict=True)),
        },
    )  # fmt: skip
    outbox.append(conn, [settled])


def _notify(conn: Connection, batch: Batch, event: Received) -> None:
    """Step 9: one notice (表二十七) an agency, supplementary when the answer was late."""
    assert batch.booking_period is not None, "a batch that is posted was released into a period"
    for totals in notices.totals(conn, batch):
        applied = notices.collected_of(conn, batch.id, totals.agency)
        notified = Event(
            topic=topics.ARRIVAL_NOTIFIED,
            key=totals.agency,
            subject=f"{batch.batch_no}/{totals.agency}",
            occurred_at=event.occurred_at,
            lines=totals.requested_count,
            record={
                "period": batch.period, "round": batch.round, "agency": totals.agency, "bank": batch.bank,
                "batch_no": batch.batch_no, "file_name": batch.file_name, "booking_period": batch.booking_period,
                "business_date": batch.posting_date, "supplementary": batch.late,
                "requested_count": totals.requested_count, "requested": totals.requested,
                "arrived_count": totals.arrived_count, "arrived": totals.arrived,
                "unarrived_count": totals.unarrived_count, "unarrived": totals.unarrived,
                "suspense": totals.suspense,
                "into_arrears": applied if batch.booking_period > batch.period else NOTHING,
            },
        )  # fmt: skip
        notices.keep(conn, batch, totals, notified.event_id)
        outbox.append(conn, [notified])
