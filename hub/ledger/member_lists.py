"""Members of supplements (表四): kept bill by bill, filed yet or not, and held against the bill when both are there."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, text

from hub.domain.dues import DuesHeader, Kind
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.members import FiledBill, MembersFile, differences
from hub.ledger.bills import HEADER_LINES
from hub.ledger.database import raw

_FUNDS = ", ".join(FUND_NAMES)


def known(conn: Connection, agency: str, bill_nos: Collection[str]) -> dict[str, str]:
    """The bills among these that have their 表四 already, with the name of the file that brought it."""
    found = conn.execute(
        text("""
            select l.bill_no, f.name from member_list l join file_intake f on f.id = l.file_id
            where l.agency = :agency and l.bill_no = any(:wanted)
        """),
        {"agency": agency, "wanted": list(bill_nos)},
    )
    return {row.bill_no: row.name for row in found}


def filed_bills(conn: Connection, bill_nos: Collection[str]) -> dict[str, FiledBill]:
    """The bills among these that are filed by now."""
    found = conn.execute(
        text(f"select bill_no, agency, kind, period, {_FUNDS} from bill where bill_no = any(:wanted)"),
        {"wanted": list(bill_nos)},
    )
    return {row[0]: FiledBill(row[1], Kind(row[2]), row[3], FundAmounts(*row[4:])) for row in found}


def keep(conn: Connection, file: MembersFile, file_id: int, at: datetime) -> None:
    """Stores the members of every bill of an accepted file."""
    header = file.header
    people = Counter(bill for bill, _ in {(line.bill_no, line.member_no) for line in file.lines})
    with raw(conn).cursor() as cursor, cursor.copy(f"copy member_list ({_LIST}) from stdin") as copy:
        for each in file.bills:
            copy.write_row(
                (
                    header.agency, str(header.period), each.bill_no, header.variant.value, each.lines, people[each.bill_no],
                    *each.amounts, *(each.unit_part or _NEITHER), *(each.medical or _NEITHER), each.approval_no,
                    each.explanation, file_id, each.file_line, at,
                )
            )  # fmt: skip
    kept = conn.execute(
        text("select bill_no, id from member_list where agency = :agency and bill_no = any(:bills)"),
        {"agency": header.agency, "bills": [each.bill_no for each in file.bills]},
    )
    numbers = {row.bill_no: row.id for row in kept}
    with raw(conn).cursor() as cursor, cursor.copy(f"copy member_line ({_LINE}) from stdin") as copy:
        for line in file.lines:
            months = (str(line.first_month), str(line.last_month))
            copy.write_row(
                (
                    numbers[line.bill_no], line.line, line.member_no, line.name, *months, *line.amounts,
                    *(line.unit_part or _NEITHER),
                )
            )  # fmt: skip


_NEITHER = (None, None)
_LIST = (
    f"agency, period, bill_no, variant, lines, members, {_FUNDS}, unit_pension, unit_unemployment, medical_personal, "
    "medical_subsidy, approval_no, explanation, file_id, file_line, accepted_at"
)
_LINE = f"list_id, line, member_no, member_name, first_month, last_month, {_FUNDS}, unit_pension, unit_unemployment"


def disagree(conn: Connection, header: DuesHeader, bill_nos: Collection[str]) -> bool:
    """Whether one of these bills, which a file has just brought, is not what its members, told before, come to."""
    wrong = f"l.period <> b.period or {' or '.join(f'l.{fund} <> b.{fund}' for fund in FUND_NAMES)}"
    query = text(f"""
        with told as materialized (select * from member_list where agency = :agency and bill_no = any(:wanted))
        select exists (
            select from told l cross join lateral (select * from bill where bill_no = l.bill_no offset 0) b where {wrong})
    """)
    return bool(conn.execute(query, {"agency": header.agency, "wanted": list(bill_nos)}).scalar_one())


def conflicts(conn: Connection, header: DuesHeader) -> list[Fault]:
    """What members told before have against the staged lines of a file of supplements (表四 = 表五, C10)."""
    columns = ", ".join((*(f"l.{fund}" for fund in FUND_NAMES), *(f"s.{fund}" for fund in FUND_NAMES)))
    found = conn.execute(
        text(f"""
            select s.line, s.bill_no, l.period, {columns}
            from staged_bill s join member_list l on l.bill_no = s.bill_no and l.agency = :agency order by s.line
        """),
        {"agency": header.agency},
    )
    faults: list[Fault] = []
    for row in found:
        at = row.line + HEADER_LINES
        if row.period != header.period:
            expected = f"a bill of period {row.period}, as in its 表四"
            faults.append(Fault(at, "bill id", FaultCode.MISMATCH, expected, f"{row.bill_no} of {header.period}"))
        faults += differences(at, FundAmounts(*row[3:7]), FundAmounts(*row[7:11]))
    return faults
