"""Invariants 1 and 4: nothing is lost, nothing doubled, no fund is paid out of turn, nobody pays more than was asked."""

from typing import Final

from sqlalchemy import Connection

import topics
from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART
from hub.domain.funds import FUND_NAMES
from hub.domain.lifecycle import BatchState
from hub.domain.timetable import Step
from hub.ledger import arrivals
from hub.ledger.shadow import IN_SHADOW
from hub.ledger.verification.findings import Evidence, Outcome, compare_sets, fund_sums, funds, nothing

FUNDS: Final = len(FUND_NAMES)


def waterfall(money: str, wanted: str) -> str:
    """The statutory split (C9-2) of ``money`` over the funds of ``wanted``, as an array: an arithmetic of its own."""
    shares, left = [], money
    for fund in FUND_NAMES:
        shares.append(f"greatest(least({wanted}.{fund}, {left}), 0)")
        left += f" - {wanted}.{fund}"
    return f"array[{', '.join(shares)}]"


def requested_is_accounted_for(conn: Connection, _evidence: Evidence) -> Outcome:
    """Requested = collected + unarrived + unanswered, per bill, fund and round.

    Collected is what the books hold (on the bill and in suspense); of a batch that is being posted, what the bank said.
    """
    booked = ", ".join(f"coalesce(c.{fund}, 0) + coalesce(s.{fund}, 0) as {fund}" for fund in FUND_NAMES)
    found = ", ".join(
        f"coalesce(k.{fund}, case when t.state = '{BatchState.POSTED}' then 0 else coalesce(r.{fund}, 0) end)"
        f" + case when r.line is null then i.{fund} else greatest(i.{fund} - r.{fund}, 0) end"
        for fund in FUND_NAMES
    )
    query = f"""
        select 'instruction' as place, i.instruction_no as key, {funds("i")} as expected, array[{found}] as found
        from batch_line l join batch t on t.id = l.batch_id join instruction i on i.id = l.instruction_id
        left join result_line r on r.batch_id = l.batch_id and r.line = l.line
        left join (
            select batch_id, line, {booked}
            from (select * from collection where source = 'BANK') c full join suspense s using (batch_id, line)
        ) k on k.batch_id = l.batch_id and k.line = l.line
    """
    return compare_sets(conn, "requested-is-accounted-for", "instructions", FUND_NAMES, query)


def answers_follow_the_order(conn: Connection, _evidence: Evidence) -> Outcome:
    """Each answer: the code fits the amount, and the split is the statutory one of what was asked (C9-2)."""
    query = f"""
        select 'result_line' as place, t.batch_no || ' line ' || r.line as key,
            case
                when r.code = '{PAID_IN_FULL}' then i.total
                when r.code = '{PAID_IN_PART}' then case when r.deducted > 0 and r.deducted < i.total then r.deducted end
                else 0
            end || {waterfall("r.deducted", "i")} as expected,
            r.deducted || {funds("r")} as found
        from result_line r join batch t on t.id = r.batch_id
        join batch_line l on l.batch_id = r.batch_id and l.line = r.line join instruction i on i.id = l.instruction_id
    """
    return compare_sets(conn, "answers-follow-the-order", "answers", ("deducted", *FUND_NAMES), query)


def bills_follow_the_order(conn: Connection, _evidence: Evidence) -> Outcome:
    """Within a bill no fund is paid while an earlier one is short, and no bill is paid more than is due.

    A bill whose money is still on its way is left out: a receipt for the rest may have overtaken it. Of one with a changed
    answer only the bounds are certain: what other money had been put on later funds stays there when an earlier fund's is
    taken back. So it is with one whose arrears were repaid in part: late money takes what the repayment has left.
    """
    repaid = """
        select m.id from bill r join collection k on k.bill_id = r.id
        join bill m on m.kind = 'M' and m.unit = r.unit and m.period = r.refers_to and m.agency = r.agency where r.kind = 'A'
    """
    bounded = ", ".join(f"least(greatest(c.amounts[{n}], 0), b.{fund})" for n, fund in enumerate(FUND_NAMES, start=1))
    query = f"""
        select 'bill' as place, b.bill_no as key,
            case when b.id in (select bill_id from reversal where what = 'CHANGED_ANSWER' union {repaid}) then array[{bounded}]
                else {waterfall("c.total", "b")} end as expected,
            c.amounts as found
        from bill b join (
            select bill_id, {fund_sums("c")} as amounts,
                sum(c.pension + c.unemployment + c.injury + c.maternity)::bigint as total
            from collection c group by bill_id) c on c.bill_id = b.id
        where b.id not in (select bill_id from ({arrivals.coming(f"t.state = '{BatchState.POSTING}'")}) w)
    """
    return compare_sets(conn, "bills-follow-the-order", "bills with money on them", FUND_NAMES, query)


