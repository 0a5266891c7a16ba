"""What XML offers an attacker, and what no message has a use for: refused at its first byte, in linear time and little memory."""

import io
import re
import subprocess
import sys
from collections.abc import Iterator
from time import process_time

import pytest

from connectors.formats.iso20022 import document, record_columns
from hub.ports import Refused
from tests.connectors.formats.iso20022.papers import ANSWER, LINES, PROFILE, answered, one_of_each, parsed

GOOD = answered(LINES, one_of_each)
DECLARATION, BODY = GOOD.split(b"\n", 1)
NAMESPACE = b"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"
LAUGHS = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10))


def refusal(content: bytes) -> tuple[str, str]:
    """Field and code of the fault at which reading ended."""
    outcome = parsed(content)
    assert isinstance(outcome, Refused)
    ending = [fault for fault in outcome.faults if fault.line is None]
    assert len(ending) == 1, outcome.faults
    return ending[0].field, ending[0].code.value


def with_type(declarations: bytes, used: bytes = b"GH-0002") -> bytes:
    body = BODY.replace(b"GH-0002", used)
    return DECLARATION + b"<!DOCTYPE Document [" + declarations + b"]>" + body


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(with_type(b'<!ENTITY a0 "ha">' + LAUGHS, b"&a9;"), id="a billion laughs"),
        pytest.param(with_type(b'<!ENTITY a "' + b"x" * 100_000 + b'">', b"&a;" * 1000), id="quadratic"),
        pytest.param(with_type(b'<!ENTITY a SYSTEM "file:///etc/passwd">', b"&a;"), id="a file"),
        pytest.param(with_type(b'<!ENTITY a SYSTEM "http://127.0.0.1:9/a">', b"&a;"), id="an address"),
        pytest.param(with_type(b'<!ENTITY % a SYSTEM "file:///etc/passwd"> %a;'), id="a parameter entity"),
        pytest.param(with_type(b'<!ATTLIST Document standing CDATA "by">'), id="an attribute by default"),
        pytest.param(with_type(b""), id="nothing declared"),
        pytest.param(DECLARATION + b'<!DOCTYPE Document SYSTEM "pain.dtd">' + BODY, id="declared elsewhere"),
    ],
)
def test_fault_74_document_type_declarations_and_so_entities_are_refused(content: bytes) -> None:
    assert refusal(content) == ("Document", "header")


def test_fault_74_an_entity_nobody_declared_is_refused() -> None:
    assert refusal(GOOD.replace(b"GH-0002", b"&a;")) == ("Document", "grammar")


