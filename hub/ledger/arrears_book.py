"""The arrears book: what month end opened, and the month's own account of it (财表一)."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

import polars as pl
from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.ledger import arrivals, frames
from hub.ledger.database import in_order, set_based
from hub.ledger.forms.form import Measure
from hub.ledger.shadow import IN_SHADOW

_FUNDS = ", ".join(FUND_NAMES)
_COLLECTED = ", ".join(f"sum({fund})::bigint as {fund}" for fund in FUND_NAMES)
_MISSING = ", ".join(f"greatest(b.{fund} - ({arrivals.on_bill(fund)}), 0) as {fund}" for fund in FUND_NAMES)
_RELEASED: Final = "t.period = :period and t.state = 'POSTING' and t.booking_period <= :period"

# By business time: money released into this period has arrived in it, money booked in a later one has not, even when
# the close is carried out after its hour. The bills of a period stand close together, whatever years of books there are.
UNARRIVED: Final = f"""
    select * from (
        select b.id, b.bill_no, b.agency, b.unit, b.shard, {_MISSING}
        from bill b
        left join (
            select bill_id, {_COLLECTED} from collection
            where booking_period <= :period and bill_id between :first and :last group by bill_id) c on c.bill_id = b.id
        left join ({arrivals.coming(_RELEASED)}) w on w.bill_id = b.id
        where b.period = :period and b.kind = 'M' and not {IN_SHADOW}) b
    where {" + ".join(FUND_NAMES)} > 0
"""
"""SQL: the monthly bills of a period that lack something, and what they lack per fund; values of ``bounds``."""
IN_DOUBT: Final = """
    select distinct i.bill_id from instruction i
    where i.period = :period and not exists (
        select from batch t join batch_line bl on bl.batch_id = t.id
        where t.period = :period and t.booking_period <= :period and bl.instruction_id = i.id)
"""
"""SQL: the bills that a bank was asked for in a period and has not answered in time."""


def _sums(table: str) -> str:
    return f"array[{', '.join(f'coalesce(sum({table}.{fund}), 0)::bigint' for fund in FUND_NAMES)}]"


_ARRIVED: Final = ", ".join(f"d.due[{n}] - coalesce(m.missing[{n}], 0)" for n in range(1, len(FUND_NAMES) + 1))
_MONTH: Final = f"""
    select agency, d.bills as due_count, d.due, d.bills - coalesce(m.bills, 0) as arrived_count, array[{_ARRIVED}] as arrived,
           coalesce(m.bills, 0) as arrears_count, coalesce(m.missing, array[0, 0, 0, 0]) as arrears
    from (select agency, count(*) as bills, {_sums("b")} as due from bill b
          where period = :period and kind = 'M' and not {IN_SHADOW} group by agency) d
    left join (select agency, count(*) as bills, {_sums("u")} as missing from unarrived u group by agency) m
        using (agency)
"""
_MONTH_COLUMNS: Final = "due_count, due, arrived_count, arrived, arrears_count, arrears"


def bounds(conn: Connection, period: str) -> dict[str, object]:
    """The values that ``UNARRIVED`` and ``IN_DOUBT`` bind: the period, and the first and last of its bills."""
    first, last = conn.execute(
        text("select coalesce(min(id), 0), coalesce(max(id), 0) from bill where period = :period and kind = 'M'"),
        {"period": period},
    ).one()
    return {"period": period, "first": first, "last": last}


def close(conn: Connection, period: str, at: datetime) -> int:
    """Draws up the month of every agency (财表一) and returns how many. The books stand still, or are one snapshot.

    Only what has not arrived is looked at bill by bill; arrived is what is due without it. Bills of a bank in shadow are not
    looked at: another system says what became of them.
    """
    within = bounds(conn, period)
    conn.execute(text(f"create temp table unarrived on commit drop as {UNARRIVED}"), within)
    conn.execute(text("analyze unarrived"))
    return conn.execute(
        text(f"""
            insert into period_close (period, agency, closed_at, {_MONTH_COLUMNS})
            select :period, agency, :at, {_MONTH_COLUMNS} from ({_MONTH}) month
        """),
        {"period": period, "at": at},
    ).rowcount


class ComingClose(NamedTuple):
    """What ``close`` would write for an agency now (财表一), and what of its arrears would be in doubt."""

    agency: str
    due: Measure
    arrived: Measure
    arrears: Measure
    in_doubt: Measure


_PREVIEW: Final = f"""
    with unarrived as materialized ({UNARRIVED})
    select month.*, coalesce(o.bills, 0) as in_doubt_count, coalesce(o.missing, array[0, 0, 0, 0]) as in_doubt
    from ({_MONTH}) month
    left join (
        select agency, count(*) as bills, {_sums("u")} as missing
        from unarrived u join ({IN_DOUBT}) d on d.bill_id = u.id group by agency) o using (agency)
    order by agency
