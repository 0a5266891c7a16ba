"""Step 12, post arrears (欠缴, C9-6): opened arrears are written per unit and period, and in the agency's memorandum accounts.

Reads: arrears-opened, key agency/shard. Writes: the arrears book, the agency's journal.
Rule: what leaves the dues is what the arrears open with, fund by fund.
Repeat: the inbox row of the event, and one row of arrears a bill.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money import Fen
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, arrears_opened
from hub.ledger import arrears_book, journal
from hub.ledger.database import lock_books_shared
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    for event in events:
        _post(conn, event)


def _post(conn: Connection, event: Received) -> None:
    record = event.record
    lock_books_shared(conn)
    opened = FundAmounts(*(Fen(sum(record[fund])) for fund in FUND_NAMES))
    entry = journal.book(
        conn,
        JournalEntry(
            level=Level.AGENCY, agency=record["agency"], what=EntryKind.ARREARS_OPENED, cause=str(event.event_id),
            booking_period=Period(record["period"]), business_date=record["opened_on"],
            postings=arrears_opened(opened),
        ),
    )  # fmt: skip
    written = arrears_book.open_arrears(conn, record, record["opened_on"], entry)
    assert written == len(record["bills"]), f"{len(record['bills']) - written} bills of the bundle are not in the books"
