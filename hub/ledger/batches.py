"""City batches: the lines of a session by bank file, and the life of each file from batch to posted."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from hub.domain.bank_results import RequestedLine
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.lifecycle import BatchState, move
from hub.domain.parties import BankTerms
from hub.ledger.database import raw
from hub.ports import BatchHeader, RequestLine

_SUMS = ", ".join(f"sum({{0}}{fund})::bigint as {fund}" for fund in FUND_NAMES)


@dataclass(frozen=True, slots=True)
class Batch:
    """One bank file: its control totals (财表七) and where it is."""

    id: int
    batch_no: str
    bank: str
    period: str
    round: int
    business_date: date
    seq: int
    file_name: str
    lines: int
    pension: int
    unemployment: int
    injury: int
    maternity: int
    total: int
    hash_total: int
    partial: bool
    state: BatchState
    request_sha256: str | None
    trouble: str
    result_file_id: int | None
    booking_period: str | None
    posting_date: date | None
    posted_lines: int
    late: bool

    @property
    def amounts(self) -> FundAmounts:
        return FundAmounts(*(self.pension, self.unemployment, self.injury, self.maternity))  # type: ignore[arg-type]

    @property
    def header(self) -> BatchHeader:
        return BatchHeader(self.bank, self.batch_no, self.period, self.round, self.business_date)


_COLUMNS = ", ".join(Batch.__dataclass_fields__)


def _made(row: Any) -> Batch:
    values = row._asdict()
    return Batch(**{**values, "state": BatchState(values["state"])})


def by_number(conn: Connection, batch_no: str, *, lock: bool = False) -> Batch | None:
    """The batch of this number, locked to the end of the transaction when asked."""
    row = conn.execute(
        text(f"select {_COLUMNS} from batch where batch_no = :batch_no{' for update' if lock else ''}"),
        {"batch_no": batch_no},
    ).one_or_none()
    return None if row is None else _made(row)


def in_state(conn: Connection, state: BatchState, bank: str | None = None) -> list[Batch]:
    """Batches in a state, oldest first; of one bank when named."""
    found = conn.execute(
        text(f"select {_COLUMNS} from batch where state = :state and (:bank = '' or bank = :bank) order by id"),
        {"state": state.value, "bank": bank or ""},
    )
    return [_made(row) for row in found]


def of_session(conn: Connection, period: str, round_: int, bank: str) -> list[Batch]:
    """The batches of a bank in a session, in file order, locked to the end of the transaction.

    So an answer that is being taken in at this moment is either seen here, or sees what this transaction has done.
    """
    found = conn.execute(
        text(
            f"select {_COLUMNS} from batch where period = :period and round = :round and bank = :bank"
            " order by business_date, seq for update"
        ),
        {"period": period, "round": round_, "bank": bank},
    )
    return [_made(row) for row in found]


def advance(conn: Connection, batch: Batch, to: BatchState, **columns: object) -> None:
    """Moves a batch along its table of allowed moves, with the columns that come with the move."""
    move(batch.state, to)
    sets = "".join(f", {name} = :{name}" for name in columns)
    done = conn.execute(
        text(f"update batch set state = :to{sets} where id = :id and state = :was"),
        {"to": to.value, "id": batch.id, "was": batch.state.value, **columns},
    )
    assert done.rowcount == 1, f"{batch.batch_no} left {batch.state.value} meanwhile"


def note(conn: Connection, batch: Batch, **columns: object) -> None:
    """Notes trouble, or a try, beside the state."""
    sets = ", ".join(f"{name} = :{name}" for name in columns)
    conn.execute(text(f"update batch set {sets} where id = :id"), {"id": batch.id, **columns})


NameOf = Callable[[BankTerms, date, int], str]
"""The name of a bank's file of a day and sequence number; the bank's profile knows it."""


def form(
    conn: Connection,
    period: str,
    round_: int,
    day: date,
    banks: Sequence[BankTerms],
    held: Collection[tuple[str, str]],
    name_of: NameOf,
) -> list[Batch]:
    """Numbers the session's city lines into files, at most ``max_lines`` each, and returns the batches (表二十六, 财表七).

    ``held`` are (agency, bank) whose control totals do not match: they stay out, and stop nobody else.
    """
    conn.execute(
        text("""
            create temp table numbered_line on commit drop as
            select i.id as instruction_id, i.bank, (n - 1) / t.max_lines as file, ((n - 1) % t.max_lines + 1)::int as line,
                   i.pension, i.unemployment, i.injury, i.maternity, right(b.account, 10)::bigint as digits
            from (
                select i.*, row_number() over (partition by i.bank order by i.agency, i.instruction_no collate "C") as n
                from instruction i join city_line l on l.instruction_id = i.id
                where i.period = :period and i.round = :round and (i.agency || '/' || i.bank) <> all(:held)
                  and not exists (select from batch_line bl where bl.instruction_id = i.id)) i
            join bill b on b.id = i.bill_id
            join unnest(cast(:codes as text[]), cast(:max_lines as int[])) as t (code, max_lines) on t.code = i.bank
        """),
        {
            "period": period, "round": round_, "held": [f"{agency}/{bank}" for agency, bank in held],
            "codes": [terms.code for terms in banks], "max_lines": [terms.max_lines for terms in banks],
        },
    )  # fmt: skip
    totals = conn.execute(
        text(f"""
            select bank, file, count(*) as lines, {_SUMS.format("")}, (sum(digits) % 1000000000000)::bigint as hash_total,
                   file + 1 + (select coalesce(max(seq), 0) from batch o where o.bank = n.bank and o.business_date = :day)
                     as seq
            from numbered_line n group by bank, file order by bank, file
        """),
        {"day": day},
    ).all()
    terms_of = {terms.code: terms for terms in banks}
    made = [_insert(conn, row, period, round_, day, terms_of[row.bank], name_of) for row in totals]
    conn.execute(
        text("""
            insert into batch_line (batch_id, line, instruction_id)
            select b.id, n.line, n.instruction_id from numbered_line n
            join unnest(cast(:ids as bigint[]), cast(:banks as text[]), cast(:files as bigint[])) as b (id, bank, file)
              on b.bank = n.bank and b.file = n.file
            order by 1, 2
        """),
        {
            "ids": [batch.id for batch in made],
            "banks": [row.bank for row in totals],
            "files": [row.file for row in totals],
        },
    )
    conn.execute(text("drop table numbered_line"))
    return made


def _insert(
    conn: Connection, totals: Any, period: str, round_: int, day: date, terms: BankTerms, name_of: NameOf
) -> Batch:
    row = conn.execute(
        text(f"""
            insert into batch (batch_no, bank, period, round, business_date, seq, file_name, lines,
                               pension, unemployment, injury, maternity, total, hash_total, partial, state)
            values (:batch_no, :bank, :period, :round, :day, :seq, :file_name, :lines,
                    :pension, :unemployment, :injury, :maternity, :total, :hash_total, :partial, :state)
            returning {_COLUMNS}
        """),
        {
            "batch_no": f"{terms.code}-{day:%Y%m%d}-{totals.seq:04d}", "bank": terms.code, "period": period,
            "round": round_, "day": day, "seq": totals.seq, "file_name": name_of(terms, day, totals.seq),
            "lines": totals.lines, **{fund: getattr(totals, fund) for fund in FUND_NAMES},
            "total": sum(getattr(totals, fund) for fund in FUND_NAMES), "hash_total": totals.hash_total,
            "partial": terms.allow_partial, "state": BatchState.BATCHED.value,
        },
    ).one()  # fmt: skip
    return _made(row)


def agency_totals(conn: Connection, batch: Batch) -> list[tuple[str, int, int]]:
    """(agency, lines, fen) of a batch: what 表二十六 adds up."""
    found = conn.execute(
        text("""
            select i.agency, count(*), sum(i.total)::bigint from batch_line bl join instruction i on i.id = bl.instruction_id
            where bl.batch_id = :id group by i.agency order by i.agency
        """),
        {"id": batch.id},
    )
    return [(row[0], int(row[1]), int(row[2])) for row in found]


_LINES = """
    select bl.line, i.instruction_no, b.unit, b.account, b.account_name, i.pension, i.unemployment, i.injury, i.maternity,
           i.kind = 'M'
    from batch_line bl join instruction i on i.id = bl.instruction_id join bill b on b.id = i.bill_id
    where bl.batch_id = %s order by bl.line
"""


def request_lines(conn: Connection, batch: Batch) -> Iterator[RequestLine]:
    """Streams the lines of a bank file in order, through a server-side cursor."""
    with raw(conn).cursor(name="request_lines") as cursor:
        cursor.itersize = 10_000
        cursor.execute(_LINES, (batch.id,))
        for row in cursor:
            line, number, unit, account, name = row[:5]
            yield RequestLine(line, number, unit, account, name, FundAmounts(*row[5:9]), batch.partial and row[9])


def requested_lines(conn: Connection, batch: Batch) -> Iterator[RequestedLine]:
    """Streams what was asked, for comparison with the answer."""
    for line in request_lines(conn, batch):
        yield RequestedLine(
            line.line, InstructionNo(line.instruction_no), UnitNo(line.unit), line.amounts, line.partial
        )
