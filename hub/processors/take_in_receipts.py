"""Step 11, take in sporadic receipts (C9-1, C9-5): cash, cheque and collection money is booked when it is accepted.

Reads: a receipts file (contract section 2). Writes: receipts, the agency's journal, receipt-recorded.
Rule: a receipt pays all that is outstanding on its bill, or it is refused; after month end a monthly bill takes none, nor does
one that was cancelled, nor one of a bank in shadow, for another system keeps its books. What pays a repayment settles its
arrears (C11).
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
from hub.domain.parties import Parties
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, receipt
from hub.domain.receipts import ReceiptLine, ReceiptsFile, ReceiptsHeader, judge_receipt
from hub.domain.repayments import Arrears
from hub.domain.standing import Standing
from hub.domain.timetable import Step
from hub.ledger import bills, journal, outbox, receipts, repayments, settlements, shadow, steps
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
    finance_closed_at = steps.last_due(conn, Step.FINANCE_CLOSE, now, parties.banks)
    repaying = [Arrears(bill.unit, bill.refers_to) for bill in standing.values() if bill.kind == "A"]
    arrears = repayments.outstanding(conn, file.header.agency, repaying, now)
    elsewhere = shadow.bills_elsewhere(conn, numbers, parties.in_shadow)
    # Decide
    header, faults = file.header, list[Fault]()
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    for line in file.lines:
        if line.receipt_no in known:
            expected = "an id never used before"
            faults.append(Fault(line.file_line, "receipt id", FaultCode.DUPLICATE, expected, line.receipt_no))
        bill = standing.get(line.bill_no)
        if bill is None or bill.agency != header.agency:
            faults += judge_receipt(line, None, closed, finance_closed_at, None)
            continue
        if bill.bill_no in elsewhere:
            expected = "a bill whose bank is not in shadow"
            faults.append(Fault(line.file_line, "bill id", FaultCode.IN_SHADOW, expected, line.bill_no))
            continue
        named = Arrears(bill.unit, bill.refers_to)
        found = judge_receipt(line, bill, closed, finance_closed_at, arrears.get(named))
        faults += found
        if bill.kind == "A" and not found:
            arrears[named] = arrears[named].minus(bill.due)
    return Checked(faults, standing)


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
    for_dues = into_arrears = NOTHING
    for number, amounts in paid.items():
        if standing[number].kind == "A":
            into_arrears = into_arrears.plus(amounts)
        else:
            for_dues = for_dues.plus(amounts)
    entry = journal.book(
        conn,
        JournalEntry(
            level=Level.AGENCY, agency=header.agency, what=EntryKind.RECEIPT, cause=identity(header),
            booking_period=period, business_date=now.date(), postings=receipt(for_dues, into_arrears),
        ),
    )  # fmt: skip
    receipts.collect(
        conn, paid={line.receipt_no: paid[line.bill_no] for line in file.lines}, booking_period=str(period),
        business_date=now.date(), entry_id=entry,
    )  # fmt: skip
    outbox.append(
        conn, [_recorded(line, standing[line.bill_no], paid[line.bill_no], period, now) for line in file.lines]
    )
    repaid = [bill.bill_id for bill in standing.values() if bill.kind == "A"]
    settlements.tell_of_repayments(conn, repaid, booking_period=period, batch_no="", at=now)


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
