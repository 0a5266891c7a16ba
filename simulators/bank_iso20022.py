"""A bank's reading of pain.008.001.08 and its answers in pain.002.001.10, for ``simulators.bank_program``.

An answer is told as the fields of the contract's own form (section 4), so that programs and the oracle judge all forms alike.

Written against the agreement, not against the hub: elements are looked up by their path, totals added up anew.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Final
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from simulators.amounts import NIL, add, fen, four_of, yuan
from simulators.bank_work import Asked, Request, UnusableRequestError, refuse_unless

REQUESTS: Final = "PAIN008_"
"""What the names of such requests begin with."""

RESULTS: Final = "PAIN002_"
"""The same of their answers."""

_ISO: Final = "urn:iso:std:iso:20022:tech:xsd:"
_REPORT: Final = "pain.002.001.10"
_FUNDS: Final = ("PENSION", "UNEMPLOYMENT", "INJURY", "MATERNITY")
REASONS: Final = {"02": "AM04", "03": "AC01", "04": "AC06", "05": "BE01", "06": "MD01", "99": "MS03"}
"""The reason that stands for each of the contract's codes of failure."""
_CODES: Final = {reason: code for code, reason in REASONS.items()}
_NAME = re.compile(r"PAIN008_([A-Z0-9]{2,12})_([0-9]{8})_([0-9]{4})\.xml", re.ASCII)
_PURPOSE = re.compile(r"([0-9]{4}-[0-9]{2})-([12])", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{10,32}", re.ASCII)


class _Part:
    """A part of a message, whose texts are asked for by path. UnusableRequestError for one that is not there once."""

    def __init__(self, name: str, element: ElementTree.Element, namespace: str) -> None:
        self._name = name
        self._element = element
        self._namespace = namespace

    def all(self, path: str) -> list["_Part"]:
        steps = "/".join(f"{{{self._namespace}}}{step}" for step in path.split("/"))
        return [_Part(self._name, each, self._namespace) for each in self._element.findall(steps)]

    def one(self, path: str) -> "_Part":
        found = self.all(path)
        refuse_unless(len(found) == 1, self._name, f"{path} is there {len(found)} times")
        return found[0]

    def text(self, path: str) -> str:
        return self.one(path).text_of_its_own

    @property
    def text_of_its_own(self) -> str:
        return self._element.text or ""

    def money(self, path: str) -> str:
        currency = self.one(path)._element.get("Ccy")
        refuse_unless(currency == "CNY", self._name, f"{path} is of {currency}")
        return self.text(path)


def read_request(name: str, data: bytes, seal: bytes) -> Request:
    """A request out of its bytes and those of its ``.ok``. Raises UnusableRequestError when anything does not fit."""
    refuse_unless(seal == f"{sha256(data).hexdigest()} {len(data)}\n".encode(), name, "the .ok does not fit the bytes")
    named = _NAME.fullmatch(name)
    if named is None:
        raise UnusableRequestError(f"{name}: not a request's name")
    namespace = f"{_ISO}pain.008.001.08"
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  the hub's file, under its seal
    except ElementTree.ParseError as wrong:
        raise UnusableRequestError(f"{name}: {wrong}") from wrong
    refuse_unless(root.tag == f"{{{namespace}}}Document", name, f"{root.tag} is no request")
    order = _Part(name, root, namespace).one("CstmrDrctDbtInitn")
    header, payment = order.one("GrpHdr"), order.one("PmtInf")
    bank = payment.text("CdtrAgt/FinInstnId/Othr/Id")
    day = payment.text("ReqdColltnDt")
    refuse_unless((bank, day.replace("-", "")) == (named[1], named[2]), name, "head and name differ")
    purpose = _PURPOSE.fullmatch(payment.text("PmtTpInf/CtgyPurp/Prtry"))
    if purpose is None:
        raise UnusableRequestError(f"{name}: no period and round")
    lines = tuple(_read_line(name, number, part, bank) for number, part in enumerate(payment.all("DrctDbtTxInf"), 1))
    total = yuan(sum(sum(line.wanted) for line in lines))
    for part in (header, payment):
        said = (part.text("NbOfTxs"), part.text("CtrlSum"))
        refuse_unless(said == (str(len(lines)), total), name, f"the bank adds up to {len(lines)}, {total}, not {said}")
    refuse_unless(len({line.instruction for line in lines}) == len(lines) > 0, name, "an instruction twice, or none")
    return Request(
        name=name,
        bank=bank,
        batch=header.text("MsgId"),
        period=purpose[1],
        round=int(purpose[2]),
        day=date.fromisoformat(day),
        lines=lines,
    )


def _read_line(name: str, number: int, part: _Part, bank: str) -> Asked:
    funds = part.all("RmtInf/Strd/RfrdDocInf/LineDtls")
    refuse_unless(tuple(fund.text("Id/Nb") for fund in funds) == _FUNDS, name, f"line {number}: not the four funds")
    try:
        wanted = four_of(fund.money("Amt/DuePyblAmt") for fund in funds)
        whole = fen(part.money("InstdAmt"))
    except ValueError as wrong:
        raise UnusableRequestError(f"{name}: line {number}: {wrong}") from wrong
    line, account = part.text("PmtId/InstrId"), part.text("DbtrAcct/Id/Othr/Id")
    may_be_part, account_name = part.text("InstrForCdtrAgt"), part.text("Dbtr/Nm")
    refuse_unless(line == str(number), name, f"line {number} calls itself {line}")
    refuse_unless(sum(wanted) == whole > 0, name, f"line {number} does not add up")
    refuse_unless(may_be_part in {"PART", "FULL"}, name, f"line {number} is neither PART nor FULL")
    refuse_unless(_ACCOUNT.fullmatch(account) is not None, name, f"line {number}: account")
    refuse_unless(part.text("DbtrAgt/FinInstnId/Othr/Id") == bank, name, f"line {number}: another bank")
    refuse_unless(bool(account_name), name, f"line {number} names nobody")
    instruction = _long(part.text("PmtId/EndToEndId"))
    unit = part.text("Dbtr/Id/OrgId/Othr/Id")
    return Asked(number, instruction, unit, account, account_name, wanted, may_be_part == "PART")


def _long(end_to_end: str) -> str:
    """An instruction of 36 characters comes as 35, without the hyphen before its round."""
    return f"{end_to_end[:34]}-{end_to_end[34]}" if len(end_to_end) == 35 and end_to_end[33] != "-" else end_to_end


def _short(instruction: str) -> str:
    return instruction[:34] + instruction[35] if len(instruction) == 36 else instruction


def is_message(data: bytes) -> bool:
    """Whether these are the bytes of a message, and not of lines."""
    return data.startswith(b"<")


def fields_of(data: bytes) -> list[list[str]]:
    """A result as the fields of the contract's lines: its head, its transactions, what they add up to. Raises ValueError."""
    try:
        report = _Part("the result", ElementTree.fromstring(data), f"{_ISO}{_REPORT}").one("CstmrPmtStsRpt")  # noqa: S314
        header, group = report.one("GrpHdr"), report.one("OrgnlGrpInfAndSts")
        bank, batch = header.text("CdtrAgt/FinInstnId/Othr/Id"), group.text("OrgnlMsgId")
        head = ["H", "RESULT", "1", bank, batch, group.text("StsRsnInf/AddtlInf"), header.text("CreDtTm")[:10]]
        details = [_fields_of_transaction(each) for each in report.all("OrgnlPmtInfAndSts/TxInfAndSts")]
        said = {
            each.text("DtldSts"): (each.text("DtldNbOfTxs"), fen(each.text("DtldCtrlSum")))
            for each in group.all("NbOfTxsPerSts")
        }
        whole = [group.text("OrgnlNbOfTxs"), said.get("ACSC", ("0", 0))[0], group.text("OrgnlCtrlSum")]
    except (ElementTree.ParseError, UnusableRequestError, KeyError) as wrong:
        raise ValueError(f"no result in a message: {wrong}") from wrong
    split = NIL
    for row in details:
        split = add(split, four_of(row[6:10]))
    sums = [yuan(sum(deducted for _, deducted in said.values())), *map(yuan, split)]
    return [head, *details, ["T", *whole, *sums]]


def _fields_of_transaction(part: _Part) -> list[str]:
    status = part.text("TxSts")
    code = {"ACSC": "00", "PART": "01"}.get(status) or _CODES[part.text("StsRsnInf/Rsn/Cd")]
    reference = "".join(each.text_of_its_own for each in part.all("AcctSvcrRef"))
    asked = part.one("OrgnlTxRef")
    funds = asked.all("RmtInf/Strd/RfrdDocInf/LineDtls")
    refuse_unless(tuple(fund.text("Id/Nb") for fund in funds) == _FUNDS, "the result", "not the four funds")
    amounts = [
        asked.money("Amt/InstdAmt"),
        asked.money("IntrBkSttlmAmt"),
        *(fund.money("Amt/RmtdAmt") for fund in funds),
    ]
    instruction, unit = _long(part.text("OrgnlEndToEndId")), asked.text("Dbtr/Pty/Id/OrgId/Othr/Id")
    return ["D", part.text("OrgnlInstrId"), instruction, unit, *amounts, code, reference]


def printed_result(rows: Sequence[Sequence[str]], name: str) -> bytes:
    """The bytes of ``PAIN002_…`` whose lines have these fields in the contract's form."""
    header, *details, trailer = rows
    shares: dict[str, tuple[int, int]] = {}
    for row in details:
        count, deducted = shares.get(_status(row), (0, 0))
        shares[_status(row)] = (count + 1, deducted + fen(row[5]))
    return (
        f"{head_of_result(header, trailer, shares, name)}{''.join(map(_transaction, details))}{TAIL_OF_RESULT}".encode()
    )


TAIL_OF_RESULT: Final = "</OrgnlPmtInfAndSts>\n</CstmrPmtStsRpt>\n</Document>"


def head_of_result(
    header: Sequence[str], trailer: Sequence[str], shares: Mapping[str, tuple[int, int]], name: str
) -> str:
    """What stands before the transactions. ``shares``: of each status, how many there are and the fen they deducted."""
    _, _, _, bank, batch, request_name, day = header
    counted = "".join(
        f"<NbOfTxsPerSts><DtldNbOfTxs>{count}</DtldNbOfTxs><DtldSts>{status}</DtldSts>"
        f"<DtldCtrlSum>{yuan(deducted)}</DtldCtrlSum></NbOfTxsPerSts>\n"
        for status, (count, deducted) in shares.items()
    )
    number = int(name.removesuffix(".xml").rpartition("_")[2])
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="{_ISO}{_REPORT}">\n<CstmrPmtStsRpt>\n'
        f"<GrpHdr><MsgId>{bank}-{day.replace('-', '')}-{number}</MsgId>"
        f"<CreDtTm>{day}T18:30:00+08:00</CreDtTm>"
        f"<CdtrAgt><FinInstnId><Othr><Id>{bank}</Id></Othr></FinInstnId></CdtrAgt></GrpHdr>\n"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{batch}</OrgnlMsgId><OrgnlMsgNmId>pain.008.001.08</OrgnlMsgNmId>"
        f"<OrgnlNbOfTxs>{trailer[1]}</OrgnlNbOfTxs><OrgnlCtrlSum>{trailer[3]}</OrgnlCtrlSum>"
        f"<StsRsnInf><AddtlInf>{request_name}</AddtlInf></StsRsnInf>\n{counted}</OrgnlGrpInfAndSts>\n"
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{batch}</OrgnlPmtInfId>\n"
    )


