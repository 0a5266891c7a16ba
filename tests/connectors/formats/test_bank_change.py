"""Files of changed answers (更正) in each profile of lines: what is complete and agrees with itself is read, nothing else."""

import io
from datetime import date
from typing import Any

import pytest

from connectors.formats.line_profile import LineProfile, line_profiles
from hub.domain.changed_answers import ChangeLine, ChangesFile
from hub.domain.faults import FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen
from hub.ports import Refused

EACH_PROFILE = pytest.mark.parametrize("profile", line_profiles(), ids=lambda profile: profile.name)
UNIT = UnitNo("110105000001")


def amounts(*fen: int) -> FundAmounts:
    return FundAmounts(*map(Fen, fen))


GOOD = ChangesFile(
    "ICBC",
    date(2026, 12, 3),
    [
        ChangeLine(
            2, "ICBC-20261202-0001", 7, InstructionNo("A-1-1"), UNIT, Fen(11800), Fen(0), amounts(0, 0, 0, 0), "02", "R1",
            "账户余额不足",
        ),
        ChangeLine(
            3, "ICBC-20261202-0001", 9, InstructionNo("A-2-1"), UNIT, Fen(0), Fen(11800), amounts(10000, 1000, 500, 300),
            "00", "", "",
        ),
    ],
)  # fmt: skip


def name_of(profile: LineProfile) -> str:
    assert profile.profile.change is not None
    return f"{profile.profile.change.name_begins}ICBC_20261203_1.txt"


def printed(profile: LineProfile, file: ChangesFile, **trailer: int) -> bytes:
    """The bytes of a file in the form of a profile; ``trailer`` puts other sums in it."""
    changes = profile.changes
    assert changes is not None
    theirs = {ours: code for code, ours in profile.profile.our_codes.items()}
    lines = [changes.header.print({"bank": file.bank, "date": file.date.isoformat()}).encode("ascii")]
    told: dict[str, Any] = {
        "count": len(file.changes),
        "deducted before": 0,
        "deducted": 0,
        **dict.fromkeys(FUND_NAMES, 0),
    }
    for each in file.changes:
        money = {"deducted before": each.before, "deducted": each.now, **each.split._asdict()}
        values = {
            "batch no": each.batch_no, "request line": each.line or 1, "instruction id": each.instruction_no,
            "unit": each.unit or "", "code": theirs[each.code], "bank reference": each.reference, "reason": "", **money,
        }  # fmt: skip
        line = changes.detail.print(values).encode("ascii")
        reason = each.reason.encode("gb18030")
        lines.append(line[:-65] + reason.ljust(64) + b"\n" if profile.profile.fixed else line[:-1] + reason + b"\n")
        told = {name: told.get(name, 0) + money.get(name, 0) for name in (*told, *money)}
    return b"".join(lines) + changes.trailer.print({**told, **trailer}).encode("ascii")


def parsed(profile: LineProfile, data: bytes, name: str | None = None) -> ChangesFile | Refused:
    return profile.parse_change(name or name_of(profile), "ICBC", io.BytesIO(data))


def faults(outcome: ChangesFile | Refused) -> set[tuple[int | None, str, FaultCode]]:
    assert isinstance(outcome, Refused)
    return {(fault.line, fault.field, fault.code) for fault in outcome.faults}


@EACH_PROFILE
def test_what_is_printed_is_read(profile: LineProfile) -> None:
    assert parsed(profile, printed(profile, GOOD)) == GOOD
    assert profile.is_change_name(name_of(profile), "ICBC")
    assert not profile.is_result_name(name_of(profile), "ICBC")


@EACH_PROFILE
def test_fault_55_a_file_cut_at_any_byte_is_refused(profile: LineProfile) -> None:
    data = printed(profile, GOOD)
    for length in range(len(data)):
        assert isinstance(parsed(profile, data[:length]), Refused), f"read when cut at byte {length}"


@EACH_PROFILE
@pytest.mark.parametrize("field", ["deducted before", "deducted", "pension", "unemployment", "injury", "maternity"])
def test_every_sum_is_held_against_its_lines(profile: LineProfile, field: str) -> None:
    assert faults(parsed(profile, printed(profile, GOOD, **{field: 1}))) == {(4, field, FaultCode.CONTROL_TOTAL)}


@EACH_PROFILE
def test_the_count_is_held_against_the_lines(profile: LineProfile) -> None:
    assert faults(parsed(profile, printed(profile, GOOD, count=3))) == {(4, "count", FaultCode.COUNT)}
    none = ChangesFile(GOOD.bank, GOOD.date, [])
    assert faults(parsed(profile, printed(profile, none))) >= {(None, "count", FaultCode.COUNT)}


@EACH_PROFILE
def test_an_instruction_changes_once_in_a_file(profile: LineProfile) -> None:
    twice = ChangesFile(GOOD.bank, GOOD.date, [GOOD.changes[0], GOOD.changes[0]._replace(file_line=3)])
    assert faults(parsed(profile, printed(profile, twice))) == {(3, "instruction id", FaultCode.DUPLICATE)}


@EACH_PROFILE
@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("CCB_20261203_1", (None, "file name")),
        ("ICBC_20261204_1", (1, "date")),
        ("ICBC_20261399_1", (None, "file name")),
    ],
)
def test_name_and_header_agree(profile: LineProfile, name: str, found: tuple[int | None, str]) -> None:
    other = name_of(profile).replace("ICBC_20261203_1", name)
    assert found in {(line, field) for line, field, _ in faults(parsed(profile, printed(profile, GOOD), other))}


@EACH_PROFILE
def test_every_fault_of_a_line_is_told(profile: LineProfile) -> None:
    data = printed(profile, GOOD).replace(b"A-1-1", b"a 1-1").replace(b"ICBC-20261202-0001", b"ICBC_20261202_0001", 1)
    assert faults(parsed(profile, data)) == {
        (2, "batch no", FaultCode.GRAMMAR), (2, "instruction id", FaultCode.GRAMMAR),
    }  # fmt: skip
