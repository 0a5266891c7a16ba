"""The lines behind a red cell: what the stage holds, held line by line against a stage beside it.

Asked only of what is red, so these look from line to line and not only over sums.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.fund_balances import BROUGHT_BY
from hub.domain.funds import FUND_NAMES
from hub.domain.posting import Level
from hub.domain.tie_out import PARTS, STAGES, Cell, Culprit, Movement, Row, Stage
from hub.ledger.tie_out.accounts import ACCOUNTS, EXPENDED, EXPENDITURES, INCOME
from hub.ledger.tie_out.balances import LEVELS, at_end
from hub.ledger.tie_out.cells import (
    CHANGES_OF_AGENCIES,
    CHANGES_OF_CITY,
    MOVED_SUBSIDY,
    OF_CITY,
    OF_COUNTER,
    OF_DESK,
    OF_NOTICES,
    ON_DAY,
    POSTED,
    SESSIONS,
    SUBSIDISED,
)
from hub.ledger.tie_out.days import NO_MONEY

NAMED: Final = 20
"""Lines named behind a cell."""


class Comparison(NamedTuple):
    """Where the lines of a cell are, and a statement of what differs: bill, instruction, file, line, expected, found."""

    table: str
    query: str


def _said(source: str) -> str:
    """The four funds of a row in statutory order, in fen, as text; of no row at all null."""
    return f"{source}.pension || ' ' || {source}.unemployment || ' ' || {source}.injury || ' ' || {source}.maternity"


def _added(source: str) -> str:
    return ", ".join(f"coalesce(sum({source}.{fund}), 0) as {fund}" for fund in FUND_NAMES)


def _listed(array: str) -> str:
    return f"array_to_string({array}, ' ')"


def _signed(side: str, accounts: str) -> str:
    """Entries (e) added up by ``key``, as the money that came."""
    signed = f"case when p.side = '{side}' then p.amount_fen else -p.amount_fen end"
    funds = ", ".join(f"coalesce(sum({signed}) filter (where p.fund = '{fund}'), 0) as {fund}" for fund in FUND_NAMES)
    return f"""
        select e.key, {funds} from ({{entries}}) e
        left join journal_posting p on p.entry_id = e.id and p.account in {accounts} group by e.key
    """


_NONE: Final = " ".join("0" for _ in FUND_NAMES)
_OF_ROW: Final = "agency = :agency and bank = :bank"
_POSTED: Final = f"(select * from ({POSTED}) p where bank = :bank and late = :late)"
_CALLED: Final = "bill, instruction, file, line, expected, found"

_ASKED_LINES: Final = """
    select b.bill_no as bill, i.instruction_no as instruction, coalesce(t.file_name, '') as file, l.line, {said}
    from ({lines}) i left join city_line c on c.instruction_id = i.id join bill b on b.id = i.bill_id
    left join batch_line l on l.instruction_id = i.id left join batch t on t.id = l.batch_id
"""
_I_AND_C: Final = f"{_said('c')} as {{0}}, {_said('i')} as {{1}}"
_OF_SESSION: Final = f"""
    select i.* from instruction i join ({SESSIONS}) s using (period, round) where i.agency = :agency and i.bank = :bank
"""
_OF_POSTED: Final = f"""
    select i.* from {_POSTED} t join batch_section q on q.batch_id = t.id
    join instruction i on i.id >= lower(q.instructions) and i.id < upper(q.instructions) where q.agency = :agency
"""


def _asked(lines: str, *, city_is_red: bool = False) -> str:
    names = ("found", "expected") if city_is_red else ("expected", "found")
    return _ASKED_LINES.format(lines=lines, said=_I_AND_C.format(*names))


_DECLARED: Final = f"""
    select '' as bill, '' as instruction, '财表六 ' || concat_ws(' ', period, round, kind) as file, null::int as line,
        c.lines || ' ' || {_said("c")} as expected, d.lines || ' ' || {_said("d")} as found
    from (
        select d.* from declaration d join ({SESSIONS}) s using (period, round) where d.agency = :agency and d.bank = :bank) d
    full join (
        select period, round, kind, count(*) as lines, {_added("l")} from city_line l join ({SESSIONS}) s using (period, round)
        where {_OF_ROW} group by period, round, kind) c using (period, round, kind)
