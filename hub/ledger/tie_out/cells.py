"""What each stage of a business day says, added up from its own table: a statement a stage, nothing a bill at a time.

Statements go from the few rows of a day (sessions, batches, receipts) into the big tables by ranges of their indexes,
whatever the statistics of a month just filled say; a day's work is what moved on it, not what the books hold.
"""

from collections import defaultdict
from datetime import date
from typing import Final

from sqlalchemy import Connection, text

import topics
from hub.domain.funds import FUND_NAMES
from hub.domain.lifecycle import BatchState
from hub.domain.other_incomes import Item
from hub.domain.posting import EntryKind, Level
from hub.domain.tie_out import STAGES, Cell, Movement, Row, Stage, in_order
from hub.domain.timetable import Step
from hub.ledger.tie_out.accounts import ACCOUNTS, EXPENDED, EXPENDITURES, INCOME
from hub.ledger.tie_out.balances import with_balances

ON_DAY: Final = (
    "{0} >= cast(:day as date)::timestamp at time zone 'Asia/Shanghai'"
    " and {0} < (cast(:day as date) + 1)::timestamp at time zone 'Asia/Shanghai'"
)
"""Times of a business day, as a range that an index can find."""
SESSIONS: Final = f"select period, round from step_done where step = '{Step.CITY_BATCH}' and {ON_DAY.format('done_at')}"
POSTED: Final = f"select * from batch where posting_date = :day and state = '{BatchState.POSTED}'"
OF_SECTION: Final = (
    "{0}.line >= q.first_line and {0}.line < q.first_line + upper(q.instructions) - lower(q.instructions)"
)
LATE: Final = "case when t.late then 'late-{0}' else '{0}' end"
_F: Final = ", ".join(FUND_NAMES)
_NO_FUNDS: Final = ", ".join(f"null as {fund}" for fund in FUND_NAMES)


def sums(source: str) -> str:
    """The four funds of a source added up, then their total."""
    total = " + ".join(f"{source}.{fund}" for fund in FUND_NAMES)
    return ", ".join((*(f"sum({source}.{fund}) as {fund}" for fund in FUND_NAMES), f"sum({total}) as total"))


def elements(*arrays: str) -> str:
    """The same of columns that hold the four funds as an array, one added to the other."""
    funds = [" + ".join(f"sum({array}[{at}])" for array in arrays) for at, _ in enumerate(FUND_NAMES, start=1)]
    return ", ".join((*funds, " + ".join(funds)))


def postings(level: Level, entries: str) -> str:
    """Both sides of entries (id, agency, bank, movement), each as the money that came: what is taken back is negative."""
    of_side = f"""
        select e.agency, e.bank, e.movement, '{{stage}}', null, {{funds}}
        from ({entries}) e join journal_posting p on p.entry_id = e.id where p.account in {{accounts}} group by 1, 2, 3
    """
    account, income = (
        (Stage.CITY_ACCOUNT, Stage.CITY_INCOME) if level is Level.CITY else (Stage.AGENCY_ACCOUNT, Stage.AGENCY_INCOME)
    )
    return " union all ".join(
        of_side.format(stage=stage, accounts=accounts, funds=_posted(side))
        for stage, accounts, side in ((account, ACCOUNTS, "D"), (income, INCOME, "C"))
    )


def _posted(side: str) -> str:
    signed = f"case when p.side = '{side}' then p.amount_fen else -p.amount_fen end"
    funds = [f"coalesce(sum({signed}) filter (where p.fund = '{fund}'), 0)" for fund in FUND_NAMES]
    return ", ".join((*funds, f"sum({signed})"))


def _entries(level: Level, *kinds: EntryKind) -> str:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    return f"""
        select id, agency, what, cause from journal_entry
        where level = '{level}' and what in ({listed}) and business_date = :day
    """


