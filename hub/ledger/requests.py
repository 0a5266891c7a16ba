"""Deduction requests: instructions made when an upload closes, and what the city received of them."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES
from hub.ledger import arrivals
from hub.ledger.database import raw

_OUTSTANDING = ", ".join(
    f"greatest(b.{fund} - coalesce(c.{fund}, 0) - coalesce(w.{fund}, 0), 0) as {fund}" for fund in FUND_NAMES
)
_SUMS = ", ".join(f"sum({fund})::bigint as {fund}" for fund in FUND_NAMES)

# Joined set by set, each drawn up once: a question asked bill by bill would be asked a million times.
_OPEN = f"""
    with billed as (
        select * from bill where period = :period and kind = 'M' and mode = 'B' and accepted_at < :closes_at),
    collected as (
        select bill_id, {_SUMS} from collection where bill_id in (select id from billed) group by bill_id),
    coming as ({arrivals.coming("t.period = :period and t.state in ('ANSWERED', 'POSTING')")}),
    asked as (
        select i.bill_id, bool_or(r.line is null) as unanswered
        from instruction i
        left join batch_line bl on bl.instruction_id = i.id
        left join result_line r on r.batch_id = bl.batch_id and r.line = bl.line
        where i.bill_id in (select id from billed) group by i.bill_id),
    chosen as (
        select bill_id, bool_or(mode = 'B') as again, bool_or(mode = 'S') as ended
        from second_collection where period = :period and accepted_at < :closes_at group by bill_id),
    open as (
        select b.id, b.bill_no, b.kind, b.agency, b.bank, b.shard, {_OUTSTANDING}
        from billed b
        left join collected c on c.bill_id = b.id
        left join coming w on w.bill_id = b.id
        left join asked a on a.bill_id = b.id
        left join chosen s on s.bill_id = b.id
        where s.ended is not true and (a.bill_id is null or (:round = 2 and s.again and not a.unanswered)))
    insert into instruction (instruction_no, bill_id, period, round, kind, agency, bank, shard,
                             pension, unemployment, injury, maternity, total)
    select bill_no || '-' || :round, id, :period, :round, kind, agency, bank, shard,
           pension, unemployment, injury, maternity, pension + unemployment + injury + maternity
    from open
    where pension + unemployment + injury + maternity > 0
    order by agency, bank, shard, id
"""
_BUNDLES = """
    select agency, bank, shard, instruction_no, pension, unemployment, injury, maternity
    from instruction where period = %s and round = %s order by agency, bank, shard, instruction_no collate "C"
"""


def open_instructions(conn: Connection, period: str, round_: int, closes_at: datetime) -> int:
    """Makes the instructions of a session, for exactly what is outstanding (rules.md section 3), and returns how many.

    What a bank has answered is not asked a second time, whether or not it is posted yet.

    First round: monthly bills for bank deduction. Second: those named again and answered, and bills that missed the first.
    """
    return conn.execute(text(_OPEN), {"period": period, "round": round_, "closes_at": closes_at}).rowcount


class RequestBundle(NamedTuple):
    """At most ``size`` instructions of one agency, bank and shard, as columns."""

    agency: str
    bank: str
    shard: int
    part: int
    instructions: Sequence[str]
    amounts: Sequence[Sequence[int]]  # four columns, statutory order


def bundles(conn: Connection, period: str, round_: int, size: int) -> Iterator[RequestBundle]:
    """Streams a session's instructions through a server-side cursor."""
    with raw(conn).cursor(name="session_instructions") as cursor:
        cursor.itersize = 20_000
        cursor.execute(_BUNDLES, (period, round_))
        for (agency, bank, shard), rows in groupby(cursor, key=lambda row: row[:3]):
            for part, chunk in enumerate(in_chunks(rows, size)):
                columns = list(zip(*chunk, strict=True))
                yield RequestBundle(agency, bank, shard, part, columns[3], columns[4:8])


