"""Reversals: what is taken back is exactly what was booked, fund by fund, once, and never before it was booked."""

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.ledger.verification.findings import Evidence, Outcome, compare_sets, funds


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