"""


def preview(conn: Connection, period: str) -> list[ComingClose]:
    """What the month would be if it ended now, of every agency, by the words of the close itself. Nothing is written."""
    set_based(conn)
    found = conn.execute(text(_PREVIEW), bounds(conn, period))
    return [
        ComingClose(
            row.agency,
            *(Measure(row[at], *row[at + 1]) for at in range(1, len(row), 2)),
        )
        for row in found
    ]


_LARGEST: Final = f"""
    select u.agency, u.unit, u.bill_no, d.bill_id is not null as in_doubt, {", ".join(f"u.{fund}" for fund in FUND_NAMES)}
    from ({UNARRIVED}) u left join ({IN_DOUBT}) d on d.bill_id = u.id
    order by {" + ".join(f"u.{fund}" for fund in FUND_NAMES)} desc, u.unit limit :most
"""


class Lacking(NamedTuple):
    """A unit's monthly bill and what it lacks; ``in_doubt``: a bank was asked and has not answered."""

    agency: str
    unit: str
    bill_no: str
    in_doubt: bool
    missing: FundAmounts


def largest(conn: Connection, period: str, most: int) -> list[Lacking]:
    """The bills of a period that lack most, the largest first."""
    set_based(conn)
    found = conn.execute(text(_LARGEST), {**bounds(conn, period), "most": most})
    return [
        Lacking(
            row.agency, row.unit, row.bill_no, row.in_doubt, FundAmounts(*(getattr(row, fund) for fund in FUND_NAMES))
        )
        for row in found
    ]


class UnarrivedBundle(NamedTuple):
    """At most ``size`` bills not paid in full of one agency and shard, as columns."""

    agency: str
    shard: int
    part: int
    columns: Sequence[Sequence[Any]]


UNARRIVED_COLUMNS = ("bills", "units", "in_doubt", *FUND_NAMES)
_BUNDLED: Final = f"""
    select u.agency, u.shard, (row_number() over (partition by u.agency, u.shard order by u.bill_no collate "C") - 1) / %s,
           u.bill_no, u.unit, d.bill_id is not null, {", ".join(f"u.{fund}" for fund in FUND_NAMES)}
    from unarrived u left join ({IN_DOUBT.replace(":period", "%s")}) d on d.bill_id = u.id
    order by u.agency, u.shard, u.bill_no collate "C"
"""
_PLACE: Final = ("agency", "shard", "part")
_SCHEMA: Final = {
    "agency": pl.String, "shard": pl.Int16, "part": pl.Int32, "bills": pl.String, "units": pl.String,
    "in_doubt": pl.String, **dict.fromkeys(FUND_NAMES, pl.Int64),
}  # fmt: skip


def unarrived_bundles(conn: Connection, period: str, size: int) -> Iterator[UnarrivedBundle]:
    """What ``close`` found not arrived, in the same transaction; in doubt where a bank was asked and not answered in time.

    Read as a whole, about 100 bytes a bill, so that the connection is free for what becomes of the bundles.
    """
    unarrived = frames.whole(conn, _BUNDLED, _SCHEMA, (size, period, period, period))
    for lines in unarrived.partition_by(_PLACE, maintain_order=True):
        agency, shard, part = lines.row(0)[: len(_PLACE)]
        columns = lines.select("bills", "units", pl.col("in_doubt") == "t", *FUND_NAMES)
        yield UnarrivedBundle(agency, shard, part, [column.to_list() for column in columns])


class Opening(NamedTuple):
    """A bundle of arrears to open, as columns of equal length, under the journal entry that books it."""

    entry_id: int
    opened_on: date
    bills: Sequence[str]
    in_doubt: Sequence[bool]
    amounts: Sequence[Sequence[int]]  # four columns, statutory order


_OPENING: Final = """
    create temp table if not exists opening (
        bill_no text collate "C", in_doubt boolean, pension bigint, unemployment bigint, injury bigint, maternity bigint,
        opened_on date, entry_id bigint
    ) on commit delete rows
"""
_OPENING_COLUMNS: Final = ("bill_no", "in_doubt", *FUND_NAMES, "opened_on", "entry_id")


def open_arrears(conn: Connection, bundles: Sequence[Opening]) -> int:
    """Writes the arrears of bundles as one set and returns how many: as many as lines, when the books know every bill."""
    conn.execute(text(_OPENING))
    frames.write(conn, "opening", _OPENING_COLUMNS, map(_lines_of, bundles))
    with in_order(conn):
        return conn.execute(
            text(f"""
                insert into arrears (bill_id, agency, unit, period, {_FUNDS}, in_doubt, opened_on, entry_id)
                select b.id, b.agency, b.unit, b.period, {", ".join(f"o.{fund}" for fund in FUND_NAMES)}, o.in_doubt,
                       o.opened_on, o.entry_id
                from opening o join bill b on b.bill_no = o.bill_no
            """)
        ).rowcount


def _lines_of(bundle: Opening) -> pl.DataFrame:
    columns = {
        "bill_no": bundle.bills,
        "in_doubt": bundle.in_doubt,
        **dict(zip(FUND_NAMES, bundle.amounts, strict=True)),
    }
    return pl.DataFrame(columns).with_columns(opened_on=pl.lit(bundle.opened_on), entry_id=bundle.entry_id)
