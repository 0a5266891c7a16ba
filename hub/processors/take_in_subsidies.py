"""Step 11, take in subsidies (补贴划转, C10): what unemployment finance booked for subsidised workers, booked when it is told.

Reads: a subsidies file. Writes: subsidies, the agency's journal; settles the work items of what is brought back.
Rule: as the 表四-1 says, once each, never before the personal part has arrived in full; brought back exactly, once, after that
part came back. An expenditure of the unemployment fund: nothing of it is on a bill.
Repeat: the file's identity is unique among accepted files, so is each subsidy id, and each movement of a bill.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FundAmounts
from hub.domain.money import ZERO, Fen
from hub.domain.parties import Parties
from hub.domain.posting import EntryKind, JournalEntry, Level, Posting, mirrored
from hub.domain.posting import subsidies as postings_of
from hub.domain.subsidies import (
    TAKES_BACK,
    SubsidiesFile,
    SubsidiesHeader,
    SubsidisedBill,
    SubsidyAmounts,
    SubsidyLine,
    judge_subsidy,
)
from hub.ledger import arrivals, journal, steps, subsidies
from hub.ledger.database import lock_books_shared, lock_shards


def identity(header: SubsidiesHeader) -> str:
    """Agency, date and number name a subsidies file for ever."""
    return f"SUBSIDIES/{header.agency}/{header.date:%Y-%m-%d}/{header.no}"


class Checked(NamedTuple):
    """What a file was judged by: the bills it names, by number."""

    faults: Sequence[Fault]
    bills: Mapping[str, SubsidisedBill]
    waits: bool = False
    """A bank's money is on its way to one of their bills: whether it has arrived is known once that is posted."""


def check(conn: Connection, file: SubsidiesFile, parties: Parties) -> Checked:
    """Everything the books have against the file. Holds the shards of the bills until the transaction ends."""
    # Gather
    lock_books_shared(conn)
    numbers = [line.bill_no for line in file.lines]
    named = subsidies.bills_by_number(conn, numbers).values()
    lock_shards(conn, {(bill.agency, bill.shard) for bill in named})
    bills = subsidies.bills_by_number(conn, numbers)  # as they stand while nobody else books on them
    known = subsidies.known(conn, [line.subsidy_no for line in file.lines])
    if arrivals.are_coming(conn, [bill.bill_id for bill in bills.values()]):
        return Checked((), bills, waits=True)
    # Decide
    header, faults = file.header, list[Fault]()
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    for line in file.lines:
        if line.subsidy_no in known:
            expected = "an id never used before"
            faults.append(Fault(line.file_line, "subsidy id", FaultCode.DUPLICATE, expected, line.subsidy_no))
        bill = bills.get(line.bill_no)
        faults += judge_subsidy(line, bill if bill is not None and bill.agency == header.agency else None)
    return Checked(faults, bills)


def keep(
    conn: Connection, file: SubsidiesFile, bills: Mapping[str, SubsidisedBill], file_id: int, now: datetime
) -> None:
    """Apply: one journal entry for what goes out and one for what comes back, the movements, the items they settle."""
    if not file.lines:
        return
    header, period = file.header, steps.open_period(conn, now)
    entries: dict[bool, int] = {}
    for back, what in ((False, EntryKind.SUBSIDY), (True, EntryKind.SUBSIDY_BACK)):
        lines = [line for line in file.lines if (line.movement in TAKES_BACK) is back]
        if lines:
            booked = _postings(lines)
            entries[back] = journal.book(
                conn,
                JournalEntry(
                    level=Level.AGENCY, agency=header.agency, what=what, cause=identity(header), booking_period=period,
                    business_date=now.date(), postings=mirrored(booked) if back else booked,
                ),
            )  # fmt: skip
    subsidies.keep(conn, file, bills, entries, file_id=file_id, at=now, booking_period=period, business_date=now.date())
    subsidies.see_to_items(conn, file.lines, bills, now)


def _postings(lines: Sequence[SubsidyLine]) -> tuple[Posting, ...]:
    """What an entry of these movements books, however many bills they are of."""
    sums = SubsidyAmounts(*(Fen(sum(column)) for column in zip(*(line.amounts for line in lines), strict=True)))
    return postings_of(FundAmounts(sums.pension, sums.unemployment, ZERO, ZERO), sums.medical)
