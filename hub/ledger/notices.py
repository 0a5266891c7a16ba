"""Arrival notices (表二十七): what of a batch arrived for each agency, added up from the lines and from the books."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

import topics
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.ledger import outbox
from hub.ledger.batches import Batch
from hub.ledger.database import set_based
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


def _added(expression: str) -> str:
    return ", ".join(f"coalesce(sum({expression.format(fund)}), 0)::bigint" for fund in FUND_NAMES)


def _sums(expression: str, name: str) -> str:
    return ", ".join(f"sum({expression.format(fund)}) as {name.format(fund)}" for fund in FUND_NAMES)


# Section by section, so that both halves of a join are ranges; hashed, whatever the statistics of a month just filled say.
_TOTALS: Final = text(f"""
    select q.agency, sum(a.requested)::integer, {_added("a.requested_{0}")},
           sum(a.arrived)::integer, {_added("a.arrived_{0}")},
           sum(a.unarrived)::integer, {_added("a.requested_{0} - a.arrived_{0}")}, {_added("s.suspense_{0}")}
    from batch_section q
    cross join lateral (
        select count(*) as requested, {_sums("i.{0}", "requested_{0}")},
               count(*) filter (where r.deducted = i.total) as arrived, {_sums("r.{0}", "arrived_{0}")},
               count(*) filter (where r.deducted < i.total) as unarrived
        from result_line r join instruction i on i.id = r.line + (lower(q.instructions) - q.first_line)
        where r.batch_id = q.batch_id and r.line >= q.first_line
            and r.line < q.first_line + upper(q.instructions) - lower(q.instructions)
            and i.id >= lower(q.instructions) and i.id < upper(q.instructions)) a
    cross join lateral (
        select {_sums("s.{0}", "suspense_{0}")} from suspense s
        where s.batch_id = q.batch_id and s.line >= q.first_line
            and s.line < q.first_line + upper(q.instructions) - lower(q.instructions)) s
    where q.batch_id = :id group by q.agency order by q.agency
""")


def totals(conn: Connection, batch: Batch) -> list[NoticeTotals]:
    """What the notices of a batch say, agency by agency (财表八 against the books, C9-3). Sets ``set_based``."""
    set_based(conn)
    return [
        NoticeTotals(
            row[0], row[1], FundAmounts(*row[2:6]), row[6], FundAmounts(*row[7:11]), row[11],
            FundAmounts(*row[12:16]), FundAmounts(*row[16:20]),
        )
        for row in conn.execute(_TOTALS, {"id": batch.id})
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
            select {_added("c.{0}")} from batch_section q
            join collection c on c.batch_id = q.batch_id and c.line >= q.first_line
                and c.line < q.first_line + upper(q.instructions) - lower(q.instructions)
            where q.batch_id = :batch and q.agency = :agency
        """),
        {"batch": batch_id, "agency": agency},
    ).one()
    return FundAmounts(*row)


def into_arrears(conn: Connection, batch: Batch, agency: str) -> FundAmounts:
    """What of that settles arrears: all for repayments (C11), and for monthly bills when it came after their month's close."""
    assert batch.booking_period is not None, "a batch that is posted was released into a period"
    kinds = ["A", "M"] if batch.booking_period > batch.period else ["A"]
    row = conn.execute(
        text(f"""
            select {_added("c.{0}")} from batch_section q
            join collection c on c.batch_id = q.batch_id and c.line >= q.first_line
                and c.line < q.first_line + upper(q.instructions) - lower(q.instructions)
            where q.batch_id = :batch and q.agency = :agency
                and (select kind from instruction where id = lower(q.instructions)) = any(cast(:kinds as bpchar[]))
        """),
        {"batch": batch.id, "agency": agency, "kinds": kinds},
    ).one()
    return FundAmounts(*row)


def issue(conn: Connection, batch: Batch, at: datetime) -> None:
    """Step 9: one notice (表二十七) an agency of a batch that is posted whole, supplementary when the answer was late."""
    assert batch.booking_period is not None, "a batch that is posted was released into a period"
    for found in totals(conn, batch):
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
                "into_arrears": into_arrears(conn, batch, found.agency),
            },
        )  # fmt: skip
        keep(conn, batch, found, notified.event_id)
        outbox.append(conn, [notified])