def _status(row: Sequence[str]) -> str:
    return {"00": "ACSC", "01": "PART"}.get(row[10], "RJCT")


def _transaction(row: Sequence[str]) -> str:
    _, line, instruction, unit, requested, deducted, *split, code, reference = row
    status = _status(row)
    reason = f"<StsRsnInf><Rsn><Cd>{REASONS[code]}</Cd></Rsn></StsRsnInf>" if status == "RJCT" else ""
    bank_reference = f"<AcctSvcrRef>{escape(reference)}</AcctSvcrRef>" if reference else ""
    return (
        f"  <TxInfAndSts>\n    <OrgnlInstrId>{line}</OrgnlInstrId>"
        f"<OrgnlEndToEndId>{_short(instruction)}</OrgnlEndToEndId><TxSts>{status}</TxSts>{reason}"
        f"{bank_reference}\n    <OrgnlTxRef>"
        f'<IntrBkSttlmAmt Ccy="CNY">{deducted}</IntrBkSttlmAmt>'
        f'<Amt><InstdAmt Ccy="CNY">{requested}</InstdAmt></Amt>'
        f"<RmtInf><Strd><RfrdDocInf>{_split(split)}</RfrdDocInf></Strd></RmtInf>"
        f"<Dbtr><Pty><Id><OrgId><Othr><Id>{unit}</Id></Othr></OrgId></Id></Pty></Dbtr></OrgnlTxRef>\n  </TxInfAndSts>\n"
    )


def _split(parts: Sequence[str]) -> str:
    return "".join(
        f'<LineDtls><Id><Nb>{fund}</Nb></Id><Amt><RmtdAmt Ccy="CNY">{part}</RmtdAmt></Amt></LineDtls>'
        for fund, part in zip(_FUNDS, parts, strict=True)
    )
