"""Files of supplements' members ``MEMB_<agency>_<period>_<no>.txt`` (补缴明细, 表四, 表四-1, 表四-3; C10).

Described for agencies in docs/agencies/files.md. Members' numbers and names are personal: no fault repeats them.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import BinaryIO, Final

from connectors.formats.agency_frame import (
    Reading,
    blocked_fields,
    check_money_total,
    check_trailer,
    read_header,
    seal,
    unblocked,
)
from connectors.formats.grammar import (
    AGENCY_CODE,
    AMOUNT_TOTAL,
    BILL_ID,
    FILE_NUMBER,
    FOUR_AMOUNTS,
    FOUR_SUMS,
    FUND_COLUMNS,
    LINE,
    SHA256,
    SUM_TOTAL,
    VERSION,
    Column,
    Record,
    amount,
    constant,
    count,
    day,
    month,
    optional,
    parse_date,
    short_text,
    sum_of,
    text,
)
from connectors.formats.line_file import LineFile
from connectors.formats.sections import Frame, Layout
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BillNo, MemberNo
from hub.domain.members import (
    CITIZEN_NO_GRAMMAR,
    Medical,
    MemberLine,
    MembersFile,
    MembersHeader,
    MembersOfBill,
    UnitPart,
    Variant,
    check_members,
    discreet,
    parse_citizen_no,
)
from hub.domain.money import ZERO, Fen, parse_total, parse_yuan, print_yuan
from hub.domain.periods import Period
from hub.ports import Refused

_LONGEST_EXPLANATION: Final = 200
_VARIANT: Final = Column(
    "variant", "[13]?", "1 (subsidised workers), 3 (land requisition) or an empty field", FaultCode.KIND
)
HEADER: Final = Record(
    "H", constant("file type", "MEMBERS"), VERSION, AGENCY_CODE, month("period"), FILE_NUMBER, day("date"), _VARIANT
)
DETAIL: Final = Record(
    "D",
    LINE,
    BILL_ID,
    Column("member id", "[0-9]{17}[0-9X]", CITIZEN_NO_GRAMMAR, value=parse_citizen_no),
    text("member name"),
    month("from month"),
    month("to month"),
    *FOUR_AMOUNTS,
    AMOUNT_TOTAL,
    optional(amount("unit pension")),
    optional(amount("unit unemployment")),
)
CONTROL: Final = Record(
    "C",
    BILL_ID,
    count("count"),
    *FOUR_SUMS,
    SUM_TOTAL,
    optional(sum_of("unit pension")),
    optional(sum_of("unit unemployment")),
    optional(sum_of("medical personal")),
    optional(sum_of("medical subsidy")),
    short_text("approval no", 64),
    short_text("explanation", _LONGEST_EXPLANATION),
)
TRAILER: Final = Record("T", count("count"), SUM_TOTAL, SHA256)
LAYOUT: Final = Layout(HEADER, DETAIL, TRAILER, CONTROL)

_PAIRS: Final = (("unit pension", "unit unemployment"), ("medical personal", "medical subsidy"))
"""Amounts that stand both or not at all."""
_SUMMED: Final = frozenset({"bill id", *FUND_COLUMNS, "unit pension", "unit unemployment"})


def read_members(name: str, data: BinaryIO) -> Reading[MembersFile]:
    """What a file of members holds and every fault that shows without the books."""
    faults: list[Fault] = []
    reading = _MembersReading(faults)
    frame = Frame(LAYOUT, faults)
    frame.read(LineFile(data, "utf-8", faults), reading.take_member, reading.take_bill)
    head = read_header(LAYOUT, frame.header, name, faults)
    check_trailer(frame, faults)
    check_money_total(frame, reading.totals, faults)
    blocked = frozenset(blocked_fields(faults))
    header = _header_of(head)
    if header is None:
        return Reading(None, discreet(faults), blocked)
    file = MembersFile(header, reading.lines, reading.bills)
    blocked |= reading.hanging
    unknown = frame.unreadable_details or frame.unreadable_controls or "" in reading.doubtful
    faults += unblocked(check_members(file, None if unknown else reading.doubtful), blocked)
    return Reading(file, discreet(faults), frozenset(blocked_fields(faults) | reading.hanging))


def parse_members(name: str, data: BinaryIO) -> MembersFile | Refused:
    """A file of members that is complete and consistent in itself, or every fault of it."""
    return read_members(name, data).outcome


def _header_of(head: Mapping[str, str]) -> MembersHeader | None:
    """The header of its good columns; None without period and variant, by which every other rule goes."""
    if "variant" not in head or "period" not in head:
        return None
    return MembersHeader(
        AgencyCode(head.get("agency", "")),
        Period(head["period"]),
        head.get("no", ""),
        parse_date(head.get("date", "")) or date.min,
        Variant(head["variant"]),
    )


class _MembersReading:
    """The lines of one file. A line at fault keeps its place, with a stand-in for what is unread."""

    def __init__(self, faults: list[Fault]) -> None:
        self.lines: list[MemberLine] = []
        self.bills: list[MembersOfBill] = []
        self.totals: list[Fen | None] = []
        self.doubtful: set[str] = set()
        """Bills of which an amount could not be read; '' when it is not known of which."""
        self.hanging: set[tuple[int | None, str]] = set()
        """Amounts of a pair whose other half is at fault."""
        self._faults = faults

    def take_member(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``D`` line."""
        _, bill, member, name, first, last, *money = self._good(DETAIL, number, fields, sound)
        *funds, total = map(parse_yuan, money[:5])
        amounts = FundAmounts(*(fen or ZERO for fen in funds))
        self._check_sum(number, amounts, [*funds, total])
        self.totals.append(total)
        self.lines.append(
            MemberLine(
                number - 1, BillNo(bill), MemberNo(member), name, Period.parse(first), Period.parse(last), amounts,
                _unit_part(*map(parse_yuan, money[5:])),
            )
        )  # fmt: skip

    def take_bill(self, number: int, fields: tuple[str, ...], sound: bool) -> None:
        """Takes a ``C`` line."""
        bill, how_many, *rest = self._good(CONTROL, number, fields, sound)
        approval_no, explanation = rest[-2:]
        pension, unemployment, injury, maternity, total, unit_p, unit_u, personal, subsidy = map(parse_total, rest[:-2])
        funds = (pension, unemployment, injury, maternity)
        amounts = FundAmounts(*(fen or ZERO for fen in funds))
        self._check_sum(number, amounts, [*funds, total])
        medical = None if personal is None or subsidy is None else Medical(personal, subsidy)
        self.bills.append(
            MembersOfBill(
                number, BillNo(bill), int(how_many or 0), amounts, _unit_part(unit_p, unit_u), medical, approval_no,
                explanation,
            )
        )  # fmt: skip

    def _good(self, record: Record, number: int, fields: tuple[str, ...], sound: bool) -> tuple[str, ...]:
        """The fields with '' for each that is at fault; months, amounts and numbers of members are looked at here."""
        found = record.faults(number, fields)
        if sound:
            self._faults += found
        at_fault = {fault.field for fault in found} | self._halves(record, number, fields)
        if not at_fault:
            return fields
        names = [column.name for column in record.columns]
        good = tuple("" if name in at_fault else field for name, field in zip(names, fields, strict=True))
        self.hanging |= {(number, half) for pair in _PAIRS if at_fault & set(pair) for half in pair}
        if at_fault & _SUMMED:
            self.doubtful.add(good[1] if record is DETAIL else good[0])
        return good

    def _halves(self, record: Record, number: int, fields: tuple[str, ...]) -> set[str]:
        """Notes the missing half of a pair of amounts; its name."""
        said = {column.name: field for column, field in zip(record.columns, fields, strict=True)}
        missing = {
            half: other
            for pair in _PAIRS
            for half, other in (pair, pair[::-1])
            if half in said and not said[half] and said[other]
        }
        self._faults += [
            Fault(number, half, FaultCode.AMOUNT, f"an amount, as {other} has one", "")
            for half, other in missing.items()
        ]
        return set(missing)

    def _check_sum(self, number: int, amounts: FundAmounts, known: Sequence[Fen | None]) -> None:
        """Four funds against their total, where all five could be read."""
        total = known[-1]
        if total is not None and None not in known and amounts.total != total:
            self._faults.append(Fault(number, "total", FaultCode.SUM, print_yuan(amounts.total), print_yuan(total)))


