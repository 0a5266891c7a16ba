"""Step 11, take in sporadic receipts (C9-1, C9-5): cash, cheque and collection money is booked when it is accepted.

Reads: a receipts file (contract section 2). Writes: receipts, the agency's journal, receipt-recorded.
Rule: a receipt pays all that is outstanding on its bill, or it is refused; after month end a monthly bill takes none, and
one of a bank in shadow never does, for another system keeps its books.
Repeat: the file's identity is unique among accepted files, and so is each receipt id.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

import topics
from hub.domain.arrears import unarrived
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.money import print_yuan
from hub.domain.parties import Parties
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, receipt
from hub.domain.receipts import ReceiptLine, ReceiptsFile, ReceiptsHeader
from hub.ledger import bills, journal, outbox, receipts, shadow, steps
from hub.ledger.bills import HEADER_LINES, Standing
from hub.ledger.database import lock_books_shared, lock_shards
from hub.wire.events import Event


def identity(header: ReceiptsHeader) -> str:
    """Agency, date and number name a receipts file for ever (contract section 1)."""
    return f"RECEIPTS/{header.agency}/{header.date:%Y-%m-%d}/{header.no}"


class Checked(NamedTuple):
    """What a file was judged by: where its bills stood, by number. What is kept is what was judged, whatever follows."""

    faults: Sequence[Fault]
    standing: Mapping[str, Standing]


def check(conn: Connection, file: ReceiptsFile, parties: Parties, now: datetime) -> Checked:
    """Everything the books have against the file. Holds the bills' shards until the transaction ends."""
    # Gather
    lock_books_shared(conn)
    numbers = [line.bill_no for line in file.lines]
    lock_shards(conn, {(bill.agency, bill.shard) for bill in bills.standing_by_number(conn, numbers).values()})
    standing = bills.standing_by_number(conn, numbers)
    known = receipts.known(conn, [line.receipt_no for line in file.lines])
    closed = {period for period in {b.period for b in standing.values()} if steps.is_over(conn, Period(period), now)}
    elsewhere = shadow.bills_elsewhere(conn, numbers, parties.in_shadow)
    # Decide
    header, faults = file.header, list[Fault]()
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    for line in file.lines:
        if line.receipt_no in known:
            faults.append(
                Fault(
                    line.line + HEADER_LINES,
                    "receipt id",
                    FaultCode.DUPLICATE,
                    "an id never used before",
                    line.receipt_no,
                )
            )
        bill = standing.get(line.bill_no)
        if bill is not None and bill.bill_no in elsewhere and bill.agency == header.agency:
            expected = "a bill whose bank is not in shadow"
            faults.append(Fault(line.line + HEADER_LINES, "bill id", FaultCode.IN_SHADOW, expected, line.bill_no))
            continue
        faults += judge(line, bill if bill is not None and bill.agency == header.agency else None, closed)
    return Checked(faults, standing)


def judge(line: ReceiptLine, bill: Standing | None, closed: set[str]) -> list[Fault]:
    """One receipt against its bill."""
    at = line.line + HEADER_LINES
    if bill is None:
        return [Fault(at, "bill id", FaultCode.UNKNOWN_BILL, "a bill of this agency", line.bill_no)]
    if bill.kind == "M" and bill.period in closed:
        return [Fault(at, "bill id", FaultCode.PERIOD_CLOSED, "a bill whose month end has not closed", bill.period)]
    outstanding = unarrived(bill.due, bill.collected).total
    if outstanding == 0:
        return [Fault(at, "bill id", FaultCode.NOT_OUTSTANDING, "a bill with something outstanding", line.bill_no)]
    if line.amount != outstanding:
        expected = f"{print_yuan(outstanding)}, all that is outstanding"
        return [Fault(at, "amount", FaultCode.NOT_OUTSTANDING, expected, print_yuan(line.amount))]
    return []


def keep(conn: Connection, file: ReceiptsFile, standing: Mapping[str, Standing], file_id: int, now: datetime) -> None:
    """Apply: receipts, one journal entry for the file, the money on each bill, an event each.

    A bank's answer released since ``check`` finds its bill paid, and goes to suspense.
    """
    header = file.header
    paid = {number: unarrived(bill.due, bill.collected) for number, bill in standing.items()}
    for line in file.lines:
        assert paid[line.bill_no].total == line.amount, f"receipt {line.receipt_no} pays all that is outstanding"
    if not file.lines:
        return
    period = steps.open_period(conn, now)
    receipts.keep(
        conn,
        file_id=file_id,
        agency=header.agency,
        at=now,
        lines=((line, standing[line.bill_no].bill_id) for line in file.lines),
    )
    total = NOTHING
    for amounts in paid.values():
        total = total.plus(amounts)
    entry = journal.book(
        conn,
        JournalEntry(
            level=Level.AGENCY, agency=header.agency, what=EntryKind.RECEIPT, cause=identity(header),
            booking_period=period, business_date=now.date(), postings=receipt(total),
        ),
    )  # fmt: skip
    receipts.collect(
        conn, paid={line.receipt_no: paid[line.bill_no] for line in file.lines}, booking_period=str(period),
        business_date=now.date(), entry_id=entry,
    )  # fmt: skip
    outbox.append(
        conn, [_recorded(line, standing[line.bill_no], paid[line.bill_no], period, now) for line in file.lines]
    )


def _recorded(line: ReceiptLine, bill: Standing, paid: FundAmounts, period: Period, now: datetime) -> Event:
    return Event(
        topic=topics.RECEIPT_RECORDED,
        key=bill.agency,
        subject=line.receipt_no,
        occurred_at=now,
        record={
            "agency": bill.agency, "receipt_no": line.receipt_no, "bill_no": bill.bill_no, "unit": bill.unit,
            "method": line.method, "amount": line.amount, **paid._asdict(), "received_on": line.received_on,
            "booking_period": str(period),
        },
    )  # fmt: skip
