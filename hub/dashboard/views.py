"""What the desk knows: one consistent reading of the books, by queries that stay small when the bills are a million.

Sums come from what is already added up: declarations (财表六), batches (财表七), notices (表二十七), closes (财表一).
The bills themselves are only counted again when another agency file was accepted. Amounts are fen. No name of a unit
and no account is read.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, text

from hub.dashboard.timeline import Node, nodes
from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.money import Fen
from hub.domain.periods import Period
from hub.domain.timetable import TZ, Step
from hub.ledger import clock, files, steps
from hub.ledger.files import LastFile

ROUNDS: Final = (1, 2)
WORK_SHOWN: Final = 30
FEED_SHOWN: Final = 14
SUMMARY_LENGTH: Final = 300
PATIENCE_MS: Final = 8_000
"""A query that takes longer is given up, rather than held against the books."""

_FUND_SUMS: Final = ", ".join(f"coalesce(sum({name}), 0)::bigint as {name}" for name in FUND_NAMES)
_LONG_NUMBER: Final = re.compile(r"(?<![A-Za-z0-9_-])[0-9]{9,28}([0-9]{4})(?![A-Za-z0-9_-])", re.ASCII)
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class Sum:
    """A number of bills or lines and their amounts."""

    count: int = 0
    amounts: FundAmounts = NOTHING

    @property
    def total(self) -> int:
        return self.amounts.total

    def plus(self, other: "Sum") -> "Sum":
        return Sum(self.count + other.count, self.amounts.plus(other.amounts))

    def minus(self, other: "Sum") -> "Sum":
        return Sum(self.count - other.count, self.amounts.minus(other.amounts))


def add_up(sums: Iterable[Sum]) -> Sum:
    found = Sum()
    for each in sums:
        found = found.plus(each)
    return found


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A bank file and how far it is. Times are business time."""

    bank: str
    round: int
    file_name: str
    lines: int
    total: int
    state: str
    trouble: str
    posted_lines: int
    late: bool
    sent_at: datetime | None
    answered_at: datetime | None
    answer_name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a notice (表二十七) says of one agency in one batch."""

    agency: str
    bank: str
    round: int
    requested: Sum
    arrived: Sum
    unarrived: Sum
    suspense: FundAmounts


@dataclass(frozen=True, slots=True)
class Session:
    """One bank in one round: requested = arrived + unarrived + unanswered."""

    bank: str
    round: int
    requested: Sum
    arrived: Sum
    unarrived: Sum
    batches: tuple[BatchRow, ...]

    @property
    def unanswered(self) -> Sum:
        return self.requested.minus(self.arrived).minus(self.unarrived)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an agency, or the whole city, stands: open = due − collected − received.

    ``due`` are the period's bills, ``collected`` came by the banks without what is in suspense, ``received`` are
    sporadic receipts on the period's bills, ``arrears`` is what month end turned into arrears (财表一).
    """

    due: Sum
    requested: tuple[Sum, Sum]
    collected: FundAmounts
    received: Sum
    suspense: FundAmounts
    arrears: Sum

    @property
    def came_in(self) -> FundAmounts:
        return self.collected.plus(self.received.amounts)

    @property
    def open(self) -> FundAmounts:
        return self.due.amounts.minus(self.came_in)


