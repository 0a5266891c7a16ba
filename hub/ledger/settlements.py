"""Arrears settled and opened again (欠缴到账): what is told when money of a later month comes for them, or is taken back.

Money comes by the bill itself or by a repayment, and goes by a return (退票) or a changed answer (更正). With what month end opens,
these events add up to what is outstanding.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, Row, text

import topics
from hub.domain.funds import FUND_NAMES, FundAmounts
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


class Moved(NamedTuple):
    """Money taken back from a bill, and put in its place: of a monthly bill after its month's close, or of a repayment.

    ``cause`` names the return or the changed answer, once; ``batch_no`` is '' for money of the counter.
    """

    cause: str
    bill_id: int
    taken: FundAmounts
    put: FundAmounts
    batch_no: str


def tell_of_reversals(conn: Connection, moved: Sequence[Moved], *, booking_period: str, at: datetime) -> None:
    """What was taken back stands open as arrears, what came in its place settles them: an event of each for each."""
    arrears = _arrears_of(conn, moved)
    told = [(each, arrears[each.bill_id]) for each in moved]
    opened = [_opened(each, row, at) for each, row in told if each.taken.total]
    settled = [_settled(each, row, booking_period, at) for each, row in told if each.put.total]
    outbox.append(conn, [*opened, *settled])


def _opened(moved: Moved, arrears: Row[Any], at: datetime) -> Event:
    return Event(
        topic=topics.ARREARS_OPENED,
        key=f"{arrears.agency}/{arrears.shard}",
        subject=moved.cause,
        occurred_at=at,
        record={
            "period": arrears.period, "agency": arrears.agency, "shard": arrears.shard, "part": 0, "opened_on": at.date(),
            "bills": [arrears.bill_no], "units": [arrears.unit], "in_doubt": [False],
            **{fund: [fen] for fund, fen in moved.taken._asdict().items()}, "cause": moved.cause,
        },
    )  # fmt: skip


def _settled(moved: Moved, arrears: Row[Any], booking_period: str, at: datetime) -> Event:
    return Event(
        topic=topics.ARREARS_SETTLED,
        key=arrears.agency,
        subject=moved.cause,
        occurred_at=at,
        record={
            "agency": arrears.agency, "period": arrears.period, "booking_period": booking_period,
            "batch_no": moved.batch_no, "bills": [arrears.bill_no],
            **{fund: [fen] for fund, fen in moved.put._asdict().items()}, "repayment": "",
        },
    )  # fmt: skip


def _arrears_of(conn: Connection, moved: Sequence[Moved]) -> dict[int, Row[Any]]:
    """By bill the monthly bill whose arrears its money is about: a monthly one itself, of a repayment the one it repays."""
    if not moved:
        return {}
    found = conn.execute(
        text("""
            select x.id, b.bill_no, b.agency, b.unit, b.shard, b.period from bill x
            join bill b on b.unit = x.unit and b.period = case x.kind when 'A' then x.refers_to else x.period end
                and b.kind = 'M' and b.agency = x.agency
            where x.id = any(:bills) and x.kind in ('M', 'A')
        """),
        {"bills": sorted({each.bill_id for each in moved})},
    )
    return {row.id: row for row in found}