OF_CITY: Final = f"""
    select e.id, e.agency, coalesce(t.bank, '') as bank, {LATE.format(Movement.ARRIVALS)} as movement
    from ({_entries(Level.CITY, EntryKind.BANK_ARRIVAL)}) e left join lateral (
        select t.id, t.bank, t.late from inbox x join outbox o on o.event_id = x.settles
        join batch t on t.batch_no = split_part(o.subject, '/', 1)
        where x.event_id = e.cause::uuid and x.consumer = '{topics.FIRST_RESULT.settled_by[0]}') t on true
"""
"""The city's entries of a day's arrivals: an entry is caused by a bundle of a batch's answers."""
OF_NOTICES: Final = f"""
    select e.id, e.agency, t.bank, {LATE.format(Movement.ARRIVALS)} as movement, t.id as batch_id
    from ({_entries(Level.AGENCY, EntryKind.AGENCY_ARRIVAL)}) e
    join notice n on n.event_id = e.cause::uuid join batch t on t.id = n.batch_id
"""
OF_COUNTER: Final = f"""
    select id, agency, '' as bank,
        case when what = '{EntryKind.RECEIPT}' then '{Movement.RECEIPTS}' else '{Movement.RETURNS}' end as movement, cause
    from ({_entries(Level.AGENCY, EntryKind.RECEIPT, EntryKind.RECEIPT_RETURNED)}) e
"""
CHANGES_OF_CITY: Final = f"""
    select id, agency, split_part(cause, '/', 2) as bank, '{Movement.CHANGES}' as movement, cause
    from ({_entries(Level.CITY, EntryKind.ANSWER_REVERSED, EntryKind.ANSWER_CHANGED)}) e
"""
CHANGES_OF_AGENCIES: Final = f"""
    select e.id, e.agency, split_part(o.subject, '/', 2) as bank, '{Movement.CHANGES}' as movement,
        left(o.subject, length(o.subject) - 7) as cause
    from ({_entries(Level.AGENCY, EntryKind.AGENCY_ANSWER_REVERSED, EntryKind.AGENCY_ANSWER_CHANGED)}) e
    join outbox o on o.event_id = e.cause::uuid
"""
COUNTER_KIND: Final = f"case when identity like 'RECEIPTS/%' then '{Movement.RECEIPTS}' else '{Movement.RETURNS}' end"
COUNTER_SIGN: Final = "case when identity like 'RECEIPTS/%' then 1 else -1 end"
FUNDS_AND_SUSPENSE: Final = ", ".join(
    f"coalesce(sum(c.{part}), 0) + coalesce(sum(s.{part}), 0)" for part in (*FUND_NAMES, "total")
)

_REQUESTS: Final = (
    f"""
    select i.agency, i.bank, '{Movement.REQUESTS}', '{Stage.REQUESTED}', i.lines, {", ".join(f"i.{f}" for f in FUND_NAMES)}, i.total
    from ({SESSIONS}) s cross join lateral (
        select agency, bank, count(*) as lines, {sums("i")} from instruction i
        where i.period = s.period and i.round = s.round group by agency, bank) i
    """,
    f"""
    select d.agency, d.bank, '{Movement.REQUESTS}', '{Stage.DECLARED}', sum(d.lines), {sums("d")}
    from ({SESSIONS}) s join declaration d using (period, round) group by d.agency, d.bank
    """,
    f"""
    select b.agency, b.bank, '{Movement.REQUESTS}', '{Stage.AT_CITY}',
        sum(upper(b.instructions) - lower(b.instructions)), {sums("l")}
    from ({SESSIONS}) s join city_bundle b using (period, round)
    cross join lateral (
        select {", ".join(f"sum(u.{fund}) as {fund}" for fund in FUND_NAMES)}
        from unnest({", ".join(f"b.{fund}" for fund in FUND_NAMES)}) as u ({_F})) l
    group by b.agency, b.bank
    """,
    f"""
    select f.agency, t.bank, '{Movement.REQUESTS}', '{Stage.IN_FILES}', sum(f.lines), {sums("f")}
    from ({SESSIONS}) s join batch t using (period, round) join bank_file_total f on f.batch_id = t.id
    group by f.agency, t.bank
    """,
)

