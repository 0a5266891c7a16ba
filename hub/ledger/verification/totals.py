"""Invariant 2: control totals recomputed from the lines at every hand-over, table against table.

表八 (bank mode) and second collections = 财表六 = the city's lines = 表二十六 = 财表七 = answers = 表二十七.
The bytes of the files are held against the same tables in ``files``.
"""

from typing import Final

from sqlalchemy import Connection

import topics
from hub.domain.funds import FUND_NAMES
from hub.domain.lifecycle import BatchState
from hub.domain.reconciliation import HASH_TOTAL_MODULUS
from hub.domain.timetable import Step
from hub.ledger.database import SCHEDULE_LOCK
from hub.ledger.shadow import NOT_ASKED
from hub.ledger.verification.findings import COUNTED, Evidence, Outcome, compare_sets, fund_sums, funds

_DONE: Final = f"select period, round, due_at from step_done where step = '{Step.UPLOAD_CLOSE}'"
_UPLOADS: Final = f"{_DONE} union select period, round, due_at from step_begun where step = '{Step.UPLOAD_CLOSE}'"
_OUTSIDE: Final = """
    select bill_id from receipt union select bill_id from second_collection where mode = 'S'
    union select bill_id from reversal
"""
"""Bills whose bank requests may have ended, or changed, between two uploads; what they are asked is bounded elsewhere."""


def requests_equal_dues(conn: Connection, _evidence: Evidence) -> Outcome:
    """Monthly bills for bank deduction, and second collections, are each asked for once a round, for what is missing.

    First round: bills accepted before its upload closed. Second: bills that missed it, and bills named again. Of a session
    that is not drawn up whole, what is there is checked.
    """
    missing = ", ".join(f"b.{fund} - coalesce(c.{fund}, 0)" for fund in FUND_NAMES)
    answered = ", ".join(f"sum(r.{fund})::bigint as {fund}" for fund in FUND_NAMES)
    query = f"""
        with upload as ({_UPLOADS}),
        bills as (
            select * from bill where kind = 'M' and mode = 'B' and id not in ({_OUTSIDE})),
        first_asked as (
            select b.id, min(u.round) as round from bills b join upload u on u.period = b.period and b.accepted_at < u.due_at
            group by b.id),
        again as (
            select distinct s.bill_id as id from second_collection s
            join upload u on u.period = s.period and u.round = 2 and s.accepted_at < u.due_at where s.mode = 'B'),
        of_first_round as (
            select i.bill_id, {answered} from result_line r join batch t on t.id = r.batch_id and t.round = 1
            join batch_line l on l.batch_id = r.batch_id and l.line = r.line join instruction i on i.id = l.instruction_id
            group by i.bill_id),
        expected as (
            select b.id, f.round, {funds("b")} as amounts from bills b join first_asked f using (id)
            union all
            select b.id, 2, array[{missing}] from bills b join first_asked f on f.id = b.id and f.round = 1
            join again on again.id = b.id left join of_first_round c on c.bill_id = b.id
            where ({missing}) <> (0, 0, 0, 0)),
        found as (
            select i.bill_id as id, i.round, {funds("i")} as amounts from instruction i join bills b on b.id = i.bill_id)
        select 'instruction' as place, b.bill_no || '-' || round as key, e.amounts as expected, f.amounts as found
        from expected e full join found f using (id, round) join bill b using (id)
        where f.amounts is not null
            or ((b.period, round) in (select period, round from ({_DONE}) done) and not {NOT_ASKED.format(round="round")})
    """
    return compare_sets(conn, "requests-equal-dues", "requests", FUND_NAMES, query)


def supplements_and_repayments_are_asked_once(conn: Connection, _evidence: Evidence) -> Outcome:
    """Supplements and repayments for bank deduction are asked for whole, in the first session that closes after they came.

    One paid at the counter before that is not asked for. Of a session that is not drawn up whole, what is there is checked.
    """
    query = f"""
        with upload as ({_UPLOADS}),
        expected as (
            select b.id, u.period, u.round, {funds("b")} as amounts from bill b
            cross join lateral (select * from upload u where u.due_at > b.accepted_at order by u.due_at limit 1) u
            where b.kind <> 'M' and b.mode = 'B'
                and not exists (
                    select from shadow_period z where z.period = u.period and z.bank = b.bank and z.from_round <= u.round)
                and not exists (select from receipt r where r.bill_id = b.id and r.accepted_at < u.due_at)),
        found as (
            select i.bill_id as id, i.period, i.round, {funds("i")} as amounts from instruction i where i.kind <> 'M')
        select 'instruction' as place, b.bill_no || ' of ' || a.period || ' round ' || a.round as key, a.expected, a.found
        from (
            select id, period, round, e.amounts as expected, f.amounts as found
            from expected e full join found f using (id, period, round)) a
        join bill b using (id)
        where a.found is not null or (a.period, a.round) in (select period, round from ({_DONE}) done)
    """
    return compare_sets(conn, "supplements-and-repayments-are-asked-once", "requests", FUND_NAMES, query)


