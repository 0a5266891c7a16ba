"""Records that pass by their pattern are those that the reader of elements takes, with the same texts, and no others."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.iso20022 import answer, document, notification, request
from connectors.formats.iso20022.document import Document
from connectors.formats.iso20022.elements import Message
from connectors.formats.iso20022.record_pattern import RecordPattern
from hub.domain.faults import Fault
from hub.ports import RequestLine
from simulators.bank_program import decide
from tests.connectors.formats.damage import odd
from tests.connectors.formats.iso20022.papers import LINES, answered, line, one_of_each, request_lines, written
from tests.connectors.formats.iso20022.test_notification import GOOD as RETURNS

GOOD = answered(LINES, one_of_each)
DOCUMENTS = [(answer.MESSAGE, GOOD), (request.MESSAGE, written(LINES)[0]), (notification.MESSAGE, RETURNS)]
EACH_MESSAGE = pytest.mark.parametrize(("message", "content"), DOCUMENTS, ids=lambda each: getattr(each, "name", ""))


@contextmanager
def by_elements() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordPattern, "read", lambda *_: None)
        yield


def outcome(message: Message, content: bytes) -> tuple[object, ...]:
    """All that a reader finds, but where expat stood when it gave up: it counts no lines that it did not see."""
    faults: list[Fault] = []
    read = Document(message, faults)
    records = [(record.line, dict(record.texts), record.sound) for record in read.records(io.BytesIO(content))]
    told = [(fault.line, fault.field, fault.code, fault.expected) for fault in faults]
    return records, told, read.head, read.whole


def same_both_ways(message: Message, content: bytes) -> None:
    found = outcome(message, content)
    with by_elements():
        assert outcome(message, content) == found


@EACH_MESSAGE
def test_every_record_but_the_first_passes_by_its_pattern(message: Message, content: bytes) -> None:
    begins = f"<{message.record}>"
    pattern, text = RecordPattern(message), content.decode()
    records = [found.start() for found in re.finditer(begins, text)]
    assert len(records) > 1
    for at in records:
        found = pattern.read(text, at)
        assert found is not None
        assert text[: found.end].endswith(f"</{message.record}>")
        assert found.elements == text[at : found.end].count("</")


@settings(max_examples=50, deadline=None)
@given(request_lines(), st.integers(0, 99))
def test_whatever_is_asked_and_answered_reads_the_same_both_ways(lines: list[RequestLine], seed: int) -> None:
    same_both_ways(request.MESSAGE, written(lines)[0])
    same_both_ways(answer.MESSAGE, answered(lines, lambda asked: decide(seed, asked)))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(DOCUMENTS), st.lists(st.tuples(st.integers(0, 10_000), odd), min_size=1, max_size=3))
def test_damaged_documents_read_the_same_both_ways(
    document_of: tuple[Message, bytes], pieces: list[tuple[int, bytes]]
) -> None:
    message, damaged = document_of
    for at, piece in pieces:
        place = at % (len(damaged) + 1)
        damaged = damaged[:place] + piece + damaged[place + len(piece) // 2 :]
    same_both_ways(message, damaged)


TEXTS = (
    "a&amp;b", "&lt;", "&#65;", "&#x9;", "&amp;lt;", "&quot;&apos;", "&b;", "a>b", "]]>", "\ufffe", "\x01", "\t", "\r\n", "\x7f",
    "<!-- -->", "<![CDATA[x]]>", "<?x?>", "", " ", "<A/>", "a" * 5000,
)  # fmt: skip


@EACH_MESSAGE
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_of_a_later_record_reads_the_same_both_ways(message: Message, content: bytes, text: str) -> None:
    later = content.decode().index(f"</{message.record}>")
    for found in re.finditer(r">([^<>\n]+)</", content.decode()):
        if found.start() > later:
            same_both_ways(
                message, (content.decode()[: found.start(1)] + text + content.decode()[found.end(1) :]).encode()
            )


@EACH_MESSAGE
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"<(/?)([A-Z])", r"<\1p:\2"),  # no record has the name without a prefix
        (r">\s*<", ">\r\n\t <"),
        (r"</(\w+)>", r"</\1 >"),
        (r"<(Amt|InstdAmt|IntrBkSttlmAmt) Ccy=\"CNY\"", r"<\1  Ccy='CNY'"),
        (r"<(TxInfAndSts|DrctDbtTxInf|Ntry)>", r'<\1 xmlns="urn:example">'),
    ],
)
def test_other_ways_of_writing_read_the_same_both_ways(message: Message, content: bytes, old: str, new: str) -> None:
    text = re.sub(old, new, content.decode())
    if new.startswith("<\\1p:"):
        text = text.replace("xmlns=", "xmlns:p=")
    assert text.encode() != content
    same_both_ways(message, text.encode())


@EACH_MESSAGE
def test_a_namespace_that_only_the_first_record_declares_is_not_that_of_the_next(
    message: Message, content: bytes
) -> None:
    text = re.sub(r"<(/?)([A-Z])", r"<\1p:\2", content.decode()).replace("xmlns=", "xmlns:p=")
    head, record = f"p:{message.record}>", rf"<p:{message.record}>.*?</p:{message.record}>"
    assert head in text
    plain = re.sub(record, lambda found: found[0].replace("p:", ""), text, flags=re.DOTALL)
    only_first = plain.replace(f"<{message.record}>", f'<{message.record} xmlns="{message.namespace}">', 1)
    records, faults, _, _ = outcome(message, only_first.encode())
    assert isinstance(records, list) and len(records) == 1 and faults
    same_both_ways(message, only_first.encode())


@pytest.mark.parametrize("size", [1, 7, 300, 1024])
def test_pieces_of_any_size_read_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    many = written([line(place) for place in range(1, 30)])[0]
    whole = [outcome(request.MESSAGE, many), outcome(answer.MESSAGE, GOOD)]
    monkeypatch.setattr(document, "PIECE_BYTES", size)
    assert [outcome(request.MESSAGE, many), outcome(answer.MESSAGE, GOOD)] == whole
