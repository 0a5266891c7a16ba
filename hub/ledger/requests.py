"""Deduction requests: instructions made when an upload closes, and what the city received of them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import polars as pl
from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.reconciliation import NO_LINES, ControlTotals
from hub.domain.timetable import Step
from hub.ledger import arrivals, clock, frames
from hub.ledger.database import NUMBERS_LOCK, in_order, set_based

_OUTSTANDING = ", ".join(f"greatest(b.{fund} - ({arrivals.on_bill(fund)}), 0) as {fund}" for fund in FUND_NAMES)
_FUNDS = ", ".join(FUND_NAMES)
_SUMS = ", ".join(f"sum({fund})::bigint as {fund}" for fund in FUND_NAMES)

# Joined set by set, each drawn up once: a question asked bill by bill would be asked a million times. Business times
# decide what counts, so that a session comes out the same whenever, and after however many tries, it is drawn up: dues,
# choices, receipts and returns by the hour of the upload, answers by the moment in which the session was begun, for by then every
# bank was visited.
# Instructions are numbered by bank, agency, kind, shard, the agency's files and their lines, as they stand in the bank files.
# So a bundle, an upload and a file's share of it are ranges of ids. The order follows from the facts and not from that of
# their coming, and one number holds it all, which sorts fast: 6, 10, 2, 6, 14 and 24 bits.
_OPEN = f"""
    with billed as not materialized (
        select id, bill_no, kind, agency, bank, shard, file_id, line, {_FUNDS} from bill
        where period = :period and kind = 'M' and mode = 'B' and accepted_at < :closes_at and agency = any(:agencies)),
    banks as (
        select code, row_number() over (order by code collate "C") as n from unnest(cast(:banks as text[])) as code),
    files as (
        select id, dense_rank() over (order by party collate "C") as agency,
               row_number() over (partition by party order by identity collate "C") as n
        from file_intake
        where outcome = 'accepted' and split_part(identity, '/', 1) = 'DUES' and split_part(identity, '/', 3) = :period),
    collected as (
        select c.bill_id, {", ".join(f"sum(c.{fund})::bigint as {fund}" for fund in FUND_NAMES)}
        from collection c join billed b on b.id = c.bill_id
        where (c.receipt_id is null or c.receipt_id in (select id from receipt where accepted_at < :closes_at))
          and (c.reversal_id is null or c.reversal_id in (select id from reversal where accepted_at < :closes_at))
        group by c.bill_id),
    coming as ({arrivals.coming("t.period = :period and t.state in ('ANSWERED', 'POSTING') and i.agency = any(:agencies)")}),
    answered as (
        select i.bill_id, i.round from batch t join file_intake f on f.id = t.result_file_id and f.received_at <= :begun_at
        join batch_section s on s.batch_id = t.id and s.agency = any(:agencies)
        cross join lateral (
            select bill_id, round from instruction
            where id >= lower(s.instructions) and id < upper(s.instructions) offset 0) i
        where t.period = :period),
    asked as (
        select i.bill_id, bool_or(a.bill_id is null) as unanswered
        from instruction i left join answered a on a.bill_id = i.bill_id and a.round = i.round
        where i.period = :period and i.kind = 'M' and i.agency = any(:agencies) group by i.bill_id),
    chosen as (
        select bill_id, bool_or(mode = 'B') as again, bool_or(mode = 'S') as ended
        from second_collection where period = :period and accepted_at < :closes_at group by bill_id),
    open as (
        select b.id, b.bill_no, b.kind, b.agency, b.bank, b.shard, {_OUTSTANDING},
               (k.n << 56) + (f.agency << 46) + (strpos('MSA', b.kind)::bigint << 44) + (b.shard::bigint << 38) + (f.n << 24)
                   + b.line as place
        from billed b
        join banks k on k.code = b.bank
        join files f on f.id = b.file_id
        left join collected c on c.bill_id = b.id
        left join coming w on w.bill_id = b.id
        left join asked a on a.bill_id = b.id
        left join chosen h on h.bill_id = b.id
        where h.ended is not true and (a.bill_id is null or (:round = 2 and h.again and not a.unanswered)))
    insert into instruction (id, instruction_no, bill_id, period, round, kind, agency, bank, shard,
                             pension, unemployment, injury, maternity, total)
    overriding system value
    select :first + row_number() over (order by place) - 1, bill_no || '-' || :round, id, :period, :round, kind, agency, bank,
           shard, pension, unemployment, injury, maternity, pension + unemployment + injury + maternity
    from open
    where pension + unemployment + injury + maternity > 0
    order by place