_ANSWERS: Final = (
    f"""
    select q.agency, t.bank, {LATE.format(Movement.ANSWERS)}, '{Stage.REQUESTED}', sum(i.lines), {sums("i")}
    from ({POSTED}) t join batch_section q on q.batch_id = t.id cross join lateral (
        select count(*) as lines, {sums("i")} from instruction i
        where i.id >= lower(q.instructions) and i.id < upper(q.instructions)) i
    group by 1, 2, 3
    """,
    f"""
    select f.agency, t.bank, {LATE.format(Movement.ANSWERS)}, '{Stage.IN_FILES}', sum(f.lines), {sums("f")}
    from ({POSTED}) t join bank_file_total f on f.batch_id = t.id group by 1, 2, 3
    """,
    f"""
    with answered as materialized (
        select q.agency, t.bank, t.late, sum(r.lines) as lines, sum(r.paid) as paid, {sums("r")}, sum(r.deducted) as deducted
        from ({POSTED}) t join batch_section q on q.batch_id = t.id cross join lateral (
            select count(*) as lines, count(*) filter (where r.deducted > 0) as paid, {sums("r")}, sum(r.deducted) as deducted
            from result_line r where r.batch_id = q.batch_id and {OF_SECTION.format("r")}) r
        group by 1, 2, 3)
    select agency, bank, {LATE.format(Movement.ANSWERS)}, '{Stage.ANSWERED}', lines, {_NO_FUNDS}, null from answered t
    union all
    select agency, bank, {LATE.format(Movement.ARRIVALS)}, '{Stage.ANSWERED}', paid, {_F}, deducted from answered t
    """,
    f"""
    select n.agency, t.bank, {LATE.format(Movement.ANSWERS)}, '{Stage.NOTIFIED}', sum(n.requested_count), {elements("n.requested")}
    from ({POSTED}) t join notice n on n.batch_id = t.id group by 1, 2, 3
    union all
    select n.agency, t.bank, {LATE.format(Movement.ANSWERS)}, '{Stage.ACCOUNTED}', sum(n.arrived_count + n.unarrived_count),
        {elements("n.arrived", "n.unarrived")}
    from ({POSTED}) t join notice n on n.batch_id = t.id group by 1, 2, 3
    union all
    select n.agency, t.bank, {LATE.format(Movement.ARRIVALS)}, '{Stage.NOTIFIED}', null, {elements("n.arrived")}
    from ({POSTED}) t join notice n on n.batch_id = t.id group by 1, 2, 3
    """,
    f"""
    select q.agency, t.bank, {LATE.format(Movement.ARRIVALS)}, '{Stage.FUNDS}', sum(c.lines) + sum(s.lines), {FUNDS_AND_SUSPENSE}
    from ({POSTED}) t join batch_section q on q.batch_id = t.id
    cross join lateral (
        select count(*) as lines, {sums("c")} from collection c where c.batch_id = q.batch_id and {OF_SECTION.format("c")}) c
    cross join lateral (
        select count(*) filter (where not exists (
            select from collection c where c.batch_id = s.batch_id and c.line = s.line)) as lines, {sums("s")}
        from suspense s where s.batch_id = q.batch_id and {OF_SECTION.format("s")}) s
    group by 1, 2, 3
    """,
    postings(Level.CITY, OF_CITY),
    postings(Level.AGENCY, OF_NOTICES),
)

_COUNTER: Final = (
    f"""
    select party, '', {COUNTER_KIND}, '{Stage.IN_FILES}', sum(lines), {_NO_FUNDS}, sum({COUNTER_SIGN} * total) from file_intake
    where outcome = 'accepted' and door = 'agency' and (identity like 'RECEIPTS/%' or identity like 'RETURNS/%')
        and {ON_DAY.format("received_at")} group by 1, 2, 3
    """,
    f"""
    select r.agency, '', '{Movement.RECEIPTS}', '{Stage.RECEIVED}', count(*), {_NO_FUNDS}, sum(r.amount)
    from receipt r where {ON_DAY.format("r.accepted_at")} group by 1
    union all
    select f.party, '', '{Movement.RETURNS}', '{Stage.RECEIVED}', count(*), {_NO_FUNDS}, -sum(v.amount)
    from reversal v join file_intake f on f.id = v.file_id
    where v.what = 'RETURNED_RECEIPT' and {ON_DAY.format("v.accepted_at")} group by 1
    """,
    f"""
    select r.agency, '', '{Movement.RECEIPTS}', '{Stage.FUNDS}', sum(c.lines), {sums("c")}
    from receipt r cross join lateral (
        select count(*) as lines, {sums("c")} from collection c where c.receipt_id = r.id) c
    where {ON_DAY.format("r.accepted_at")} group by 1
    union all
    select f.party, '', '{Movement.RETURNS}', '{Stage.FUNDS}', sum(c.lines), {sums("c")}
    from reversal v join file_intake f on f.id = v.file_id cross join lateral (
        select count(*) as lines, {sums("c")} from collection c where c.reversal_id = v.id) c
    where v.what = 'RETURNED_RECEIPT' and {ON_DAY.format("v.accepted_at")} group by 1
    """,
    postings(Level.AGENCY, OF_COUNTER),
)

_CHANGES: Final = (
    f"""
    select b.agency, t.bank, '{Movement.CHANGES}', '{Stage.ANSWERED}', count(*), {_NO_FUNDS}, sum(n.deducted - n.deducted_before)
    from reversal v join changed_answer n on n.reversal_id = v.id join bill b on b.id = v.bill_id join batch t on t.id = v.batch_id
    where {ON_DAY.format("v.accepted_at")} group by 1, 2
    """,
    f"""
    select b.agency, t.bank, '{Movement.CHANGES}', '{Stage.FUNDS}', count(*) filter (where c.lines > 0), {sums("c")}
    from reversal v join bill b on b.id = v.bill_id join batch t on t.id = v.batch_id cross join lateral (
        select count(*) as lines, {", ".join(f"coalesce(sum({fund}), 0) as {fund}" for fund in FUND_NAMES)} from (
            select {_F} from collection where reversal_id = v.id
            union all select {_F} from suspense where reversal_id = v.id) booked) c
    where v.what = 'CHANGED_ANSWER' and {ON_DAY.format("v.accepted_at")} group by 1, 2
    """,
    postings(Level.CITY, CHANGES_OF_CITY),
    postings(Level.AGENCY, CHANGES_OF_AGENCIES),
)

