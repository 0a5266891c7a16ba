"""Members of supplements (补缴明细表, 表四; C10): who a supplement is for, line by line, adding up to its bill (表五).

Three variants: the ordinary 表四; 表四-1 of subsidised flexible workers, which also tells what unemployment finance adds; 表四-3
of land-requisition workers (农转非, 农转工). The rules here need the whole file and no books; ``MEMBERS_RULES`` lists them.
"""

import datetime
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.dues import Kind
from hub.domain.faults import Fault, FaultCode, in_file_order, repeated
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import AgencyCode, BillNo, MemberNo
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period

_CITIZEN_NO: Final = re.compile(r"[0-9]{6}([0-9]{8})[0-9]{3}[0-9X]", re.ASCII)
_CHECK_DIGITS: Final = "10X98765432"
CITIZEN_NO_GRAMMAR: Final = "a citizen's number of 18 characters with a real birthday and its check digit"


class Variant(StrEnum):
    """Which 表四 it is; the value stands in the header."""

    ORDINARY = ""  # 表四
    SUBSIDISED = "1"  # 表四-1: 自谋职业、大龄下岗、弹性就业
    LAND_REQUISITION = "3"  # 表四-3: 农转非、农转工


class UnitPart(NamedTuple):
    """Fen of the unit parts that the unemployment fund pays for a subsidised worker (单位缴费部分)."""

    pension: Fen
    unemployment: Fen


class Medical(NamedTuple):
    """Medical figures of 表五-1, keyed in and compared with nothing: fen of the personal part and of the subsidy (补助金)."""

    personal: Fen
    subsidy: Fen


class MembersHeader(NamedTuple):
    """The ``H`` line. ``no``: four digits, as text."""

    agency: AgencyCode
    period: Period
    no: str
    date: datetime.date
    variant: Variant


class MemberLine(NamedTuple):
    """A ``D`` line: a member and the months paid for, both counted. ``unit_part``: of variant 1, else None."""

    line: int
    bill_no: BillNo
    member_no: MemberNo
    name: str
    first_month: Period | None  # None: could not be read
    last_month: Period | None
    amounts: FundAmounts
    unit_part: UnitPart | None

    @property
    def file_line(self) -> int:
        """Where it stands in the file, from 1: the header is line 1."""
        return self.line + 1


class MembersOfBill(NamedTuple):
    """A ``C`` line: what the members of a bill come to (表五). ``lines``: its ``D`` lines. ``file_line``: where it stands."""

    file_line: int
    bill_no: BillNo
    lines: int
    amounts: FundAmounts
    unit_part: UnitPart | None  # of variant 1, as is the next
    medical: Medical | None
    approval_no: str  # 审批文号; variant 3 has one
    explanation: str  # 补缴情况说明; variant 3 has one


@dataclass(frozen=True, slots=True)
class MembersFile:
    """A file of members whose lines could all be read."""

    header: MembersHeader
    lines: Sequence[MemberLine]
    bills: Sequence[MembersOfBill]


class FiledBill(NamedTuple):
    """What the books say of a bill that members are told of."""

    agency: str
    kind: Kind
    period: str
    amounts: FundAmounts


def parse_citizen_no(text: str) -> MemberNo | None:
    """The 公民身份号码 (GB 11643-1999), or None: 17 digits with a real birthday, and the check digit of ISO 7064 MOD 11-2."""
    found = _CITIZEN_NO.fullmatch(text)
    if found is None:
        return None
    try:
        datetime.date.fromisoformat(f"{found[1][:4]}-{found[1][4:6]}-{found[1][6:]}")
    except ValueError:
        return None
    return MemberNo(text) if text[-1] == check_digit(text[:-1]) else None


def check_digit(digits: str) -> str:
    """The last character of a citizen's number whose 17 digits these are."""
    return _CHECK_DIGITS[sum(pow(2, 17 - place, 11) * int(digit) for place, digit in enumerate(digits)) % 11]


def check_members(file: MembersFile, doubtful: Collection[str] | None = ()) -> tuple[Fault, ...]:
    """Every fault that shows without the books. ``doubtful``: bills whose lines could not all be read; None: any bill."""
    found = [fault for rule in MEMBERS_RULES for fault in rule(file)]
    if doubtful is not None:
        found += bills_equal_members(file, doubtful)
    return in_file_order(found)