"""

# Supplements and repayments (C10, C11) go with the first session whose upload closes after they came, whatever their
# header's period: so their hour says which. They are asked for once and whole, and numbered behind the monthly bills.
_OPEN_OTHERS = f"""
    insert into instruction (id, instruction_no, bill_id, period, round, kind, agency, bank, shard, {_FUNDS}, total)
    overriding system value
    select :first + row_number() over place - 1, bill_no || '-' || :round, b.id, :period, :round, kind, agency, bank, shard,
           {_FUNDS}, b.total
    from bill b join file_intake f on f.id = b.file_id
    where b.kind <> 'M' and b.mode = 'B' and b.accepted_at >= :since and b.accepted_at < :closes_at
      and b.agency = any(:agencies) and b.bank = any(:banks)
      and not exists (select from receipt r where r.bill_id = b.id and r.accepted_at < :closes_at)
      and not exists (select from cancellation x where x.bill_id = b.id)
    window place as (
        order by b.bank collate "C", b.agency, strpos('MSA', b.kind), b.shard, f.identity collate "C", b.line)
    order by 1
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """An agency's instructions of one kind and shard for one bank in a session: ids from ``first`` up to before ``end``."""

    bank: str
    agency: str
    kind: str
    shard: int
    first: int
    end: int
    amounts: FundAmounts

    @property
    def lines(self) -> int:
        return self.end - self.first


class Asking(NamedTuple):
    """Agencies that ask together, and the ids that are theirs: from ``first`` up to before ``end``, some of them unused."""

    agencies: tuple[str, ...]
    first: int
    end: int


