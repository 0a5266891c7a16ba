"""Step 10, the agency's books (C9-4): the agency checks its notice against the returned data and books each fund.

Reads: arrival-notified (表二十七), key agency. Writes: the agency's journal.
Rule: what the notice says arrived is what is on the agency's bills and in suspense; else the notice is not booked.
Repeat: the inbox row of the event, and one entry a batch and agency.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.domain.funds import FundAmounts
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, agency_arrival
from hub.ledger import batches, journal, notices
from hub.ledger.database import lock_books_shared
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    for event in events:
        _book(conn, event)


def _book(conn: Connection, event: Received) -> None:
    # Gather
    record = event.record
    lock_books_shared(conn)
    batch = batches.by_number(conn, record["batch_no"])
    assert batch is not None, f"batch {record['batch_no']} is not in the books"
    on_bills = notices.collected_of(conn, batch.id, record["agency"])
    # Decide
    arrived, suspense = FundAmounts(*record["arrived"]), FundAmounts(*record["suspense"])
    into_arrears = FundAmounts(*record["into_arrears"])
    assert arrived == on_bills.plus(suspense), (
        f"notice {record['batch_no']}/{record['agency']} says {arrived} arrived, the bills and suspense hold"
        f" {on_bills.plus(suspense)}"
    )
    # Apply
    entry = JournalEntry(
        level=Level.AGENCY, agency=record["agency"], what=EntryKind.AGENCY_ARRIVAL, cause=str(event.event_id),
        booking_period=Period(record["booking_period"]), business_date=record["business_date"],
        postings=agency_arrival(on_bills.minus(into_arrears), into_arrears, suspense),
    )  # fmt: skip
    if entry.postings:
        journal.book(conn, entry)