"""
_FILES: Final = f"""
    select '' as bill, '' as instruction, t.file_name as file, null::int as line,
        l.lines || ' ' || {_said("l")} as expected, f.lines || ' ' || {_said("f")} as found
    from {{batches}} t left join bank_file_total f on f.batch_id = t.id and f.agency = :agency
    left join lateral (
        select count(*) as lines, {_added("i")} from batch_section q
        join instruction i on i.id >= lower(q.instructions) and i.id < upper(q.instructions)
        where q.batch_id = t.id and q.agency = :agency having count(*) > 0) l on true
"""
_SENT: Final = f"(select t.* from batch t join ({SESSIONS}) s using (period, round) where t.bank = :bank)"
_IN_NO_FILE: Final = f"""
    select b.bill_no, i.instruction_no, '', null::int, {_said("i")}, null
    from ({_OF_SESSION}) i join bill b on b.id = i.bill_id
    where not exists (select from batch_line l where l.instruction_id = i.id)
"""
_UNANSWERED: Final = f"""
    select b.bill_no as bill, i.instruction_no as instruction, t.file_name as file, l.line, '1' as expected,
        case when r.line is null then '0' else '1' end as found
    from {_POSTED} t join batch_line l on l.batch_id = t.id join instruction i on i.id = l.instruction_id
    join bill b on b.id = i.bill_id left join result_line r on r.batch_id = t.id and r.line = l.line
    where i.agency = :agency
"""


def _notice(found: str, expected: str) -> str:
    return f"""
        select '' as bill, '' as instruction, t.file_name as file, null::int as line, {expected} as expected, {found} as found
        from {_POSTED} t join (select distinct batch_id from batch_section where agency = :agency) q on q.batch_id = t.id
        left join notice n on n.batch_id = t.id and n.agency = :agency
        cross join lateral (
            select count(*) as lines, {_added("i")}, {", ".join(f"coalesce(sum(r.{fund}), 0) as r_{fund}" for fund in FUND_NAMES)}
            from batch_line l join instruction i on i.id = l.instruction_id
            left join result_line r on r.batch_id = l.batch_id and r.line = l.line
            where l.batch_id = t.id and i.agency = :agency) a
    """


_ACCOUNTED: Final = " || ' ' || ".join(f"(n.arrived[{at}] + n.unarrived[{at}])" for at in range(1, 1 + len(FUND_NAMES)))
_ARRIVED: Final = " || ' ' || ".join(f"a.r_{fund}" for fund in FUND_NAMES)


def _answered(*, funds_are_red: bool) -> str:
    """Each answer, what it deducted and how that is split, against the money on its bill and in suspense."""
    names = ("found", "expected") if funds_are_red else ("expected", "found")
    booked = " + ".join(FUND_NAMES)
    return f"""
        select b.bill_no as bill, i.instruction_no as instruction, coalesce(f.name, '') as file, r.file_line as line,
            m.total || ' ' || {_said("m")} as {names[0]}, r.deducted || ' ' || {_said("r")} as {names[1]}
        from {_POSTED} t join batch_line l on l.batch_id = t.id join instruction i on i.id = l.instruction_id
        join bill b on b.id = i.bill_id left join result_line r on r.batch_id = t.id and r.line = l.line
        left join file_intake f on f.id = t.result_file_id
        cross join lateral (
            select coalesce(sum({booked}), 0) as total, {_added("k")} from (
                select {", ".join(FUND_NAMES)} from collection where batch_id = t.id and line = l.line
                union all select {", ".join(FUND_NAMES)} from suspense where batch_id = t.id and line = l.line) k) m
        where i.agency = :agency
    """


def _entries(entries: str, key: str, lines: str, side: str, accounts: str, *, lines_are_red: bool = False) -> str:
    """Entries of a row, one by one, against the lines that they stand for; ``lines`` yields key, file and four funds."""
    names = ("found", "expected") if lines_are_red else ("expected", "found")
    of_row = f"select id, {key} as key from ({entries}) e where {_OF_ROW} and movement = :movement"
    return f"""
        select '' as bill, '' as instruction, coalesce(l.file, '') || ' entry ' || coalesce(j.key, 'missing') as file,
            null::int as line, coalesce({_said("l")}, '{_NONE}') as {names[0]}, coalesce({_said("j")}, '{_NONE}') as {names[1]}
        from ({_signed(side, accounts).format(entries=of_row)}) j full join ({lines}) l using (key)
    """


_BOOKED: Final = ", ".join(f"k.{fund}" for fund in FUND_NAMES)
_MONEY_OF_ENTRIES: Final = f"""
    select k.entry_id::text as key, t.file_name as file, {_added("k")} from {_POSTED} t join (
        select batch_id, line, entry_id, {_BOOKED} from collection k union all
        select batch_id, line, entry_id, {_BOOKED} from suspense k) k on k.batch_id = t.id
    join batch_section q on q.batch_id = t.id and q.agency = :agency and k.line >= q.first_line
        and k.line < q.first_line + upper(q.instructions) - lower(q.instructions)
    group by 1, 2
