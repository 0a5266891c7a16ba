"""Files of members and of subsidies: what is printed reads back the same; what does not add up is told, nothing of a person is."""

import io
import re
from datetime import date
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import agency_files
from connectors.formats.members import print_members
from connectors.formats.subsidies import print_subsidies
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import MemberNo, SubsidyNo
from hub.domain.members import (
    Medical,
    MemberLine,
    MembersFile,
    MembersHeader,
    MembersOfBill,
    UnitPart,
    Variant,
    check_digit,
    members_sum,
    parse_citizen_no,
    unit_parts_sum,
)
from hub.domain.money import ZERO, Fen, print_yuan
from hub.domain.periods import Period
from hub.domain.subsidies import (
    TAKES_BACK,
    Movement,
    SubsidiesFile,
    SubsidiesHeader,
    SubsidyAmounts,
    SubsidyLine,
)
from hub.ports import Refused
from tests.connectors.formats.strategies import agencies, amounts, bills, capitals, days, fen, names, numbers

PERIOD = Period("2026-12")
MONTHS = [Period(f"{year}-{month:02d}") for year in (2025, 2026) for month in range(1, 12)]


@st.composite
def citizens(draw: st.DrawFn) -> MemberNo:
    day = draw(st.dates(date(1900, 1, 1), date(2026, 1, 1)))
    first = f"{draw(st.integers(110000, 659999))}{day:%Y%m%d}{draw(st.integers(0, 999)):03d}"
    return MemberNo(first + check_digit(first))


def money_of(draw: st.DrawFn, variant: Variant) -> tuple[FundAmounts, UnitPart | None]:
    drawn: FundAmounts = draw(amounts)
    if variant is not Variant.SUBSIDISED:
        return drawn, None
    return FundAmounts(Fen(drawn.pension + 1), drawn.unemployment, ZERO, ZERO), UnitPart(draw(fen), draw(fen))


@st.composite
def members_files(draw: st.DrawFn, least: int = 0) -> MembersFile:
    variant = draw(st.sampled_from(Variant))
    header = MembersHeader(draw(agencies), PERIOD, draw(numbers), draw(days), variant)
    lines: list[MemberLine] = []
    told: list[MembersOfBill] = []
    named = draw(st.lists(bills, min_size=least, max_size=4, unique=True))
    for bill in named:
        for member in draw(st.lists(citizens(), min_size=1, max_size=4, unique=True)):
            first, last = sorted(draw(st.tuples(st.sampled_from(MONTHS), st.sampled_from(MONTHS))))
            due, part = money_of(draw, variant)
            lines.append(MemberLine(len(lines) + 1, bill, member, draw(names), first, last, due, part))
    for at, bill in enumerate(named, len(lines) + 2):
        of_bill = [line for line in lines if line.bill_no == bill]
        subsidised = variant is Variant.SUBSIDISED
        told.append(
            MembersOfBill(
                at, bill, len(of_bill), members_sum(of_bill), unit_parts_sum(of_bill) if subsidised else None,
                Medical(draw(fen), draw(fen)) if subsidised else None, draw(names), draw(names),
            )
        )  # fmt: skip
    return MembersFile(header, lines, told)


def name_of(file: MembersFile) -> str:
    return f"MEMB_{file.header.agency}_{file.header.period}_{file.header.no}.txt"


def read(file: MembersFile, data: bytes) -> MembersFile | Refused:
    found = agency_files.parse(name_of(file), io.BytesIO(data))
    assert isinstance(found, MembersFile | Refused)
    return found


def sealed_again(data: bytes) -> bytes:
    """The file with the digest that fits it, so that only what it says can be at fault."""
    body, _, trailer = data.rpartition(b"\nT|")
    count, total, _ = trailer.split(b"|")
    digest = sha256(body + b"\n").hexdigest().encode()
    return body + b"\nT|" + b"|".join((count, total, digest)) + b"\n"


@settings(deadline=None)
@given(members_files())
def test_members_read_back_as_printed(file: MembersFile) -> None:
    assert read(file, print_members(file)) == file


