"""Sporadic receipts (零星缴费): money that units paid their agency, kept with the file and line that told of it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts
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


def collect(
    conn: Connection,
    *,
    paid: Mapping[str, FundAmounts],
    booking_period: str,
    business_date: object,
    entry_id: int,
) -> None:
    """Puts the money of receipts on their bills: ``paid`` by receipt id, all that was outstanding (contract section 2)."""
    conn.execute(
        text("""
            insert into collection (bill_id, source, receipt_id, pension, unemployment, injury, maternity,
                                    booking_period, business_date, entry_id)
            select r.bill_id, 'RECEIPT', r.id, p.pension, p.unemployment, p.injury, p.maternity,
                   :booking_period, :business_date, :entry_id
            from unnest(cast(:numbers as text[]), cast(:pension as bigint[]), cast(:unemployment as bigint[]),
                        cast(:injury as bigint[]), cast(:maternity as bigint[]))
                 as p (receipt_no, pension, unemployment, injury, maternity)
            join receipt r on r.receipt_no = p.receipt_no
        """),
        {
            "numbers": list(paid), "booking_period": booking_period, "business_date": business_date,
            "entry_id": entry_id,
            **{fund: [getattr(amounts, fund) for amounts in paid.values()] for fund in FUND_NAMES},
        },
    )  # fmt: skip
