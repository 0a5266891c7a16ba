"""Second collections (C9-5): a unit is named once."""

from datetime import date

from hub.domain.dues import Mode
from hub.domain.faults import FaultCode
from hub.domain.ids import AgencyCode, UnitNo
from hub.domain.periods import Period
from hub.domain.second_collection import AgainFile, AgainHeader, AgainLine, check_again


def file(*units: str) -> AgainFile:
    lines = [AgainLine(n, UnitNo(unit), Mode.BANK, date(2026, 12, 21)) for n, unit in enumerate(units, start=1)]
    return AgainFile(AgainHeader(AgencyCode("110105"), Period("2026-12"), "0001", date(2026, 12, 18)), lines)


def test_units_named_once() -> None:
    assert check_again(file("110105000001", "110105000002")) == ()
    assert check_again(file()) == ()


def test_a_unit_named_again_and_again() -> None:
    found = check_again(file("110105000001", "110105000002", "110105000001", "110105000001"))
    assert [(fault.line, fault.field, fault.code) for fault in found] == [
        (4, "unit", FaultCode.DUPLICATE),
        (5, "unit", FaultCode.DUPLICATE),
    ]
    assert {fault.expected for fault in found} == {"a unit not in line 2 already"}


def test_a_unit_whose_two_lines_agree_is_still_named_twice() -> None:
    assert len(check_again(file("110105000001", "110105000001"))) == 1
