"""Reversals: what is taken back is exactly what was booked, fund by fund, once, and never before it was booked."""

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.ledger.verification.findings import Evidence, Outcome, compare_sets, fund_sums, funds, nothing


def returns_mirror_their_receipts(conn: Connection, _evidence: Evidence) -> Outcome:
    """A receipt that came back is off its bill with the funds and amounts it had put there.

    It came back after it had come, is booked in its period or a later one, and what it took back is on the same bill.
    """
    in_order = "(v.accepted_at >= r.accepted_at and t.booking_period >= c.booking_period)::int::bigint"
    query = f"""
        select 'reversal' as place, coalesce(v.return_no, 'of collection row ' || t.reversal_id) as key,
            array[c.bill_id, v.amount, 1] || {funds("c")} as expected,
            array[t.bill_id, -(t.pension + t.unemployment + t.injury + t.maternity), {in_order}]
                || array[{", ".join(f"-t.{fund}" for fund in FUND_NAMES)}] as found
        from (select * from reversal where what = 'RETURNED_RECEIPT') v
        full join (select * from collection where source = 'RECEIPT_REVERSAL') t on t.reversal_id = v.id
        left join receipt r on r.id = v.receipt_id left join collection c on c.receipt_id = r.id
    """
    labels = ("bill row", "amount", "after its receipt", *FUND_NAMES)
    return compare_sets(conn, "returns-mirror-their-receipts", "returns", labels, query)


def changes_mirror_their_answers(conn: Connection, _evidence: Evidence) -> Outcome:
    """A changed answer took back what the answer before it had booked, on the bill and in suspense, fund by fund.

    What took its place is what the bank says now, on the bill and in suspense together.
    """
    both = ", ".join(FUND_NAMES)
    back = f"array[{', '.join(f'-sum(m.{fund})' for fund in FUND_NAMES)}]::bigint[]"
    query = f"""
        with money (of, source, batch_id, line, reversal_id, {both}) as (
            select 'bill', source, batch_id, line, reversal_id, {both} from collection
            union all select 'suspense', source, batch_id, line, reversal_id, {both} from suspense),
        changes as (select v.*, {", ".join(f"n.{fund}" for fund in FUND_NAMES)} from reversal v
            left join changed_answer n on n.reversal_id = v.id where v.what = 'CHANGED_ANSWER'),
        before as (
            select v.id, m.of, {fund_sums("m")} as amounts from changes v
            left join reversal w on w.batch_id = v.batch_id and w.line = v.line and w.version = v.version - 1
            join money m on (v.version = 1 and m.batch_id = v.batch_id and m.line = v.line)
                or (m.reversal_id = w.id and m.source = 'BANK_CHANGE')
            group by v.id, m.of),
        back as (
            select reversal_id as id, of, {back} as amounts from money m
            where source = 'BANK_REVERSAL' group by reversal_id, of),
        put as (
            select reversal_id as id, {fund_sums("m")} as amounts from money m
            where source = 'BANK_CHANGE' group by reversal_id)
        select 'reversal' as place, 'of batch ' || t.batch_no || ' line ' || v.line || ' version ' || v.version || found.of as key,
            found.expected, found.found
        from changes v join batch t on t.id = v.batch_id cross join lateral (
            select ' on ' || of, b.amounts, k.amounts from (select * from before where id = v.id) b
            full join (select * from back where id = v.id) k using (of)
            union all
            select ' now', {funds("v")}, coalesce((select amounts from put where id = v.id), {nothing(len(FUND_NAMES))})
        ) found (of, expected, found)
    """
    return compare_sets(conn, "changes-mirror-their-answers", "amounts of changed answers", FUND_NAMES, query)


def changes_follow_each_other(conn: Connection, _evidence: Evidence) -> Outcome:
    """Each change of an answer begins where the one before it ended, in its order of time; none is left out."""
    query = """
        select 'reversal' as place, 'of batch ' || t.batch_no || ' line ' || v.line || ' version ' || v.version as key,
            array[1, coalesce(before.deducted, r.deducted), n.pension + n.unemployment + n.injury + n.maternity] as expected,
            array[
                (v.booking_period >= t.booking_period and v.accepted_at >= coalesce(w.accepted_at, t.released_at)
                    and (w.id is not null) = (v.version > 1))::int::bigint,
                n.deducted_before, n.deducted] as found
        from reversal v join batch t on t.id = v.batch_id
        left join changed_answer n on n.reversal_id = v.id
        left join result_line r on r.batch_id = v.batch_id and r.line = v.line
        left join reversal w on w.batch_id = v.batch_id and w.line = v.line and w.version = v.version - 1
        left join changed_answer before on before.reversal_id = w.id
    """
    labels = ("after what it changes", "deducted before", "deducted")
    return compare_sets(conn, "changes-follow-each-other", "changed answers", labels, query)
