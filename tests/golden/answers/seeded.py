"""Golden bad answers: from one good request and one good answer a profile, a file for each fault that is seeded into it.

    python -m tests.golden.answers.seeded              writes the files; faults.json beside them says what must be found
    python -m tests.golden.answers.seeded --record     writes faults.json anew as well: read the difference before you keep it

The good answer is the bank's own program's. It answers six lines in the order 3, 1, 2, 6, 5, 4: line 3 unpaid, 1 in full,
2 in part, 6 unpaid, 5 (all or nothing) in full, 4 (one yuan) in full; its lines are 2 to 7, the trailer is line 8.
"""

import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from connectors.formats import PROFILES
from hub.app.conformance import examine
from hub.domain.funds import FUND_NAMES
from hub.ports import BatchHeader
from simulators.agency import Paper
from simulators.amounts import Four
from simulators.answer_faults import FAULTS
from simulators.bank_program import bytes_of_result, fields_of, print_result, read_request
from simulators.bank_work import Given, Request

FOLDER = Path(__file__).parent
HEADER = BatchHeader("ICBC", "ICBC-20261202-0001", "2026-12", 1, date(2026, 12, 2))
DAY = date(2026, 12, 3)
ORDER = (3, 1, 2, 6, 5, 4)
WANTED: tuple[Four, ...] = (
    (1234567, 61728, 12345, 9876),
    (880000, 44000, 8800, 7040),
    (2000000, 100000, 20000, 16000),
    (99, 1, 0, 0),
    (50000, 2500, 500, 400),
    (60000, 3000, 600, 480),
)
NAMES = (
    "北京京东商贸有限公司",
    "朝阳鼎盛科技有限公司",
    "䶮山实业集团",
    "𠮷田商行",
    "海淀学府书店",
    "丰台恒通物流有限公司",
)


class Case(NamedTuple):
    """One bad answer. ``faults``: line, field and code of what is seeded, in the order of the file."""

    name: str
    paper: Paper
    ok: bytes | None
    faults: tuple[tuple[int | None, str, str], ...]


@dataclass(frozen=True)
class Good:
    """The good request and answer of a profile."""

    profile: str
    request_name: str
    request_data: bytes
    request: Request
    given: list[Given]

    @property
    def paper(self) -> Paper:
        return print_result(self.request, self.given, DAY, 1)


def ok_of(data: bytes) -> bytes:
    return f"{sha256(data).hexdigest()} {len(data)}\n".encode()


def good(profile: str) -> Good:
    form, lines = PROFILES[profile], range(1, len(WANTED) + 1)
    columns = {
        "line": pl.Series(lines, dtype=pl.Int32),
        "instruction_no": [f"CY2612-{line:06d}-1" for line in lines],
        "unit": [f"{110105000000 + line}" for line in lines],
        "account": [f"02000041092006{line:05d}" for line in lines],
        "account_name": NAMES,
        **{fund: [wanted[place] for wanted in WANTED] for place, fund in enumerate(FUND_NAMES)},
        "partial": [line <= 4 for line in lines],
    }
    out = io.BytesIO()
    form.write_request(HEADER, [pl.DataFrame(columns)], out)
    name, data = form.request_name("ICBC", HEADER.business_date, 1), out.getvalue()
    request = read_request(name, data, ok_of(data))
    outcomes = {1: (1318516, "00"), 2: (900000, "01"), 3: (0, "02"), 4: (100, "00"), 5: (53400, "00"), 6: (0, "05")}
    asked = {line.line: line for line in request.lines}
    given = [Given(asked[line], *outcomes[line], f"工行代扣回单{line}") for line in ORDER]
    return Good(profile, name, data, request, given)


# -- faults of every profile ------------------------------------------------------------------------------------------

