"""Arrears settled (欠缴到账): what is told when money of a later month comes for them, by the bill itself or by a repayment."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

import topics
from hub.domain.funds import FUND_NAMES
from hub.ledger import arrivals, outbox
from hub.wire.events import Event


def tell_of_bills(
    conn: Connection, source: UUID, bundle: arrivals.Bundle, batch_no: str, agency: str, at: datetime
) -> None:
    """A bank's money came for monthly bills after their month's close: one event a bundle (``source``: what brought it)."""
    columns = arrivals.on_bills(conn, bundle.batch_id, bundle.first_line, bundle.first_line + len(bundle.amounts[0]))
    if not columns:
        return
    settled = Event(
        topic=topics.ARREARS_SETTLED,
        key=agency,
        subject=str(source),
        occurred_at=at,
        lines=len(columns[0]),
        record={
            "agency": agency, "period": bundle.period, "booking_period": bundle.booking_period, "batch_no": batch_no,
            **dict(zip(("bills", *FUND_NAMES), columns, strict=True)), "repayment": "",
        },
    )  # fmt: skip
    outbox.append(conn, [settled])


def tell_of_repayments(
    conn: Connection, bill_ids: Collection[int], *, booking_period: str, batch_no: str, at: datetime
) -> None:
    """Repayments have arrived in full: one event each. ``batch_no`` is '' for money paid at the counter."""
    found = conn.execute(
        text(f"""
            select r.bill_no as repayment, r.agency, r.refers_to, b.bill_no, {", ".join(f"r.{fund}" for fund in FUND_NAMES)}
            from bill r join bill b on b.unit = r.unit and b.period = r.refers_to and b.kind = 'M' and b.agency = r.agency
            where r.id = any(:bills) and r.kind = 'A' order by r.id
        """),
        {"bills": list(bill_ids)},
    ).all()
    outbox.append(
        conn,
        [
            Event(
                topic=topics.ARREARS_SETTLED,
                key=row.agency,
                subject=f"repayment/{row.repayment}",
                occurred_at=at,
                record={
                    "agency": row.agency, "period": row.refers_to, "booking_period": booking_period, "batch_no": batch_no,
                    "bills": [row.bill_no], **{fund: [getattr(row, fund)] for fund in FUND_NAMES},
                    "repayment": row.repayment,
                },
            )
            for row in found
        ],
    )  # fmt: skip
