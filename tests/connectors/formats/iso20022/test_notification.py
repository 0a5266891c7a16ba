"""Returns after success (camt.054.001.08): read into a value, every fault told, and not taken in by this version."""

import io
from datetime import date

import pytest

from connectors.formats.iso20022.notification import LateReturn, LateReturns, parse_returns
from hub.domain.changed_answers import ChangesFile
from hub.domain.faults import FaultCode
from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.ids import InstructionNo
from hub.domain.money import Fen, print_yuan
from hub.ports import Refused
from tests.connectors.formats.iso20022.papers import PROFILE

NAME = "CAMT054_ICBC_20261210_0001.xml"


def entry(instruction: str, *amounts: int, reference: str = "") -> str:
    """An entry of the bank that gives back what it had deducted. Amounts are fen per fund."""
    funds = "".join(
        f'<LineDtls><Id><Nb>{fund}</Nb></Id><Amt><RmtdAmt Ccy="CNY">{print_yuan(Fen(each))}</RmtdAmt></Amt></LineDtls>'
        for fund, each in zip(("PENSION", "UNEMPLOYMENT", "INJURY", "MATERNITY"), amounts, strict=True)
    )
    known = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    return (
        f'<Ntry><Amt Ccy="CNY">{print_yuan(Fen(sum(amounts)))}</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd>'
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-12-09</Dt></BookgDt>{known}"
        "<BkTxCd><Prtry><Cd>PMNT-RDDT-RTRN</Cd></Prtry></BkTxCd><NtryDtls><TxDtls>"
        f"<Refs><MsgId>ICBC-20261202-0001</MsgId><EndToEndId>{instruction}</EndToEndId></Refs>"
        f"<RmtInf><Strd><RfrdDocInf>{funds}</RfrdDocInf></Strd></RmtInf>"
        "<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>\n"
    )


GOOD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">'
    "<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>ICBC-R-1</MsgId><CreDtTm>2026-12-10T08:00:00+08:00</CreDtTm></GrpHdr>"
    "<Ntfctn><Id>1</Id><Acct><Id><Othr><Id>0200004100000000001</Id></Othr></Id>"
    "<Svcr><FinInstnId><Othr><Id>ICBC</Id></Othr></FinInstnId></Svcr></Acct>"
    "<TxsSummry><TtlDbtNtries><NbOfNtries>2</NbOfNtries><Sum>9011.00</Sum></TtlDbtNtries></TxsSummry>\n"
    f"{entry('B-1-1', 10000, 700, 250, 150, reference='R1')}{entry('A' * 34 + '1', 880000, 10000, 0, 0)}"
    "</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
).encode()


def parsed(content: bytes, name: str = NAME) -> LateReturns | Refused:
    return parse_returns(name, "ICBC", io.BytesIO(content))


def test_returns_are_read_into_a_value() -> None:
    booked = date(2026, 12, 9)
    one, other = (
        FundAmounts(Fen(10000), Fen(700), Fen(250), Fen(150)),
        FundAmounts(Fen(880000), Fen(10000), Fen(0), Fen(0)),
    )
    found = parsed(GOOD)
    assert found == LateReturns(
        "ICBC",
        date(2026, 12, 10),
        [
            LateReturn(2, "ICBC-20261202-0001", InstructionNo("B-1-1"), one, "MD06", booked, "R1"),
            LateReturn(3, "ICBC-20261202-0001", InstructionNo("A" * 34 + "-1"), other, "MD06", booked, ""),
        ],
    )
    assert isinstance(found, LateReturns) and found.total == 901100


def test_returns_change_answers_to_nothing_deducted() -> None:
    assert PROFILE.is_change_name(NAME, "ICBC") and not PROFILE.is_result_name(NAME, "ICBC")
    file = PROFILE.parse_change(NAME, "ICBC", io.BytesIO(GOOD))
    assert isinstance(file, ChangesFile) and (file.bank, file.date) == ("ICBC", date(2026, 12, 10))
    told = [(each.file_line, each.instruction_no, each.before, each.now, each.code) for each in file.changes]
    assert told == [(2, "B-1-1", 11100, 0, "99"), (3, "A" * 34 + "-1", 890000, 0, "99")]
    assert {(each.split, each.line, each.unit, each.reason) for each in file.changes} == {(NOTHING, None, None, "MD06")}


