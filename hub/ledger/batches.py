"""City batches: the lines of a session by bank file, and the life of each file from batch to posted."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

import polars as pl
from sqlalchemy import Connection, text

from hub.domain.bank_results import RequestedLine
from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.lifecycle import BatchState, DeliveryOutcome, move
from hub.domain.parties import BankTerms
from hub.domain.reconciliation import HASH_TOTAL_MODULUS
from hub.ledger import frames, requests
from hub.ledger.database import in_order
from hub.ledger.requests import Upload
from hub.ports import BatchHeader

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
    outcome: DeliveryOutcome
    request_sha256: str | None
    signature: str | None
    signed_by: str | None
    trouble: str
    result_file_id: int | None
    booking_period: str | None
    posting_date: date | None
    released_at: datetime | None
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
    return Batch(**{**values, "state": BatchState(values["state"]), "outcome": DeliveryOutcome(values["outcome"])})


def by_number(conn: Connection, batch_no: str, *, lock: bool = False) -> Batch | None:
    """The batch of this number, locked to the end of the transaction when asked."""
    row = conn.execute(
        text(f"select {_COLUMNS} from batch where batch_no = :batch_no{' for update' if lock else ''}"),
        {"batch_no": batch_no},
    ).one_or_none()
    return None if row is None else _made(row)


def by_file(conn: Connection, name: str) -> Batch | None:
    """The batch whose request has this name."""
    row = conn.execute(text(f"select {_COLUMNS} from batch where file_name = :name"), {"name": name}).one_or_none()
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


@dataclass(frozen=True, slots=True)
class _Section:
    """Lines of an upload in one file of its bank: instructions ``first`` up to before ``end``, from ``first_line`` on."""

    upload: Upload
    file: int  # of the bank in this session, from 0
    first_line: int
    first: int
    end: int

    @property
    def is_whole(self) -> bool:
        return (self.first, self.end) == (self.upload.first, self.upload.end)


class _Totals(NamedTuple):
    """Control totals of lines, with the hash total of their accounts."""

    lines: int
    amounts: FundAmounts
    hash_total: int


def form(
    conn: Connection,
    period: str,
    round_: int,
    day: date,
    banks: Sequence[BankTerms],
    held: Collection[tuple[str, str]],
    name_of: NameOf,
) -> list[Batch]:
    """Numbers the session's instructions into files, at most ``max_lines`` each, and returns the batches (表二十六, 财表七).

    ``held`` are (agency, bank) whose control totals do not match: they stay out, and stop nobody else. All others have
    every line at the city, as ``requests.differences`` has just told.
    """
    terms_of = {terms.code: terms for terms in banks}
    uploads = [each for each in requests.uploads(conn, period, round_) if (each.agency, each.bank) not in held]
    uploads.sort(key=lambda upload: (upload.bank, upload.agency))  # an agency's of a bank are in order already
    sections = [
        section
        for bank, of_bank in groupby(uploads, key=lambda upload: upload.bank)
        if bank in terms_of
        for section in _numbered(of_bank, terms_of[bank].max_lines)
    ]
    files = [list(group) for _, group in groupby(sections, key=lambda section: (section.upload.bank, section.file))]
    made: list[Batch] = []
    for of_file, totals in zip(files, _totals(conn, period, round_, files), strict=True):
        terms = terms_of[of_file[0].upload.bank]
        seq = _last_seq(conn, terms.code, day) + 1
        batch = _insert(conn, totals, period, round_, day, seq, terms, name_of)
        _keep_sections(conn, batch, of_file)
        made.append(batch)
    return made


def _numbered(uploads: Iterable[Upload], max_lines: int) -> Iterator[_Section]:
    """Puts a bank's uploads one behind the other into files; an upload goes on in the next file where one is full."""
    file, line = 0, 1
    for upload in uploads:
        first = upload.first
        while first < upload.end:
            if line > max_lines:
                file, line = file + 1, 1
            end = min(upload.end, first + max_lines - line + 1)
            yield _Section(upload, file, line, first, end)
            line += end - first
            first = end


def _last_seq(conn: Connection, bank: str, day: date) -> int:
    query = text("select coalesce(max(seq), 0) from batch where bank = :bank and business_date = :day")
    return int(conn.execute(query, {"bank": bank, "day": day}).scalar_one())


def _totals(conn: Connection, period: str, round_: int, files: Sequence[Sequence[_Section]]) -> list[_Totals]:
    """Control totals of each file's lines, from the books (财表七), in the order of the files."""
    of_uploads = _hash_totals_of_uploads(conn, period, round_)
    of_parts = _totals_of_parts(conn, [section for file in files for section in file if not section.is_whole])
    return [
        _added(
            _Totals(section.upload.lines, section.upload.amounts, of_uploads[section.first])
            if section.is_whole
            else of_parts[section.first]
            for section in file
        )
        for file in files
    ]


def _added(totals: Iterable[_Totals]) -> _Totals:
    lines, amounts, hash_total = 0, NOTHING, 0
    for each in totals:
        lines, amounts = lines + each.lines, amounts.plus(each.amounts)
        hash_total = (hash_total + each.hash_total) % HASH_TOTAL_MODULUS
    return _Totals(lines, amounts, hash_total)


_HASH_TOTAL: Final = f"(sum(right(b.account, 10)::bigint) % {HASH_TOTAL_MODULUS})::bigint"


