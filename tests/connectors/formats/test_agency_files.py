"""Agency files (contract section 2): what is printed reads back the same; what is damaged is never accepted."""

import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import agency_files, line_file
from connectors.formats.agency_frame import AgencyFileName
from connectors.formats.dues import print_dues
from connectors.formats.receipts import print_receipts
from connectors.formats.second_collection import print_again
from hub.domain.dues import DuesFile, Mode
from hub.domain.faults import Fault, FaultCode
from hub.domain.ids import AgencyCode, ReceiptNo, UnitNo
from hub.domain.money import MAX_AMOUNT, Fen, parse_yuan
from hub.domain.periods import Period
from hub.domain.receipts import Method, ReceiptLine, ReceiptsFile, ReceiptsHeader
from hub.domain.second_collection import AgainFile, AgainHeader, AgainLine
from hub.ports import Refused
from tests.connectors.formats.strategies import (
    agencies,
    bills,
    capitals,
    days,
    dues_files,
    names,
    numbers,
    periods,
    units,
)

GOOD = Path(__file__).parents[2] / "golden" / "agency" / "good"
DUES = GOOD / "DUES_110105_2026-12_M_0001.txt"


@settings(deadline=None)
@given(dues_files())
def test_dues_read_back_as_printed(file: DuesFile) -> None:
    header = file.header
    name = f"DUES_{header.agency}_{header.period}_{header.kind}_{header.no}.txt"
    assert agency_files.parse(name, io.BytesIO(print_dues(file))) == file


@settings(deadline=None)
@given(
    agencies,
    periods,
    numbers,
    days,
    st.lists(st.tuples(units, st.sampled_from(Mode), days), max_size=8, unique_by=lambda each: each[0]),
)
def test_a_second_collection_reads_back_as_printed(
    agency: AgencyCode, period: Period, no: str, day: date, asked: list[tuple[UnitNo, Mode, date]]
) -> None:
    lines = [AgainLine(place, *each) for place, each in enumerate(asked, start=1)]
    file = AgainFile(AgainHeader(agency, period, no, day), lines)
    assert agency_files.parse(f"AGAIN_{agency}_{period}_{no}.txt", io.BytesIO(print_again(file))) == file


@st.composite
def receipt_lines(draw: st.DrawFn) -> list[ReceiptLine]:
    ids = st.text(capitals, min_size=1, max_size=36).map(ReceiptNo)
    named = draw(st.lists(st.tuples(ids, bills), max_size=8, unique_by=(lambda each: each[0], lambda each: each[1])))
    lines = []
    for place, (receipt, bill) in enumerate(named, start=1):
        method = draw(st.sampled_from(Method))
        cheque = draw(names) if method is Method.CHEQUE else ""
        paid = Fen(draw(st.integers(1, MAX_AMOUNT)))
        lines.append(ReceiptLine(place, receipt, bill, method, cheque, paid, draw(days)))
    return lines


@settings(deadline=None)
@given(agencies, days, numbers, receipt_lines())
def test_receipts_read_back_as_printed(agency: AgencyCode, day: date, no: str, lines: list[ReceiptLine]) -> None:
    file = ReceiptsFile(ReceiptsHeader(agency, day, no), lines)
    name = f"RCPT_{agency}_{day.isoformat().replace('-', '')}_{no}.txt"
    assert agency_files.parse(name, io.BytesIO(print_receipts(file))) == file


@pytest.mark.parametrize("file", sorted(GOOD.iterdir()), ids=lambda file: file.name)
def test_a_file_cut_at_any_byte_is_refused(file: Path) -> None:
    content = file.read_bytes()
    for length in range(len(content)):
        parsed = agency_files.parse(file.name, io.BytesIO(content[:length]))
        assert isinstance(parsed, Refused), f"accepted when cut at byte {length}"


def changed(content: bytes, at: int, byte: int) -> bytes:
    return content[:at] + bytes([byte]) + content[at + 1 :]


def test_dues_with_any_one_byte_changed_are_refused() -> None:
    content = DUES.read_bytes()
    for at, byte in enumerate(content):
        for other in {byte ^ 0x01, byte ^ 0x20, byte ^ 0x80, 0x0A, ord("|"), ord("0")} - {byte}:
            parsed = agency_files.parse(DUES.name, io.BytesIO(changed(content, at, other)))
            assert isinstance(parsed, Refused), f"accepted with byte {at} changed to {other:#04x}"