@pytest.mark.parametrize(
    ("content", "refused"),
    [
        pytest.param(GOOD.decode().encode("utf-16"), ("encoding", "encoding"), id="UTF-16 with its mark"),
        pytest.param(GOOD.decode().encode("utf-16-le"), ("Document", "control-character"), id="UTF-16 without"),
        pytest.param(GOOD.replace(b'"UTF-8"', b'"UTF-16"'), ("encoding", "encoding"), id="UTF-16 by declaration"),
        pytest.param(GOOD.replace(b'"UTF-8"', b'"GBK"'), ("encoding", "encoding"), id="GBK by declaration"),
        pytest.param(b"\xef\xbb\xbf" + GOOD, ("encoding", "encoding"), id="a byte order mark"),
        pytest.param(GOOD.replace(b"GH-0002", "工行".encode("gb18030")), ("encoding", "encoding"), id="GB18030"),
        pytest.param(GOOD.replace(b"GH-0002", b"\xed\xa0\x80"), ("encoding", "encoding"), id="half a pair"),
        pytest.param(GOOD.replace(b"GH-0002", b"\xc1\x81"), ("encoding", "encoding"), id="a sign written long"),
        pytest.param(GOOD.replace(b"GH-0002", b"G\0H"), ("Document", "control-character"), id="NUL"),
        pytest.param(GOOD.replace(b"GH-0002", b"&#0;"), ("Document", "grammar"), id="NUL by reference"),
        pytest.param(GOOD.replace(b"GH-0002", b"\x1a"), ("Document", "grammar"), id="Ctrl-Z"),
        pytest.param(GOOD.replace(b'"1.0"', b'"1.1"'), ("Document", "header"), id="XML 1.1"),
        pytest.param(GOOD.replace(NAMESPACE, b"urn:example"), ("Document", "header"), id="another namespace"),
        pytest.param(GOOD.replace(b"pain.002.001.10", b"pain.002.001.03"), ("Document", "header"), id="another version"),
        pytest.param(GOOD.replace(b"pain.002.001.10", b"pain.008.001.08"), ("Document", "header"), id="another message"),
        pytest.param(re.sub(b' xmlns="[^"]*"', b"", GOOD), ("Document", "header"), id="no namespace"),
        pytest.param(GOOD.replace(b"Document", b"Paper"), ("Document", "header"), id="another root"),
        pytest.param(GOOD + b"x", ("Document", "record-type"), id="a byte behind"),
        pytest.param(GOOD + b"\n\n", ("Document", "record-type"), id="two line ends behind"),
        pytest.param(GOOD + b"\n" + GOOD, ("Document", "record-type"), id="another answer behind"),
        pytest.param(GOOD + b"<!-- -->", ("Document", "record-type"), id="a comment behind"),
        pytest.param(b"\n" + GOOD, ("Document", "grammar"), id="a line end before"),
        pytest.param(GOOD.replace(b"GH-0002", b"GH<!-- -->-0002"), ("Document", "record-type"), id="a comment in a text"),
        pytest.param(GOOD.replace(b"GH-0002", b"<![CDATA[GH]]>"), ("Document", "record-type"), id="CDATA"),
        pytest.param(GOOD.replace(b"<GrpHdr>", b"<?php ?><GrpHdr>"), ("Document", "record-type"), id="an instruction"),
        pytest.param(b"", ("Document", "trailer-missing"), id="nothing"),
        pytest.param(b"PK\x03\x04" + b"\x01" * 60, ("Document", "grammar"), id="a zip"),
        pytest.param(b"\x1f\x8b\x08" + b"\x01" * 60, ("encoding", "encoding"), id="a gzip"),
    ],
)  # fmt: skip
def test_fault_71_what_is_no_message_in_utf_8_is_refused(content: bytes, refused: tuple[str, str]) -> None:
    assert refusal(content) == refused


def test_elements_given_twice_are_refused_wherever_they_stand() -> None:
    """The second could say something else; which one counts is not ours to guess."""
    text = GOOD.decode()
    for tag in sorted({found[1] for found in re.finditer(r"<([A-Z]\w+)[ >]", text)} - {"Document", "CstmrPmtStsRpt"}):
        inner = re.search(rf"<{tag}[ >].*?</{tag}>", text, re.DOTALL)
        assert inner is not None
        twice = text.replace(inner[0], inner[0] * (5 if tag in {"LineDtls", "NbOfTxsPerSts"} else 2), 1)
        outcome = parsed(twice.encode())
        assert isinstance(outcome, Refused), tag
        assert {"duplicate", "record-type", "count"} & {fault.code.value for fault in outcome.faults}, tag


class Endless(io.RawIOBase):
    """A document that goes on for as long as it is read; ``taken`` is how far anybody did."""

    LIMIT = 1 << 30

    def __init__(self, begins: bytes, goes_on: bytes) -> None:
        self._begins, self._goes_on = begins, goes_on
        self.taken = 0
        self.seek(0)

    def _all(self, begins: bytes, goes_on: bytes) -> Iterator[bytes]:
        yield begins
        while True:
            yield goes_on

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, _: int = 0) -> int:
        assert place == 0, "only all of it is read again"
        self._bytes = self._all(self._begins, self._goes_on)
        self._place = place
        return place

    def read(self, size: int = -1) -> bytes:
        piece = b""
        while len(piece) < size:
            piece += next(self._bytes)
        self.taken += len(piece)
        self._place += len(piece)
        assert self.taken < self.LIMIT, "read without end"
        return piece


BEFORE = GOOD[: GOOD.index(b"<OrgnlPmtInfId>")]
AFTER_ONE = GOOD[: GOOD.index(b"</TxInfAndSts>") + len(b"</TxInfAndSts>")]