def receipts_are_on_their_bills(conn: Connection, _evidence: Evidence) -> Outcome:
    """A sporadic receipt is on its bill with all of its amount, once."""
    query = """
        select 'receipt' as place, r.receipt_no as key, array[r.bill_id, r.amount] as expected,
            array[c.bill_id, c.pension + c.unemployment + c.injury + c.maternity] as found
        from receipt r left join collection c on c.receipt_id = r.id
    """
    return compare_sets(conn, "receipts-are-on-their-bills", "receipts", ("bill row", "amount"), query)


_CLOSED: Final = f"select period from step_done where step = '{Step.MONTH_CLOSE}'"
_CLOSING_IN_FLIGHT: Final = f"""
    select key from outbox where topic = '{topics.PERIOD_CLOSED.name}' and awaiting > 0
"""
_BOOKED: Final = ", ".join(f"sum(k.{fund})::bigint as {fund}" for fund in FUND_NAMES)
_IN_ITS_MONTH: Final = f"t.state = '{BatchState.POSTING}' and t.booking_period <= t.period"
IN_TIME: Final = f"""
    select b.id as bill_id, {", ".join(f"{arrivals.on_bill(fund)} as {fund}" for fund in FUND_NAMES)}
    from bill b
    left join (
        select k.bill_id, {_BOOKED} from collection k join bill b on b.id = k.bill_id
        where k.booking_period <= b.period group by k.bill_id) c on c.bill_id = b.id
    left join ({arrivals.coming(_IN_ITS_MONTH)}) w on w.bill_id = b.id
    where c.bill_id is not null or w.bill_id is not null
"""
"""Money that has arrived in its bill's month: booked, or released into it and on its way through the pipeline."""


def due_is_arrived_or_in_arrears(conn: Connection, _evidence: Evidence) -> Outcome:
    """Due = arrived in time + arrears opened, for every monthly bill of a closed month; bundles in flight are left out."""
    found = ", ".join(f"coalesce(c.{fund}, 0) + coalesce(a.{fund}, 0)" for fund in FUND_NAMES)
    query = f"""
        select 'bill' as place, b.bill_no as key, {funds("b")} as expected, array[{found}] as found
        from bill b left join ({IN_TIME}) c on c.bill_id = b.id left join arrears a on a.bill_id = b.id
        where b.kind = 'M' and b.period in ({_CLOSED}) and not {IN_SHADOW}
            and b.agency || '/' || b.shard not in ({_CLOSING_IN_FLIGHT})
    """
    return compare_sets(conn, "due-is-arrived-or-in-arrears", "monthly bills", FUND_NAMES, query)


_FORM_ONE: Final = ("due", "arrived", "arrears")


def closes_equal_the_books(conn: Connection, _evidence: Evidence) -> Outcome:
    """财表一 of each closed month = what the bills and the money booked in time come to."""
    stored = " || ".join(f"k.{name}_count::bigint || k.{name}" for name in _FORM_ONE)
    missing = " + ".join(f"(b.{fund} - coalesce(c.{fund}, 0))" for fund in FUND_NAMES)
    of_bills, of_money = (
        fund_sums("b", counted="count(*)"),
        fund_sums("c", counted=f"count(*) filter (where {missing} = 0)"),
    )
    short = ", ".join(f"sum(b.{fund} - coalesce(c.{fund}, 0))" for fund in FUND_NAMES)
    query = f"""
        select 'period_close' as place, period || ' ' || agency as key,
            coalesce(e.measures, {nothing(len(_FORM_ONE) * (FUNDS + 1))}) as expected,
            case when k.agency is not null then {stored} end as found
        from (
            select b.period, b.agency,
                {of_bills} || {of_money} || array[count(*) filter (where {missing} > 0), {short}]::bigint[] as measures
            from bill b left join ({IN_TIME}) c on c.bill_id = b.id
            where b.kind = 'M' and b.period in ({_CLOSED}) and not {IN_SHADOW} group by b.period, b.agency) e
        full join period_close k using (period, agency)
    """
    labels = [f"{name}.{column}" for name in _FORM_ONE for column in ("count", *FUND_NAMES)]
    return compare_sets(conn, "closes-equal-the-books", "agencies' months", labels, query)


def nothing_is_booked_in_shadow(conn: Connection, _evidence: Evidence) -> Outcome:
    """A bill of a bank in shadow is neither asked for, nor has it money or arrears: another system keeps its books.

    One that was paid at the counter before is no such bill, but ours, and the other checks look at it.
    """
    tables = ("instruction", "collection", "arrears")
    counts = ", ".join(f"(select count(*) from {table} x where x.bill_id = b.id)" for table in tables)
    query = f"""
        select 'bill' as place, b.bill_no as key, array[0, 0, 0]::bigint[] as expected, array[{counts}] as found
        from bill b where {IN_SHADOW}
    """
    return compare_sets(conn, "nothing-is-booked-in-shadow", "bills of banks in shadow", tables, query)
