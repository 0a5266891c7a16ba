"""The arrears book: what month end opened, and the month's own account of it (财表一)."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES
from hub.ledger import arrivals
from hub.ledger.database import raw

_FUNDS = ", ".join(FUND_NAMES)
_COLLECTED = ", ".join(f"sum({fund})::bigint as {fund}" for fund in FUND_NAMES)
_GOT = "least(b.{0}, coalesce(c.{0}, 0) + coalesce(w.{0}, 0))"

# By business time: money released into this period has arrived in it, money booked in a later one has not, even when
# the close is carried out after its hour.
_STAGE = f"""
    create temp table closing on commit drop as
    select b.id, b.bill_no, b.agency, b.unit, b.shard,
           {", ".join(f"b.{fund} as due_{fund}, {_GOT.format(fund)} as got_{fund}" for fund in FUND_NAMES)},
           {", ".join(f"b.{fund} - {_GOT.format(fund)} as {fund}" for fund in FUND_NAMES)},
           coalesce(d.in_doubt, false) as in_doubt
    from bill b left join (
        select bill_id, {_COLLECTED} from collection
        where booking_period <= :period and bill_id in (select id from bill where period = :period and kind = 'M')
        group by bill_id) c on c.bill_id = b.id
    left join ({arrivals.coming("t.period = :period and t.state = 'POSTING' and t.booking_period <= :period")}) w
        on w.bill_id = b.id
    left join (
        select i.bill_id, bool_or(coalesce(t.booking_period > :period, true)) as in_doubt
        from instruction i left join batch_line bl on bl.instruction_id = i.id left join batch t on t.id = bl.batch_id
        where i.bill_id in (select id from bill where period = :period and kind = 'M')
        group by i.bill_id) d on d.bill_id = b.id
    where b.period = :period and b.kind = 'M'
"""


def _array(prefix: str) -> str:
    return f"array[{', '.join(f'sum({prefix}{fund})::bigint' for fund in FUND_NAMES)}]"


def close(conn: Connection, period: str, at: datetime) -> int:
    """Draws up the month of every agency (财表一) and returns how many. The caller holds the books."""
    conn.execute(text(_STAGE), {"period": period})
    return conn.execute(
        text(f"""
            insert into period_close (period, agency, closed_at, due_count, due, arrived_count, arrived, arrears_count, arrears)
            select :period, agency, :at, count(*), {_array("due_")},
                   count(*) filter (where {" + ".join(FUND_NAMES)} = 0), {_array("got_")},
                   count(*) filter (where {" + ".join(FUND_NAMES)} > 0), {_array("")}
            from closing group by agency
        """),
        {"period": period, "at": at},
    ).rowcount


class UnarrivedBundle(NamedTuple):
    """At most ``size`` bills not paid in full of one agency and shard, as columns."""

    agency: str
    shard: int
    part: int
    columns: Sequence[Sequence[Any]]


UNARRIVED_COLUMNS = ("bills", "units", "in_doubt", *FUND_NAMES)


def unarrived_bundles(conn: Connection, size: int) -> Iterator[UnarrivedBundle]:
    """Streams what ``close`` found not arrived, in the same transaction."""
    with raw(conn).cursor(name="unarrived_bundles") as cursor:
        cursor.itersize = 20_000
        cursor.execute(
            f"select agency, shard, bill_no, unit, in_doubt, {_FUNDS} from closing"
            f' where {" + ".join(FUND_NAMES)} > 0 order by agency, shard, bill_no collate "C"'
        )
        for (agency, shard), rows in groupby(cursor, key=lambda row: row[:2]):
            for part, chunk in enumerate(_in_chunks(rows, size)):
                yield UnarrivedBundle(agency, shard, part, list(zip(*chunk, strict=True))[2:])


def open_arrears(conn: Connection, record: dict[str, Any], opened_on: date, entry_id: int) -> int:
    """Writes the arrears of a bundle and returns how many."""
    names = ("bills", "in_doubt", *FUND_NAMES)
    return conn.execute(
        text(f"""
            insert into arrears (bill_id, agency, unit, period, {_FUNDS}, in_doubt, opened_on, entry_id)
            select b.id, b.agency, b.unit, b.period, {", ".join(f"a.{fund}" for fund in FUND_NAMES)}, a.in_doubt,
                   :opened_on, :entry
            from unnest(cast(:bills as text[]), cast(:in_doubt as boolean[]), cast(:pension as bigint[]),
                        cast(:unemployment as bigint[]), cast(:injury as bigint[]), cast(:maternity as bigint[]))
                 as a (bill_no, in_doubt, {_FUNDS})
            join bill b on b.bill_no = a.bill_no
        """),
        {name: record[name] for name in names} | {"opened_on": opened_on, "entry": entry_id},
    ).rowcount


def _in_chunks(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Lists of at most ``size`` rows, in order."""
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