SAID = {
    "out-of-order": ((3, "pension", "split"), (3, "maternity", "split")),
    "swapped": ((3, "pension", "split"), (3, "unemployment", "split")),
    "more-than-asked": ((3, "deducted", "code"),),
    "funds-sum": ((3, "deducted", "sum"), (3, "maternity", "split")),
    "full-without-money": ((2, "deducted", "code"),),
    "money-without-success": ((3, "deducted", "code"),),
    "part-of-whole": ((5, "deducted", "code"),),
    "missing-line": ((None, "line", "missing-line"),),
    "twice": ((8, "line", "duplicate"),),
    "unknown-line": ((None, "line", "missing-line"), (7, "line", "unknown-line")),
    "lines-swapped": (
        *((line, field, "mismatch") for line in (2, 3) for field in ("instruction id", "unit", "requested")),
        (3, "deducted", "code"),
        *((3, fund, "split") for fund in FUND_NAMES),
    ),
    "changed-unit": ((2, "unit", "mismatch"),),
    "changed-instruction": ((2, "instruction id", "mismatch"),),
    "changed-requested": ((2, "requested", "mismatch"),),
    "unknown-batch": ((1, "batch no", "unknown-batch"),),
    "wrong-request": ((1, "request file name", "mismatch"),),
}
"""Of the simulator's faults, those in what the bank says; fields by the names of the hub, which a message has not."""


def said_cases(start: Good, field_of: Callable[[str], str]) -> Iterator[Case]:
    """Faults that only the request shows, and what a split of the ``.ok`` from its file shows."""
    for name, faults in SAID.items():
        change = FAULTS[name].saying
        assert change is not None
        request, given = change((start.request, start.given))
        paper = print_result(request, given, DAY, 1)
        seeded = tuple((line, field_of(field), code) for line, field, code in faults)
        yield Case(name, paper, ok_of(paper.data), seeded)
    full, part, less = start.given[1], start.given[2], start.given[4]
    for name, place, new, faults in (
        ("split-of-a-part-out-of-order", 2, part._replace(told=(870000, 30000, 0, 0)),
         ((4, "pension", "split"), (4, "unemployment", "split"))),
        ("part-told-as-full", 2, part._replace(code="00"), ((4, "deducted", "code"),)),
        ("full-told-as-part", 1, full._replace(code="01"), ((3, "deducted", "code"),)),
        ("part-of-nothing", 0, start.given[0]._replace(code="01"), ((2, "deducted", "code"),)),
        ("a-fen-less-than-whole", 4, less._replace(deducted=53399), ((6, "deducted", "code"),)),
    ):  # fmt: skip
        given = [*start.given[:place], new, *start.given[place + 1 :]]
        paper = print_result(start.request, given, DAY, 1)
        yield Case(name, paper, ok_of(paper.data), tuple((line, field_of(field), code) for line, field, code in faults))
    paper, none = start.paper, (None, ".ok", "digest")
    yield Case("ok-missing", paper, None, (none,))
    yield Case("ok-of-other-bytes", paper, ok_of(paper.data + b" "), (none,))
    yield Case("ok-of-another-size", paper, ok_of(paper.data).replace(f" {len(paper.data)}".encode(), b" 1"), (none,))
    yield Case("ok-in-capitals", paper, ok_of(paper.data).upper(), (none,))
    yield Case("ok-without-line-end", paper, ok_of(paper.data).rstrip(b"\n"), (none,))


# -- files of lines ---------------------------------------------------------------------------------------------------

Rows = list[list[str]]


def put(line: int, field: int, text: str) -> Callable[[Rows], object]:
    """Sets a field of a line, both as the contract's form counts them, the line from 1, the record type being field 0."""
    return lambda rows: rows[line - 1].__setitem__(field, text)