def asking(conn: Connection, period: str, round_: int, closes_at: datetime, lines: int, groups: int) -> list[Asking]:
    """The agencies with dues for a session that have not asked in it yet, in so many groups at most.

    A group has ``lines`` dues or a little more. The largest agencies come first, so that side by side they end together.
    Their ids are reserved.
    """
    found = conn.execute(
        text("""
            select agency, sum(lines)::integer as lines from (
                select party as agency, lines from file_intake
                where outcome = 'accepted' and split_part(identity, '/', 1) = 'DUES'
                  and split_part(identity, '/', 3) = :period and split_part(identity, '/', 4) = 'M'
                union all
                select agency, 1 from bill
                where kind <> 'M' and mode = 'B' and accepted_at >= :since and accepted_at < :closes_at) dues
            where agency not in (select agency from instruction where period = :period and round = :round group by agency)
            group by agency order by lines desc, agency
        """),
        {"period": period, "round": round_, "since": _last_upload(conn, closes_at), "closes_at": closes_at},
    ).all()
    least = max(lines, -(-sum(row.lines for row in found) // groups))
    conn.execute(text("select pg_advisory_xact_lock(:key)"), {"key": NUMBERS_LOCK})
    made: list[Asking] = []
    agencies: list[str] = []
    dues = 0
    for place, row in enumerate(found, start=1):
        agencies, dues = [*agencies, row.agency], dues + row.lines
        if dues >= least or place == len(found):
            last = conn.execute(_RESERVE, {"lines": dues}).scalar_one()
            made.append(Asking(tuple(agencies), last - dues + 1, last + 1))
            agencies, dues = [], 0
    return made


def _last_upload(conn: Connection, before: datetime) -> datetime:
    """When the upload before this one closed: what came since then goes with this one."""
    query = text("select max(due_at) from step_begun where step = :step and due_at < :before")
    found: datetime | None = conn.execute(query, {"step": Step.UPLOAD_CLOSE.value, "before": before}).scalar_one()
    return clock.started_at(conn) if found is None else found


def asking_aside(conn: Connection, period: str, bank: str) -> Asking | None:
    """All agencies with bills of one bank, with ids that nobody else uses; None when there is no bill. For a rehearsal."""
    found = conn.execute(
        text(
            "select agency, count(*) as lines from ("
            "select agency from bill where period = :period and kind = 'M' and bank = :bank union all "
            "select agency from bill where kind <> 'M' and bank = :bank) b group by 1 order by 1"
        ),
        {"period": period, "bank": bank},
    ).all()
    if not found:
        return None
    lines = sum(row.lines for row in found)
    conn.execute(text("select pg_advisory_xact_lock(:key)"), {"key": NUMBERS_LOCK})
    last = conn.execute(_RESERVE, {"lines": lines}).scalar_one()
    return Asking(tuple(row.agency for row in found), last - lines + 1, last + 1)


_RESERVE: Final = text("""
    select setval(sequence, nextval(sequence) + :lines - 1)
    from (select pg_get_serial_sequence('instruction', 'id')::regclass as sequence)
""")


def open_instructions(
    conn: Connection,
    period: str,
    round_: int,
    closes_at: datetime,
    begun_at: datetime,
    banks: Collection[str],
    asking: Asking,
) -> list[Upload]:
    """Makes the instructions of agencies in a session, for exactly what is outstanding (rules.md section 3).

    What a bank has answered is not asked a second time, whether or not it is posted yet. ``banks``: every bank that a
    bill may name. Returns what each agency asks of each bank. That a bill is asked once a round, its unique key says.

    First round: monthly bills for bank deduction. Second: those named again and answered, and bills that missed the first.
    Either: supplements and repayments that came since the upload before.
    """
    values = {
        "period": period, "round": round_, "closes_at": closes_at, "begun_at": begun_at, "banks": list(banks),
        "agencies": list(asking.agencies), "first": asking.first,
    }  # fmt: skip
    made = conn.execute(text(_OPEN), values).rowcount
    others = {"first": asking.first + made, "since": _last_upload(conn, closes_at)}
    with in_order(conn):
        made += conn.execute(text(_OPEN_OTHERS), values | others).rowcount
    set_based(conn)
    assert made <= asking.end - asking.first, f"{made} instructions of {asking}"
    return _uploads(conn, "id >= :first and id < :end", first=asking.first, end=asking.end)


def uploads(conn: Connection, period: str, round_: int) -> list[Upload]:
    """What each agency asks of each bank in a session, in the order of the ids."""
    return _uploads(conn, "period = :period and round = :round", period=period, round=round_)


def _uploads(conn: Connection, where: str, **values: object) -> list[Upload]:
    """The ids of an upload are consecutive, because one statement numbers them in this order."""
    found = conn.execute(
        text(f"""
            select bank, agency, kind, shard, min(id) as first, max(id) + 1 as "end", count(*) as lines, {_SUMS}
            from instruction where {where} group by bank, agency, kind, shard order by first
        """),
        values,
    ).all()
    made = [
        Upload(row.bank, row.agency, row.kind, row.shard, row.first, row.end, FundAmounts(*row[7:])) for row in found
    ]
    for upload, row in zip(made, found, strict=True):
        assert upload.lines == row.lines, f"the instructions of {upload} are not consecutive: {row.lines} lines"
    return made


class RequestBundle(NamedTuple):
    """At most ``size`` instructions of one upload, from number ``first`` on, as columns; ``part`` counts them from 0."""

    upload: Upload
    part: int
    first: int
    amounts: Sequence[list[int]]  # four columns, statutory order


_AMOUNTS: Final[frames.Schema] = dict.fromkeys(FUND_NAMES, pl.Int64)


def bundles(conn: Connection, uploads: Iterable[Upload], size: int) -> Iterator[RequestBundle]:
    """A session's instructions in bundles, read upload by upload."""
    for upload in uploads:
        query = f"select {_FUNDS} from instruction where id >= %s and id < %s order by id"
        asked = frames.whole(conn, query, _AMOUNTS, (upload.first, upload.end))
        for part, chunk in enumerate(asked.iter_slices(size)):
            yield RequestBundle(
                upload, part, upload.first + part * size, [chunk[name].to_list() for name in FUND_NAMES]
            )


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


def declared_totals(uploads: Iterable[Upload]) -> list[DeclaredTotal]:
    """财表六 of every agency, from what its instructions add up to."""
    totals: dict[tuple[str, str, str], ControlTotals] = {}
    for upload in uploads:
        key = (upload.agency, upload.bank, upload.kind)
        totals[key] = totals.get(key, NO_LINES).plus(ControlTotals(upload.lines, upload.amounts))
    return [DeclaredTotal(*key, total.count, *total.amounts) for key, total in sorted(totals.items())]


_RECEIVE: Final = text(f"""
    insert into city_bundle (event_id, period, round, agency, bank, kind, instructions, {_FUNDS})
    values (:event_id, :period, :round, :agency, :bank, :kind, int8range(:first, :end),
            {", ".join(f"cast(:{fund} as bigint[])" for fund in FUND_NAMES)})
""")


def receive_bundles(conn: Connection, received: Sequence[tuple[object, dict[str, Any]]]) -> None:
    """Stores what bundles carried as the city's lines, each as (event id, record)."""
    rows = [
        {"event_id": event_id}
        | {name: record[name] for name in ("period", "round", "agency", "bank", "kind")}
        | {"first": record["first"], "end": record["first"] + len(record[FUND_NAMES[0]])}
        | {name: frames.array(record[name]) for name in FUND_NAMES}
        for event_id, record in received
    ]
    conn.execute(_RECEIVE, rows)


def declared_banks(conn: Connection, period: str, round_: int) -> set[str]:
    """The banks of which lines are requested in a session, as 财表六 declares them."""
    found = conn.execute(
        text("select distinct bank from declaration where period = :period and round = :round and lines > 0"),
        {"period": period, "round": round_},
    )
    return set(found.scalars())


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
    """Compares 财表六 as declared with the lines as received, per agency, bank and kind (C9-2).

    No line can have come twice: the ranges of the bundles do not touch. One that its agency never made for that bank, kind
    and session is not counted as received.
    """
    columns = ", ".join(f"coalesce({{0}}.{fund}, 0)" for fund in ("lines", *FUND_NAMES))
    of_declared, of_received = columns.format("d"), columns.format("r")
    found = conn.execute(
        text(f"""
            with received as (
                select b.agency, b.bank, b.kind, sum(i.made)::bigint as lines,
                       {", ".join(f"sum(l.{fund})::bigint as {fund}" for fund in FUND_NAMES)}
                from city_bundle b
                cross join lateral (
                    select {_SUMS} from unnest({", ".join(f"b.{fund}" for fund in FUND_NAMES)}) as l ({_FUNDS})) l
                cross join lateral (
                    select count(*) as made from instruction i
                    where i.id >= lower(b.instructions) and i.id < upper(b.instructions) and i.period = b.period
                        and i.round = b.round and i.agency = b.agency and i.bank = b.bank and i.kind = b.kind) i
                where b.period = :period and b.round = :round group by b.agency, b.bank, b.kind),
            declared as (select * from declaration where period = :period and round = :round)
            select coalesce(d.agency, r.agency), coalesce(d.bank, r.bank), coalesce(d.kind, r.kind),
                   concat_ws(' ', {of_declared}), concat_ws(' ', {of_received})
            from declared d full join received r on d.agency = r.agency and d.bank = r.bank and d.kind = r.kind
            where ({of_declared}) is distinct from ({of_received}) order by 1, 2, 3
        """),
        {"period": period, "round": round_},
    )
    return [Difference(*row) for row in found]
