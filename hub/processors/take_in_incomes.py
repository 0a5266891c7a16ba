"""Step 11, take in other incomes (其他项目收入, C15): transfer income, interest, subsidies, late fees and the others.

Reads: an incomes file (``connectors.formats.incomes``). Writes: other incomes, the agency's journal.
Rule: booked per fund on acceptance, in the period that is open, at the agency, where sporadic money stays until it is remitted.
A late fee is of arrears that the hub knows, and no more than has accrued and is not paid; so money that is on its way to the
arrears is posted first. The finance close reports them (财表四).
Repeat: the file's identity is unique among accepted files, and so is each income id.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import sum_of
from hub.domain.ids import shard_of
from hub.domain.other_incomes import IncomesFile, IncomesHeader, Item, judge_late_fees
from hub.domain.parties import Parties
from hub.domain.posting import EntryKind, JournalEntry, Level, other_income
from hub.domain.repayments import Arrears
from hub.ledger import arrivals, incomes, journal, late_fees, steps
from hub.ledger.database import lock_books_shared, lock_shards


def identity(header: IncomesHeader) -> str:
    """Agency, date and number name an incomes file for ever."""
    return f"INCOMES/{header.agency}/{header.date:%Y-%m-%d}/{header.no}"


class Checked(NamedTuple):
    """What the books have against a file."""

    faults: Sequence[Fault]
    waits: bool = False
    """A bank's money is on its way to arrears that it names: what it settles costs no more, and the fee comes after it."""


def check(conn: Connection, file: IncomesFile, parties: Parties, now: datetime) -> Checked:
    """Everything the books have against the file. Holds the shards of late fees' units until the transaction ends."""
    # Gather
    lock_books_shared(conn)
    header = file.header
    fees = [line for line in file.lines if line.item is Item.LATE_FEE and line.unit and line.period is not None]
    lock_shards(conn, {(header.agency, shard_of(line.unit)) for line in fees})
    known = incomes.known(conn, [line.income_no for line in file.lines])
    periods = {line.period for line in fees if line.period is not None}
    closed = frozenset(period for period in periods if steps.is_over(conn, period, now))
    arrears = [Arrears(line.unit, line.period) for line in fees if line.period in closed]
    named = late_fees.of_arrears(conn, header.agency, arrears)
    # Decide
    faults = list[Fault]()
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    for line in file.lines:
        if line.income_no in known:
            expected = "an id never used before"
            faults.append(Fault(line.file_line, "income id", FaultCode.DUPLICATE, expected, line.income_no))
    faults += judge_late_fees(file.lines, named.fees, closed, now.date())
    return Checked(faults, waits=bool(named.bills) and arrivals.are_coming(conn, named.bills))


def keep(conn: Connection, file: IncomesFile, file_id: int, now: datetime) -> None:
    """Apply: one journal entry for the file, a row for each income."""
    if not file.lines:
        return
    header, period = file.header, steps.open_period(conn, now)
    entry = journal.book(
        conn,
        JournalEntry(
            level=Level.AGENCY, agency=header.agency, what=EntryKind.OTHER_INCOME, cause=identity(header),
            booking_period=period, business_date=now.date(),
            postings=other_income(sum_of(line.amounts for line in file.lines)),
        ),
    )  # fmt: skip
    incomes.keep(
        conn, file_id=file_id, agency=header.agency, at=now, booking_period=period, entry_id=entry, lines=file.lines
    )