@dataclass(frozen=True, slots=True)
class WorkItem:
    """What waits for a person. ``summary`` is as it may be shown: no account number, nothing unseen."""

    id: int
    queue: str
    agency: str
    bank: str
    file: str
    line: int | None
    summary: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of the feed; ``kind`` is step, sent, taken or work."""

    key: str
    kind: str
    at: datetime
    what: str
    round: int
    party: str
    file: str
    lines: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """Everything the page shows of the books, read in one snapshot."""

    now: datetime
    manual_clock: bool
    period: Period
    periods: tuple[Period, ...]
    closed: bool
    timeline: tuple[Node, ...]
    city: Standing
    agencies: Mapping[str, Standing]
    sessions: tuple[Session, ...]
    sent: Mapping[str, LastFile]
    taken: Mapping[str, LastFile]
    work: tuple[WorkItem, ...]
    queues: tuple[tuple[str, int], ...]
    feed: tuple[Happening, ...]
    in_flight: int
    unpublished: int
    parked: int


def presentable(summary: str) -> str:
    """A summary as it may be shown: of a number as long as an account only the last digits, no control characters."""
    short = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", summary)[:SUMMARY_LENGTH]
    return _LONG_NUMBER.sub(r"····\1", short)


@dataclass(slots=True)
class Books:
    """Reads the books for the desk, as ``hub_read``. Safe to use from several threads."""

    engine: Engine
    agencies: Sequence[str]
    banks: Sequence[str]
    _bills: "dict[Period, tuple[tuple[int, int], dict[str, Sum], dict[str, Sum]]]" = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def pulse(self) -> str:
        """A text that is another one after anything was written, and each minute of the system clock. A tiny query."""
        with self.engine.connect() as conn:
            row = conn.execute(
                text("""
                    select pg_current_snapshot()::text as snapshot, coalesce(
                        (select to_char(now(), 'HH24:MI') from business_clock where mode = 'system'), '') as minute
                """)
            ).one()
        return f"{row.snapshot} {row.minute}"

    def board(self, wanted: Period | None) -> Board:
        """The board of a period, or of the one being collected when none is asked for."""
        with self.engine.connect() as connection:
            conn = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            conn.execute(text(f"set local statement_timeout = {PATIENCE_MS}"))
            return self._read(conn, wanted)

    def _read(self, conn: Connection, wanted: Period | None) -> Board:
        now, began = clock.now(conn), clock.started_at(conn)
        listed, current = _periods(conn, now)
        period = wanted or current
        due, received = self._bills_of(conn, period)
        declared = _declared(conn, period)
        answers, batches = _answers(conn, period), _batches(conn, period)
        arrears = _arrears(conn, period)
        codes = sorted({*self.agencies, *due, *(key[0] for key in declared), *arrears})
        standings = {
            code: _standing(
                due.get(code, Sum()), received.get(code, Sum()), arrears.get(code, Sum()),
                {key: sum_ for key, sum_ in declared.items() if key[0] == code},
                [answer for answer in answers if answer.agency == code],
            )
            for code in codes
        }  # fmt: skip
        city = _standing(
            add_up(due.values()), add_up(received.values()), add_up(arrears.values()), declared, answers
        )  # fmt: skip
        done = _done(conn, period)
        banks = sorted({*self.banks, *(key[1] for key in declared)}, key=_place_in(self.banks))
        work, queues = _work(conn)
        in_flight, unpublished, parked = _transport(conn)
        return Board(
            now=now, manual_clock=clock.is_manual(conn), period=period,
            periods=tuple(sorted({*listed, period}, reverse=True)),
            closed=(Step.MONTH_CLOSE.value, 0, "") in done,
            timeline=nodes(next(steps.timetables(conn, [period], self.banks)), done, now, began),
            city=city, agencies=standings, sessions=_sessions(banks, declared, answers, batches),
            sent=_sent(conn), taken=_taken(conn), work=work, queues=queues, feed=_feed(conn),
            in_flight=in_flight, unpublished=unpublished, parked=parked,
        )  # fmt: skip

    def _bills_of(self, conn: Connection, period: Period) -> tuple[dict[str, Sum], dict[str, Sum]]:
        """Per agency: the period's bills, and receipts on them. Both change only when an agency's file is accepted."""
        row = conn.execute(
            text("""
                select count(*), coalesce(max(id), 0) from file_intake where door = 'agency' and outcome = 'accepted'
            """)
        ).one()
        version = (int(row[0]), int(row[1]))
        with self._lock:
            known = self._bills.get(period)
        if known is None or known[0] != version:
            known = (version, _due(conn, period), _received(conn, period))
            with self._lock:
                self._bills[period] = known
                while len(self._bills) > 12:
                    del self._bills[next(iter(self._bills))]
        return known[1], known[2]


def _place_in(order: Sequence[str]) -> "Any":
    return lambda code: (order.index(code) if code in order else len(order), code)


def _sum(row: RowMapping) -> Sum:
    return Sum(int(row["count"]), FundAmounts(*(Fen(int(row[name])) for name in FUND_NAMES)))


def _amounts(four: Sequence[int]) -> FundAmounts:
    return FundAmounts(*(Fen(int(amount)) for amount in four))


def _rows(conn: Connection, query: str, **values: object) -> Sequence[RowMapping]:
    return conn.execute(text(query), values).mappings().all()


def _periods(conn: Connection, now: datetime) -> tuple[tuple[Period, ...], Period]:
    """Periods with bills or steps, and the one being collected: the first with bills whose month end has not closed."""
    billed = [
        Period(row["period"])
        for row in _rows(
            conn,
            """
            with recursive found(period) as (
                select min(period) from bill
                union all
                select (select min(b.period) from bill b where b.period > found.period)
                from found where found.period is not null)
            select period from found where period is not null
            """,
        )
    ]
    stepped = _rows(
        conn,
        "select period, bool_or(step = :close) as closed from step_done group by 1",
        close=Step.MONTH_CLOSE.value,
    )
    closed = {Period(row["period"]) for row in stepped if row["closed"]}
    collecting = [period for period in billed if period not in closed]
    month = Period.of(now.date())
    current = collecting[0] if collecting else (billed[-1] if billed else month)
    return tuple({*billed, *(Period(row["period"]) for row in stepped), month}), current


def _due(conn: Connection, period: Period) -> dict[str, Sum]:
    query = f"select agency, count(*) as count, {_FUND_SUMS} from bill where period = :period group by 1"
    found = _rows(conn, query, period=period)
    return {row["agency"]: _sum(row) for row in found}


def _received(conn: Connection, period: Period) -> dict[str, Sum]:
    sums = ", ".join(f"coalesce(sum(c.{name}), 0)::bigint as {name}" for name in FUND_NAMES)
    found = _rows(
        conn,
        f"""
        select b.agency, count(*) as count, {sums}
        from receipt r join bill b on b.id = r.bill_id join collection c on c.receipt_id = r.id
        where b.period = :period and not exists (select from reversal v where v.receipt_id = r.id) group by 1
        """,
        period=period,
    )
    return {row["agency"]: _sum(row) for row in found}


def _declared(conn: Connection, period: Period) -> dict[tuple[str, str, int], Sum]:
    """(agency, bank, round) → what is asked of the bank (财表六)."""
    found = _rows(
        conn,
        f"""
        select agency, bank, round, sum(lines)::bigint as count, {_FUND_SUMS}
        from declaration where period = :period group by 1, 2, 3
        """,
        period=period,
    )
    return {(row["agency"], row["bank"], row["round"]): _sum(row) for row in found}


def _answers(conn: Connection, period: Period) -> list[Answer]:
    found = _rows(
        conn,
        """
        select n.agency, b.bank, b.round, n.requested_count, n.requested, n.arrived_count, n.arrived,
               n.unarrived_count, n.unarrived, n.suspense
        from notice n join batch b on b.id = n.batch_id where b.period = :period order by n.id
        """,
        period=period,
    )
    return [
        Answer(
            row["agency"], row["bank"], row["round"],
            Sum(row["requested_count"], _amounts(row["requested"])),
            Sum(row["arrived_count"], _amounts(row["arrived"])),
            Sum(row["unarrived_count"], _amounts(row["unarrived"])), _amounts(row["suspense"]),
        )
        for row in found
    ]  # fmt: skip


def _batches(conn: Connection, period: Period) -> list[BatchRow]:
    found = _rows(
        conn,
        """
        select b.bank, b.round, b.file_name, b.lines, b.total, b.state, b.trouble, b.posted_lines, b.late, r.sent_at,
               i.received_at as answered_at, coalesce(i.name, '') as answer_name
        from batch b left join bank_file_receipt r on r.batch_id = b.id
        left join file_intake i on i.id = b.result_file_id
        where b.period = :period order by b.bank, b.round, b.id
        """,
        period=period,
    )
    return [
        BatchRow(**{**row, "trouble": presentable(row["trouble"]), "sent_at": _local(row["sent_at"]),
                    "answered_at": _local(row["answered_at"])})
        for row in found
    ]  # fmt: skip


def _arrears(conn: Connection, period: Period) -> dict[str, Sum]:
    found = _rows(conn, "select agency, arrears_count, arrears from period_close where period = :period", period=period)
    return {row["agency"]: Sum(row["arrears_count"], _amounts(row["arrears"])) for row in found}


def _standing(
    due: Sum, received: Sum, arrears: Sum, declared: Mapping[tuple[str, str, int], Sum], answers: Sequence[Answer]
) -> Standing:
    first, second = (add_up(sum_ for key, sum_ in declared.items() if key[2] == round_) for round_ in ROUNDS)
    suspense, collected = NOTHING, NOTHING
    for answer in answers:
        suspense = suspense.plus(answer.suspense)
        collected = collected.plus(answer.arrived.amounts.minus(answer.suspense))
    return Standing(due, (first, second), collected, received, suspense, arrears)


def _sessions(
    banks: Sequence[str],
    declared: Mapping[tuple[str, str, int], Sum],
    answers: Sequence[Answer],
    batches: Sequence[BatchRow],
) -> tuple[Session, ...]:
    """Every bank in every round, whether or not it has been asked yet."""
    return tuple(
        Session(
            bank,
            round_,
            add_up(sum_ for key, sum_ in declared.items() if key[1:] == (bank, round_)),
            add_up(answer.arrived for answer in answers if (answer.bank, answer.round) == (bank, round_)),
            add_up(answer.unarrived for answer in answers if (answer.bank, answer.round) == (bank, round_)),
            tuple(batch for batch in batches if (batch.bank, batch.round) == (bank, round_)),
        )
        for bank in banks
        for round_ in ROUNDS
    )


def _done(conn: Connection, period: Period) -> dict[tuple[str, int, str], datetime]:
    found = _rows(conn, "select step, round, bank, done_at from step_done where period = :period", period=period)
    return {(row["step"], row["round"], row["bank"]): row["done_at"].astimezone(TZ) for row in found}


def _local(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(TZ)


def _sent(conn: Connection) -> dict[str, LastFile]:
    """Per bank the last file that went out."""
    found = _rows(
        conn,
        """
        select distinct on (b.bank) b.bank as party, r.name, r.sent_at as at, b.state as outcome, b.lines, b.total
        from bank_file_receipt r join batch b on b.id = r.batch_id order by b.bank, r.sent_at desc, b.id desc
        """,
    )
    return {row["party"]: LastFile(**{**row, "at": row["at"].astimezone(TZ)}) for row in found}


def _taken(conn: Connection) -> dict[str, LastFile]:
    """Per bank the last file that came in, whatever became of it."""
    return {bank: replace(last, name=presentable(last.name)) for bank, last in files.last_from_banks(conn).items()}


def _work(conn: Connection) -> tuple[tuple[WorkItem, ...], tuple[tuple[str, int], ...]]:
    """The newest open items, and how many wait in each queue."""
    found = _rows(
        conn,
        "select id, queue, agency, bank, file, line, summary, opened_at from work_item where state = 'open'"
        " order by id desc limit :shown",
        shown=WORK_SHOWN,
    )
    waiting = _rows(
        conn, "select queue, count(*) as n from work_item where state = 'open' group by 1 order by 2 desc, 1"
    )
    items = tuple(
        WorkItem(**{**row, "summary": presentable(row["summary"]), "file": presentable(row["file"]),
                    "opened_at": row["opened_at"].astimezone(TZ)})
        for row in found
    )  # fmt: skip
    return items, tuple((row["queue"], int(row["n"])) for row in waiting)


def _transport(conn: Connection) -> tuple[int, int, int]:
    """Events some consumer has not taken, events not published, messages parked. The first two have indexes."""
    row = conn.execute(
        text("""
            select (select count(*) from outbox where awaiting > 0),
                   (select count(*) from outbox where published_at is null),
                   (select count(*) from dead_letter)
        """)
    ).one()
    return int(row[0]), int(row[1]), int(row[2])


_FEED: Final = """
    (select 'step/' || period || '/' || step || '/' || round || '/' || done_at as key, 'step' as kind, done_at as at,
            step as what, round::int as round, coalesce(string_agg(nullif(bank, ''), ' ' order by bank), '') as party,
            period::text as file, 0 as lines, 0::bigint as total, 0 as after, 0::bigint as place
     from step_done group by period, step, round, done_at order by done_at desc limit :shown)
    union all
    (select 'sent/' || r.batch_id, 'sent', r.sent_at, b.state, b.round::int, b.bank, r.name, b.lines, b.total,
            2, r.batch_id
     from bank_file_receipt r join batch b on b.id = r.batch_id order by r.sent_at desc, r.batch_id desc limit :shown)
    union all
    (select 'taken/' || id, 'taken', received_at, outcome, 0, party, name, lines, total, 1, id
     from file_intake order by id desc limit :shown)
    union all
    (select 'work/' || id, 'work', opened_at, queue, 0, trim(agency || ' ' || bank), file, 0, 0, 3, id
     from work_item order by id desc limit :shown)
    order by at desc, after desc, place desc limit :shown
"""


def _feed(conn: Connection) -> tuple[Happening, ...]:
    """What happened last, newest first: steps, files out, files in, work items."""
    found = _rows(conn, _FEED, shown=FEED_SHOWN)
    return tuple(
        Happening(
            row["key"], row["kind"], row["at"].astimezone(TZ), row["what"], row["round"], row["party"],
            presentable(row["file"]), row["lines"], row["total"],
        )
        for row in found
    )  # fmt: skip
