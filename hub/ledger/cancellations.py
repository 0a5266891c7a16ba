"""Cancellations (注销, C10, C11): supplements and repayments that have to be filed again. A cancelled bill stays cancelled."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.dues import Kind
from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.lifecycle import CANCELLED_BECAUSE, Cancelled
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, dues_cancelled
from hub.ledger import journal, subsidies

_BILLS: Final = text(f"""
    select id, agency, kind, {", ".join(FUND_NAMES)}, bill_no from bill b
    where id = any(:bills) and not exists (select from cancellation x where x.bill_id = b.id) order by id
""")
_KEEP: Final = text("""
    insert into cancellation (bill_id, reason, cause, cancelled_at, booking_period, entry_id)
    select bill, :reason, :cause, :at, :period, entry
    from unnest(cast(:bills as bigint[]), cast(:entries as bigint[])) as c (bill, entry)
""")


def cancel(
    conn: Connection, bill_ids: Collection[int], reason: Cancelled, *, at: datetime, period: Period, cause: str
) -> int:
    """Cancels bills, all for one cause, and returns how many; those that are cancelled already are passed over.

    A supplement is due no longer: one entry an agency (unique by ``cause``) takes it off the agency's memorandum account.
    A repayment was no dues of its own; its arrears stand as they are. The caller holds the locks of the bills' shards, or
    knows that no money can come for them, and has seen to it that they have no net money. Subsidies that stand on money that
    was returned open work items.
    """
    found = conn.execute(_BILLS, {"bills": list(bill_ids)}).all() if bill_ids else []
    due_no_longer: dict[str, FundAmounts] = {}
    for row in found:
        assert reason in CANCELLED_BECAUSE[Kind(row.kind)], f"bill {row.id}: {row.kind} is never {reason.value}"
        if row.kind == Kind.SUPPLEMENT.value:
            due_no_longer[row.agency] = due_no_longer.get(row.agency, NOTHING).plus(FundAmounts(*row[3:7]))
    entry_of = {
        agency: journal.book(
            conn,
            JournalEntry(
                level=Level.AGENCY, agency=agency, what=EntryKind.CANCELLATION, cause=cause, booking_period=period,
                business_date=at.date(), postings=dues_cancelled(amounts),
            ),
        )
        for agency, amounts in sorted(due_no_longer.items())
    }  # fmt: skip
    if found:
        conn.execute(
            _KEEP,
            {
                "bills": [row.id for row in found],
                "entries": [entry_of[row.agency] if row.kind == Kind.SUPPLEMENT.value else None for row in found],
                "reason": reason.value, "cause": cause, "at": at, "period": str(period),
            },
        )  # fmt: skip
    if reason is Cancelled.RETURNED:
        subsidies.ask_for_their_return(conn, {row.id: (row.agency, row.bill_no) for row in found}, at)
    return len(found)
