"""Step 12, post arrears (欠缴, C9-6): opened arrears are written per unit and period, and in the agency's memorandum accounts.

Reads: arrears-opened, key agency/shard. Writes: the arrears book, the agency's journal.
Rule: what leaves the dues is what the arrears open with, fund by fund. What money that was taken back opens is told by the same
event, with its cause; that is in the books already.
Repeat: the inbox row of the event, and one row of arrears a bill.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money import Fen
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, arrears_opened
from hub.ledger import arrears_book, journal
from hub.ledger.arrears_book import Opening
from hub.ledger.database import lock_books_shared
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    events = [event for event in events if not event.record["cause"]]
    if not events:
        return
    lock_books_shared(conn)
    numbered = list(zip(journal.numbers(conn, len(events)), events, strict=True))
    journal.book_all(conn, [(number, _entry(event)) for number, event in numbered])
    lines = sum(len(event.record["bills"]) for event in events)
    written = arrears_book.open_arrears(conn, [_opening(number, event) for number, event in numbered])
    assert written == lines, f"{lines - written} bills of the bundles are not in the books"


def _entry(event: Received) -> JournalEntry:
    record = event.record
    opened = FundAmounts(*(Fen(sum(record[fund])) for fund in FUND_NAMES))
    return JournalEntry(
        level=Level.AGENCY, agency=record["agency"], what=EntryKind.ARREARS_OPENED, cause=str(event.event_id),
        booking_period=Period(record["period"]), business_date=record["opened_on"], postings=arrears_opened(opened),
    )  # fmt: skip


def _opening(number: int, event: Received) -> Opening:
    record = event.record
    amounts = [record[fund] for fund in FUND_NAMES]
    return Opening(number, record["opened_on"], record["bills"], record["in_doubt"], amounts)
