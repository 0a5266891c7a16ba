"""Lines of an archived file by their numbers, each with where its bytes are: a file is read once for all that are wanted.

Files are read in blocks, and lines that nobody wants are counted, not made. What has no end within some megabytes is no line.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from os import SEEK_END
from typing import BinaryIO, Final, NamedTuple

BLOCK_BYTES: Final = 1 << 16
LONGEST_BYTES: Final = 1 << 22
"""Of a line or a record, head of the message and all; a file with a longer one is read no further."""
_PROBE_BYTES: Final = 1 << 12
_FAR_LINES: Final = 2000
"""So many lines on, a leap is worth its while."""
_NUMBERED: Final = re.compile(rb"\nD\|([1-9][0-9]{0,8})\|")


class Line(NamedTuple):
    """A line as it stands: its number from 1, how many bytes precede it, its bytes, with the line feed that ends it."""

    number: int
    offset: int
    data: bytes


def lines(source: BinaryIO, numbers: Collection[int]) -> Iterator[Line]:
    """The lines of these numbers that the file has, in the order of the file; it is read as far as the last of them."""
    return _lines(source, numbers, 0)


def numbered_lines(source: BinaryIO, numbers: Collection[int], first: int) -> Sequence[Line]:
    """The same of a file whose lines ``D|1|``, ``D|2|`` … stand one after the other, ``D|1|`` as line ``first``.

    What stands between wanted lines is leapt over, not read. Where what is found does not call itself so, the file is read
    from its start.
    """
    found = list(_lines(source, numbers, first))
    if {line.number for line in found if line.data.startswith(b"D|%d|" % (line.number - first + 1))} == set(numbers):
        return found
    source.seek(0)
    return list(lines(source, numbers))


def _lines(source: BinaryIO, numbers: Collection[int], first: int) -> Iterator[Line]:
    wanted = sorted(set(numbers), reverse=True)
    number, offset, held = 1, 0, b""  # of the first byte held
    while wanted and len(held) <= LONGEST_BYTES:
        if first and wanted[-1] > number + _FAR_LINES:
            leapt = _leap(source, wanted[-1], first)
            if leapt[0] > number:
                (number, offset), held = leapt, b""
            else:
                first = 0
            source.seek(offset + len(held))
        if not (block := source.read(BLOCK_BYTES)):
            break
        held, at = held + block, 0
        ends = number + held.count(b"\n")  # the number of the line that is not ended
        while wanted and wanted[-1] < ends:
            at, number = _behind(held, at, wanted[-1] - number), wanted.pop()
            end = held.index(b"\n", at) + 1
            yield Line(number, offset + at, held[at:end])
            at, number = end, number + 1
        at = held.rfind(b"\n") + 1
        number, offset, held = ends, offset + at, held[at:]
    if wanted and wanted[-1] == number and held and len(held) <= LONGEST_BYTES:
        yield Line(number, offset, held)


def _leap(source: BinaryIO, wanted: int, first: int) -> tuple[int, int]:
    """The number of a line near the wanted one and not behind it, and where it begins; the file's first where none is found."""
    number, low, high = 1, 0, source.seek(0, SEEK_END)
    while high - low > BLOCK_BYTES:
        middle = source.seek((low + high) // 2)
        found = _NUMBERED.search(source.read(_PROBE_BYTES))
        if found is None or int(found[1]) + first - 1 > wanted:
            high = middle
        else:
            number, low = int(found[1]) + first - 1, middle + found.start() + 1
    return number, low


def _behind(text: bytes, at: int, line_ends: int) -> int:
    """The place behind so many line ends from ``at`` on, which are there."""
    for _ in range(line_ends):
        at = text.index(b"\n", at) + 1
    return at


def records(source: BinaryIO, elements: Collection[str], numbers: Collection[int]) -> Iterator[Line]:
    """The same of a message of XML that was read and found right: its nth record is line n + 1, however its text is broken.

    ``elements``: the names of what can be a record; the first of them that begins says which one it is here.
    """
    wanted = set(numbers)
    a_record = re.compile(rb"<(?:[^<>/\s]+:)?(" + "|".join(elements).encode() + rb")[\s>]")
    an_end: re.Pattern[bytes] | None = None
    number, offset, held = 1, 0, b""
    while wanted and len(held) <= LONGEST_BYTES and (block := source.read(BLOCK_BYTES)):
        held, at = held + block, 0
        if an_end is None and (first := a_record.search(held)):
            an_end = re.compile(first[1] + rb"[ \t\r\n]*>")
        for found in an_end.finditer(held) if an_end else ():
            if not _ends_element(held, found.start()):
                continue
            number += 1
            if number in wanted:
                begins = a_record.search(held, at, found.end())
                assert begins is not None, "what has ended has begun"
                yield Line(number, offset + begins.start(), held[begins.start() : found.end()])
                wanted.discard(number)
            at = found.end()
        offset, held = offset + at, held[at:]


def _ends_element(text: bytes, name: int) -> bool:
    """Whether a name stands in the tag that ends its element, with a prefix or without; else it is a beginning, or text."""
    tag = text[text.rfind(b"<", 0, name) : name]
    return tag == b"</" or (tag.startswith(b"</") and tag.endswith(b":") and b">" not in tag)
