"""Step 1, take in members of supplements (表四, 表四-1, 表四-3; C10): who each bill is for, adding up to it.

Reads: a file of members. Writes: members, by bill.
Rule: members add up to their bill per fund (表四 = 表五); whichever of the two comes second is refused when they do not. One 表四
a bill, and a bill filed again under a new id brings its own.
Repeat: the file's identity is unique among accepted files, and so is each bill's 表四.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from hub.domain.faults import Fault, FaultCode
from hub.domain.members import MembersFile, MembersHeader, check_against_bill
from hub.domain.parties import Parties
from hub.ledger import member_lists
from hub.ledger.database import lock_books_shared


def identity(header: MembersHeader) -> str:
    """Agency, period and number name a file of members for ever."""
    return f"MEMBERS/{header.agency}/{header.period}/{header.no}"


def check(conn: Connection, file: MembersFile, parties: Parties) -> Sequence[Fault]:
    """Everything the books have against the file. The door takes an agency's files one by one, so no bill comes between."""
    # Gather
    lock_books_shared(conn)
    header = file.header
    numbers = [each.bill_no for each in file.bills]
    filed = member_lists.filed_bills(conn, numbers)
    known = member_lists.known(conn, header.agency, numbers)
    # Decide
    faults: list[Fault] = []
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    for each in file.bills:
        if each.bill_no in known:
            found = f"{each.bill_no}, told of in {known[each.bill_no]}"
            faults.append(Fault(each.file_line, "bill id", FaultCode.DUPLICATE, "one 表四 a bill", found))
        faults += check_against_bill(each, header, filed.get(each.bill_no))
    return faults


def keep(conn: Connection, file: MembersFile, file_id: int, now: datetime) -> None:
    """Apply: the members of each bill. They are no money: what a bill brings is booked with the bill."""
    member_lists.keep(conn, file, file_id, now)
