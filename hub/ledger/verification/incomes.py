"""Other incomes (其他项目收入, C15): 财表四 is what was booked, and no late fee (滞纳金) was taken before it had accrued."""

from typing import Final

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.late_fees import accrued
from hub.domain.other_incomes import Item
from hub.domain.repayments import Arrears
from hub.domain.timetable import TZ, Step
from hub.ledger import late_fees
from hub.ledger.verification.findings import COUNTED, Evidence, Findings, Outcome, compare_sets, fund_sums

_CLOSES: Final = f"""
    select period, due_at, lag(due_at) over (order by due_at) as since from step_done where step = '{Step.FINANCE_CLOSE}'
"""


def income_closes_equal_the_books(conn: Connection, _evidence: Evidence) -> Outcome:
    """财表四 of each finance close = the incomes accepted since the one before, by item, count and funds."""
    query = f"""
        with books as (
            select k.period, i.agency, i.item, {fund_sums("i", counted="count(*)")} as amounts
            from ({_CLOSES}) k join other_income i
                on i.accepted_at < k.due_at and coalesce(i.accepted_at >= k.since, true)
            group by 1, 2, 3)
        select 'other_income_close' as place, concat_ws(' ', period, agency, item) as key, b.amounts as expected,
            case when f.closed_at is not null then f.booked_count::bigint || f.booked end as found
        from books b full join other_income_close f using (period, agency, item)
    """
    return compare_sets(conn, "income-closes-equal-the-books", "rows of 财表四", COUNTED, query)


_FEES: Final = f"""
    select agency, unit, period, income_no, received_on, accepted_at, file_id, {", ".join(FUND_NAMES)}
    from other_income where item = '{Item.LATE_FEE}' order by file_id, line
"""


def late_fees_had_accrued(conn: Connection, _evidence: Evidence) -> Outcome:
    """Each late fee, with those before it, is no more than had accrued (expected: the most) by what was known when it came.

    What was told afterwards of days before may have made less accrue; nothing that was accepted is taken back for that.
    """
    named = f"(b.agency, b.unit, b.period) in (select agency, unit, period from other_income where item = '{Item.LATE_FEE}')"
    owed = {(each.agency, each.arrears): each.history for each in late_fees.history(conn, named, {}).values()}
    paid: dict[tuple[str, Arrears], FundAmounts] = {}
    findings = Findings()
    for agency, unit, period, income_no, received_on, accepted_at, file_id, *amounts in conn.execute(text(_FEES)):
        of = (agency, Arrears(unit, period))
        told = [each.change for each in owed.get(of, ()) if each.file_id is None or each.file_id < file_id]
        most = accrued(told, min(received_on, accepted_at.astimezone(TZ).date()))
        paid[of] = paid.get(of, NOTHING).plus(FundAmounts(*amounts))
        beyond = max(sum_ - limit for sum_, limit in zip(paid[of], most, strict=True)) > 0
        findings.compare("other_income", income_no, *((most, paid[of]) if beyond else (None, None)))
    return findings.outcome("late-fees-had-accrued", "late fees")