FIELD_CASES: tuple[tuple[str, Callable[[Rows], object], tuple[tuple[int | None, str, str], ...]], ...] = (
    ("trailer-count", put(8, 1, "7"), ((8, "count", "count"),)),
    ("trailer-paid-in-full", put(8, 2, "4"), ((8, "count paid in full", "count"),)),
    ("trailer-requested", put(8, 3, "45119.37"), ((8, "requested", "control-total"),)),
    ("trailer-deducted", put(8, 4, "22720.17"), ((8, "deducted", "control-total"),)),
    ("trailer-pension", put(8, 5, "0.00"), ((8, "pension", "control-total"),)),
    ("trailer-unemployment", put(8, 6, "0.00"), ((8, "unemployment", "control-total"),)),
    ("trailer-injury", put(8, 7, "0.00"), ((8, "injury", "control-total"),)),
    ("trailer-maternity", put(8, 8, "0.00"), ((8, "maternity", "control-total"),)),
    ("unknown-code", put(2, 10, "77"), ((2, "code", "code"),)),
    ("instruction-in-small-letters", put(3, 2, "cy2612-000001-1"), ((3, "instruction id", "grammar"),)),
    ("unit-of-11-digits", put(4, 3, "11010500000"), ((4, "unit", "grammar"),)),
    ("header-of-another-bank", put(1, 3, "CCB"), ((1, "bank", "name"),)),
    ("header-of-another-day", put(1, 6, "2026-12-04"), ((1, "date", "name"),)),
    ("unreal-date", put(1, 6, "2026-02-30"), ((1, "date", "date"),)),
    ("file-type", put(1, 1, "DEDUCT"), ((1, "file type", "header"),)),
    ("request-name-of-another-kind", put(1, 5, "XX_ICBC_20261202_0001.txt"), ((1, "request file name", "grammar"),)),
)  # fmt: skip


def line_cases(start: Good) -> Iterator[Case]:
    """Faults of the bytes and fields of a file of lines."""
    paper, fixed = start.paper, start.profile.startswith("fixed")
    for name, change, faults in FIELD_CASES:
        rows = fields_of(paper.data)
        change(rows)
        yield _case(name, Paper(paper.name, bytes_of_result(rows, paper.name)), *faults)
    lines = paper.data.splitlines(keepends=True)
    every = tuple((line, "line end", "line-end") for line in range(1, 9))
    yield _case("empty", _with(paper, b""), (None, "header", "header"), (None, "trailer", "trailer-missing"))
    yield _case("crlf", _with(paper, paper.data.replace(b"\n", b"\r\n")), *every)
    yield _case("byte-order-mark", _with(paper, b"\xef\xbb\xbf" + paper.data), (1, "encoding", "encoding"))
    yield _case("no-last-line-end", _with(paper, paper.data[:-1]), (8, "line end", "line-end"))
    yield _case("cut-before-the-trailer", _with(paper, b"".join(lines[:-1])), (None, "trailer", "trailer-missing"))
    yield _case(
        "byte-behind-the-end",
        _with(paper, paper.data + b"\x1a"),
        (9, "line end", "line-end"),
        (9, "record type", "record-type"),
    )
    yield _case(
        "blank-line", _with(paper, b"".join([*lines[:4], b"\n", *lines[4:]])), (5, "record type", "record-type")
    )
    yield _case("line-behind-the-trailer", _with(paper, b"".join([*lines[:-2], lines[-1], lines[-2]])),
                (7, "count", "count"), (7, "count paid in full", "count"),
                *((7, field, "control-total") for field in ("requested", "deducted", "pension", "unemployment")),
                (8, "record type", "record-type"))  # fmt: skip
    yield _case("header-twice", _with(paper, b"".join([lines[0], *lines])), (2, "record type", "record-type"))
    yield _case("header-missing", _with(paper, b"".join(lines[1:])), (1, "header", "header"))
    yield _case("trailer-twice", _with(paper, paper.data + lines[-1]), (9, "record type", "record-type"))
    utf8 = FAULTS["utf8"].printing
    assert utf8 is not None
    yield _case("utf-8", utf8(paper), *((line, "encoding", "encoding") for line in range(2, 8)))
    yield _case("control-character", _swapped(paper, "工行代扣回单1", "工行\x07\x07\x07\x07\x07\x07\x07\x071"),
                (3, "bank reference", "control-character"))  # fmt: skip
    broken = paper.data.replace("工行代扣回单1".encode("gb18030"), b"\xff" * 13)
    yield _case("no-character", _with(paper, broken), (3, "encoding", "encoding"),
                *([(3, "bank reference", "encoding")] if fixed else []))  # fmt: skip
    for name, wrong in (("name-without-bank", "XX_20261203_0001.txt"), ("name-with-unreal-day", "XX_ICBC_20261232_0001.txt"),
                        ("name-of-another-bank", "XX_CCB_20261203_0001.txt")):  # fmt: skip
        yield _case(name, Paper(wrong.replace("XX", paper.name[:2]), paper.data), (None, "file name", "name"))
    yield from fixed_cases(start) if fixed else pipe_cases(start)