@settings(deadline=None)
@given(members_files(least=1), st.data())
def test_sums_equal_their_members_or_every_difference_is_told(file: MembersFile, data: st.DataObject) -> None:
    """Each fund of a C line is wrong by some fen, or by none: exactly the wrong ones are told, expected and found."""
    wrong: list[Fault] = []
    told = []
    at_least_one = data.draw(st.integers(0, len(file.bills) - 1))
    for place, each in enumerate(file.bills):
        off = data.draw(st.tuples(*[st.integers(-3, 3)] * 4))
        off = (off[0] or int(place == at_least_one), *off[1:])
        if file.header.variant is Variant.SUBSIDISED:
            off = (off[0], off[1], 0, 0)
        shown = FundAmounts(
            *(
                Fen(right + more if right + more >= 0 else right + 1)
                for right, more in zip(each.amounts, off, strict=True)
            )
        )
        told.append(each._replace(amounts=shown))
        wrong += [
            Fault(each.file_line, fund, FaultCode.CONTROL_TOTAL, print_yuan(right), print_yuan(said))
            for fund, right, said in zip(FUND_NAMES, each.amounts, shown, strict=True)
            if right != said
        ]
    found = read(file, print_members(MembersFile(file.header, file.lines, told)))
    assert found == Refused(tuple(wrong))


@settings(deadline=None, max_examples=200)
@given(members_files(least=1), st.data())
def test_no_changed_byte_is_taken_in_and_no_fault_names_a_member(file: MembersFile, data: st.DataObject) -> None:
    whole = print_members(file)
    place = data.draw(st.integers(0, len(whole) - 1))
    put = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    found = read(file, whole[:place] + bytes([put]) + whole[place + 1 :])
    assert isinstance(found, Refused)
    told = " ".join(fault.message for fault in found.faults)
    assert not any(line.member_no in told for line in file.lines)
    assert not re.search(r"(?<![0-9A-Za-z])[0-9]{17}[0-9X](?![0-9A-Za-z])", told)


@settings(deadline=None)
@given(members_files(least=1), st.data())
def test_a_line_less_is_told_even_with_its_digest(file: MembersFile, data: st.DataObject) -> None:
    lines = print_members(file).splitlines(keepends=True)
    gone = data.draw(st.integers(1, len(lines) - 2))
    assert isinstance(read(file, sealed_again(b"".join(lines[:gone] + lines[gone + 1 :]))), Refused)


@given(citizens(), st.integers(0, 16), st.integers(1, 9))
def test_a_citizens_number_with_one_wrong_digit_is_none(no: MemberNo, place: int, more: int) -> None:
    assert parse_citizen_no(no) == no
    wrong = no[:place] + str((int(no[place]) + more) % 10) + no[place + 1 :]
    assert parse_citizen_no(wrong) is None


@pytest.mark.parametrize(
    ("no", "is_one"),
    [
        ("11010519491231002X", True),  # the example of GB 11643
        ("11010519491231002x", False),
        ("110105491231002", False),  # of 15 digits, the form before 1999
        ("110105194913310025", False),  # no such day
        ("１１０１０５19491231002X", False),
        ("", False),
    ],
)
def test_citizens_numbers(no: str, is_one: bool) -> None:
    assert (parse_citizen_no(no) == no) is is_one


