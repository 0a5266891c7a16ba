"""Supplements and repayments (invariants 1 and 2): filed = arrived + cancelled + pending, and nothing is repaid twice."""

from typing import Final

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.domain.lifecycle import Cancelled
from hub.domain.timetable import Step
from hub.ledger.verification.bills import IN_TIME
from hub.ledger.verification.findings import COUNTED, Evidence, Outcome, compare_sets, fund_sums, funds, nothing

_CLOSES: Final = f"select period, due_at from step_done where step = '{Step.FINANCE_CLOSE}'"
_MEASURES: Final = ("filed", "arrived", "cancelled", "pending")

# What the books say of each bill, as moments: when its money came, when it was cancelled, when it was filed. A close's own
# cancellations bear its hour.
_MOMENTS: Final = f"""
    select b.id, b.kind, b.agency, b.accepted_at, {", ".join(f"b.{fund}" for fund in FUND_NAMES)}, c.came_at,
           case when x.reason = '{Cancelled.UNPAID}' then x.cancelled_at - interval '1 microsecond' else x.cancelled_at end
               as cancelled_at
    from bill b
    left join cancellation x on x.bill_id = b.id
    left join (
        select c.bill_id, min(coalesce(r.accepted_at, t.released_at)) as came_at
        from collection c left join receipt r on r.id = c.receipt_id left join batch t on t.id = c.batch_id
        group by c.bill_id) c on c.bill_id = b.id
    where b.kind <> 'M'
"""
_SETTLED_AT: Final = "least(m.came_at, m.cancelled_at)"


def filed_is_accounted_for(conn: Connection, _evidence: Evidence) -> Outcome:
    """Filed = arrived + cancelled + pending, count and funds, in every row of 财表二 and 财表三."""
    parts = _MEASURES[1:]
    count = " + ".join(f"f.{name}_count" for name in parts)
    sums = ", ".join(" + ".join(f"f.{name}[{n}]" for name in parts) for n in range(1, len(FUND_NAMES) + 1))
    found = f"array[{count}, {sums}]::bigint[]"
    query = f"""
        select 'finance_close' as place, concat_ws(' ', f.period, f.kind, f.agency) as key,
            f.filed_count::bigint || f.filed as expected, {found} as found
        from finance_close f
    """
    return compare_sets(conn, "filed-is-accounted-for", "rows of 财表二 and 财表三", COUNTED, query)


def finance_closes_equal_the_books(conn: Connection, _evidence: Evidence) -> Outcome:
    """财表二 and 财表三 of each finance close = what has become, by its hour, of what was filed or pending since the one before."""
    stored = " || ".join(f"f.{name}_count::bigint || f.{name}" for name in _MEASURES)
    of = {
        "filed": "true",
        "arrived": "m.came_at < k.due_at and coalesce(m.cancelled_at >= k.due_at, true)",
        "cancelled": "m.cancelled_at < k.due_at",
        "pending": f"coalesce({_SETTLED_AT} >= k.due_at, true)",
    }
    drawn = " || ".join(fund_sums("m", where, counted=f"count(*) filter (where {where})") for where in of.values())
    query = f"""
        with closes as (
            select period, due_at, lag(due_at) over (order by due_at) as since from ({_CLOSES}) k),
        books as (
            select k.period, m.kind, m.agency, {drawn} as measures
            from closes k join ({_MOMENTS}) m on m.accepted_at < k.due_at
                and (k.since is null or coalesce({_SETTLED_AT} >= k.since, true))
            group by 1, 2, 3)
        select 'finance_close' as place, concat_ws(' ', period, kind, agency) as key,
            coalesce(b.measures, {nothing(len(_MEASURES) * len(COUNTED))}) as expected,
            case when f.agency is not null then {stored} end as found
        from books b full join finance_close f using (period, kind, agency)
    """
    labels = [f"{name}.{column}" for name in _MEASURES for column in COUNTED]
    return compare_sets(conn, "finance-closes-equal-the-books", "rows of 财表二 and 财表三", labels, query)


def cancelled_bills_have_no_money(conn: Connection, _evidence: Evidence) -> Outcome:
    """A cancelled bill has no net money on it, and is no monthly bill."""
    query = f"""
        select 'cancellation' as place, b.bill_no as key, array['true', '0', '0', '0', '0'] as expected,
            array[(b.kind <> 'M')::text] || {fund_sums("c")}::text[] as found
        from cancellation x join bill b on b.id = x.bill_id left join collection c on c.bill_id = b.id
        group by b.bill_no, b.kind
    """
    return compare_sets(conn, "cancelled-bills-have-no-money", "cancellations", ("may be", *FUND_NAMES), query)


def repayments_never_overdraw(conn: Connection, _evidence: Evidence) -> Outcome:
    """What repayments brought, with the money on the monthly bill, is never more than was due (expected: the most)."""
    brought = ", ".join(f"sum(c.{fund})::bigint as {fund}" for fund in FUND_NAMES)
    left = ", ".join(f"least(r.{fund}, b.{fund} - coalesce(c.{fund}, 0))" for fund in FUND_NAMES)
    query = f"""
        select 'arrears' as place, concat_ws(' ', r.agency, r.unit, r.refers_to) as key,
            case when b.id is not null then array[{left}] end as expected, {funds("r")} as found
        from (
            select b.agency, b.unit, b.refers_to, {brought}
            from bill b join collection c on c.bill_id = b.id where b.kind = 'A' group by 1, 2, 3) r
        left join bill b on b.kind = 'M' and b.unit = r.unit and b.period = r.refers_to and b.agency = r.agency
        left join (select bill_id, {brought} from collection c group by bill_id) c on c.bill_id = b.id
    """
    return compare_sets(conn, "repayments-never-overdraw", "arrears repaid", FUND_NAMES, query)


def money_in_equals_the_forms(conn: Connection, _evidence: Evidence) -> Outcome:
    """Arrivals plus sporadic receipts that stand by the last closes = 财表一 + 财表二 + 财表三, per agency."""
    query = f"""
        with counted as (
            select b.agency, {", ".join(f"c.{fund}" for fund in FUND_NAMES)}
            from ({IN_TIME}) c join bill b on b.id = c.bill_id
            where b.kind = 'M' and b.period in (select period from period_close)
            union all
            select m.agency, {", ".join(f"m.{fund}" for fund in FUND_NAMES)}
            from ({_MOMENTS}) m
            cross join lateral (select min(due_at) as due_at from ({_CLOSES}) k where k.due_at > m.came_at) k
            where k.due_at is not null and coalesce(m.cancelled_at >= k.due_at, true)),
        books as (select c.agency, {fund_sums("c")} as amounts from counted c group by c.agency),
        said as (
            select agency, arrived from period_close union all select agency, arrived from finance_close),
        forms as (
            select agency, array[{", ".join(f"sum(arrived[{n}])" for n in range(1, len(FUND_NAMES) + 1))}]::bigint[] as amounts
            from said group by agency)
        select 'forms of' as place, agency::text as key, coalesce(b.amounts, {nothing(len(FUND_NAMES))}) as expected,
            coalesce(f.amounts, {nothing(len(FUND_NAMES))}) as found
        from books b full join forms f using (agency)
    """
    return compare_sets(conn, "money-in-equals-the-forms", "agencies", FUND_NAMES, query)