"""
_MONEY_OF_NOTICES: Final = f"""
    select n.batch_id::text as key, t.file_name as file,
        {", ".join(f"n.arrived[{at}] as {fund}" for at, fund in enumerate(FUND_NAMES, start=1))}
    from {_POSTED} t join notice n on n.batch_id = t.id and n.agency = :agency
"""
_COUNTER_FILES: Final = f"""
    select '' as bill, '' as instruction, f.name as file, null::int as line,
        l.lines || ' ' || l.total as expected, f.lines || ' ' || f.total as found
    from file_intake f cross join lateral (
        select count(*) as lines, coalesce(sum(amount), 0) as total from {{table}} where file_id = f.id) l
    where f.outcome = 'accepted' and f.door = 'agency' and f.party = :agency and f.identity like '{{identity}}/%'
        and {ON_DAY.format("f.received_at")}
"""


def _counter(table: str, number: str, *, funds_are_red: bool) -> str:
    """Each receipt, or return, against the money on its bill."""
    names = ("found", "expected") if funds_are_red else ("expected", "found")
    sign, line = ("", "line") if table == "receipt" else ("-", "file_line")
    return f"""
        select b.bill_no as bill, '' as instruction, f.name as file, r.{line} as line, m.total as {names[0]},
            ({sign}r.amount)::text as {names[1]}
        from {table} r join file_intake f on f.id = r.file_id join bill b on b.id = r.bill_id
        cross join lateral (
            select coalesce(sum({" + ".join(f"c.{fund}" for fund in FUND_NAMES)}), 0)::text as total
            from collection c where c.{number} = r.id) m
        where f.party = :agency and {ON_DAY.format("r.accepted_at")} and f.door = 'agency'
    """


_MONEY_OF_FILES: Final = f"""
    select f.identity as key, f.name as file, {_added("k")} from file_intake f join (
        select r.file_id, {_BOOKED} from receipt r join collection k on k.receipt_id = r.id
        union all select v.file_id, {_BOOKED} from reversal v join collection k on k.reversal_id = v.id
        where v.what = 'RETURNED_RECEIPT') k on k.file_id = f.id
    where f.party = :agency and f.door = 'agency' and {ON_DAY.format("f.received_at")}
        and f.identity like case when :movement = '{Movement.RECEIPTS}' then 'RECEIPTS/%' else 'RETURNS/%' end
    group by 1, 2
"""
_MONEY_OF_DESK: Final = f"""
    select f.identity as key, f.name as file, {_added("k")} from file_intake f join (
        select file_id, 'INCOMES/%' as like_, {_BOOKED} from other_income k
        union all select s.file_id, 'SUBSIDIES/%', {SUBSIDISED} from subsidy s) k on k.file_id = f.id
    where f.party = :agency and f.door = 'agency' and {ON_DAY.format("f.received_at")} and f.identity like k.like_
        and k.like_ = case when :movement = '{Movement.INCOMES}' then 'INCOMES/%' else 'SUBSIDIES/%' end
    group by 1, 2
