"""What is read by columns is what the reader of elements takes, with the same texts, and nothing else."""

import io
import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.column_file import DoubtError
from connectors.formats.iso20022 import answer, record_columns, request
from connectors.formats.iso20022.document import Document
from connectors.formats.iso20022.elements import Message
from connectors.formats.iso20022.record_columns import PLACE, RecordColumns
from connectors.formats.iso20022.request import UnreadableDocumentError
from hub.domain.faults import Fault
from hub.ports import Refused, RequestLine, ResultFile
from simulators.bank_program import decide
from tests.connectors.formats.damage import odd
from tests.connectors.formats.iso20022.papers import (
    ANSWER,
    LINES,
    answered,
    line,
    one_of_each,
    read,
    request_lines,
    written,
)

GOOD = answered(LINES, one_of_each)
DOCUMENTS = [(answer.MESSAGE, GOOD), (request.MESSAGE, written(LINES)[0])]
EACH_MESSAGE = pytest.mark.parametrize(("message", "content"), DOCUMENTS, ids=lambda each: getattr(each, "name", ""))
Texts = dict[str, list[str]]


def by_columns(message: Message, content: bytes) -> tuple[list[Texts], Texts] | None:
    """The texts of each record and of the head; None when there is a doubt."""
    head: Texts = {}
    try:
        parts = list(RecordColumns(message).read(io.BytesIO(content), head))
    except DoubtError:
        return None
    rows = pl.concat(parts).sort(PLACE)
    assert rows[PLACE].to_list() == list(range(len(rows)))
    records: list[Texts] = []
    for row in rows.drop(PLACE).iter_rows(named=True):
        texts: Texts = {}
        for name, text in row.items():
            if text is not None:
                texts.setdefault(re.sub(r"\[[0-9]\]$", "", name), []).append(text)
        records.append(texts)
    return records, head


def by_elements(message: Message, content: bytes) -> tuple[list[Texts], Texts] | None:
    """The same by the reader of elements; None when it finds a fault."""
    faults: list[Fault] = []
    document = Document(message, faults)
    records = [dict(record.texts) for record in document.records(io.BytesIO(content))]
    return None if faults or not document.whole else (records, document.head)  # type: ignore[return-value]


def same_both_ways(message: Message, content: bytes) -> None:
    found = by_columns(message, content)
    assert found is None or found == by_elements(message, content)
    if message is answer.MESSAGE:
        same_answer(content)
    else:
        same_request(content)


def same_answer(content: bytes) -> None:
    """The whole of an answer, with its head and its sums."""
    try:
        found = answer.read_columns(ANSWER, "ICBC", io.BytesIO(content))
    except DoubtError:
        return
    expected = answer.read_elements(ANSWER, "ICBC", io.BytesIO(content))
    assert isinstance(expected, ResultFile), expected
    assert found.answers.equals(expected.answers)
    assert found.answers.schema == expected.answers.schema
    assert found[:4] == expected[:4]


def same_request(content: bytes) -> None:
    """Faults too, word by word. How many lines are handed on before the document shows itself broken is each way's own."""

    def outcome(way: object) -> object:
        lines: list[object] = []
        try:
            header, found = way(io.BytesIO(content))  # type: ignore[operator]
            lines.append(header)
            lines.extend(found)
        except UnreadableDocumentError as wrong:
            return [str(wrong)]
        return lines

    assert outcome(request.read_request) == outcome(request._read_elements)


@EACH_MESSAGE
def test_what_banks_and_we_write_passes_by_columns(message: Message, content: bytes) -> None:
    """A bank's answer is indented and has records with and without a reason and a reference."""
    assert by_columns(message, content) == by_elements(message, content) is not None
    pretty = re.sub(rb"></?(Amt|OrgnlTxRef|Dbtr)", lambda found: found[0].replace(b"><", b">\r\n\t<", 1), content)
    assert pretty != content
    assert by_columns(message, pretty) is not None
    without = re.sub(rb"<AcctSvcrRef>[^<]*</AcctSvcrRef>", b"", content, count=2)
    assert by_columns(message, without) == by_elements(message, without) is not None


def test_five_references_are_read_in_texts_that_are_free() -> None:
    text = b"&lt;&gt;&amp;lt;&quot;&apos;"
    content = re.sub(rb"(<AcctSvcrRef>)[^<]+", rb"\g<1>" + text, GOOD)
    found = by_columns(answer.MESSAGE, content)
    assert found is not None
    assert {texts["TxInfAndSts/AcctSvcrRef"][0] for texts in found[0]} == {"<>&lt;\"'"}
    same_both_ways(answer.MESSAGE, content)


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
    assert by_elements(message, only_first.encode()) is None
    assert by_columns(message, only_first.encode()) is None
    assert by_columns(message, plain.encode()) is None


@pytest.mark.parametrize("size", [1, 7, 300, 1024])
def test_parts_of_any_size_read_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    many = written([line(place) for place in range(1, 30)])[0]
    whole = [by_columns(request.MESSAGE, many), by_columns(answer.MESSAGE, GOOD), read(many)]
    assert None not in whole
    monkeypatch.setattr(record_columns, "PART_BYTES", size)
    assert [by_columns(request.MESSAGE, many), by_columns(answer.MESSAGE, GOOD), read(many)] == whole


def test_a_doubt_in_a_later_part_goes_on_where_the_lines_had_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    many = written([line(place) for place in range(1, 30)])[0]
    monkeypatch.setattr(record_columns, "PART_BYTES", 4096)
    monkeypatch.setattr(record_columns, "_HEAD_BYTES", 4096)
    odd_way = many[::-1].replace(b">rtbD<", b"> rtbD<", 1)[::-1]  # white space in the tag of the last record
    assert odd_way != many
    assert read(odd_way) == read(many)
    wrong = many[::-1].replace(b"<00.", b"<10.", 1)[::-1]
    lines, (_, found) = [], request.read_request(io.BytesIO(wrong))
    with pytest.raises(UnreadableDocumentError):
        lines.extend(each.line for each in found)
    assert lines == list(range(1, 29))


def test_a_line_answered_twice_and_sums_that_do_not_fit_are_doubts() -> None:
    for old, new in ((b"<OrgnlInstrId>2<", b"<OrgnlInstrId>1<"), (b"<DtldNbOfTxs>1<", b"<DtldNbOfTxs>2<")):
        assert old in GOOD
        with pytest.raises(DoubtError):
            answer.read_columns(ANSWER, "ICBC", io.BytesIO(GOOD.replace(old, new, 1)))
        assert isinstance(answer.parse_result(ANSWER, "ICBC", io.BytesIO(GOOD.replace(old, new, 1))), Refused)