def pipe_cases(start: Good) -> Iterator[Case]:
    paper = start.paper
    amount = (3, "deducted", "amount")
    for name, text in (("amount-with-separator", "13,185.16"), ("amount-of-one-decimal", "13185.1"), ("amount-signed", "+13185.16"),
                       ("amount-in-fen", "1318516"), ("amount-with-leading-zero", "013185.16")):  # fmt: skip
        yield _case(name, _swapped(paper, "|13185.16|13185.16|", f"|13185.16|{text}|"), amount)
    yield _case("separator-in-reference", _swapped(paper, "工行代扣回单1", "工行|代扣回单1"), (3, "D", "columns"))
    yield _case("reference-of-65", _swapped(paper, "工行代扣回单1", "1" * 65), (3, "bank reference", "grammar"))
    yield _case("line-zero", _swapped(paper, "D|3|", "D|0|"), (2, "line", "line-number"))
    yield _case("line-with-leading-zero", _swapped(paper, "D|3|", "D|03|"), (2, "line", "line-number"))
    yield _case("column-missing-in-header", _swapped(paper, "|2026-12-03\n", "\n"), (1, "H", "columns"))


def fixed_cases(start: Good) -> Iterator[Case]:
    paper = start.paper
    lines = paper.data.splitlines(keepends=True)
    digits, amount = b"000001318516", (3, "deducted", "amount")
    at = lines[2].index(digits) + len(digits)  # requested is followed by deducted
    for name, text in (("amount-with-spaces", b"     1318516"), ("amount-in-yuan", b"000013185.16"),
                       ("amount-signed", b"+00001318516"),
                       ("amount-left-aligned", b"1318516     ")):  # fmt: skip
        yield _case(
            name, _with(paper, b"".join([*lines[:2], lines[2][:at] + text + lines[2][at + 12 :], *lines[3:]])), amount
        )
    yield _case(
        "code-of-the-contract",
        _with(paper, b"".join([*lines[:4], _code(lines[4], b"05"), *lines[5:]])),
        (5, "code", "code"),
    )
    by_characters = "".join([lines[2].decode("gb18030")[:-1].rstrip().ljust(len(lines[2]) - 1), "\n"]).encode("gb18030")
    yield _case(
        "width-in-characters", _with(paper, b"".join([*lines[:2], by_characters, *lines[3:]])), (3, "D", "columns")
    )
    yield _case(
        "a-byte-too-narrow", _with(paper, b"".join([*lines[:6], lines[6][:-2] + b"\n", lines[7]])), (7, "D", "columns")
    )
    yield _case(
        "header-without-padding",
        _with(paper, b"".join([lines[0].rstrip(b"\n")[:-1] + b"\n", *lines[1:]])),
        (1, "H", "columns"),
    )
    yield _case("half-a-character-at-the-edge", _with(paper, b"".join([*lines[:2], lines[2][:-2] + b"\xb9\n", *lines[3:]])),
                (3, "encoding", "encoding"), (3, "bank reference", "encoding"))  # fmt: skip
    yield _case("line-zero", _with(paper, b"".join([lines[0], lines[1][:1] + b"000000000" + lines[1][10:], *lines[2:]])),
                (2, "line", "line-number"))  # fmt: skip
    tab = lines[2].rstrip(b" \n").ljust(len(lines[2]) - 1, b"\t") + b"\n"
    yield _case(
        "padding-of-tabs",
        _with(paper, b"".join([*lines[:2], tab, *lines[3:]])),
        (3, "bank reference", "control-character"),
    )


