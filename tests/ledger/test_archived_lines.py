"""Lines of a file by their numbers: the very bytes that stand there, wherever a block ends, and no more read than is needed."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ledger import archived_lines
from hub.ledger.archived_lines import Line, lines, numbered_lines, records

HEAD = b"H|DUES|1\n"
FIRST = 2
"""The line that calls itself 1."""


@pytest.fixture(autouse=True, scope="module")
def small_blocks() -> Iterator[None]:
    """So that a few lines are many blocks, and some leaps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(archived_lines, "BLOCK_BYTES", 16)
        patch.setattr(archived_lines, "_PROBE_BYTES", 48)
        patch.setattr(archived_lines, "_FAR_LINES", 3)
        yield


def standing(pieces: Sequence[bytes], numbers: set[int]) -> list[Line]:
    """The pieces of a file with these numbers."""
    starts = accumulate(map(len, pieces), initial=0)
    return [line for line in map(Line, range(1, len(pieces) + 1), starts, pieces) if line.number in numbers]


class Watched(BytesIO):
    """Counts the bytes that are read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


TEXTS = st.lists(st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"~")), max_size=50)
NUMBERS = st.sets(st.integers(1, 60), max_size=8)


@given(texts=TEXTS, numbers=NUMBERS, unended=st.binary(max_size=40).map(lambda text: text.replace(b"\n", b"~")))
def test_lines_are_those_that_stand_there(texts: list[bytes], numbers: set[int], unended: bytes) -> None:
    pieces = [*(text + b"\n" for text in texts), *([unended] if unended else [])]
    assert list(lines(BytesIO(b"".join(pieces)), numbers)) == standing(pieces, numbers)


@given(texts=TEXTS, numbers=NUMBERS)
def test_numbered_lines_are_the_same_lines(texts: list[bytes], numbers: set[int]) -> None:
    pieces = [HEAD, *(b"D|%d|%s\n" % (at, text) for at, text in enumerate(texts, start=1)), b"C|B|ICBC\n", b"T|1\n"]
    assert list(numbered_lines(BytesIO(b"".join(pieces)), numbers, FIRST)) == standing(pieces, numbers)


@given(texts=TEXTS, numbers=NUMBERS, mark=st.sampled_from(["D|9%d|", "D|", "X|%d|"]))
def test_lines_that_do_not_call_themselves_so_are_found_by_their_place(
    texts: list[bytes], numbers: set[int], mark: str
) -> None:
    marks = [mark.replace("%d", f"{at:03}").encode() for at in range(len(texts))]
    pieces = [HEAD, *(mark + b"|" + text + b"\n" for mark, text in zip(marks, texts, strict=True))]
    assert list(numbered_lines(BytesIO(b"".join(pieces)), numbers, FIRST)) == standing(pieces, numbers)


def test_what_stands_between_numbered_lines_is_not_read() -> None:
    pieces = [HEAD, *(b"D|%d|%s\n" % (at, b"." * (at % 20)) for at in range(1, 20001)), b"T|20000\n"]
    source = Watched(b"".join(pieces))
    assert list(numbered_lines(source, {7, 19999}, FIRST)) == standing(pieces, {7, 19999})
    assert source.taken < 5000 < len(source.getvalue()) / 50


ENDS = st.sampled_from(["</Tx>", "</Tx\n >"])
GAPS = st.sampled_from(["", "\n", "  \n\t"])
REFERENCES = st.sampled_from(["", "Tx>", "/Tx>", "p:Tx", "x" * 30, "金额"])
RECORD = st.builds(
    lambda ref, gap, end: f"<Tx>{gap}<Ref>{ref}</Ref>{gap}<TxTx>1</TxTx>Tx>{end}", REFERENCES, GAPS, ENDS
)


@given(found=st.lists(RECORD, min_size=1, max_size=20), gap=GAPS, numbers=NUMBERS, prefix=st.sampled_from(["", "p:"]))
def test_a_record_of_a_message_is_line_n_plus_1_however_it_is_laid_out(
    found: list[str], gap: str, numbers: set[int], prefix: str
) -> None:
    found = [each.replace("<Tx>", f"<{prefix}Tx>").replace("</Tx", f"</{prefix}Tx") for each in found]
    pieces = [f'<?xml version="1.0"?>\n<Document><Head>Tx</Head>{gap}'.encode()]
    for each in found:
        pieces += [each.encode(), gap.encode()]
    content = b"".join(pieces) + b"</Document>"
    each_at = {at + 1: line for at, line in enumerate(standing(pieces, set(range(2, len(pieces) + 1, 2))), start=1)}
    expected = [line._replace(number=number) for number, line in each_at.items() if number in numbers]
    assert list(records(BytesIO(content), ("Other", "Tx"), numbers)) == expected


def test_a_file_without_an_end_of_line_is_not_held_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archived_lines, "LONGEST_BYTES", 100)
    line, record = Watched(b"x" * 10_000), Watched(b"<Tx>" + b"x" * 10_000)
    assert list(lines(line, {1})) == list(records(record, ("Tx",), {2})) == []
    assert max(line.taken, record.taken) < 200
