"""Reversals (冲销): money taken back from bills, each linked to what had brought it; the journal mirrors it per entry."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, text

from hub.domain.dues import Kind
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import AgencyCode, BillNo, ReceiptNo, UnitNo
from hub.domain.periods import Period
from hub.domain.receipts import Method
from hub.domain.returned_payments import BookedReceipt, ReturnLine

_FUNDS = ", ".join(FUND_NAMES)


def receipts_by_number(conn: Connection, receipt_nos: Collection[str]) -> dict[str, BookedReceipt]:
    """The receipts among these numbers that were ever booked, with the money that each brought."""
    found = conn.execute(
        text(f"""
            select r.id, r.receipt_no, b.id, b.bill_no, r.agency, b.unit, b.shard, b.kind, b.period, r.method, r.received_on,
                   {", ".join(f"c.{fund}" for fund in FUND_NAMES)}, exists (select from reversal v where v.receipt_id = r.id)
            from receipt r join bill b on b.id = r.bill_id join collection c on c.receipt_id = r.id
            where r.receipt_no = any(:wanted)
        """),
        {"wanted": list(receipt_nos)},
    )
    return {
        row[1]: BookedReceipt(
            row[0], ReceiptNo(row[1]), row[2], BillNo(row[3]), AgencyCode(row[4]), UnitNo(row[5]), row[6], Kind(row[7]),
            Period(row[8]), Method(row[9]), row[10], FundAmounts(*row[11:15]), row[15],
        )
        for row in found
    }  # fmt: skip


def known_returns(conn: Connection, return_nos: Collection[str]) -> set[str]:
    """Return ids taken in before."""
    found = conn.execute(
        text("select return_no from reversal where return_no = any(:wanted)"), {"wanted": list(return_nos)}
    )
    return set(found.scalars())


def keep_returns(
    conn: Connection, *, file_id: int, at: datetime, booking_period: Period,
    lines: Iterable[tuple[ReturnLine, BookedReceipt]],
) -> None:  # fmt: skip
    """Stores accepted returns, each with the receipt that came back. That none comes back twice, its unique key says."""
    conn.execute(
        text("""
            insert into reversal (what, bill_id, receipt_id, return_no, amount, reason, dated_on, booking_period, file_id,
                                  file_line, accepted_at)
            values ('RETURNED_RECEIPT', :bill, :receipt, :return_no, :amount, :reason, :dated_on, :booking_period, :file_id,
                    :line, :at)
        """),
        [
            {
                "bill": receipt.bill_id, "receipt": receipt.receipt_id, "return_no": line.return_no,
                "amount": line.amount, "reason": line.reason, "dated_on": line.returned_on,
                "booking_period": str(booking_period), "file_id": file_id, "line": line.line, "at": at,
            }
            for line, receipt in lines
        ],
    )  # fmt: skip


def take_back_receipts(
    conn: Connection, return_nos: Sequence[str], *, booking_period: Period, business_date: date, entry_id: int
) -> None:
    """Takes the money of returned receipts off their bills: the very row that each had put there, negative."""
    taken = conn.execute(
        text(f"""
            insert into collection (bill_id, source, reversal_id, {_FUNDS}, booking_period, business_date, entry_id)
            select c.bill_id, 'RECEIPT_REVERSAL', v.id, {", ".join(f"-c.{fund}" for fund in FUND_NAMES)},
                   :booking_period, :business_date, :entry_id
            from reversal v join collection c on c.receipt_id = v.receipt_id
            where v.return_no = any(:returned)
        """),
        {
            "returned": list(return_nos), "booking_period": str(booking_period), "business_date": business_date,
            "entry_id": entry_id,
        },
    )  # fmt: skip
    assert taken.rowcount == len(return_nos), f"{taken.rowcount} of {len(return_nos)} receipts had money on a bill"
