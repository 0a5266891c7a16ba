"""Step 1, take in dues (表八, 表五, 表十): an agency's file becomes bills, whole or not at all.

Reads: a dues file (C8, C9-1, C10, C11; contract section 2). Writes: bills, the memorandum of what is due.
Rule: every control total equals its lines, every bill is new, every bank known; a repayment claims no more than is outstanding;
a supplement is what its members (表四), told before, come to.
Repeat: the file's identity is unique among accepted files, and so is each bill id.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import polars as pl
from sqlalchemy import Connection

from hub.domain.dues import DuesFile, DuesHeader
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import shard_of
from hub.domain.money import Fen
from hub.domain.parties import Parties
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, dues
from hub.domain.repayments import Arrears, judge_claims
from hub.domain.timetable import Step
from hub.ledger import bills, journal, member_lists, repayments, steps
from hub.ledger.database import lock_books_shared, lock_shards


def identity(header: DuesHeader) -> str:
    """Agency, period, kind and number name a dues file for ever (contract section 1)."""
    return f"DUES/{header.agency}/{header.period}/{header.kind}/{header.no}"


def take_in(
    conn: Connection, header: DuesHeader, parts: Iterable[pl.DataFrame], parties: Parties, file_id: int, now: datetime
) -> bool:
    """Takes in a file whose lines are right, by columns; False when the books have something against it.

    Then, and when ``parts`` or a unique key stops it on the way, the caller undoes the transaction and lets ``check``
    word what is wrong.
    """
    # Gather
    lock_books_shared(conn)
    too_late = steps.has_closed(conn, header.period, Step.UPLOAD_CLOSE, 2, now)
    # Decide
    if header.agency not in parties.agencies or (header.kind == "M" and steps.is_over(conn, header.period, now)):
        return False
    if header.kind == "A":
        return False  # what its lines claim is judged line by line
    # Apply
    sums = dict.fromkeys(FUND_NAMES, 0)
    by_bank: set[str] = set()
    supplements: list[str] = []

    def summed() -> Iterator[pl.DataFrame]:
        for part in parts:
            by_bank.update(part.filter(pl.col("mode") == "B")["bank"].unique())
            for fund in FUND_NAMES:
                sums[fund] += int(part[fund].sum())
            if header.kind == "S":
                supplements.extend(part["bill_no"])
            yield part

    bills.copy_in(conn, header, summed(), file_id, now)
    if not by_bank <= set(parties.banks) or (header.kind == "M" and too_late and by_bank):
        return False
    if header.kind == "S" and member_lists.disagree(conn, header, supplements):
        return False
    _book(conn, header, FundAmounts(*(Fen(sums[fund]) for fund in FUND_NAMES)), now)
    return True


def check(conn: Connection, file: DuesFile, parties: Parties, now: datetime) -> Sequence[Fault]:
    """Everything the books have against the file. Leaves its lines staged for ``keep``."""
    # Gather
    lock_books_shared(conn)
    header = file.header
    too_late = steps.has_closed(conn, header.period, Step.UPLOAD_CLOSE, 2, now)
    bills.stage(conn, file.lines)
    # Decide
    faults: list[Fault] = []
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    if header.kind == "M" and steps.is_over(conn, header.period, now):
        faults.append(
            Fault(1, "period", FaultCode.PERIOD_CLOSED, "a period whose month end has not closed", str(header.period))
        )
    if header.kind == "A":
        faults += _claims(conn, file, now)
    if header.kind == "S":
        faults += member_lists.conflicts(conn, header)
    return faults + bills.conflicts(conn, header, parties.banks, banks_too_late=too_late)


def _claims(conn: Connection, file: DuesFile, now: datetime) -> list[Fault]:
    """What repayments claim beyond what is outstanding. Their shards stay locked, so that no two claim the same at once."""
    agency = file.header.agency
    lock_shards(conn, {(agency, shard_of(line.unit)) for line in file.lines if line.unit})
    named = {Arrears(line.unit, str(line.refers_to)) for line in file.lines if line.unit and line.refers_to}
    closed = {period for period in {Period(each.period) for each in named} if steps.is_over(conn, period, now)}
    claimable = repayments.claimable(conn, agency, [each for each in named if each.period in closed], now)
    return judge_claims([line for line in file.lines if line.unit], claimable, closed)


def keep(conn: Connection, file: DuesFile, file_id: int, now: datetime) -> None:
    """Apply: the staged lines become bills, and the agency's memorandum accounts show what is due.

    Repayments are no new dues: the accounts show their arrears already.
    """
    amounts = bills.keep_staged(conn, file.header, file_id, now)
    if file.header.kind != "A":
        _book(conn, file.header, amounts, now)


def _book(conn: Connection, header: DuesHeader, amounts: FundAmounts, now: datetime) -> None:
    journal.book(
        conn,
        JournalEntry(
            level=Level.AGENCY,
            agency=header.agency,
            what=EntryKind.DUES_TAKEN_IN,
            cause=identity(header),
            booking_period=steps.open_period(conn, now),
            business_date=now.date(),
            postings=dues(amounts),
        ),
    )