def amounts_over_zero(file: MembersFile) -> list[Fault]:
    """Something is paid for every member."""
    return [
        Fault(line.file_line, "total", FaultCode.AMOUNT, "more than 0.00", print_yuan(line.amounts.total))
        for line in file.lines
        if line.amounts.total == 0
    ]


def months_before_the_period(file: MembersFile) -> list[Fault]:
    """What is made up for lies before the period (补缴, C10), and a span begins before it ends."""
    faults: list[Fault] = []
    for line in file.lines:
        if line.last_month is None or line.first_month is None:
            continue
        if line.last_month >= file.header.period:
            expected = f"a month before {file.header.period}"
            faults.append(Fault(line.file_line, "to month", FaultCode.DATE, expected, line.last_month))
        if line.first_month > line.last_month:
            expected = f"{line.last_month} or earlier, the last month"
            faults.append(Fault(line.file_line, "from month", FaultCode.DATE, expected, line.first_month))
    return faults


def months_paid_once(file: MembersFile) -> list[Fault]:
    """A member's lines of a bill, by wage or rate, are of different months. No fault names the member."""
    spans: defaultdict[tuple[str, str], list[MemberLine]] = defaultdict(list)
    for line in file.lines:
        if line.member_no and line.first_month and line.last_month:
            spans[line.bill_no, line.member_no].append(line)
    faults: list[Fault] = []
    for lines in spans.values():
        until: MemberLine | None = None  # the line that reaches furthest so far
        for line in sorted(lines, key=lambda each: (str(each.first_month), each.line)):
            if until is not None and str(line.first_month) <= str(until.last_month):
                first, second = sorted((until, line), key=lambda each: each.line)
                expected = f"months that are not in line {first.file_line} for the same member"
                found = f"{second.first_month} to {second.last_month}"
                faults.append(Fault(second.file_line, "from month", FaultCode.DUPLICATE, expected, found))
            if until is None or str(line.last_month) > str(until.last_month):
                until = line
    return faults


def subsidies_by_variant(file: MembersFile) -> list[Fault]:
    """Unit parts and medical figures: 表四-1 has them, with nothing for injury and maternity; the others have none."""
    wanted = file.header.variant is Variant.SUBSIDISED
    expected = f"{'an amount' if wanted else 'nothing'} in variant {file.header.variant.value or 'none'}"
    faults: list[Fault] = []
    told: list[MemberLine | MembersOfBill] = [*file.lines, *file.bills]
    for each in told:
        fields: list[tuple[str, object]] = [("unit pension", each.unit_part), ("unit unemployment", each.unit_part)]
        if isinstance(each, MembersOfBill):
            fields += [("medical personal", each.medical), ("medical subsidy", each.medical)]
        faults += [
            Fault(each.file_line, field, FaultCode.KIND, expected, "" if wanted else "an amount")
            for field, found in fields
            if (found is not None) is not wanted
        ]
        if wanted:
            faults += [
                Fault(each.file_line, fund, FaultCode.KIND, "0.00 for subsidised workers", print_yuan(amount))
                for fund, amount in zip(FUND_NAMES[2:], each.amounts[2:], strict=True)
                if amount
            ]
    return faults


def land_requisition_is_approved(file: MembersFile) -> list[Fault]:
    """表四-3 carries the number of its approval paper and an explanation (C10); on the others they may stand."""
    if file.header.variant is not Variant.LAND_REQUISITION:
        return []
    return [
        Fault(each.file_line, field, FaultCode.KIND, "a text in variant 3", "")
        for each in file.bills
        for field, found in (("approval no", each.approval_no), ("explanation", each.explanation))
        if not found
    ]


def bills_told_once(file: MembersFile) -> list[Fault]:
    """One ``C`` line a bill."""
    return repeated("bill id", ((each.file_line, each.bill_no) for each in file.bills))


MEMBERS_RULES: Final[tuple[Callable[[MembersFile], list[Fault]], ...]] = (
    amounts_over_zero,
    months_before_the_period,
    months_paid_once,
    subsidies_by_variant,
    land_requisition_is_approved,
    bills_told_once,
)