def test_a_member_pays_for_a_month_once() -> None:
    """Lines of one member and bill may follow each other, and not overlap; other bills and members are others."""
    one, other = MemberNo("11010519491231002X"), MemberNo("110105194912310046"[:17] + check_digit("11010519491231004"))
    due = FundAmounts(Fen(1), ZERO, ZERO, ZERO)
    spans = [
        ("B-1", one, "2026-01", "2026-03"), ("B-1", one, "2026-04", "2026-04"), ("B-1", other, "2026-02", "2026-05"),
        ("B-2", one, "2026-02", "2026-02"), ("B-1", one, "2026-03", "2026-03"), ("B-1", one, "2025-12", "2026-02"),
    ]  # fmt: skip
    lines = [
        MemberLine(place, bill, who, "张", Period(first), Period(last), due, None)  # type: ignore[arg-type]
        for place, (bill, who, first, last) in enumerate(spans, 1)
    ]
    told = [
        MembersOfBill(8, "B-1", 5, members_sum(lines[:5]), None, None, "", ""),  # type: ignore[arg-type]
        MembersOfBill(9, "B-2", 1, due, None, None, "", ""),  # type: ignore[arg-type]
    ]
    header = MembersHeader("110105", PERIOD, "0001", date(2026, 12, 1), Variant.ORDINARY)  # type: ignore[arg-type]
    found = read(MembersFile(header, lines, told), print_members(MembersFile(header, lines, told)))
    assert isinstance(found, Refused)
    assert [(fault.line, fault.field, fault.code) for fault in found.faults] == [
        (6, "from month", FaultCode.DUPLICATE), (7, "from month", FaultCode.DUPLICATE),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "faults"),
    [
        (b"|2.50|0.50\nC", b"||0.50\nC", [(2, "unit pension", "amount")]),
        (b"|2.50|0.50\nC", b"||\nC", [(2, "unit pension", "kind"), (2, "unit unemployment", "kind"),
                                      (3, "unit pension", "control-total"), (3, "unit unemployment", "control-total")]),
        (b"|0.10|0.30|", b"|0.10|x|", [(3, "medical subsidy", "amount")]),
        (b"|0.10|0.30|", b"|||", [(3, "medical personal", "kind"), (3, "medical subsidy", "kind")]),
        (b"|2026-09|2026-10|", b"|2026-11|2026-10|", [(2, "from month", "date")]),
        (b"|2026-09|2026-10|", b"|2026-09|2026-12|", [(2, "to month", "date")]),
        (b"0001|2026-12-01|1", b"0001|2026-12-01|2", [(1, "variant", "kind")]),
        (b"0001|2026-12-01|1", b"0001|2026-12-01|", [(2, "unit pension", "kind"), (2, "unit unemployment", "kind"),
            (3, "unit pension", "kind"), (3, "unit unemployment", "kind"), (3, "medical personal", "kind"),
            (3, "medical subsidy", "kind")]),
    ],
)  # fmt: skip
def test_a_list_of_subsidised_workers(before: bytes, after: bytes, faults: list[tuple[int, str, str]]) -> None:
    due = FundAmounts(Fen(100), Fen(20), ZERO, ZERO)
    part = UnitPart(Fen(250), Fen(50))
    header = MembersHeader("110105", PERIOD, "0001", date(2026, 12, 1), Variant.SUBSIDISED)  # type: ignore[arg-type]
    line = MemberLine(1, "S-1", MemberNo("11010519491231002X"), "张三", Period("2026-09"), Period("2026-10"), due, part)  # type: ignore[arg-type]
    told = MembersOfBill(3, "S-1", 1, due, part, Medical(Fen(10), Fen(30)), "", "")  # type: ignore[arg-type]
    file = MembersFile(header, [line], [told])
    whole = print_members(file)
    assert read(file, whole) == file
    assert whole.count(before) == 1
    found = read(file, sealed_again(whole.replace(before, after)))
    assert isinstance(found, Refused)
    assert [(fault.line, fault.field, fault.code.value) for fault in found.faults] == faults


@st.composite
def subsidies_files(draw: st.DrawFn) -> SubsidiesFile:
    ids = st.text(capitals, min_size=1, max_size=36).map(SubsidyNo)
    keys = (lambda each: each[0], lambda each: each[1:])
    named = draw(st.lists(st.tuples(ids, bills, st.sampled_from(Movement)), max_size=6, unique_by=keys))
    lines = []
    for place, (no, bill, movement) in enumerate(named, 1):
        medical = TAKES_BACK.get(movement, movement) is Movement.MEDICAL
        one, two = Fen(draw(fen) + 1), draw(fen)
        money = SubsidyAmounts(ZERO, ZERO, one) if medical else SubsidyAmounts(one, two, ZERO)
        lines.append(SubsidyLine(place, no, bill, movement, money, draw(days)))
    return SubsidiesFile(SubsidiesHeader(draw(agencies), draw(days), draw(numbers)), lines)


@settings(deadline=None)
@given(subsidies_files(), st.data())
def test_subsidies_read_back_as_printed_and_not_with_a_byte_changed(file: SubsidiesFile, data: st.DataObject) -> None:
    header, whole = file.header, print_subsidies(file)
    name = f"SUBS_{header.agency}_{header.date.isoformat().replace('-', '')}_{header.no}.txt"
    assert agency_files.parse(name, io.BytesIO(whole)) == file
    place = data.draw(st.integers(0, len(whole) - 1))
    put = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    damaged = whole[:place] + bytes([put]) + whole[place + 1 :]
    assert isinstance(agency_files.parse(name, io.BytesIO(damaged)), Refused)
