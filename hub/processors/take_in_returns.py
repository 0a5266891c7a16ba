"""Step 11, take in returned payments (退票, rules section 6): a receipt that comes back unpaid is reversed when it is told.

Reads: a returns file (contract section 2). Writes: reversals, the agency's journal, cheque-returned; tells of arrears opened.
Rule: the whole receipt, the same funds and amounts, once, in the period that is open; closed forms stand. A supplement or a
repayment is cancelled with it. Money that is on its way to a bill is posted first.
Repeat: the file's identity is unique among accepted files, so is each return id, and a receipt comes back once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

import topics
from hub.domain.dues import Kind
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import NOTHING
from hub.domain.lifecycle import Cancelled
from hub.domain.parties import Parties
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, receipt_returned
from hub.domain.returned_payments import (
    BookedReceipt,
    ReturnLine,
    ReturnsFile,
    ReturnsHeader,
    check_return,
    opens_arrears,
)
from hub.ledger import arrivals, cancellations, journal, outbox, reversals, settlements, steps
from hub.ledger.database import lock_books_shared, lock_shards
from hub.wire.events import Event


def identity(header: ReturnsHeader) -> str:
    """Agency, date and number name a returns file for ever (contract section 1)."""
    return f"RETURNS/{header.agency}/{header.date:%Y-%m-%d}/{header.no}"


class Checked(NamedTuple):
    """What a file was judged by: the receipts it names, by number."""

    faults: Sequence[Fault]
    receipts: Mapping[str, BookedReceipt]
    waits: bool = False
    """A bank's money is on its way to one of their bills: it finds the bill as it was, and the return comes after it."""


def check(conn: Connection, file: ReturnsFile, parties: Parties) -> Checked:
    """Everything the books have against the file. Holds the shards of the bills until the transaction ends."""
    # Gather
    lock_books_shared(conn)
    numbers = [line.receipt_no for line in file.lines]
    booked = reversals.receipts_by_number(conn, numbers).values()
    lock_shards(conn, {(receipt.agency, receipt.shard) for receipt in booked})
    receipts = reversals.receipts_by_number(conn, numbers)  # as they stand while nobody else books on their bills
    known = reversals.known_returns(conn, [line.return_no for line in file.lines])
    # Decide
    header, faults = file.header, list[Fault]()
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    for line in file.lines:
        if line.return_no in known:
            expected = "an id never used before"
            faults.append(Fault(line.file_line, "return id", FaultCode.DUPLICATE, expected, line.return_no))
        receipt = receipts.get(line.receipt_no)
        faults += check_return(line, receipt if receipt is not None and receipt.agency == header.agency else None)
    waits = arrivals.are_coming(conn, [receipt.bill_id for receipt in receipts.values()])
    return Checked(faults, receipts, waits=waits and not faults)


def keep(
    conn: Connection, file: ReturnsFile, receipts: Mapping[str, BookedReceipt], file_id: int, now: datetime
) -> None:
    """Apply: reversals, one journal entry for the file, the money off each bill, an event each."""
    if not file.lines:
        return
    header, period = file.header, steps.open_period(conn, now)
    pairs = [(line, receipts[line.receipt_no]) for line in file.lines]
    open_again, into_arrears = NOTHING, NOTHING
    for _, receipt in pairs:
        if opens_arrears(receipt.kind, receipt.period, period):
            into_arrears = into_arrears.plus(receipt.amounts)
        else:
            open_again = open_again.plus(receipt.amounts)
    reversals.keep_returns(conn, file_id=file_id, at=now, booking_period=period, lines=pairs)
    entry = journal.book(
        conn,
        JournalEntry(
            level=Level.AGENCY, agency=header.agency, what=EntryKind.RECEIPT_RETURNED, cause=identity(header),
            booking_period=period, business_date=now.date(), postings=receipt_returned(open_again, into_arrears),
        ),
    )  # fmt: skip
    reversals.take_back_receipts(
        conn, [line.return_no for line in file.lines], booking_period=period, business_date=now.date(), entry_id=entry
    )
    others = [receipt.bill_id for _, receipt in pairs if receipt.kind is not Kind.MONTHLY]
    cancellations.cancel(conn, others, Cancelled.RETURNED, at=now, period=period, cause=identity(header))
    outbox.append(conn, [_returned(line, receipt, period, now) for line, receipt in pairs])
    opened = [
        settlements.Moved(f"return/{line.return_no}", receipt.bill_id, taken=receipt.amounts, put=NOTHING, batch_no="")
        for line, receipt in pairs
        if opens_arrears(receipt.kind, receipt.period, period)
    ]
    settlements.tell_of_reversals(conn, opened, booking_period=period, at=now)


def _returned(line: ReturnLine, receipt: BookedReceipt, period: Period, now: datetime) -> Event:
    return Event(
        topic=topics.CHEQUE_RETURNED,
        key=receipt.agency,
        subject=line.return_no,
        occurred_at=now,
        record={
            "agency": receipt.agency, "return_no": line.return_no, "receipt_no": receipt.receipt_no,
            "bill_no": receipt.bill_no, "unit": receipt.unit, "method": receipt.method, "amount": line.amount,
            **receipt.amounts._asdict(), "returned_on": line.returned_on, "booking_period": str(period),
            "into_arrears": opens_arrears(receipt.kind, receipt.period, period),
        },
    )  # fmt: skip
