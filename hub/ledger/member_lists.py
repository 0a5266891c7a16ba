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
    numbers: dict[str, int] = {}
    people = Counter(bill for bill, _ in {(line.bill_no, line.member_no) for line in file.lines})
    for each in file.bills:
        unit_pension, unit_unemployment = each.unit_part or (None, None)
        personal, subsidy = each.medical or (None, None)
        values = {
            "agency": header.agency, "period": str(header.period), "bill": each.bill_no, "variant": header.variant.value,
            "lines": each.lines, "members": people[each.bill_no], **each.amounts._asdict(), "unit_pension": unit_pension,
            "unit_unemployment": unit_unemployment, "personal": personal, "subsidy": subsidy,
            "approval_no": each.approval_no, "explanation": each.explanation, "file": file_id,
            "file_line": each.file_line, "at": at,
        }  # fmt: skip
        numbers[each.bill_no] = conn.execute(_KEEP, values).scalar_one()
    columns = (
        f"list_id, line, member_no, member_name, first_month, last_month, {_FUNDS}, unit_pension, unit_unemployment"
    )
    with raw(conn).cursor() as cursor, cursor.copy(f"copy member_line ({columns}) from stdin") as copy:
        for line in file.lines:
            unit_part = line.unit_part or (None, None)
            months = (str(line.first_month), str(line.last_month))
            copy.write_row(
                (numbers[line.bill_no], line.line, line.member_no, line.name, *months, *line.amounts, *unit_part)
            )


_KEEP = text(f"""
    insert into member_list (agency, period, bill_no, variant, lines, members, {_FUNDS}, unit_pension, unit_unemployment,
                             medical_personal, medical_subsidy, approval_no, explanation, file_id, file_line, accepted_at)
    values (:agency, :period, :bill, :variant, :lines, :members, {", ".join(f":{fund}" for fund in FUND_NAMES)}, :unit_pension,
            :unit_unemployment, :personal, :subsidy, :approval_no, :explanation, :file, :file_line, :at)
    returning id
""")


def disagree(conn: Connection, header: DuesHeader, file_id: int) -> bool:
    """Whether a bill that a file has just brought is not what its members, told before, come to."""
    wrong = f"l.period <> b.period or {' or '.join(f'l.{fund} <> b.{fund}' for fund in FUND_NAMES)}"
    query = text(f"""
        select exists (
            select from member_list l cross join lateral (select * from bill where bill_no = l.bill_no offset 0) b
            where l.agency = :agency and b.file_id = :file and ({wrong}))
    """)
    return bool(conn.execute(query, {"agency": header.agency, "file": file_id}).scalar_one())


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
