"""Sporadic receipts (零星缴费): money that units paid their agency, kept with the file and line that told of it."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from hub.domain.receipts import ReceiptLine


def known(conn: Connection, receipt_nos: Collection[str]) -> set[str]:
    """Receipt ids taken in before."""
    found = conn.execute(
        text("select receipt_no from receipt where receipt_no = any(:wanted)"), {"wanted": list(receipt_nos)}
    )
    return set(found.scalars())


def keep(
    conn: Connection, *, file_id: int, agency: str, at: datetime, lines: Iterable[tuple[ReceiptLine, int]]
) -> None:
    """Stores accepted lines, each with the number of its bill."""
    conn.execute(
        text("""
            insert into receipt (receipt_no, bill_id, agency, method, cheque_no, amount, received_on, file_id, line, accepted_at)
            values (:receipt_no, :bill_id, :agency, :method, :cheque_no, :amount, :received_on, :file_id, :line, :at)
        """),
        [
            {
                "receipt_no": line.receipt_no, "bill_id": bill, "agency": agency, "method": line.method,
                "cheque_no": line.cheque_no, "amount": line.amount, "received_on": line.received_on, "file_id": file_id,
                "line": line.line, "at": at,
            }
            for line, bill in lines
        ],
    )  # fmt: skip


def collect(conn: Connection, *, file_id: int, booking_period: str, business_date: object, entry_id: int) -> None:
    """Puts the money of a file's receipts on their bills: all that was outstanding, fund by fund (contract section 2)."""
    conn.execute(
        text("""
            insert into collection (bill_id, source, receipt_id, pension, unemployment, injury, maternity,
                                    booking_period, business_date, entry_id)
            select b.id, 'RECEIPT', r.id,
                   b.pension - coalesce(c.pension, 0), b.unemployment - coalesce(c.unemployment, 0),
                   b.injury - coalesce(c.injury, 0), b.maternity - coalesce(c.maternity, 0),
                   :booking_period, :business_date, :entry_id
            from receipt r join bill b on b.id = r.bill_id
            left join lateral (
                select sum(pension) as pension, sum(unemployment) as unemployment,
                       sum(injury) as injury, sum(maternity) as maternity
                from collection where bill_id = b.id) c on true
            where r.file_id = :file_id
        """),
        {"file_id": file_id, "booking_period": booking_period, "business_date": business_date, "entry_id": entry_id},
    )