def uploads_are_whole(conn: Connection, _evidence: Evidence) -> Outcome:
    """An upload that was begun is done, unless a schedule is at work: what was cut off is done again by the next one."""
    query = f"""
        select 'upload' as place, b.period || ' round ' || b.round as key, array[1::bigint] as expected,
            array[(d.period is not null)::int::bigint] as found
        from step_begun b left join step_done d using (period, step, round)
        where b.step = '{Step.UPLOAD_CLOSE}' and not exists (
            select from pg_locks where locktype = 'advisory' and classid = {SCHEDULE_LOCK} and objsubid = 2 and granted
                and database = (select oid from pg_database where datname = current_database()))
    """
    return compare_sets(conn, "uploads-are-whole", "uploads", ("done",), query)


def nothing_is_asked_twice(conn: Connection, _evidence: Evidence) -> Outcome:
    """A bill is never asked for more than it lacked after the earlier rounds (expected: the most, found: what was asked)."""
    before = ", ".join(f"coalesce(sum(c.{fund}), 0)::bigint as {fund}" for fund in FUND_NAMES)
    most = ", ".join(f"least(i.{fund}, b.{fund} - coalesce(c.{fund}, 0))" for fund in FUND_NAMES)
    query = f"""
        select 'instruction' as place, i.instruction_no as key, array[{most}] as expected, {funds("i")} as found
        from instruction i join bill b on b.id = i.bill_id
        left join (
            select n.id, {before} from instruction n
            join collection c on c.bill_id = n.bill_id
            left join reversal v on v.id = c.reversal_id and v.accepted_at < (
                select max(u.due_at) from ({_UPLOADS}) u where u.period = n.period and u.round = 2)
            join batch t on t.id = coalesce(c.batch_id, v.batch_id)
            where n.round = 2 and t.round = 1 and t.period = n.period group by n.id) c on c.id = i.id
    """
    return compare_sets(conn, "nothing-is-asked-twice", "instructions", FUND_NAMES, query)


def instructions_are_their_bills(conn: Connection, _evidence: Evidence) -> Outcome:
    """An instruction carries its bill's agency, bank, kind and number."""
    query = """
        select 'instruction' as place, i.instruction_no as key,
            array[b.agency, b.bank, b.kind, b.shard::text, b.bill_no || '-' || i.round] as expected,
            array[i.agency, i.bank, i.kind, i.shard::text, i.instruction_no] as found
        from instruction i join bill b on b.id = i.bill_id
    """
    labels = ("agency", "bank", "kind", "shard", "instruction id")
    return compare_sets(conn, "instructions-are-their-bills", "instructions", labels, query)


def _waiting(topic: topics.Topic) -> str:
    return f"select key from outbox where topic = '{topic.name}' and awaiting > 0"


def declarations_equal_requests(conn: Connection, _evidence: Evidence) -> Outcome:
    """财表六 as the city received it = the agency's instructions; agencies whose declaration is in flight are left out."""
    query = f"""
        select 'declaration' as place, concat_ws(' ', period, round, agency, bank, kind) as key, i.amounts as expected,
            case when d.event_id is not null then d.lines || {funds("d")} end as found
        from declaration d full join (
            select period, round, agency, bank, kind, {fund_sums("i", counted="count(*)")} as amounts
            from instruction i group by 1, 2, 3, 4, 5) i using (period, round, agency, bank, kind)
        where agency not in ({_waiting(topics.DEDUCTION_DECLARED)})
    """
    return compare_sets(conn, "declarations-equal-requests", "control totals", COUNTED, query)


