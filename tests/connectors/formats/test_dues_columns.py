"""Dues by columns take what the line reader takes, with the same values, and nothing else."""

import gzip
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.formats import column_file
from connectors.formats.column_file import cut
from connectors.formats.dues import DETAIL, parse_dues, print_dues
from connectors.formats.dues_columns import DoubtError, open_dues
from hub.domain.dues import DuesFile, DuesLine, Mode
from hub.domain.funds import FundAmounts
from hub.domain.ids import shard_of
from hub.domain.money import parse_yuan, print_yuan
from hub.domain.periods import Period
from hub.ports import Refused
from tests.connectors.formats.damage import Damage, damages, odd, places, with_field
from tests.connectors.formats.strategies import dues_files

GOLDEN = Path(__file__).parents[2] / "golden" / "agency"
GOOD = GOLDEN / "good" / "DUES_110105_2026-12_M_0001.txt"
BAD = [file for file in sorted(GOLDEN.glob("*/DUES_*")) if file.parent.name != "good"]


@pytest.fixture(params=[1, 300, column_file.PART_BYTES], ids=lambda size: f"{size} bytes a part", autouse=True)
def part_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part holds one line, a few, or the whole file."""
    monkeypatch.setattr(column_file, "PART_BYTES", request.param)


def by_columns(name: str, content: bytes) -> tuple[object, ...] | None:
    """Everything that the columns tell of a file, in the values of the line reader; None when there is a doubt."""
    try:
        dues = open_dues(name, io.BytesIO(content))
        rows = [row for part in dues.parts() for row in part.iter_rows()]
    except DoubtError:
        return None
    lines = []
    for line, bill, unit, unit_name, mode, bank, account, account_name, p, u, i, m, total, refers_to, shard in rows:
        amounts = FundAmounts(p, u, i, m)
        assert (total, shard) == (amounts.total, shard_of(unit))
        refers = None if refers_to is None else Period.parse(refers_to)
        lines.append(DuesLine(line, bill, unit, unit_name, Mode(mode), bank, account, account_name, amounts, refers))
    return dues.header, lines, dues.count, dues.amounts, dues.banks


def by_lines(name: str, content: bytes) -> tuple[object, ...] | None:
    """The same of the line reader."""
    file = parse_dues(name, io.BytesIO(content))
    if isinstance(file, Refused):
        return None
    amounts = FundAmounts(*(sum(line.amounts[fund] for line in file.lines) for fund in range(4)))
    banks = {line.bank for line in file.lines if line.mode is Mode.BANK}
    return file.header, list(file.lines), len(file.lines), amounts, banks


def name_of(file: DuesFile) -> str:
    header = file.header
    return f"DUES_{header.agency}_{header.period}_{header.kind}_{header.no}.txt"


@settings(deadline=None)
@given(dues_files())
def test_every_good_file_passes_by_columns(file: DuesFile) -> None:
    content = print_dues(file)
    found = by_columns(name_of(file), content)
    assert found is not None
    assert found == by_lines(name_of(file), content)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("good/DUES_*")), ids=lambda file: file.name)
def test_a_good_file_passes_by_columns(file: Path) -> None:
    found = by_columns(file.name, file.read_bytes())
    assert found is not None
    assert found == by_lines(file.name, file.read_bytes())


@pytest.mark.parametrize("file", BAD, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_bad_file_is_in_doubt(file: Path) -> None:
    assert by_columns(file.name, file.read_bytes()) is None


def sealed(lines: list[bytes], bills: list[bytes]) -> bytes:
    """A file of these lines with control lines and a trailer that fit them, as far as they can be read at all."""
    header = lines[0]
    totals: dict[tuple[str, str], list[int]] = {}
    for bill in bills:
        fields = bill.decode("utf-8", "replace").split("|")
        amounts = [parse_yuan(field) or 0 for field in (*fields, *[""] * 15)[9:14]]
        key = (fields[5], fields[6]) if len(fields) > 6 else ("", "")
        sums = totals.setdefault(key, [0] * 6)
        for at, value in enumerate((1, *amounts)):
            sums[at] += value
    controls = [
        "|".join(["C", mode, bank, str(count), *map(print_yuan, sums)]) + "\n"  # type: ignore[arg-type]
        for (mode, bank), (count, *sums) in totals.items()
    ]
    body = b"".join([header, *bills, *(control.encode() for control in controls)])
    total = print_yuan(sum(sums[5] for sums in totals.values()))  # type: ignore[arg-type]
    return body + f"T|{len(bills)}|{total}|{hashlib.sha256(body).hexdigest()}\n".encode()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(damages), places, places, odd), min_size=1, max_size=2), st.data())
def test_bills_in_doubt_are_those_at_fault(wrong: list[tuple[Damage, int, int, bytes]], data: st.DataObject) -> None:
    """The control lines and the digest are made to fit, so that only the bills themselves can tell."""
    lines = GOOD.read_bytes().splitlines(keepends=True)
    bills = [line for line in lines if line.startswith(b"D|")]
    for damage, line, at, text in wrong:
        bills[line % len(bills)] = damage(bills[line % len(bills)] or b"\n", at, text)
    if data.draw(st.booleans()):
        bills = [with_field(bill, 1, b"%d" % place) for place, bill in enumerate(bills, start=1) if bill]
    content = sealed(lines, bills)
    assert by_columns(GOOD.name, content) == by_lines(GOOD.name, content)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(damages), places, places, odd), min_size=1, max_size=2))
def test_what_stands_around_the_bills_is_in_doubt_when_at_fault(
    wrong: list[tuple[Damage, int, int, bytes]],
) -> None:
    lines = GOOD.read_bytes().splitlines(keepends=True)
    around = [at for at, line in enumerate(lines) if not line.startswith(b"D|")]
    for damage, line, at, text in wrong:
        place = around[line % len(around)]
        lines[place] = damage(lines[place] or b"\n", at, text)
    content = b"".join(lines)
    body = b"".join(lines[:-1])
    resealed = body + lines[-1][:-65] + hashlib.sha256(body).hexdigest().encode() + b"\n"
    assert by_columns(GOOD.name, resealed) == by_lines(GOOD.name, resealed)
    assert by_columns(GOOD.name, content) == by_lines(GOOD.name, content)


@settings(max_examples=50, deadline=None)
@given(st.permutations(range(len(GOOD.read_bytes().splitlines()))))
@example(list(range(len(GOOD.read_bytes().splitlines()))))
def test_lines_in_another_order_are_in_doubt_when_at_fault(order: list[int]) -> None:
    lines = GOOD.read_bytes().splitlines(keepends=True)
    content = b"".join(lines[place] for place in order)
    assert by_columns(GOOD.name, content) == by_lines(GOOD.name, content)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(places, st.binary(max_size=4)), max_size=4))
def test_garbage_is_a_doubt_and_never_another_exception(pieces: list[tuple[int, bytes]]) -> None:
    damaged = GOOD.read_bytes()
    for at, piece in pieces:
        place = at % (len(damaged) + 1)
        damaged = damaged[:place] + piece + damaged[place + len(piece) // 2 :]
    assert by_columns(GOOD.name, damaged) == by_lines(GOOD.name, damaged)


def test_a_file_cut_at_any_byte_is_in_doubt() -> None:
    content = GOOD.read_bytes()
    for length in range(len(content)):
        assert by_columns(GOOD.name, content[:length]) is None, f"accepted when cut at byte {length}"


@pytest.mark.parametrize(
    "name",
    [
        "DUES_110105_2026-12_M_0002.txt",
        "DUES_110106_2026-12_M_0001.txt",
        "DUES_110105_2026-11_M_0001.txt",
        "DUES_110105_2026-12_S_0001.txt",
        "DUES_110105_2026-13_M_0001.txt",
        "DUES_110105_2026-12_M_0001.txt\n",
        "",
    ],
)
def test_another_name_is_a_doubt(name: str) -> None:
    assert by_columns(name, GOOD.read_bytes()) is None


def changed(at: int, value: str) -> bytes:
    """The good file, every control total made to fit, with another text in one column of its second bill."""
    lines = GOOD.read_bytes().splitlines(keepends=True)
    bills = [line for line in lines if line.startswith(b"D|")]
    bills[1] = with_field(bills[1], at, value.encode())
    return sealed(lines, bills)


def test_a_bill_or_a_unit_named_twice_is_a_doubt() -> None:
    first = GOOD.read_text().splitlines()[1].split("|")
    for column in (2, 3):
        content = changed(column, first[column])
        assert by_columns(GOOD.name, content) is None
        assert by_lines(GOOD.name, content) is None


def test_a_month_that_is_none_is_a_doubt() -> None:
    bill = GOOD.read_bytes().splitlines()[1]
    assert cut(DETAIL, bill + b"2026-11\n")["refers to"].to_list() == ["2026-11"]
    for month in (b"2026-13", b"2026-1", b"9999-12", b"\xef\xbc\x922026-11"):
        with pytest.raises(DoubtError):
            cut(DETAIL, bill + month + b"\n")


@pytest.mark.parametrize("beginning", [b"\xef\xbb\xbf", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"#", b"\n"])
def test_lines_that_begin_with_something_else_are_a_doubt(beginning: bytes) -> None:
    bill = GOOD.read_bytes().splitlines(keepends=True)[1]
    for lines in (beginning + bill, bill + beginning + bill, gzip.compress(bill)):
        with pytest.raises(DoubtError):
            cut(DETAIL, lines)


def test_a_line_that_is_too_long_is_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    assert by_columns(GOOD.name, changed(4, "名" * 60)) is not None
    monkeypatch.setattr(column_file, "MAX_LINE_BYTES", 200)
    assert by_columns(GOOD.name, changed(4, "名" * 60)) is None


def test_a_file_without_line_ends_does_not_fill_the_memory() -> None:
    for content in (b"x" * (3 << 20), GOOD.read_bytes()[:100] + b"x" * (3 << 20)):
        assert by_columns(GOOD.name, content) is None
    assert by_columns(GOOD.name, GOOD.read_bytes() + b"C|B|ICBC|0\n" * 300_000) is None