def test_a_file_of_returns_that_is_wrong_changes_nothing() -> None:
    outcome = PROFILE.parse_change(NAME, "ICBC", io.BytesIO(GOOD.replace(b"<NbOfNtries>2<", b"<NbOfNtries>3<")))
    assert isinstance(outcome, Refused)
    assert [fault.code for fault in outcome.faults] == [FaultCode.COUNT]
    twice = GOOD.replace(b"<EndToEndId>" + b"A" * 34 + b"1<", b"<EndToEndId>B-1-1<")
    assert twice != GOOD
    outcome = PROFILE.parse_change(NAME, "ICBC", io.BytesIO(twice))
    assert isinstance(outcome, Refused)
    assert [(fault.line, fault.code) for fault in outcome.faults] == [(3, FaultCode.DUPLICATE)]


def test_fault_55_returns_cut_at_any_byte_are_refused() -> None:
    for length in range(len(GOOD)):
        assert isinstance(parsed(GOOD[:length]), Refused), f"read when cut at byte {length}"


TOTALS, DETAILS = "Ntfctn/TxsSummry/TtlDbtNtries", "Ntry/NtryDtls/TxDtls"


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<Sum>9011.00<", "<Sum>9011.01<", (1, f"{TOTALS}/Sum", "control-total")),
        ("<NbOfNtries>2<", "<NbOfNtries>1<", (1, f"{TOTALS}/NbOfNtries", "count")),
        ("DBIT", "CRDT", (2, "Ntry/CdtDbtInd", "kind")),
        ("<RvslInd>true<", "<RvslInd>false<", (2, "Ntry/RvslInd", "kind")),
        ("<Cd>BOOK<", "<Cd>PDNG<", (2, "Ntry/Sts/Cd", "kind")),
        ("PMNT-RDDT-RTRN", "PMNT-RDDT-ESDD", (2, "Ntry/BkTxCd/Prtry/Cd", "kind")),
        (">111.00</Amt>", ">111.01</Amt>", (2, "Ntry/Amt", "sum")),
        ("<Dt>2026-12-09<", "<Dt>2026-12-39<", (2, "Ntry/BookgDt/Dt", "date")),
        ("<EndToEndId>B-1-1<", "<EndToEndId>b<", (2, f"{DETAILS}/Refs/EndToEndId", "grammar")),
        ("<Nb>PENSION<", "<Nb>INJURY<", (2, f"{DETAILS}/RmtInf/Strd/RfrdDocInf/LineDtls/Id/Nb", "grammar")),
        ("<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>", "", (2, f"{DETAILS}/RtrInf", "columns")),
        ("<Othr><Id>ICBC<", "<Othr><Id>CCB<", (1, "Ntfctn/Acct/Svcr/FinInstnId/Othr/Id", "name")),
        ("2026-12-10T", "2026-12-11T", (1, "GrpHdr/CreDtTm", "name")),
        ("camt.054.001.08", "camt.054.001.02", (None, "Document", "header")),
    ],
)
def test_a_fault_names_line_element_and_kind(old: str, new: str, fault: tuple[int | None, str, str]) -> None:
    assert old in GOOD.decode()
    outcome = parsed(GOOD.decode().replace(old, new, 1).encode())
    assert isinstance(outcome, Refused)
    assert fault in [(each.line, each.field, each.code.value) for each in outcome.faults]


def test_the_name_of_another_bank_is_refused() -> None:
    outcome = parsed(GOOD, "CAMT054_CCB_20261210_0001.xml")
    assert isinstance(outcome, Refused)
    assert [fault.field for fault in outcome.faults] == ["file name"]