def city_lines_equal_requests(conn: Connection, _evidence: Evidence) -> Outcome:
    """What the city received = what agencies asked, line by line; bundles in flight are left out."""
    query = f"""
        select 'city_line' as place, i.instruction_no as key, {funds("i")} as expected,
            case when l.instruction_id is not null then {funds("l")} end as found
        from instruction i left join city_line l on l.instruction_id = i.id
        where l.instruction_id is not null or i.agency || '/' || i.shard not in ({_waiting(topics.DEDUCTION_REQUESTED)})
    """
    return compare_sets(conn, "city-lines-equal-requests", "city lines", FUND_NAMES, query)


def requests_are_in_a_batch(conn: Connection, _evidence: Evidence) -> Outcome:
    """After the city batch every request of the session stands in one; an upload held back is named here."""
    query = f"""
        select 'instruction' as place, i.instruction_no as key, array[1::bigint] as expected,
            array[(l.instruction_id is not null)::int::bigint] as found
        from instruction i
        join step_done s on s.period = i.period and s.round = i.round and s.step = '{Step.CITY_BATCH}'
        left join batch_line l on l.instruction_id = i.id
    """
    return compare_sets(conn, "requests-are-in-a-batch", "requests", ("batch lines",), query)


def batches_equal_city_lines(conn: Connection, _evidence: Evidence) -> Outcome:
    """表二十六 = 财表七: a batch's count, funds, total and hash total come out of its lines, numbered without a gap."""
    query = f"""
        select 'batch' as place, t.batch_no as key, l.totals as expected,
            array[t.lines, t.lines] || {funds("t")} || array[t.total, t.hash_total] as found
        from batch t left join (
            select l.batch_id, array[count(*), max(l.line)] || {fund_sums("c")}
                || array[
                    sum(c.pension + c.unemployment + c.injury + c.maternity),
                    sum(right(b.account, 10)::bigint) % {HASH_TOTAL_MODULUS}]::bigint[] as totals
            from batch_line l join city_line c using (instruction_id)
            join instruction i on i.id = l.instruction_id join bill b on b.id = i.bill_id
            group by l.batch_id) l on l.batch_id = t.id
    """
    labels = ("lines", "last line", *FUND_NAMES, "total", "hash total")
    return compare_sets(conn, "batches-equal-city-lines", "batches", labels, query)


def answers_are_complete(conn: Connection, _evidence: Evidence) -> Outcome:
    """A batch with an answer has every line answered once; one without has none. A posted one is posted whole."""
    query = f"""
        select 'batch' as place, t.batch_no as key,
            array[
                case when t.result_file_id is null then 0 else t.lines end,
                case when t.state = '{BatchState.POSTED}' then t.lines else t.posted_lines end]::bigint[] as expected,
            array[coalesce(r.answered, 0), t.posted_lines]::bigint[] as found
        from batch t left join (
            select r.batch_id, count(*) as answered from result_line r
            join batch_line l on l.batch_id = r.batch_id and l.line = r.line group by r.batch_id) r on r.batch_id = t.id
    """
    return compare_sets(conn, "answers-are-complete", "batches", ("answered lines", "posted lines"), query)


def notices_equal_answers(conn: Connection, _evidence: Evidence) -> Outcome:
    """财表八 = 表二十七: each notice of a posted batch is what the answers and the suspense book come to."""
    short = ", ".join(f"coalesce(sum(i.{fund} - r.{fund}), 0)" for fund in FUND_NAMES)
    query = f"""
        select 'notice' as place, t.batch_no || ' ' || agency as key, a.measures as expected,
            case when n.event_id is not null then
                n.requested_count || n.requested || n.arrived_count::bigint || n.arrived
                || n.unarrived_count::bigint || n.unarrived || n.suspense end as found
        from (
            select l.batch_id, i.agency,
                {fund_sums("i", counted="count(*)")}
                || {fund_sums("r", counted="count(*) filter (where r.deducted = i.total)")}
                || array[count(*) filter (where r.deducted < i.total), {short}]::bigint[]
                || {fund_sums("s")} as measures
            from batch_line l join batch t on t.id = l.batch_id and t.state = '{BatchState.POSTED}'
            join instruction i on i.id = l.instruction_id
            left join result_line r on r.batch_id = l.batch_id and r.line = l.line
            left join suspense s on s.batch_id = l.batch_id and s.line = l.line
            group by l.batch_id, i.agency) a
        full join notice n using (batch_id, agency) join batch t on t.id = batch_id
    """
    measures = [f"{name}.{column}" for name in ("requested", "arrived", "unarrived") for column in COUNTED]
    labels = [*measures, *(f"suspense.{fund}" for fund in FUND_NAMES)]
    return compare_sets(conn, "notices-equal-answers", "notices", labels, query)