"""


def _desk_files(table: str, fen: str, identity: str, *, slips_are_red: bool = False) -> str:
    """Each file of incomes, or subsidies, its own total against its slips (s)."""
    names = ("found", "expected") if slips_are_red else ("expected", "found")
    return f"""
        select '' as bill, '' as instruction, f.name as file, null::int as line,
            l.lines || ' ' || l.total as {names[0]}, f.lines || ' ' || f.total as {names[1]}
        from file_intake f cross join lateral (
            select count(*) as lines, coalesce(sum({fen}), 0) as total from {table} s where s.file_id = f.id) l
        where f.outcome = 'accepted' and f.door = 'agency' and f.party = :agency and f.identity like '{identity}/%'
            and {ON_DAY.format("f.received_at")}
    """


def _expended(accounts: str) -> str:
    """What each file of subsidies has posted to these accounts, against its slips, either way counted."""
    return f"""
        select '' as bill, '' as instruction, f.name || ' entry ' || f.identity as file, null::int as line,
            l.total::text as expected, j.total::text as found
        from file_intake f cross join lateral (
            select coalesce(sum({MOVED_SUBSIDY}), 0) as total from subsidy s where s.file_id = f.id) l
        cross join lateral (
            select coalesce(sum(p.amount_fen), 0) as total from journal_entry e join journal_posting p on p.entry_id = e.id
            where e.cause = f.identity and e.level = '{Level.AGENCY}' and p.account in {accounts}) j
        where f.outcome = 'accepted' and f.door = 'agency' and f.party = :agency and f.identity like 'SUBSIDIES/%'
            and {ON_DAY.format("f.received_at")}
    """


_CHANGED: Final = f"""
    from reversal v join changed_answer n on n.reversal_id = v.id join bill b on b.id = v.bill_id
    join batch t on t.id = v.batch_id and t.bank = :bank join file_intake f on f.id = v.file_id
    cross join lateral (
        select {_added("k")} from (
            select {_BOOKED} from collection k where k.reversal_id = v.id
            union all select {_BOOKED} from suspense k where k.reversal_id = v.id) k) m
    where b.agency = :agency and {ON_DAY.format("v.accepted_at")}
