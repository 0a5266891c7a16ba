"""Step 1 again, take in a second collection (C9-5): units not paid in full are asked once more, or pay their agency.

Reads: an AGAIN file (contract section 2). Writes: the agency's choices, which the second upload carries out.
Rule: an unknown unit, one with an unanswered instruction and B without an account are refused; a paid one is passed over.
Repeat: the file's identity is unique among accepted files; a choice made twice is the same choice.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from hub.domain.faults import Fault, FaultCode
from hub.domain.parties import Parties
from hub.domain.second_collection import AgainFile, AgainHeader, AgainLine
from hub.domain.standing import Standing
from hub.domain.timetable import Step
from hub.ledger import bills, second_collections, steps
from hub.ledger.bills import HEADER_LINES
from hub.ledger.database import lock_books_shared


def identity(header: AgainHeader) -> str:
    """Agency, period and number name a second collection for ever (contract section 1)."""
    return f"AGAIN/{header.agency}/{header.period}/{header.no}"


def check(conn: Connection, file: AgainFile, parties: Parties, now: datetime) -> Sequence[Fault]:
    """Everything the books have against the file."""
    # Gather
    lock_books_shared(conn)
    header = file.header
    standing = _standings(conn, file)
    ids = [each.bill_id for each in standing.values()]
    waiting, ended = second_collections.unanswered(conn, ids), second_collections.ended(conn, ids)
    closed = steps.has_closed(conn, header.period, Step.UPLOAD_CLOSE, 2, now)
    first_hour = steps.due_at(conn, header.period, Step.UPLOAD_CLOSE, 1)
    if first_hour is not None and first_hour <= now and not steps.is_done(conn, header.period, Step.UPLOAD_CLOSE, 1):
        waiting |= second_collections.about_to_be_asked(conn, ids, first_hour)
    # Decide
    faults: list[Fault] = []
    if header.agency not in parties.agencies:
        faults.append(Fault(1, "agency", FaultCode.UNKNOWN_AGENCY, "an agency of this hub", header.agency))
    if closed:
        faults.append(
            Fault(1, "period", FaultCode.SESSION_CLOSED, "a period whose second upload is open", str(header.period))
        )
    for line in file.lines:
        faults += judge(line, standing.get(line.unit), waiting, ended)
    return faults


def judge(line: AgainLine, standing: Standing | None, waiting: set[int], ended: set[int]) -> list[Fault]:
    """One line against where its unit's monthly bill stands; a unit paid in full is passed over, so has no fault."""
    at = line.line + HEADER_LINES
    if standing is None:
        return [
            Fault(at, "unit", FaultCode.UNKNOWN_UNIT, "a unit with a monthly bill of this agency and period", line.unit)
        ]
    if standing.due == standing.collected:
        return []
    if standing.bill_id in waiting:
        return [Fault(at, "unit", FaultCode.UNANSWERED, "a unit whose instruction the bank has answered", line.unit)]
    if line.mode == "B" and standing.mode != "B":
        return [Fault(at, "mode", FaultCode.NO_ACCOUNT, "S, since the unit's bill names no account", "B")]
    if line.mode == "B" and standing.bill_id in ended:
        return [
            Fault(at, "mode", FaultCode.BANK_REQUESTS_ENDED, "S, since bank requests have ended for the month", "B")
        ]
    return []


def keep(conn: Connection, file: AgainFile, file_id: int, now: datetime) -> None:
    """Apply: the choices for the units named. Whether one is paid in full is seen when the upload closes.

    So a unit is asked whose payment comes back (退票) after its agency has named it, as it is when that comes first.
    """
    header, standing = file.header, _standings(conn, file)
    second_collections.keep(
        conn,
        file_id=file_id,
        period=str(header.period),
        agency=header.agency,
        at=now,
        lines=((line.line, standing[line.unit].bill_id, line.mode, line.pay_on) for line in file.lines),
    )


def _standings(conn: Connection, file: AgainFile) -> dict[str, Standing]:
    header = file.header
    units = [line.unit for line in file.lines]
    return bills.monthly_standing_by_unit(conn, header.agency, str(header.period), units)