def _code(line: bytes, code: bytes) -> bytes:
    return line[:58] + code + line[60:]


# -- messages ---------------------------------------------------------------------------------------------------------

_GROUP, _SHARE, _TX = "OrgnlGrpInfAndSts/", "OrgnlGrpInfAndSts/NbOfTxsPerSts/", "TxInfAndSts/"
_REF = f"{_TX}OrgnlTxRef/"
_FUND = f"{_REF}RmtInf/Strd/RfrdDocInf/LineDtls"
ELEMENTS = {
    "line": f"{_TX}OrgnlInstrId",
    "instruction id": f"{_TX}OrgnlEndToEndId",
    "unit": f"{_REF}Dbtr/Pty/Id/OrgId/Othr/Id",
    "requested": f"{_REF}Amt/InstdAmt",
    "deducted": f"{_REF}IntrBkSttlmAmt",
    "batch no": f"{_GROUP}OrgnlMsgId",
    "request file name": f"{_GROUP}StsRsnInf/AddtlInf",
    **{fund: f"{_FUND}[{place}]/Amt/RmtdAmt" for place, fund in enumerate(FUND_NAMES, 1)},
}
"""Where a message carries what the hub has other names for; written down here on its own account."""

Swap = tuple[str, str, str, tuple[tuple[int | None, str, str], ...]]
SWAPS: tuple[Swap, ...] = (
    ("count", "<OrgnlNbOfTxs>6<", "<OrgnlNbOfTxs>7<", ((1, f"{_GROUP}OrgnlNbOfTxs", "count"),)),
    ("sum-requested", "<OrgnlCtrlSum>45119.36<", "<OrgnlCtrlSum>45119.37<", ((1, f"{_GROUP}OrgnlCtrlSum", "control-total"),)),
    ("count-of-a-status", "<DtldNbOfTxs>3<", "<DtldNbOfTxs>4<", ((1, f"{_GROUP}NbOfTxsPerSts/DtldNbOfTxs", "count"),)),
    ("sum-of-a-status", "<DtldCtrlSum>9000.00<", "<DtldCtrlSum>9000.01<",
     ((1, f"{_GROUP}NbOfTxsPerSts/DtldCtrlSum", "control-total"),)),
    ("status-counted-twice", "<DtldSts>PART<", "<DtldSts>RJCT<", ((1, f"{_SHARE}DtldSts", "duplicate"),
      *((1, f"{_SHARE}DtldNbOfTxs", "count"), (1, f"{_SHARE}DtldCtrlSum", "control-total")) * 2)),
    ("unknown-status", "<TxSts>RJCT<", "<TxSts>PDNG<", ((2, f"{_TX}TxSts", "code"),)),
    ("rejected-without-reason", "<StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf>", "",
     ((2, f"{_TX}StsRsnInf/Rsn/Cd", "columns"),)),
    ("reason-of-success", "<TxSts>ACSC</TxSts>", "<TxSts>ACSC</TxSts><StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf>",
     ((3, f"{_TX}StsRsnInf/Rsn/Cd", "code"),)),
    ("reason-of-no-list", "<Cd>AM04<", "<Cd>no money<", ((2, f"{_TX}StsRsnInf/Rsn/Cd", "code"),)),
    ("end-to-end-id-twice", "<OrgnlEndToEndId>CY2612-000001-1<", "<OrgnlEndToEndId>CY2612-000003-1<",
     ((3, f"{_TX}OrgnlEndToEndId", "mismatch"),)),
    ("line-answered-twice", "<OrgnlInstrId>1<", "<OrgnlInstrId>3<", ((3, f"{_TX}OrgnlInstrId", "duplicate"),)),
    ("line-zero", "<OrgnlInstrId>3<", "<OrgnlInstrId>0<", ((2, f"{_TX}OrgnlInstrId", "line-number"),)),
    ("payment-of-another-batch", "<OrgnlPmtInfId>ICBC-20261202-0001<", "<OrgnlPmtInfId>ICBC-20261202-0002<",
     ((1, "OrgnlPmtInfAndSts/OrgnlPmtInfId", "mismatch"),)),
    ("answer-to-another-message", "<OrgnlMsgNmId>pain.008.001.08<", "<OrgnlMsgNmId>pain.001.001.09<",
     ((1, f"{_GROUP}OrgnlMsgNmId", "header"),)),
    ("head-of-another-bank", "<Id>ICBC<", "<Id>CCB<", ((1, "GrpHdr/CdtrAgt/FinInstnId/Othr/Id", "name"),)),
    ("head-of-another-day", "<CreDtTm>2026-12-03", "<CreDtTm>2026-12-04", ((1, "GrpHdr/CreDtTm", "name"),)),
    ("moment-of-another-zone", "+08:00<", "+00:00<", ((1, "GrpHdr/CreDtTm", "date"),)),
    ("currency", 'IntrBkSttlmAmt Ccy="CNY">13185', 'IntrBkSttlmAmt Ccy="USD">13185',
     ((3, f"{_REF}IntrBkSttlmAmt/@Ccy", "grammar"),)),
    ("no-currency", 'IntrBkSttlmAmt Ccy="CNY">13185', "IntrBkSttlmAmt>13185", ((3, f"{_REF}IntrBkSttlmAmt/@Ccy", "grammar"),)),
    ("amount-with-separator", '"CNY">13185.16</IntrBk', '"CNY">13,185.16</IntrBk', ((3, f"{_REF}IntrBkSttlmAmt", "amount"),)),
    ("amount-of-one-decimal", '"CNY">13185.16</IntrBk', '"CNY">13185.1</IntrBk', ((3, f"{_REF}IntrBkSttlmAmt", "amount"),)),
    ("amount-in-fen", '"CNY">13185.16</IntrBk', '"CNY">1318516</IntrBk', ((3, f"{_REF}IntrBkSttlmAmt", "amount"),)),
    ("fund-left-out", '<LineDtls><Id><Nb>MATERNITY</Nb></Id><Amt><RmtdAmt Ccy="CNY">98.76</RmtdAmt></Amt></LineDtls>', "",
     ((3, f"{_FUND}/Id/Nb", "grammar"),)),
    ("funds-in-another-order", "<Nb>UNEMPLOYMENT</Nb>", "<Nb>INJURY</Nb>", ((2, f"{_FUND}/Id/Nb", "grammar"),)),
    ("fund-of-no-name", "<Nb>PENSION</Nb>", "<Nb>MEDICAL</Nb>", ((2, f"{_FUND}/Id/Nb", "grammar"),)),
    ("fifth-fund", "<LineDtls><Id><Nb>PENSION</Nb></Id>",
     ('<LineDtls><Id><Nb>PENSION</Nb></Id><Amt><RmtdAmt Ccy="CNY">0.00</RmtdAmt></Amt></LineDtls>'
      "<LineDtls><Id><Nb>PENSION</Nb></Id>"),
     ((2, _FUND, "duplicate"),)),
    ("reference-of-36", "<AcctSvcrRef>工行代扣回单1<", f"<AcctSvcrRef>{'1' * 36}<", ((3, f"{_TX}AcctSvcrRef", "grammar"),)),
    ("separator-in-reference", "<AcctSvcrRef>工行代扣回单1<", "<AcctSvcrRef>工行|回单<", ((3, f"{_TX}AcctSvcrRef", "grammar"),)),
    ("unit-of-11-digits", "<Id>110105000001<", "<Id>11010500001<", ((3, ELEMENTS["unit"], "grammar"),)),
    ("strange-element", "<TxSts>ACSC</TxSts>", "<TxSts>ACSC</TxSts><ChrgsInf/>", ((3, "TxInfAndSts", "record-type"),)),
    ("order-of-the-schema", "<OrgnlInstrId>1</OrgnlInstrId><OrgnlEndToEndId>CY2612-000001-1</OrgnlEndToEndId>",
     "<OrgnlEndToEndId>CY2612-000001-1</OrgnlEndToEndId><OrgnlInstrId>1</OrgnlInstrId>",
     ((3, f"{_TX}OrgnlInstrId", "record-type"),)),
    ("attribute", "<TxSts>ACSC<", '<TxSts scheme="x">ACSC<', ((3, f"{_TX}TxSts", "record-type"),)),
    ("text-between-elements", "<TxSts>ACSC</TxSts>", "ok<TxSts>ACSC</TxSts>", ((3, "TxInfAndSts", "grammar"),)),
    ("element-missing", "<OrgnlEndToEndId>CY2612-000001-1</OrgnlEndToEndId>", "", ((3, f"{_TX}OrgnlEndToEndId", "columns"),)),
    ("other-message", "pain.002.001.10", "pain.002.001.03", ((None, "Document", "header"),)),
    ("no-namespace", ' xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"', "", ((None, "Document", "header"),)),
    ("document-type", "<Document", "<!DOCTYPE Document><Document", ((None, "Document", "header"),)),
    ("entity", "<Document", '<!DOCTYPE d [<!ENTITY full "13185.16">]><Document', ((None, "Document", "header"),)),
    ("undeclared-entity", "<AcctSvcrRef>工行", "<AcctSvcrRef>&gong;", ((None, "Document", "grammar"),)),
    ("bare-ampersand", "<AcctSvcrRef>工行", "<AcctSvcrRef>R & D ", ((None, "Document", "grammar"),)),
    ("comment", "<TxSts>ACSC", "<!-- paid --><TxSts>ACSC", ((None, "Document", "record-type"),)),
    ("processing-instruction", "<TxSts>ACSC", "<?paid yes?><TxSts>ACSC", ((None, "Document", "record-type"),)),
    ("cdata", "<AcctSvcrRef>工行代扣回单1<", "<AcctSvcrRef><![CDATA[1]]><", ((None, "Document", "record-type"),)),
    ("declared-gb18030", 'encoding="UTF-8"', 'encoding="GB18030"', ((None, "encoding", "encoding"),)),
    ("end-tag-missing", "</OrgnlTxRef>", "", ((None, "Document", "grammar"),)),
)  # fmt: skip


