"""Step 11, the agency's books of changed answers (更正): what a bank took back, and what it put in its place, by the event.

Reads: answer-changed, key agency. Writes: the agency's journal.
Rule: what the event says is what the file's changes did to the agency's bills and suspense; else it is not booked.
Repeat: the inbox row of the event, and one entry of each kind a file and agency.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.domain.funds import FundAmounts
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, agency_arrival, mirrored
from hub.ledger import journal, reversals
from hub.ledger.database import lock_books_shared
from hub.ledger.reversals import ChangedMoney
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    for event in events:
        _book(conn, event)


def _book(conn: Connection, event: Received) -> None:
    # Gather
    record = event.record
    lock_books_shared(conn)
    booked = reversals.changed_money(conn, record["agency"], f"CHANGE/{record['bank']}/{record['file_name']}")
    # Decide
    told = ChangedMoney(*(FundAmounts(*record[name]) for name in ChangedMoney._fields))
    assert told == booked, f"{record['file_name']} says {told} of {record['agency']}, the books hold {booked}"
    back = mirrored(agency_arrival(told.reversed_dues, told.reversed_arrears, told.reversed_suspense))
    new = agency_arrival(told.dues, told.arrears, told.suspense)
    # Apply
    for what, postings in ((EntryKind.AGENCY_ANSWER_REVERSED, back), (EntryKind.AGENCY_ANSWER_CHANGED, new)):
        if postings:
            journal.book(
                conn,
                JournalEntry(
                    level=Level.AGENCY, agency=record["agency"], what=what, cause=str(event.event_id),
                    booking_period=Period(record["booking_period"]), business_date=record["business_date"],
                    postings=postings,
                ),
            )  # fmt: skip
