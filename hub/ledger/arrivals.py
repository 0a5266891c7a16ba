"""Arrivals (回款): a bank's money on bills, in sets of many bundles; what is beyond a bill's outstanding goes to suspense."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import polars as pl
from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.ledger import frames
from hub.ledger.database import in_order

_COLLECTED = ", ".join(f"sum({f})::bigint as {f}" for f in FUND_NAMES)
_FUNDS = ", ".join(FUND_NAMES)


def coming(where: str) -> str:
    """SQL: per bill, what banks have answered and the posting has not put on it yet.

    ``where`` names the state of batch ``t``. Money that is POSTING is posted by business time; how far the pipeline has
    come with it must decide nothing (rules.md section 12, invariant 5).
    """
    return f"""
        select i.bill_id, {", ".join(f"sum(r.{f})::bigint as {f}" for f in FUND_NAMES)}
        from batch t join result_line r on r.batch_id = t.id
        join batch_line bl on bl.batch_id = r.batch_id and bl.line = r.line join instruction i on i.id = bl.instruction_id
        where {where} and r.deducted > 0
          and not exists (select from collection c where c.batch_id = r.batch_id and c.line = r.line)
          and not exists (select from suspense s where s.batch_id = r.batch_id and s.line = r.line)
        group by i.bill_id
    """


class Bundle(NamedTuple):
    """Lines of one batch and agency with the money of each, as columns. Line n is instruction ``offset + n``."""

    entry_id: int  # of the journal entry that will book it
    batch_id: int
    offset: int
    booking_period: str
    business_date: object
    lines: Sequence[int]
    amounts: Sequence[Sequence[int]]  # four columns, statutory order


class Arrived(NamedTuple):
    """What a bundle comes to per fund: on bills, and beyond."""

    applied: FundAmounts
    suspense: FundAmounts


_LINES: Final = """
    create temp table if not exists arriving (
        entry_id bigint, batch_id bigint, line integer, instruction_id bigint,
        pension bigint, unemployment bigint, injury bigint, maternity bigint, booking_period char(7), business_date date
    ) on commit delete rows
"""
_LINE_COLUMNS: Final = (
    "entry_id", "batch_id", "line", "instruction_id", *FUND_NAMES, "booking_period", "business_date",
)  # fmt: skip
# One pass: what each bill lacks, the money on it, the rest into suspense, and what each bundle comes to.
_APPLY: Final = f"""
    with lacking as (
        select s.*, b.id as bill_id, {", ".join(f"b.{f} - coalesce(c.{f}, 0) as lacking_{f}" for f in FUND_NAMES)}
        from arriving s join instruction i on i.id = s.instruction_id join bill b on b.id = i.bill_id
        left join lateral (select {_COLLECTED} from collection where bill_id = b.id) c on true),
    shared as materialized (
        select entry_id, batch_id, line, bill_id, booking_period, business_date,
               {", ".join(f"least({f}, lacking_{f}) as {f}" for f in FUND_NAMES)},
               {", ".join(f"greatest({f} - lacking_{f}, 0) as over_{f}" for f in FUND_NAMES)}
        from lacking),
    on_bills as (
        insert into collection (bill_id, source, batch_id, line, {_FUNDS}, booking_period, business_date, entry_id)
        select bill_id, 'BANK', batch_id, line, {_FUNDS}, booking_period, business_date, entry_id from shared
        where pension + unemployment + injury + maternity > 0),
    beyond as (
        insert into suspense (batch_id, line, bill_id, {_FUNDS}, booking_period, entry_id)
        select batch_id, line, bill_id, {", ".join(f"over_{f}" for f in FUND_NAMES)}, booking_period, entry_id from shared
        where over_pension + over_unemployment + over_injury + over_maternity > 0)
    select entry_id, count(*) as lines, {", ".join(f"sum({f})::bigint" for f in FUND_NAMES)},
           {", ".join(f"sum(over_{f})::bigint" for f in FUND_NAMES)}
    from shared group by entry_id
"""


def collect(conn: Connection, bundles: Sequence[Bundle]) -> dict[int, Arrived]:
    """Puts the money of bundles on its bills and the rest into suspense; what each comes to, by its entry.

    The bundles are of one round, in which a bill has one instruction, so that no bill takes two lines of them. The
    caller holds the locks of their shards. A bundle without money is left out.
    """
    lines = [_lines_of(bundle) for bundle in bundles]
    conn.execute(text(_LINES))
    staged = frames.write(conn, "arriving", _LINE_COLUMNS, lines)
    with in_order(conn):
        found = conn.execute(text(_APPLY)).all()
    conn.execute(text("delete from arriving"))
    assert sum(row.lines for row in found) == staged, f"{staged} lines with money, and not every one has its bill"
    return {row.entry_id: Arrived(FundAmounts(*row[2:6]), FundAmounts(*row[6:10])) for row in found}


def _lines_of(bundle: Bundle) -> pl.DataFrame:
    columns = {"line": bundle.lines, **dict(zip(FUND_NAMES, bundle.amounts, strict=True))}
    frame = pl.DataFrame(columns, schema_overrides=dict.fromkeys(columns, pl.Int64))
    return frame.filter(pl.sum_horizontal(FUND_NAMES) > 0).with_columns(
        (pl.col("line") + bundle.offset).alias("instruction_id"),
        entry_id=bundle.entry_id,
        batch_id=bundle.batch_id,
        booking_period=pl.lit(bundle.booking_period),
        business_date=pl.lit(bundle.business_date),
    )


def beyond(conn: Connection, entry_id: int) -> list[tuple[int, str, int]]:
    """(line, bill, fen) of an entry's lines with money beyond what was outstanding."""
    found = conn.execute(
        text("""
            select s.line, b.bill_no, s.pension + s.unemployment + s.injury + s.maternity as fen
            from suspense s join bill b on b.id = s.bill_id where s.entry_id = :entry order by s.line
        """),
        {"entry": entry_id},
    )
    return [(row.line, row.bill_no, row.fen) for row in found]


def on_bills(conn: Connection, batch_id: int, lines: Sequence[int]) -> tuple[tuple[Any, ...], ...]:
    """Columns (bill, four funds) of the money that these lines of a batch put on bills; empty when there is none."""
    rows = conn.execute(
        text(f"""
            select b.bill_no, {", ".join(f"c.{f}" for f in FUND_NAMES)} from collection c join bill b on b.id = c.bill_id
            where c.batch_id = :batch and c.line = any(cast(:lines as int[])) order by c.line
        """),
        {"batch": batch_id, "lines": frames.array(lines)},
    ).all()
    return tuple(zip(*rows, strict=True))


def count_posted(conn: Connection, batch_id: int, lines: int) -> bool:
    """Counts posted lines of a batch; True when these were the last of them."""
    row = conn.execute(
        text("update batch set posted_lines = posted_lines + :lines where id = :id returning posted_lines, lines"),
        {"id": batch_id, "lines": lines},
    ).one()
    assert row.posted_lines <= row.lines, f"batch {batch_id} has more lines posted than it has"
    return bool(row.posted_lines == row.lines)