def bills_equal_members(file: MembersFile, doubtful: Collection[str] = ()) -> list[Fault]:
    """Each ``C`` line equals what its ``D`` lines add up to, and every bill of the ``D`` lines has one."""
    of_bill: defaultdict[str, list[MemberLine]] = defaultdict(list)
    for line in file.lines:
        of_bill[line.bill_no].append(line)
    faults: list[Fault] = []
    for each in file.bills:
        if each.bill_no in doubtful or not each.bill_no:
            continue
        if each.bill_no not in of_bill:
            expected = "a bill of the D lines"
            faults.append(Fault(each.file_line, "bill id", FaultCode.CONTROL_TOTAL, expected, each.bill_no))
            continue
        lines = of_bill[each.bill_no]
        if each.lines != len(lines):
            faults.append(Fault(each.file_line, "count", FaultCode.CONTROL_TOTAL, str(len(lines)), str(each.lines)))
        faults += differences(each.file_line, members_sum(lines), each.amounts)
        if each.unit_part is not None:
            counted = unit_parts_sum(lines)
            for name, expected_fen, found in zip(UnitPart._fields, counted, each.unit_part, strict=True):
                if expected_fen != found:
                    told = (print_yuan(expected_fen), print_yuan(found))
                    faults.append(Fault(each.file_line, f"unit {name}", FaultCode.CONTROL_TOTAL, *told))
    told_of = {each.bill_no for each in file.bills}
    missing = [bill for bill in of_bill if bill and bill not in told_of and bill not in doubtful]
    faults += [Fault(None, "C", FaultCode.CONTROL_TOTAL, f"a C line for bill {bill}", "") for bill in missing]
    return faults


def members_sum(lines: Iterable[MemberLine]) -> FundAmounts:
    """What members' lines come to per fund."""
    columns = [0] * len(FUND_NAMES)
    for line in lines:
        columns = [sofar + more for sofar, more in zip(columns, line.amounts, strict=True)]
    return FundAmounts(*map(Fen, columns))


def unit_parts_sum(lines: Iterable[MemberLine]) -> UnitPart:
    """What the unit parts of members' lines come to."""
    parts = [line.unit_part for line in lines if line.unit_part is not None]
    return UnitPart(Fen(sum(each.pension for each in parts)), Fen(sum(each.unemployment for each in parts)))


def differences(line: int, expected: FundAmounts, found: FundAmounts) -> list[Fault]:
    """A fault for each fund in which two sides differ that must add up (表四 = 表五, C10)."""
    return [
        Fault(line, fund, FaultCode.CONTROL_TOTAL, print_yuan(wanted), print_yuan(told))
        for fund, wanted, told in zip(FUND_NAMES, expected, found, strict=True)
        if wanted != told
    ]


def check_against_bill(members: MembersOfBill, header: MembersHeader, bill: FiledBill | None) -> list[Fault]:
    """A bill's members against the bill, when that was filed first; one that is not filed yet says nothing."""
    at = members.file_line
    if bill is None:
        return []
    if bill.agency != header.agency:
        return [Fault(at, "bill id", FaultCode.UNKNOWN_BILL, "a bill of this agency", members.bill_no)]
    if bill.kind is not Kind.SUPPLEMENT:
        return [Fault(at, "bill id", FaultCode.KIND, "a supplement (S)", f"kind {bill.kind.value}")]
    faults: list[Fault] = []
    if bill.period != header.period:
        expected = f"a bill of period {header.period}"
        faults.append(Fault(at, "bill id", FaultCode.MISMATCH, expected, f"{members.bill_no} of {bill.period}"))
    return faults + differences(at, bill.amounts, members.amounts)


PERSONAL_COLUMNS: Final = ("member id", "member name")
_PERSONAL: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{15,18}[Xx]?(?![0-9A-Za-z])|[^\x00-\x7f]", re.ASCII)
"""What may be a number or a name of a person, in whichever field it was put."""
_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])[0-9]{15,18}[Xx]?(?![0-9A-Za-z])", re.ASCII)
"""What is expected is said in our own words, Chinese among them; a number in them may be a person's."""


def discreet(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults of members in the order of the file, with nothing of a person in them: they are kept and shown."""
    return in_file_order(map(_discreet, faults))


def _discreet(fault: Fault) -> Fault:
    whole_line = fault.code is FaultCode.IDENTITY_TAKEN and fault.field == "line"
    hides_found = whole_line or fault.field in PERSONAL_COLUMNS or _PERSONAL.search(fault.found) is not None
    hides_expected = whole_line or _NUMBER.search(fault.expected) is not None
    found, expected = (
        f"{len(text)} characters, not shown here" if hides and text else text
        for text, hides in ((fault.found, hides_found), (fault.expected, hides_expected))
    )
    return replace(fault, expected=expected, found=found)
