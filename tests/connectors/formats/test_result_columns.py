"""Results by columns are those that the line reader takes, with the same answers, and no others."""

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats import PROFILES, column_file
from connectors.formats.column_file import DoubtError
from connectors.formats.line_profile import line_profiles
from hub.domain.bank_results import CODES, PAID_IN_FULL
from hub.domain.bank_results_columns import ANSWERS
from hub.domain.money import parse_yuan, print_yuan
from hub.ports import Refused, ResultFile
from tests.connectors.formats.damage import Damage, damages, odd, places, with_field
from tests.connectors.formats.strategies import capitals, digits, fen

GOLDEN = Path(__file__).parents[2] / "golden" / "bank"
GOOD = GOLDEN / "good" / "HD_ICBC_20261203_0001.txt"
BAD = [file for file in sorted(GOLDEN.glob("*/HD_*")) if file.parent.name != "good"]
HEADER = GOOD.read_bytes().splitlines(keepends=True)[0]
PROFILE = PROFILES["pipe-gb18030"]
RESULTS = next(profile.results for profile in line_profiles() if profile.name == PROFILE.name)


@pytest.fixture(params=[1, 300, column_file.PART_BYTES], ids=lambda size: f"{size} bytes a part", autouse=True)
def part_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part holds one line, a few, or the whole file."""
    monkeypatch.setattr(column_file, "PART_BYTES", request.param)


def in_values(file: ResultFile) -> tuple[object, ...]:
    assert dict(file.answers.schema) == ANSWERS
    return (*file[:4], file.answers.rows())


def by_columns(content: bytes, name: str = GOOD.name, bank: str = "ICBC") -> tuple[object, ...] | None:
    try:
        return in_values(RESULTS.read_columns(name, bank, io.BytesIO(content)))
    except DoubtError:
        return None


def by_lines(content: bytes, name: str = GOOD.name, bank: str = "ICBC") -> tuple[object, ...] | None:
    file = RESULTS.read_lines(name, bank, io.BytesIO(content))
    return None if isinstance(file, Refused) else in_values(file)


def only_where_right(content: bytes) -> None:
    """The columns take a file as the line reader does, or leave it to that; a good one only for its charset."""
    columns, lines = by_columns(content), by_lines(content)
    assert columns in (None, lines)
    assert columns is not None or lines is None or reads_as_utf8(content)


def reads_as_utf8(content: bytes) -> bool:
    try:
        return not content.isascii() and bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def with_trailer(answers: list[bytes]) -> bytes:
    """A file of these answers with a trailer that fits them, as far as they can be read at all."""
    sums, paid = [0] * 6, 0
    for answer in answers:
        fields = answer.removesuffix(b"\n").split(b"|")
        amounts = [parse_yuan(field.decode("gb18030", "replace")) or 0 for field in (*fields, *[b""] * 12)[4:10]]
        sums = [each + amount for each, amount in zip(sums, amounts, strict=True)]
        paid += len(fields) > 10 and fields[10] == PAID_IN_FULL.encode()
    texts = map(print_yuan, sums)  # type: ignore[arg-type]
    return HEADER + b"".join(answers) + "|".join(["T", str(len(answers)), str(paid), *texts]).encode() + b"\n"


texts = st.text(st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="|"), max_size=64)


@st.composite
def good_answers(draw: st.DrawFn) -> list[bytes]:
    lines = draw(st.lists(st.integers(1, 999_999_999), max_size=6, unique=True))
    return [
        "|".join(
            [
                "D",
                str(line),
                draw(st.text(capitals, min_size=1, max_size=36)),
                draw(st.text(digits, min_size=12, max_size=12)),
                *(print_yuan(draw(fen)) for _ in range(6)),
                draw(st.sampled_from(CODES)),
                draw(texts),
            ]
        ).encode("gb18030")
        + b"\n"
        for line in lines
    ]


@settings(deadline=None)
@given(good_answers())
def test_every_good_file_passes_by_columns(answers: list[bytes]) -> None:
    content = with_trailer(answers)
    assert reads_as_utf8(content) or by_columns(content) is not None
    only_where_right(content)


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("good/HD_*.txt")), ids=lambda file: file.name)
def test_a_good_file_passes_by_columns(file: Path) -> None:
    found = by_columns(file.read_bytes(), file.name)
    assert found is not None
    assert found == by_lines(file.read_bytes(), file.name)


@pytest.mark.parametrize("file", BAD, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_a_bad_file_is_in_doubt(file: Path) -> None:
    assert by_columns(file.read_bytes(), file.name) is None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(damages), places, places, odd), min_size=1, max_size=2))
def test_answers_in_doubt_are_those_at_fault(wrong: list[tuple[Damage, int, int, bytes]]) -> None:
    """The trailer is made to fit, so that only the answers themselves can tell."""
    answers = [line for line in GOOD.read_bytes().splitlines(keepends=True) if line.startswith(b"D|")]
    for damage, line, at, text in wrong:
        answers[line % len(answers)] = damage(answers[line % len(answers)] or b"\n", at, text)
    only_where_right(with_trailer(answers))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(damages), places, places, odd), min_size=1, max_size=2))
def test_what_stands_around_the_answers_is_in_doubt_when_at_fault(wrong: list[tuple[Damage, int, int, bytes]]) -> None:
    lines = GOOD.read_bytes().splitlines(keepends=True)
    for damage, line, at, text in wrong:
        place = -(line % 2)
        lines[place] = damage(lines[place] or b"\n", at, text)
    only_where_right(b"".join(lines))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(places, st.binary(max_size=4)), max_size=4))
def test_garbage_is_a_doubt_and_never_another_exception(pieces: list[tuple[int, bytes]]) -> None:
    damaged = GOOD.read_bytes()
    for at, piece in pieces:
        place = at % (len(damaged) + 1)
        damaged = damaged[:place] + piece + damaged[place + len(piece) // 2 :]
    only_where_right(damaged)


def test_a_line_answered_twice_is_a_doubt() -> None:
    answers = [line for line in GOOD.read_bytes().splitlines(keepends=True) if line.startswith(b"D|")]
    assert by_columns(with_trailer(answers)) is not None
    answers[-1] = with_field(answers[-1], 1, answers[0].split(b"|")[1])
    assert by_columns(with_trailer(answers)) is None


@pytest.mark.parametrize(
    ("name", "bank"),
    [
        ("HD_ICBC_20261203_0001.txt", "CCB"),
        ("HD_CCB_20261203_0001.txt", "ICBC"),
        ("HD_ICBC_20261204_0001.txt", "ICBC"),
        ("HD_ICBC_20260230_0001.txt", "ICBC"),
        ("", "ICBC"),
    ],
)
def test_another_name_or_bank_is_a_doubt(name: str, bank: str) -> None:
    assert by_columns(GOOD.read_bytes(), name, bank) is None


def with_references(*references: bytes) -> bytes:
    answers = [line for line in GOOD.read_bytes().splitlines(keepends=True) if line.startswith(b"D|")]
    plain = [with_field(answer, 11, b"") for answer in answers]
    return with_trailer([with_field(answer, 11, each) for answer, each in zip(plain, references, strict=False)])


def test_a_file_in_utf_8_is_in_doubt_and_one_line_of_gb18030_dispels_it() -> None:
    foreign, native = "中国工商银行".encode(), "中国工商银行".encode("gb18030")
    assert by_columns(with_references(foreign)) is None
    assert by_columns(with_references(foreign, foreign, native)) is not None
    assert by_columns(with_references(b"GH-1", b"GH-2")) is not None
    only_where_right(with_references(foreign, foreign))
    only_where_right(with_references(foreign, foreign, native))


def test_a_file_in_doubt_is_read_again_from_where_it_began() -> None:
    chance = with_references("同".encode("gb18030"))
    data = io.BytesIO(b"before" + chance)
    data.seek(6)
    parsed = PROFILE.parse_result(GOOD.name, "ICBC", data)
    assert isinstance(parsed, ResultFile)
    assert in_values(parsed) == by_lines(chance)


def test_what_could_be_read_of_a_bad_file_is_kept_for_the_books() -> None:
    content = GOOD.read_bytes().replace(b"|00|", b"|07|", 1)
    parsed = PROFILE.parse_result(GOOD.name, "ICBC", io.BytesIO(content))
    assert isinstance(parsed, Refused)
    assert parsed.readable is not None
    assert dict(parsed.readable.answers.schema) == ANSWERS
    assert parsed.readable.answers["line"].to_list() == [3, 4, 2]
