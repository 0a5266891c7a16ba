"""Arrivals (回款): a bank's money on bills, in sets of a bundle; what is beyond a bill's outstanding goes to suspense."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts

_APPLIED = ", ".join(f"least(s.{f}, b.{f} - coalesce(c.{f}, 0)) as {f}" for f in FUND_NAMES)
_BEYOND = ", ".join(f"s.{f} - least(s.{f}, b.{f} - coalesce(c.{f}, 0)) as over_{f}" for f in FUND_NAMES)
_COLLECTED = ", ".join(f"sum({f})::bigint as {f}" for f in FUND_NAMES)
_FUNDS = ", ".join(FUND_NAMES)
_OVER = ", ".join(f"over_{f}" for f in FUND_NAMES)


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


_STAGE = f"""
    create temp table arriving on commit drop as
    select s.line, b.id as bill_id, b.bill_no, b.unit, {_APPLIED}, {_BEYOND}
    from unnest(cast(:lines as int[]), cast(:pension as bigint[]), cast(:unemployment as bigint[]),
                cast(:injury as bigint[]), cast(:maternity as bigint[])) as s (line, {_FUNDS})
    join batch_line bl on bl.batch_id = :batch and bl.line = s.line
    join instruction i on i.id = bl.instruction_id
    join bill b on b.id = i.bill_id
    left join lateral (select {_COLLECTED} from collection where bill_id = b.id) c on true
    where s.pension + s.unemployment + s.injury + s.maternity > 0
"""


class Arriving(NamedTuple):
    """What a bundle comes to per fund: on bills, and beyond."""

    applied: FundAmounts
    suspense: FundAmounts


def stage(conn: Connection, batch_id: int, record: dict[str, Any]) -> Arriving:
    """Works out how much of each line its bill still lacks. The caller holds the lock of the bundle's shard."""
    conn.execute(text("drop table if exists arriving"))
    conn.execute(text(_STAGE), {"batch": batch_id} | {name: record[name] for name in ("lines", *FUND_NAMES)})
    sums = ", ".join(
        f"coalesce(sum({column}), 0)::bigint" for column in (*FUND_NAMES, *(f"over_{f}" for f in FUND_NAMES))
    )
    row = conn.execute(text(f"select {sums} from arriving")).one()
    return Arriving(FundAmounts(*row[:4]), FundAmounts(*row[4:]))


def collect(conn: Connection, batch_id: int, record: dict[str, Any], entry_id: int) -> None:
    """Puts the staged money on its bills and the rest into suspense."""
    values = {
        "batch": batch_id, "period": record["booking_period"], "date": record["business_date"], "entry": entry_id,
    }  # fmt: skip
    conn.execute(
        text(f"""
            insert into collection (bill_id, source, batch_id, line, {_FUNDS}, booking_period, business_date, entry_id)
            select bill_id, 'BANK', :batch, line, {_FUNDS}, :period, :date, :entry from arriving
            where pension + unemployment + injury + maternity > 0
        """),
        values,
    )
    conn.execute(
        text(f"""
            insert into suspense (batch_id, line, bill_id, {_FUNDS}, booking_period, entry_id)
            select :batch, line, bill_id, {_OVER}, :period, :entry from arriving
            where over_pension + over_unemployment + over_injury + over_maternity > 0
        """),
        values,
    )


def beyond(conn: Connection) -> list[tuple[int, str, int]]:
    """(line, bill, fen) of the staged lines with money beyond what was outstanding."""
    found = conn.execute(
        text("""
            select line, bill_no, over_pension + over_unemployment + over_injury + over_maternity as fen from arriving
            where over_pension + over_unemployment + over_injury + over_maternity > 0 order by line
        """)
    )
    return [(row.line, row.bill_no, row.fen) for row in found]


def on_bills(conn: Connection) -> tuple[tuple[Any, ...], ...]:
    """Columns (bill, four funds) of the staged money on bills; empty when there is none."""
    rows = conn.execute(
        text(
            f"select bill_no, {_FUNDS} from arriving where pension + unemployment + injury + maternity > 0 order by line"
        )
    ).all()
    return tuple(zip(*rows, strict=True))


def count_posted(conn: Connection, batch_id: int, lines: int) -> bool:
    """Counts posted lines of a batch; True when this was the last of them."""
    row = conn.execute(
        text("update batch set posted_lines = posted_lines + :lines where id = :id returning posted_lines, lines"),
        {"id": batch_id, "lines": lines},
    ).one()
    assert row.posted_lines <= row.lines, f"batch {batch_id} has more lines posted than it has"
    return bool(row.posted_lines == row.lines)