OF_DESK: Final = f"""
    select id, agency, '' as bank, cause,
        case when what = '{EntryKind.OTHER_INCOME}' then '{Movement.INCOMES}' else '{Movement.SUBSIDISED_FUNDS}' end as movement
    from ({_entries(Level.AGENCY, EntryKind.OTHER_INCOME, EntryKind.SUBSIDY, EntryKind.SUBSIDY_BACK)}) e
"""
"""Entries of incomes and subsidies: an entry is caused by the file."""
MOVED_SUBSIDY: Final = "abs(s.pension) + abs(s.unemployment) + abs(s.medical)"
SUBSIDISED: Final = "s.pension as pension, -s.pension - s.medical as unemployment, 0 as injury, 0 as maternity"
"""What a subsidy does to the four funds: unemployment pays its own unit part too, and gets it, so that is nothing."""


def _slips(stage: Stage, which: str) -> str:
    return f"""
        select o.agency, '', '{Movement.INCOMES}', '{stage}', count(*), {sums("o")}
        from other_income o where {which} and {ON_DAY.format("o.accepted_at")} group by 1
    """


def _expended(stage: Stage, accounts: str) -> str:
    kinds = _entries(Level.AGENCY, EntryKind.SUBSIDY, EntryKind.SUBSIDY_BACK)
    return f"""
        select e.agency, '', '{Movement.SUBSIDIES}', '{stage}', null, {_NO_FUNDS}, sum(p.amount_fen)
        from ({kinds}) e join journal_posting p on p.entry_id = e.id where p.account in {accounts} group by 1
    """


_DESK: Final = (
    f"""
    select party, '', case when identity like 'INCOMES/%' then '{Movement.INCOMES}' else '{Movement.SUBSIDIES}' end,
        '{Stage.IN_FILES}', sum(lines), {_NO_FUNDS}, sum(total) from file_intake
    where outcome = 'accepted' and door = 'agency' and (identity like 'INCOMES/%' or identity like 'SUBSIDIES/%')
        and {ON_DAY.format("received_at")} group by 1, 2, 3
    """,
    _slips(Stage.LATE_FEES, f"o.item = '{Item.LATE_FEE}'"),
    _slips(Stage.OTHER_INCOMES, f"o.item <> '{Item.LATE_FEE}'"),
    _slips(Stage.RECEIVED, "true"),
    f"""
    select f.party, '', '{Movement.SUBSIDIES}', '{Stage.RECEIVED}', count(*), {_NO_FUNDS}, sum({MOVED_SUBSIDY})
    from subsidy s join file_intake f on f.id = s.file_id where {ON_DAY.format("s.accepted_at")} group by 1
    """,
    _expended(Stage.AGENCY_ACCOUNT, EXPENDED),
    _expended(Stage.AGENCY_EXPENDITURE, EXPENDITURES),
    f"""
    select s.party, '', '{Movement.SUBSIDISED_FUNDS}', '{Stage.RECEIVED}', null, {sums("s")} from (
        select f.party, {SUBSIDISED} from subsidy s join file_intake f on f.id = s.file_id
        where {ON_DAY.format("s.accepted_at")}) s group by 1
    """,
    postings(Level.AGENCY, OF_DESK),
)

STATEMENTS: Final = tuple(text(query) for query in (*_REQUESTS, *_ANSWERS, *_COUNTER, *_CHANGES, *_DESK))


def of_day(conn: Connection, day: date) -> list[Row]:
    """Every movement of a business day, added up from the books as they stand, and the balances at its end.

    A row that only says zero is left out.
    """
    said = defaultdict[tuple[str, str, Movement], dict[Stage, Cell]](dict)
    for statement in STATEMENTS:
        for agency, bank, movement, stage, *numbers in conn.execute(statement, {"day": day}):
            cell = Cell(*(None if number is None else int(number) for number in numbers))
            said[agency, bank, Movement(movement)][Stage(stage)] = cell
    rows = (Row.of(*key, _told(key[2], cells)) for key, cells in said.items())
    moved = [row for row in rows if any(any(cell) for cell in row.cells.values())]
    return in_order(with_balances(conn, day, moved))


def _told(movement: Movement, cells: dict[Stage, Cell]) -> dict[Stage, Cell]:
    """Sums of no rows are null; a stage that tells of funds then says zero."""
    return {
        stage: Cell(
            *(none if none is None else number or 0 for number, none in zip(cell, STAGES[movement][stage], strict=True))
        )
        for stage, cell in cells.items()
    }