def _unit_part(pension: Fen | None, unemployment: Fen | None) -> UnitPart | None:
    return None if pension is None or unemployment is None else UnitPart(pension, unemployment)


def print_members(file: MembersFile) -> bytes:
    """The bytes of a file of members."""
    header = file.header
    body = [
        HEADER.print("MEMBERS", "1", header.agency, header.period, header.no, header.date.isoformat(), header.variant)
    ]
    body += [
        DETAIL.print(
            str(line.line), line.bill_no, line.member_no, line.name, line.first_month or "", line.last_month or "",
            *map(print_yuan, line.amounts), print_yuan(line.amounts.total), *_printed(line.unit_part, 2),
        )
        for line in file.lines
    ]  # fmt: skip
    body += [
        CONTROL.print(
            each.bill_no, str(each.lines), *map(print_yuan, each.amounts), print_yuan(each.amounts.total),
            *_printed(each.unit_part, 2), *_printed(each.medical, 2), each.approval_no, each.explanation,
        )
        for each in file.bills
    ]  # fmt: skip
    total = Fen(sum(line.amounts.total for line in file.lines))
    return seal("".join(body), TRAILER, len(file.lines), print_yuan(total))


def _printed(amounts: Sequence[Fen] | None, fields: int) -> list[str]:
    return [""] * fields if amounts is None else [print_yuan(fen) for fen in amounts]
