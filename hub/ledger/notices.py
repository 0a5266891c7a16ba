"""Arrival notices (表二十七): what of a batch arrived for each agency, added up from the lines and from the books."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

import topics
from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.ledger import outbox
from hub.ledger.batches import Batch
from hub.wire.events import Event


@dataclass(frozen=True, slots=True)
class NoticeTotals:
    """One agency's totals of a posted batch. ``arrived`` is what the bank sent, ``suspense`` the part beyond the bills."""

    agency: str
    requested_count: int
    requested: FundAmounts
    arrived_count: int
    arrived: FundAmounts
    unarrived_count: int
    unarrived: FundAmounts
    suspense: FundAmounts


def _sum(expression: str) -> str:
    return ", ".join(f"coalesce(sum({expression.format(fund)}), 0)::bigint" for fund in FUND_NAMES)


def totals(conn: Connection, batch: Batch) -> list[NoticeTotals]:
    """What the notices of a batch say, agency by agency (财表八 against the books, C9-3)."""
    found = conn.execute(
        text(f"""
            select i.agency, count(*), {_sum("i.{0}")},
                   count(*) filter (where r.deducted = i.total), {_sum("r.{0}")},
                   count(*) filter (where r.deducted < i.total), {_sum("i.{0} - r.{0}")}, {_sum("s.{0}")}
            from batch_section q
            join instruction i on i.id >= lower(q.instructions) and i.id < upper(q.instructions)
            join result_line r on r.batch_id = :id and r.line = q.first_line + (i.id - lower(q.instructions))
            left join suspense s on s.batch_id = :id and s.line = r.line
            where q.batch_id = :id group by i.agency order by i.agency
        """),
        {"id": batch.id},
    )
    return [
        NoticeTotals(
            row[0], row[1], FundAmounts(*row[2:6]), row[6], FundAmounts(*row[7:11]), row[11],
            FundAmounts(*row[12:16]), FundAmounts(*row[16:20]),
        )
        for row in found
    ]  # fmt: skip


def keep(conn: Connection, batch: Batch, notice: NoticeTotals, event_id: UUID) -> None:
    """Stores a notice as it goes out."""
    conn.execute(
        text("""
            insert into notice (batch_id, agency, supplementary, requested_count, requested, arrived_count, arrived,
                                unarrived_count, unarrived, suspense, event_id)
            values (:batch, :agency, :late, :requested_count, :requested, :arrived_count, :arrived,
                    :unarrived_count, :unarrived, :suspense, :event_id)
        """),
        {
            "batch": batch.id, "agency": notice.agency, "late": batch.late, "event_id": event_id,
            "requested_count": notice.requested_count, "requested": list(notice.requested),
            "arrived_count": notice.arrived_count, "arrived": list(notice.arrived),
            "unarrived_count": notice.unarrived_count, "unarrived": list(notice.unarrived),
            "suspense": list(notice.suspense),
        },
    )  # fmt: skip


def collected_of(conn: Connection, batch_id: int, agency: str) -> FundAmounts:
    """What the books hold on an agency's bills from a batch: the figure that the agency checks its notice against."""
    row = conn.execute(
        text(f"""
            select {_sum("c.{0}")} from batch_section q
            join collection c on c.batch_id = q.batch_id and c.line >= q.first_line
                and c.line < q.first_line + upper(q.instructions) - lower(q.instructions)
            where q.batch_id = :batch and q.agency = :agency
        """),
        {"batch": batch_id, "agency": agency},
    ).one()
    return FundAmounts(*row)


def issue(conn: Connection, batch: Batch, at: datetime) -> None:
    """Step 9: one notice (表二十七) an agency of a batch that is posted whole, supplementary when the answer was late."""
    assert batch.booking_period is not None, "a batch that is posted was released into a period"
    for found in totals(conn, batch):
        applied = collected_of(conn, batch.id, found.agency)
        notified = Event(
            topic=topics.ARRIVAL_NOTIFIED,
            key=found.agency,
            subject=f"{batch.batch_no}/{found.agency}",
            occurred_at=at,
            lines=found.requested_count,
            record={
                "period": batch.period, "round": batch.round, "agency": found.agency, "bank": batch.bank,
                "batch_no": batch.batch_no, "file_name": batch.file_name, "booking_period": batch.booking_period,
                "business_date": batch.posting_date, "supplementary": batch.late,
                "requested_count": found.requested_count, "requested": found.requested,
                "arrived_count": found.arrived_count, "arrived": found.arrived,
                "unarrived_count": found.unarrived_count, "unarrived": found.unarrived,
                "suspense": found.suspense,
                "into_arrears": applied if batch.booking_period > batch.period else NOTHING,
            },
        )  # fmt: skip
        keep(conn, batch, found, notified.event_id)
        outbox.append(conn, [notified])