def in_chunks(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """Lists of at most ``size`` rows, in order."""
    chunk: list[Any] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


class DeclaredTotal(NamedTuple):
    """One row of 财表六: the control total of an agency's requests at a bank."""

    agency: str
    bank: str
    kind: str
    lines: int
    pension: int
    unemployment: int
    injury: int
    maternity: int


def declared_totals(conn: Connection, period: str, round_: int) -> list[DeclaredTotal]:
    """财表六 of every agency, from the instructions themselves."""
    found = conn.execute(
        text(f"""
            select agency, bank, kind, count(*) as lines, {_SUMS} from instruction
            where period = :period and round = :round group by agency, bank, kind order by agency, bank, kind
        """),
        {"period": period, "round": round_},
    )
    return [DeclaredTotal(*row[:3], *(int(value) for value in row[3:])) for row in found]


def receive_lines(conn: Connection, record: dict[str, Any], event_id: object) -> int:
    """Stores what a bundle carried as the city's lines; returns how many of its instructions are known."""
    return conn.execute(
        text("""
            insert into city_line (instruction_id, pension, unemployment, injury, maternity, event_id)
            select i.id, r.pension, r.unemployment, r.injury, r.maternity, :event_id
            from unnest(cast(:instructions as text[]), cast(:pension as bigint[]), cast(:unemployment as bigint[]),
                        cast(:injury as bigint[]), cast(:maternity as bigint[]))
                 as r (instruction_no, pension, unemployment, injury, maternity)
            join instruction i on i.instruction_no = r.instruction_no
            where i.period = :period and i.round = :round and i.agency = :agency and i.bank = :bank
        """),
        {key: record[key] for key in ("instructions", *FUND_NAMES, "period", "round", "agency", "bank")}
        | {"event_id": event_id},
    ).rowcount


def receive_declaration(conn: Connection, record: dict[str, Any], event_id: object) -> None:
    """Stores an agency's 财表六 as the city received it."""
    conn.execute(
        text("""
            insert into declaration (period, round, agency, bank, kind, lines, pension, unemployment, injury, maternity, event_id)
            select :period, :round, :agency, d.*, :event_id
            from unnest(cast(:banks as text[]), cast(:kinds as text[]), cast(:lines as int[]), cast(:pension as bigint[]),
                        cast(:unemployment as bigint[]), cast(:injury as bigint[]), cast(:maternity as bigint[])) as d
        """),
        {key: record[key] for key in ("period", "round", "agency", "banks", "kinds", "lines", *FUND_NAMES)}
        | {"event_id": event_id},
    )


class Difference(NamedTuple):
    """An upload whose lines at the city are not what its agency declared."""

    agency: str
    bank: str
    kind: str
    declared: str
    received: str


def differences(conn: Connection, period: str, round_: int) -> list[Difference]:
    """Compares 财表六 as declared with the lines as received, per agency, bank and kind (C9-2)."""
    columns = ", ".join(f"coalesce({{0}}.{fund}, 0)" for fund in ("lines", *FUND_NAMES))
    of_declared, of_received = columns.format("d"), columns.format("r")
    found = conn.execute(
        text(f"""
            with received as (
                select i.agency, i.bank, i.kind, count(l.instruction_id) as lines,
                       {", ".join(f"sum(l.{fund})::bigint as {fund}" for fund in FUND_NAMES)}
                from instruction i left join city_line l on l.instruction_id = i.id
                where i.period = :period and i.round = :round group by 1, 2, 3),
            declared as (select * from declaration where period = :period and round = :round)
            select coalesce(d.agency, r.agency), coalesce(d.bank, r.bank), coalesce(d.kind, r.kind),
                   concat_ws(' ', {of_declared}), concat_ws(' ', {of_received})
            from declared d full join received r on d.agency = r.agency and d.bank = r.bank and d.kind = r.kind
            where ({of_declared}) is distinct from ({of_received}) order by 1, 2, 3
        """),
        {"period": period, "round": round_},
    )
    return [Difference(*row) for row in found]