"""
_MONEY_OF_CHANGES: Final = f"select f.identity as key, f.name as file, {_added('m')} {_CHANGED} group by 1, 2"


def _changes(*, funds_are_red: bool) -> str:
    names = ("found", "expected") if funds_are_red else ("expected", "found")
    return f"""
        select b.bill_no as bill, '' as instruction, f.name as file, v.file_line as line,
            ({" + ".join(f"m.{fund}" for fund in FUND_NAMES)})::text as {names[0]},
            (n.deducted - n.deducted_before)::text as {names[1]} {_CHANGED}
    """


def _journal(entries: Mapping[Level, tuple[str, str, str]]) -> dict[Stage, Comparison]:
    """Both sides of the journal; ``entries`` of a level: the statement of entries, their key, the lines behind them."""
    sides = {
        Level.CITY: ((Stage.CITY_ACCOUNT, "D", ACCOUNTS), (Stage.CITY_INCOME, "C", INCOME)),
        Level.AGENCY: ((Stage.AGENCY_ACCOUNT, "D", ACCOUNTS), (Stage.AGENCY_INCOME, "C", INCOME)),
    }
    return {
        stage: Comparison("journal_posting", _entries(*found, side, accounts))
        for level, found in entries.items()
        for stage, side, accounts in sides[level]
    }


_OF_ANSWERS: Final = {
    Stage.REQUESTED: Comparison("instruction", _asked(_OF_POSTED)),
    Stage.IN_FILES: Comparison("bank_file_total", _FILES.format(batches=_POSTED)),
    Stage.ANSWERED: Comparison("result_line", _UNANSWERED),
    Stage.NOTIFIED: Comparison(
        "notice", _notice(f"n.requested_count || ' ' || {_listed('n.requested')}", f"a.lines || ' ' || {_said('a')}")
    ),
    Stage.ACCOUNTED: Comparison(
        "notice",
        _notice(f"(n.arrived_count + n.unarrived_count) || ' ' || {_ACCOUNTED}", f"a.lines || ' ' || {_said('a')}"),
    ),
}
_OF_ARRIVALS: Final = {
    Stage.ANSWERED: Comparison("result_line", _answered(funds_are_red=False)),
    Stage.FUNDS: Comparison("collection", _answered(funds_are_red=True)),
    Stage.NOTIFIED: Comparison("notice", _notice(_listed("n.arrived"), _ARRIVED)),
    **_journal(
        {
            Level.CITY: (OF_CITY, "id::text", _MONEY_OF_ENTRIES),
            Level.AGENCY: (OF_NOTICES, "batch_id::text", _MONEY_OF_NOTICES),
        }
    ),
}
_AT_COUNTER: Final = _journal({Level.AGENCY: (OF_COUNTER, "cause", _MONEY_OF_FILES)})
_AT_DESK: Final = _journal({Level.AGENCY: (OF_DESK, "cause", _MONEY_OF_DESK)})
_SLIPS: Final = _entries(OF_DESK, "cause", _MONEY_OF_DESK, "D", ACCOUNTS, lines_are_red=True)
_INCOMES: Final = ("other_income", " + ".join(f"s.{fund}" for fund in FUND_NAMES), "INCOMES")
_SUBSIDIES: Final = ("subsidy", MOVED_SUBSIDY, "SUBSIDIES")
COMPARISONS: Final[Mapping[Movement, Mapping[Stage, Comparison]]] = {
    Movement.REQUESTS: {
        Stage.REQUESTED: Comparison("instruction", _asked(_OF_SESSION)),
        Stage.AT_CITY: Comparison("city_bundle", _asked(_OF_SESSION, city_is_red=True)),
        Stage.DECLARED: Comparison("declaration", _DECLARED),
        Stage.IN_FILES: Comparison("bank_file_total", f"{_FILES.format(batches=_SENT)} union all {_IN_NO_FILE}"),
    },
    Movement.ANSWERS: _OF_ANSWERS,
    Movement.LATE_ANSWERS: _OF_ANSWERS,
    Movement.ARRIVALS: _OF_ARRIVALS,
    Movement.LATE_ARRIVALS: _OF_ARRIVALS,
    Movement.RECEIPTS: {
        Stage.IN_FILES: Comparison("file_intake", _COUNTER_FILES.format(table="receipt", identity="RECEIPTS")),
        Stage.RECEIVED: Comparison("receipt", _counter("receipt", "receipt_id", funds_are_red=False)),
        Stage.FUNDS: Comparison("collection", _counter("receipt", "receipt_id", funds_are_red=True)),
        **_AT_COUNTER,
    },
    Movement.RETURNS: {
        Stage.IN_FILES: Comparison("file_intake", _COUNTER_FILES.format(table="reversal", identity="RETURNS")),
        Stage.RECEIVED: Comparison("reversal", _counter("reversal", "reversal_id", funds_are_red=False)),
        Stage.FUNDS: Comparison("collection", _counter("reversal", "reversal_id", funds_are_red=True)),
        **_AT_COUNTER,
    },
    Movement.CHANGES: {
        Stage.ANSWERED: Comparison("changed_answer", _changes(funds_are_red=False)),
        Stage.FUNDS: Comparison("collection", _changes(funds_are_red=True)),
        **_journal(
            {
                Level.CITY: (CHANGES_OF_CITY, "cause", _MONEY_OF_CHANGES),
                Level.AGENCY: (CHANGES_OF_AGENCIES, "cause", _MONEY_OF_CHANGES),
            }
        ),
    },
    Movement.INCOMES: {
        Stage.IN_FILES: Comparison("file_intake", _desk_files(*_INCOMES)),
        Stage.RECEIVED: Comparison("other_income", _SLIPS),
        **_AT_DESK,
    },
    Movement.SUBSIDIES: {
        Stage.IN_FILES: Comparison("file_intake", _desk_files(*_SUBSIDIES)),
        Stage.RECEIVED: Comparison("subsidy", _desk_files(*_SUBSIDIES, slips_are_red=True)),
        Stage.AGENCY_ACCOUNT: Comparison("journal_posting", _expended(EXPENDED)),
        Stage.AGENCY_EXPENDITURE: Comparison("journal_posting", _expended(EXPENDITURES)),
    },
    Movement.SUBSIDISED_FUNDS: {Stage.RECEIVED: Comparison("subsidy", _SLIPS), **_AT_DESK},
}
"""What the lines behind each cell are held against; a balance is explained by the cells that it adds up."""

assert all(
    set(COMPARISONS[movement]) == set(stages) - PARTS
    for movement, stages in STAGES.items() if movement not in BROUGHT_BY
)  # fmt: skip


def behind(conn: Connection, day: date, rows: Iterable[Row]) -> list[Culprit]:
    """The lines behind the red cells of a day, at most NAMED a cell, in the order of the rows and cells."""
    all_rows = list(rows)
    return [
        culprit
        for row in all_rows
        for stage in row.red
        for culprit in (
            _of_balance(conn, day, row, stage, all_rows)
            if row.movement in BROUGHT_BY
            else _of_cell(conn, day, row, stage)
        )
    ]


def _of_balance(conn: Connection, day: date, row: Row, stage: Stage, rows: Iterable[Row]) -> list[Culprit]:
    """The lines behind what a balance adds up; then what was in the books already, and entries that no row stands for."""
    brought = [cell for cells in BROUGHT_BY[row.movement].values() for cell in cells]
    found = [
        culprit
        for other in rows
        for movement, source in dict.fromkeys(brought)
        if (other.agency, other.movement) == (row.agency, movement)
        for culprit in _of_cell(conn, day, other, _explains(stage, movement, source))
    ]
    relabelled = [each._replace(bank="", movement=row.movement, stage=stage) for each in dict.fromkeys(found)]
    return [*_of_before(conn, day, row, stage), *relabelled, *_of_strangers(conn, day, row, stage)][:NAMED]


def _explains(stage: Stage, movement: Movement, source: Stage) -> Stage:
    """The cell of a movement whose lines are behind this cell of a balance."""
    if stage is not Stage.CARRIED:
        return stage
    return source if source in COMPARISONS[movement] else Stage.RECEIVED


def _of_before(conn: Connection, day: date, row: Row, stage: Stage) -> list[Culprit]:
    """What the journal holds of the days before, where that is not what was certified."""
    booked = at_end(conn, day - timedelta(days=1)).get((row.movement, row.agency))
    carried = row.cells[Stage.BROUGHT_FORWARD]
    said = {_funds(cell) for cell in booked or ()} - {_funds(carried)}
    return [
        Culprit(row.agency, "", row.movement, stage, "journal_entry", "", "", "days before", None, _funds(carried), one)
        for one in sorted(said)
    ]


def _of_strangers(conn: Connection, day: date, row: Row, stage: Stage) -> list[Culprit]:
    """Entries of the day with money in them, of a kind that has none."""
    values = {"day": day, "level": LEVELS[row.movement].value, "agency": row.agency, "kinds": list(NO_MONEY)}
    found = conn.execute(_STRANGERS, values)
    return [
        Culprit(
            row.agency,
            "",
            row.movement,
            stage,
            "journal_entry",
            "",
            "",
            f"entry {each.cause}",
            None,
            "nothing",
            each.fen,
        )
        for each in found
    ]


_STRANGERS: Final = text(f"""
    select e.what || ' ' || e.cause as cause, (sum(p.amount_fen) filter (where p.side = 'D'))::text as fen
    from journal_entry e join journal_posting p on p.entry_id = e.id and (p.account in {ACCOUNTS} or p.account in {INCOME})
    where e.business_date = :day and e.level = :level and e.agency = :agency and e.what = any(:kinds)
    group by 1 order by 1 limit {NAMED}
""")


def _funds(cell: Cell) -> str:
    return " ".join(str(fen) for fen in cell[1:-1])


def _of_cell(conn: Connection, day: date, row: Row, stage: Stage) -> list[Culprit]:
    table, query = COMPARISONS[row.movement][stage]
    found = conn.execute(
        text(f"""
            select {_CALLED} from ({query}) compared where found is distinct from expected
            order by file, line, instruction, bill limit {NAMED}
        """),
        {
            "day": day, "agency": row.agency, "bank": row.bank, "movement": row.movement.value,
            "late": row.movement in (Movement.LATE_ANSWERS, Movement.LATE_ARRIVALS),
        },
    )  # fmt: skip
    return [
        Culprit(
            row.agency, row.bank, row.movement, stage, table, each.bill, each.instruction, each.file, each.line,
            each.expected or "nothing", each.found or "nothing",
        )
        for each in found
    ]  # fmt: skip
