"""``hub verify``: invariants 1 to 4 of rules section 12, recomputed from books and files.

Each check is a function of the books and the evidence; the list is the order in which a person reads the answer.
Every check holds at any moment, since what is in flight is known to be: all read one snapshot.
"""

from collections.abc import Callable, Iterator
from typing import Final

from sqlalchemy import Connection, Engine, text

from hub.ledger.verification import (
    bills,
    events,
    files,
    finances,
    incomes,
    journal,
    members,
    reversals,
    tie_out,
    totals,
)
from hub.ledger.verification.findings import Evidence, Outcome

Check = Callable[[Connection, Evidence], Outcome]

CHECKS: Final[tuple[Check, ...]] = (
    # 1: nothing is lost, nothing doubled
    bills.requested_is_accounted_for,
    bills.due_is_arrived_or_in_arrears,
    bills.closes_equal_the_books,
    bills.receipts_are_on_their_bills,
    reversals.returns_mirror_their_receipts,
    reversals.changes_mirror_their_answers,
    reversals.changes_follow_each_other,
    bills.nothing_is_booked_in_shadow,
    finances.filed_is_accounted_for,
    finances.finance_closes_equal_the_books,
    finances.cancelled_bills_have_no_money,
    finances.repayments_never_overdraw,
    finances.money_in_equals_the_forms,
    incomes.income_closes_equal_the_books,
    incomes.late_fees_had_accrued,
    members.subsidies_equal_their_members,
    members.subsidies_stand_on_money,
    events.events_are_taken_or_in_flight,
    events.answers_are_released,
    # 2: control totals at every hand-over
    files.archive_is_unchanged,
    files.dues_files_equal_bills,
    files.receipts_files_equal_receipts,
    files.returns_files_equal_reversals,
    files.incomes_files_equal_incomes,
    files.members_files_equal_members,
    files.subsidies_files_equal_subsidies,
    members.members_equal_their_bills,
    totals.instructions_are_their_bills,
    totals.requests_equal_dues,
    totals.supplements_and_repayments_are_asked_once,
    totals.uploads_are_whole,
    totals.declarations_equal_requests,
    totals.city_lines_equal_requests,
    totals.requests_are_in_a_batch,
    totals.batches_equal_city_lines,
    files.bank_files_equal_batches,
    tie_out.file_totals_equal_lines,
    files.result_files_equal_answers,
    files.change_files_equal_reversals,
    totals.answers_are_complete,
    totals.notices_equal_answers,
    journal.agency_books_equal_notices,
    tie_out.certificates_are_chained,
    tie_out.certificates_equal_the_books,
    # 3: double entry
    journal.entries_balance,
    journal.entries_equal_their_lines,
    *journal.CONTROL_ACCOUNTS,
    # 4: the order of the funds, and never more than was asked
    bills.answers_follow_the_order,
    bills.bills_follow_the_order,
    totals.nothing_is_asked_twice,
)


def verify(engine: Engine, evidence: Evidence, checks: tuple[Check, ...] = CHECKS) -> Iterator[Outcome]:
    """Carries out the checks on one snapshot of the books, yielding each outcome as it is known. Changes nothing."""
    snapshot = engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with snapshot as conn:
        prepare(conn)
        for check in checks:
            yield check(conn, evidence)
        conn.rollback()


def prepare(conn: Connection) -> None:
    """Whole tables are held against each other: hashing beats look-ups, and fresh tables have no statistics to know it."""
    for setting in ("enable_nestloop = off", "jit = off", "work_mem = '64MB'"):
        conn.execute(text(f"set local {setting}"))


__all__ = ["CHECKS", "Check", "Evidence", "Outcome", "prepare", "verify"]
