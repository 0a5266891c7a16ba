"""The finance close's account of supplements and repayments (财表三, 财表二; C10, C11): filed = arrived + cancelled + pending."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES
from hub.domain.lifecycle import Cancelled
from hub.domain.timetable import Step

MEASURES: Final = ("filed", "arrived", "cancelled", "pending")


def closed_before(conn: Connection, at: datetime) -> datetime | None:
    """The hour of the finance close before; None: this is the first of the books."""
    query = text("select max(due_at) from step_done where step = :step and due_at < :at")
    found: datetime | None = conn.execute(query, {"step": Step.FINANCE_CLOSE.value, "at": at}).scalar_one()
    return found


_UNPAID: Final = text("""
    select b.id from bill b
    where b.kind <> 'M' and b.mode = 'S' and b.accepted_at < :at
      and (cast(:since as timestamptz) is null or b.accepted_at >= :since)
      and not exists (select from receipt r where r.bill_id = b.id and r.accepted_at < :at)
      and not exists (select from cancellation x where x.bill_id = b.id)
    order by b.id
""")


def unpaid(conn: Connection, at: datetime, since: datetime | None) -> list[int]:
    """Sporadic supplements and repayments filed since the close before and not paid by this one's hour."""
    return list(conn.execute(_UNPAID, {"at": at, "since": since}).scalars())


def _by(moment: str) -> str:
    """SQL: whether bill ``b`` was cancelled by a close. What a close cancels, it cancels in its own hour."""
    return (
        f"coalesce(x.cancelled_at < {moment} or (x.cancelled_at = {moment} and x.reason = '{Cancelled.UNPAID}'), false)"
    )


def _columns(where: str) -> str:
    sums = ", ".join(f"coalesce(sum({fund}) filter (where {where}), 0)::bigint" for fund in FUND_NAMES)
    return f"count(*) filter (where {where}), array[{sums}]"


# A bill is paid whole or not at all, so the moment of its money is one. By business time: a receipt counts from its acceptance
# and a bank's money from its release on, posted or not. What was settled at the close before is in that close's account; what
# was pending there is in this one, too.
_DRAW_UP: Final = f"""
    with filed as (
        select b.kind, b.agency, {", ".join(f"b.{fund}" for fund in FUND_NAMES)},
               least(
                   (select min(r.accepted_at) from receipt r where r.bill_id = b.id),
                   (select min(t.released_at) from collection c join batch t on t.id = c.batch_id where c.bill_id = b.id),
                   w.released_at) as arrived_at,
               {_by(":at")} as cancelled, {_by("cast(:since as timestamptz)")} as cancelled_before
        from bill b
        left join cancellation x on x.bill_id = b.id
        left join (
            select i.bill_id, min(t.released_at) as released_at
            from batch t join batch_section s on s.batch_id = t.id
            join instruction i on i.id >= lower(s.instructions) and i.id < upper(s.instructions) and i.kind <> 'M'
            join result_line r on r.batch_id = t.id and r.line = s.first_line + i.id - lower(s.instructions)
            where t.state = 'POSTING' and r.deducted > 0
              and (select kind from instruction where id = lower(s.instructions)) <> 'M'
              and not exists (select from suspense o where o.batch_id = r.batch_id and o.line = r.line)
            group by i.bill_id) w on w.bill_id = b.id
        where b.kind <> 'M' and b.accepted_at < :at),
    standing as (
        select *, not cancelled and coalesce(arrived_at < :at, false) as arrived from filed
        where not cancelled_before and (cast(:since as timestamptz) is null or coalesce(arrived_at >= :since, true)))
    insert into finance_close (period, kind, agency, closed_at, filed_count, filed, arrived_count, arrived,
                               cancelled_count, cancelled, pending_count, pending)
    select :period, kind, agency, :at, {_columns("true")}, {_columns("arrived")},
           {_columns("cancelled")}, {_columns("not arrived and not cancelled")}
    from standing group by kind, agency
"""


def draw_up(conn: Connection, period: str, at: datetime, since: datetime | None) -> int:
    """Stores what has become of what was filed since the close before and of what was pending there; how many rows."""
    return conn.execute(text(_DRAW_UP), {"period": period, "at": at, "since": since}).rowcount
