"""Arrivals (回款): a bank's money on bills, in sets of many bundles; what is beyond a bill's outstanding goes to suspense."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.ledger import frames
from hub.ledger.database import raw

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


def on_bill(fund: str) -> str:
    """SQL: fen of a fund on bill ``b``: what is collected (``c``) and, of what is coming (``w``), what it still lacks."""
    collected = f"coalesce(c.{fund}, 0)"
    return f"{collected} + least(coalesce(w.{fund}, 0), greatest(b.{fund} - {collected}, 0))"


_COMING_TO: Final = coming("i.bill_id = any(:bills) and t.state = 'POSTING'")


def are_coming(conn: Connection, bill_ids: Collection[int]) -> bool:
    """Whether a bank's released money for any of these bills is not on them yet.

    What is coming finds its bill as it was when it was released: a receipt counts on that, and whoever takes money back
    waits until it is posted, so that how far the pipeline has come decides nothing.
    """
    return bool(conn.execute(text(f"select exists ({_COMING_TO})"), {"bills": list(bill_ids)}).scalar_one())


class Bundle(NamedTuple):
    """Consecutive lines of one batch, with their consecutive instructions and the money of each, as columns."""

    entry_id: int  # of the journal entry that will book it
    batch_id: int
    first_line: int
    first_instruction: int
    kind: str
    period: str  # the session's
    booking_period: str
    business_date: date
    amounts: Sequence[Sequence[int]]  # four columns, statutory order


class Arrived(NamedTuple):
    """What a bundle comes to per fund: on bills, and beyond."""

    applied: FundAmounts
    suspense: FundAmounts


_BUNDLE: Final = "(%s::bigint, %s::bigint, %s::integer, %s::bigint, %s::bigint, %s::char(7), %s::date"
_BUNDLE_ROW: Final = f"{_BUNDLE}{', %s::bigint[]' * len(FUND_NAMES)})"
# One pass: what each bill lacks, the money on it, the rest into suspense, and what each bundle comes to. A bill without
# money lacks what was asked for it, and more than that no bank can send, so such a bill need not be looked up.
# "offset 0" keeps the planner, which has no statistics of a month just filled, to look-ups by index.
_APPLY: Final = f"""
    with bundle (entry_id, batch_id, first_line, first, "end", booking_period, business_date, {_FUNDS}) as materialized (
        values {{}}),
    line as materialized (
        select u.entry_id, u.batch_id, (u.first_line + (i.id - u.first))::integer as line, i.bill_id,
               u.booking_period, u.business_date,
               {", ".join(f"i.{f} as asked_{f}, u.{f}[i.id - u.first + 1] as {f}" for f in FUND_NAMES)}
        from bundle u cross join lateral (
            select * from instruction where id >= u.first and id < u."end" offset 0) i),
    money as ({{}}),
    lacking as (
        select m.bill_id, {", ".join(f"greatest(b.{f} - m.{f}, 0) as lacking_{f}" for f in FUND_NAMES)}
        from money m cross join lateral (select * from bill where id = m.bill_id offset 0) b),
    shared as materialized (
        select l.entry_id, l.batch_id, l.line, l.bill_id, l.booking_period, l.business_date,
               {", ".join(f"least(l.{f}, coalesce(b.lacking_{f}, l.asked_{f})) as {f}" for f in FUND_NAMES)},
               {", ".join(f"greatest(l.{f} - coalesce(b.lacking_{f}, l.asked_{f}), 0) as over_{f}" for f in FUND_NAMES)}
        from line l left join lacking b on b.bill_id = l.bill_id),
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
_MONEY: Final = f"""
        select l.bill_id, {", ".join(f"sum(c.{f})::bigint as {f}" for f in FUND_NAMES)}
        from line l cross join lateral (select * from collection where bill_id = l.bill_id offset 0) c group by l.bill_id"""
_MONEY_AND_SPOKEN_FOR: Final = f"""
        select bill_id, {", ".join(f"sum({f})::bigint as {f}" for f in FUND_NAMES)}
        from ({_MONEY} union all
              select * from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])) m group by bill_id"""


def collect(
    conn: Connection, bundles: Sequence[Bundle], spoken_for: Mapping[int, FundAmounts] | None = None
) -> dict[int, Arrived]:
    """Puts the money of bundles on its bills and the rest into suspense; what each comes to, by its entry.

    The bundles are of one round, in which a bill has one instruction, so that no bill takes two lines of them. The
    caller holds the locks of their shards. ``spoken_for``: what bills cannot take beside the money on them, by bill; of
    most months nothing is (``hub.ledger.repayments``).
    """
    if not bundles:
        return {}
    values: list[object] = []
    for bundle in bundles:
        end = bundle.first_instruction + len(bundle.amounts[0])
        values += (bundle.entry_id, bundle.batch_id, bundle.first_line, bundle.first_instruction, end)
        values += (bundle.booking_period, bundle.business_date, *map(frames.array, bundle.amounts))
    money = _MONEY
    if spoken_for:
        money = _MONEY_AND_SPOKEN_FOR
        values += (frames.array(column) for column in (list(spoken_for), *zip(*spoken_for.values(), strict=True)))
    with raw(conn).cursor() as cursor:
        cursor.execute(_APPLY.format(", ".join([_BUNDLE_ROW] * len(bundles)), money), values)
        found = cursor.fetchall()
    lines = sum(len(bundle.amounts[0]) for bundle in bundles)
    assert sum(row[1] for row in found) == lines, f"of {lines} lines not every one has its instruction"
    return {row[0]: Arrived(FundAmounts(*row[2:6]), FundAmounts(*row[6:10])) for row in found}


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


def on_bills(conn: Connection, batch_id: int, first_line: int, end: int) -> tuple[tuple[Any, ...], ...]:
    """Columns (bill, four funds) of the money that lines of a batch put on bills; empty when there is none."""
    rows = conn.execute(
        text(f"""
            select b.bill_no, {", ".join(f"c.{f}" for f in FUND_NAMES)} from collection c join bill b on b.id = c.bill_id
            where c.batch_id = :batch and c.line >= :first and c.line < :end order by c.line
        """),
        {"batch": batch_id, "first": first_line, "end": end},
    ).all()
    return tuple(zip(*rows, strict=True))


def bills_of(conn: Connection, table: Literal["collection", "suspense"], bundle: Bundle) -> set[int]:
    """The bills on which a bundle put money, or beyond which."""
    found = conn.execute(
        text(f"select bill_id from {table} where batch_id = :batch and line >= :first and line < :end"),
        {"batch": bundle.batch_id, "first": bundle.first_line, "end": bundle.first_line + len(bundle.amounts[0])},
    )
    return set(found.scalars())


def count_posted(conn: Connection, batch_id: int, lines: int) -> bool:
    """Counts posted lines of a batch; True when these were the last of them."""
    row = conn.execute(
        text("update batch set posted_lines = posted_lines + :lines where id = :id returning posted_lines, lines"),
        {"id": batch_id, "lines": lines},
    ).one()
    assert row.posted_lines <= row.lines, f"batch {batch_id} has more lines posted than it has"
    return bool(row.posted_lines == row.lines)