damage: dict[str, Callable[[bytes, int, int], bytes]] = {
    "changed": changed,
    "put in": lambda content, at, byte: content[:at] + bytes([byte]) + content[at:],
    "left out": lambda content, at, byte: content[:at] + content[at + 1 :],
}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted(damage)), st.integers(0, len(DUES.read_bytes()) - 1), st.integers(0, 255))
def test_dues_with_one_byte_wrong_are_refused(how: str, at: int, byte: int) -> None:
    content = DUES.read_bytes()
    damaged = damage[how](content, at, byte)
    parsed = agency_files.parse(DUES.name, io.BytesIO(damaged))
    assert isinstance(parsed, Refused) is (damaged != content)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(file.name for file in GOOD.iterdir())),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), max_size=6),
)
def test_garbage_is_an_answer_with_faults_and_never_an_exception(name: str, pieces: list[tuple[int, bytes]]) -> None:
    content = (GOOD / name).read_bytes()
    damaged = content
    for at, piece in pieces:
        place = at % (len(damaged) + 1)
        damaged = damaged[:place] + piece + damaged[place + len(piece) // 2 :]
    parsed = agency_files.parse(name, io.BytesIO(damaged))
    if damaged != content:
        assert isinstance(parsed, Refused)
        assert parsed.faults
        assert all(fault.as_json()["message"] for fault in parsed.faults)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_name_is_answered(name: str) -> None:
    parsed = agency_files.parse(name, io.BytesIO(b""))
    assert isinstance(parsed, Refused)


names_and_parts = [
    ("DUES_110105_2026-12_S_0042.txt", {"agency": "110105", "period": "2026-12", "kind": "S", "no": "0042"}),
    ("AGAIN_110105_2026-12_0001.txt", {"agency": "110105", "period": "2026-12", "no": "0001"}),
    ("RCPT_110105_20260228_0001.txt", {"agency": "110105", "date": "2026-02-28", "no": "0001"}),
    ("RTN_110105_20260228_0001.txt", {"agency": "110105", "date": "2026-02-28", "no": "0001"}),
    ("INC_110105_20260228_0001.txt", {"agency": "110105", "date": "2026-02-28", "no": "0001"}),
]


@pytest.mark.parametrize(("name", "parts"), names_and_parts)
def test_a_name_tells_its_parts(name: str, parts: dict[str, str]) -> None:
    parsed = AgencyFileName.parse(name)
    assert isinstance(parsed, AgencyFileName)
    assert parsed.parts == parts


@pytest.mark.parametrize(
    "name",
    [
        "RCPT_110105_20260229_0001.txt",  # not a real date
        "RTN_110105_2026-02-28_0001.txt",  # the notation of contents
        "DUES_110105_202612_M_0001.txt",
        "DUES_110105_2026-12_M_001.txt",
        "DUES_１１０１０５_2026-12_M_0001.txt",  # full-width digits
        "DUES_110105_2026-12_M_0001.txt\n",
        "../DUES_110105_2026-12_M_0001.txt",
        "dues_110105_2026-12_M_0001.txt",
        "DUES",
        "",
    ],
)
def test_another_name_is_a_fault(name: str) -> None:
    fault = AgencyFileName.parse(name)
    assert isinstance(fault, Fault)
    assert (fault.line, fault.code) == (None, FaultCode.NAME)


@settings(deadline=None)
@given(st.one_of(st.text(max_size=14), st.from_regex(r"[0-9.,eE+\- ]{0,15}")))
def test_nothing_but_an_amount_is_an_amount(text: str) -> None:
    """An independent reading of the grammar: digits, one point, two digits, no leading zero, all of it ASCII."""
    whole, point, cents = text.partition(".")
    right = (
        point == "."
        and text.isascii()
        and whole.isdigit()
        and cents.isdigit()
        and len(cents) == 2
        and len(whole) <= 10
        and (whole == "0" or whole[0] != "0")
    )
    assert (parse_yuan(text) is not None) is right


def test_what_could_be_read_is_kept_for_the_books() -> None:
    """A faulty line stays, with nothing in the place of what is at fault, so that its other fields can be judged."""
    file = DUES.parents[1] / "ids" / DUES.name
    reading = agency_files.read(file.name, io.BytesIO(file.read_bytes()))
    assert isinstance(reading.file, DuesFile)
    assert [line.bill_no for line in reading.file.lines][:2] == ["", "CY2612-000002"]
    told_again = Fault(4, "bank", FaultCode.UNKNOWN_BANK, "a bank of this hub", "")
    new = Fault(3, "bank", FaultCode.UNKNOWN_BANK, "a bank of this hub", "ICBC")
    more = reading.more_faults([told_again, new])
    assert new in more
    assert told_again not in more
    assert len(more) == len(reading.faults) + 1


@pytest.mark.parametrize("line", [b"\n", b"D|\n", b"D|x|y\n", b"\xff\n"])
def test_garbage_is_not_read_beyond_hope(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gibibyte of line ends is a fault a byte: what cannot be a file must not fill the memory with its faults."""
    monkeypatch.setattr(line_file, "MAX_FAULTS", 1000)
    data = io.BytesIO(line * 200_000)
    read = agency_files.parse(DUES.name, data)
    assert isinstance(read, Refused)
    assert len(read.faults) < 1100 and data.tell() < len(line) * 2000
    (beyond,) = [fault for fault in read.faults if fault.code is FaultCode.TOO_LARGE]
    assert beyond.line is not None and beyond.field == "file"
    assert not [fault for fault in read.faults if fault.code is FaultCode.TRAILER_MISSING]