@pytest.mark.parametrize(
    ("begins", "goes_on"),
    [
        pytest.param(BEFORE + b"<OrgnlPmtInfId>", b"A" * 4096, id="a text without end"),
        pytest.param(BEFORE, b" \n" * 2048, id="white space without end"),
        pytest.param(BEFORE + b"<", b"A" * 4096, id="a tag without end"),
        pytest.param(BEFORE + b'<OrgnlPmtInfId Ccy="', b"A" * 4096, id="an attribute without end"),
        pytest.param(BEFORE, b"<A>" * 1024, id="depth without end"),
        pytest.param(BEFORE, b"<A/>" * 1024, id="elements out of place without end"),
        pytest.param(b"", b"\n" * 4096, id="nothing but line ends"),
    ],
)
def test_fault_74_what_does_not_end_is_not_read_on(begins: bytes, goes_on: bytes) -> None:
    endless = Endless(begins, goes_on)
    outcome = PROFILE.parse_result(ANSWER, "ICBC", endless)  # type: ignore[arg-type]
    assert isinstance(outcome, Refused)
    assert outcome.faults[0].code.value in {"too-large", "grammar"}
    assert endless.taken <= 2 * record_columns._HEAD_BYTES + 4 * document.PIECE_BYTES


def test_elements_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_ELEMENTS", GOOD.count(b"</"))
    assert not isinstance(parsed(GOOD), Refused)
    monkeypatch.setattr(document, "MAX_ELEMENTS", GOOD.count(b"</") - 1)
    assert refusal(GOOD) == ("Document", "too-large")


def microseconds(content: bytes) -> int:
    """Microseconds of this process's own time, the best of three."""
    best = None
    for _ in range(3):
        began = process_time()
        parsed(content)
        took = process_time() - began
        best = took if best is None else min(best, took)
    assert best is not None
    return int(best * 1_000_000)


@pytest.mark.parametrize("begins", [BEFORE, AFTER_ONE], ids=["before any record", "behind a good one"])
@pytest.mark.parametrize(
    "repeated",
    [
        pytest.param(b"  <TxInfAndSts></TxInfAndSts>\n", id="faulty transactions"),
        pytest.param(
            GOOD[len(BEFORE) : len(AFTER_ONE)].partition(b"<TxInf")[2].join([b"<TxInf", b""]), id="the same one"
        ),
        pytest.param(b" " * 4000 + b"<TxInfAndSts>" + b"\n" * 4000 + b"<OrgnlInstrId>", id="white space"),
        pytest.param(b"  <TxInfAndSts><TxSts>" + b"x" * 4000 + b"</TxSts></TxInfAndSts>\n", id="long texts"),
        pytest.param(b"<TxInfAndSts " + b" ".join(b'a%d=""' % n for n in range(500)) + b"/>", id="many attributes"),
        pytest.param(b"<TxInfAndSts " + b'a="' + b"x" * 15_000 + b'"/>', id="a long attribute"),
    ],
)
def test_fault_74_hostile_documents_take_linear_time(begins: bytes, repeated: bytes) -> None:
    few, times = max(1, 200_000 // len(repeated)), 8
    one, many = microseconds(begins + repeated * few), microseconds(begins + repeated * few * times)
    assert many < one * times * 3, f"{one} µs for a piece, {many} for {times}"


BOUNDED = """
import io, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from connectors.formats import PROFILES
content = sys.stdin.buffer.read()
resource.setrlimit(resource.RLIMIT_DATA, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + (64 << 20),) * 2)
outcome = PROFILES["iso20022"].parse_result("PAIN002_ICBC_20261203_0001.xml", "ICBC", io.BytesIO(content))
print(outcome.faults[-1].code.value)
"""


def test_fault_74_laughs_fit_into_the_memory_of_a_small_process() -> None:
    """Resolved they would take gigabytes, and the processor for minutes."""
    hostile = with_type(b'<!ENTITY a0 "ha">' + LAUGHS, b"&a9;")
    done = subprocess.run([sys.executable, "-c", BOUNDED], input=hostile, capture_output=True, check=False)
    assert done.stdout.strip() == b"header", done.stderr