def _hash_totals_of_uploads(conn: Connection, period: str, round_: int) -> dict[int, int]:
    """The hash total of each upload by the id of its first instruction; one pass over all, on every core."""
    found = conn.execute(
        text(f"""
            select min(i.id), {_HASH_TOTAL} from instruction i join bill b on b.id = i.bill_id
            where i.period = :period and i.round = :round group by i.bank, i.agency, i.kind, i.shard
        """),
        {"period": period, "round": round_},
    )
    return {row[0]: row[1] for row in found}


def _totals_of_parts(conn: Connection, parts: Sequence[_Section]) -> dict[int, _Totals]:
    """Control totals of parts of uploads, where a file was full, by the ids of their first instructions."""
    found = conn.execute(
        text(f"""
            select s.first, count(*), {_SUMS.format("i.")}, {_HASH_TOTAL} as hash_total
            from unnest(cast(:firsts as bigint[]), cast(:ends as bigint[])) as s (first, "end")
            join instruction i on i.id >= s.first and i.id < s."end" join bill b on b.id = i.bill_id
            group by s.first
        """),
        {"firsts": [part.first for part in parts], "ends": [part.end for part in parts]},
    )
    return {row[0]: _Totals(row[1], FundAmounts(*row[2:6]), row[6]) for row in found} if parts else {}


def _keep_sections(conn: Connection, batch: Batch, sections: Sequence[_Section]) -> None:
    conn.execute(
        text("""
            insert into batch_section (batch_id, first_line, agency, shard, instructions)
            values (:batch, :first_line, :agency, :shard, int8range(:first, :end))
        """),
        [
            {
                "batch": batch.id, "first_line": section.first_line, "agency": section.upload.agency,
                "shard": section.upload.shard, "first": section.first, "end": section.end,
            }
            for section in sections
        ],
    )  # fmt: skip


def _insert(
    conn: Connection, totals: _Totals, period: str, round_: int, day: date, seq: int, terms: BankTerms, name_of: NameOf
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
            "batch_no": f"{terms.code}-{day:%Y%m%d}-{seq:04d}", "bank": terms.code, "period": period,
            "round": round_, "day": day, "seq": seq, "file_name": name_of(terms, day, seq),
            "lines": totals.lines, **totals.amounts._asdict(),
            "total": totals.amounts.total, "hash_total": totals.hash_total,
            "partial": terms.allow_partial, "state": BatchState.BATCHED.value,
        },
    ).one()  # fmt: skip
    return _made(row)


class Section(NamedTuple):
    """An agency's lines of a kind and shard in a file, ``first_line`` to ``last_line``; line n is instruction ``offset + n``."""

    agency: str
    shard: int
    first_line: int
    last_line: int
    offset: int
    kind: str


def sections(conn: Connection, batch_id: int) -> list[Section]:
    """A file's sections in the order of its lines."""
    found = conn.execute(
        text("""
            select agency, shard, first_line, first_line + upper(instructions) - lower(instructions) - 1,
                   lower(instructions) - first_line,
                   (select kind from instruction where id = lower(instructions))
            from batch_section where batch_id = :id order by first_line
        """),
        {"id": batch_id},
    )
    return [Section(*row) for row in found]


def agency_totals(conn: Connection, batch: Batch) -> list[tuple[str, int, int]]:
    """(agency, lines, fen) of a batch: what 表二十六 adds up."""
    found = conn.execute(
        text("""
            select s.agency, count(*), sum(i.total)::bigint from batch_section s
            join instruction i on i.id >= lower(s.instructions) and i.id < upper(s.instructions)
            where s.batch_id = :id group by s.agency order by s.agency
        """),
        {"id": batch.id},
    )
    return [(row[0], int(row[1]), int(row[2])) for row in found]


_LINES: Final = f"""
    select i.id - %s, i.instruction_no, b.unit, {{}} {", ".join(f"i.{fund}" for fund in FUND_NAMES)},
           case when i.kind = 'M' and %s then 'true' else 'false' end
    from instruction i join bill b on b.id = i.bill_id
    where i.id >= %s and i.id < %s order by i.id
"""
LINE_COLUMNS: Final[frames.Schema] = (
    {"line": pl.Int32}
    | dict.fromkeys(("instruction_no", "unit", "account", "account_name"), pl.String)
    | dict.fromkeys(FUND_NAMES, pl.Int64)
    | {"partial": pl.Boolean}
)


def request_lines(conn: Connection, batch: Batch) -> Iterator[pl.DataFrame]:
    """The lines of a bank file in order, by columns and in parts of some megabytes (``hub.ports.BankFormat``)."""
    for section in sections(conn, batch.id):
        first, end = section.offset + section.first_line, section.offset + section.last_line + 1
        with in_order(conn):
            yield from frames.read(
                conn,
                _LINES.format("b.account, b.account_name,"),
                LINE_COLUMNS,
                (section.offset, batch.partial, first, end),
            )


_ASKED_COLUMNS: Final = {name: kind for name, kind in LINE_COLUMNS.items() if name not in ("account", "account_name")}


def asked(conn: Connection, batch: Batch) -> Iterator[pl.DataFrame]:
    """What a file asked, line by line, as far as an answer repeats it; by columns and in parts of some megabytes."""
    with in_order(conn):
        for _, _, first, last, offset, _ in sections(conn, batch.id):
            values = (offset, batch.partial, offset + first, offset + last + 1)
            yield from frames.read(conn, _LINES.format(""), _ASKED_COLUMNS, values)


def requested_lines(conn: Connection, batch: Batch) -> Iterator[RequestedLine]:
    """What was asked, line by line, to word the faults of an answer."""
    for part in request_lines(conn, batch):
        for line, number, unit, _, _, *amounts, partial in part.iter_rows():
            yield RequestedLine(line, InstructionNo(number), UnitNo(unit), FundAmounts(*amounts), partial)