def message_cases(start: Good) -> Iterator[Case]:
    """Faults of a message's elements and bytes."""
    paper = start.paper
    for name, old, new, faults in SWAPS:
        yield _case(name, _swapped(paper, old, new), *faults)
    head = paper.data.decode().split("<GrpHdr>")[1].split("</GrpHdr>")[0]
    yield _case(
        "head-twice", _swapped(paper, "</GrpHdr>", f"</GrpHdr><GrpHdr>{head}</GrpHdr>"), (1, "GrpHdr", "duplicate")
    )
    root = (None, "Document")
    yield _case("empty", _with(paper, b""), (*root, "trailer-missing"))
    yield _case("cut", _with(paper, paper.data[: len(paper.data) * 2 // 3]), (*root, "trailer-missing"))
    yield _case("byte-behind-the-end", _with(paper, paper.data + b"\x1a"), (*root, "record-type"))
    yield _case("second-document", _with(paper, paper.data + paper.data.split(b"?>\n")[1]), (*root, "record-type"))
    yield _case("byte-order-mark", _with(paper, b"\xef\xbb\xbf" + paper.data), (None, "encoding", "encoding"))
    yield _case("utf-16", _with(paper, paper.data.decode().encode("utf-16")), (None, "encoding", "encoding"))
    yield _case("gb18030", _with(paper, paper.data.decode().encode("gb18030")), (None, "encoding", "encoding"))
    yield _case("nul", _swapped(paper, "<TxSts>ACSC", "<TxSts>\0ACSC"), (*root, "control-character"))
    yield _case("line-file", _with(paper, b"H|RESULT|1|ICBC\n"), (*root, "grammar"))
    for name, wrong in (("name-without-bank", "PAIN002_20261203_0001.xml"),
                        ("name-with-unreal-day", "PAIN002_ICBC_20261232_0001.xml"),
                        ("name-of-another-bank", "PAIN002_CCB_20261203_0001.xml")):  # fmt: skip
        yield _case(name, Paper(wrong, paper.data), (None, "file name", "name"))


# -- all of them ------------------------------------------------------------------------------------------------------


def _with(paper: Paper, data: bytes) -> Paper:
    return Paper(paper.name, data)


def _swapped(paper: Paper, old: str, new: str) -> Paper:
    """The first ``old`` in the file made ``new``; one that is not there is a mistake of this list."""
    charset = "utf-8" if paper.name.endswith(".xml") else "gb18030"
    text = paper.data.decode(charset)
    assert old in text, old
    return Paper(paper.name, text.replace(old, new, 1).encode(charset))


def _case(name: str, paper: Paper, *faults: tuple[int | None, str, str]) -> Case:
    return Case(name, paper, ok_of(paper.data), faults)


def cases(profile: str) -> list[Case]:
    """Every bad answer of a profile; names are unique."""
    start = good(profile)
    if profile == "iso20022":
        found = [*said_cases(start, lambda field: ELEMENTS[field]), *message_cases(start)]
    else:
        found = [*said_cases(start, lambda field: field), *line_cases(start)]
    assert len({case.name for case in found}) == len(found), "a name twice"
    return found


def files(profile: str) -> dict[Path, bytes]:
    """Every file of a profile by its path."""
    start = good(profile)
    request, paper = start.request_name, start.paper
    place = FOLDER / profile
    found = {
        place / "good" / request: start.request_data,
        place / "good" / f"{request}.ok": ok_of(start.request_data),
        place / "good" / paper.name: paper.data,
        place / "good" / f"{paper.name}.ok": ok_of(paper.data),
    }
    for case in cases(profile):
        found[place / case.name / case.paper.name] = case.paper.data
        if case.ok is not None:
            found[place / case.name / f"{case.paper.name}.ok"] = case.ok
    return found


def expected(profile: str) -> dict[str, list[dict[str, Any]]]:
    """The table beside the files: by case, every fault with line, field, code, what was expected and what was found."""
    table: dict[str, list[dict[str, Any]]] = json.loads((FOLDER / profile / "faults.json").read_text(encoding="utf-8"))
    return table


def record(profile: str) -> None:
    """Writes the table as conformance tells it now. What is seeded stands with the cases and is not recorded."""
    start, rows = good(profile), []
    request = FOLDER / profile / "good" / start.request_name
    for case in cases(profile):
        faults = examine(PROFILES[profile], request, FOLDER / profile / case.name / case.paper.name)
        told = (
            {key: fault.as_json()[key] for key in ("line", "field", "code", "expected", "found")} for fault in faults
        )
        lines = ",\n".join(f"    {json.dumps(each, ensure_ascii=False)}" for each in told)
        rows.append(f"  {json.dumps(case.name)}: [\n{lines}\n  ]")
    (FOLDER / profile / "faults.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    for profile in PROFILES:
        for path, data in files(profile).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if "--record" in arguments:
            record(profile)
        print(f"{profile}: {len(cases(profile))} bad answers")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
