"""A month settled with banks that speak ISO 20022: the same books, the same proofs, only other files."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.formats.dues import parse_dues
from connectors.formats.incomes import parse_incomes
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from hub.ledger.journey import Bytes, follow
from hub.ledger.verification import Evidence, verify
from simulators.agency import Paper
from simulators.amounts import Four, yuan
from tests.ledger.test_journey import stops
from tests.processors.city import HAIDIAN, PERIOD, City, bill, unit_of, waterfall
from tests.processors.conftest import NewCity

DUE: Four = (10000, 700, 250, 150)
WHOLE = sum(DUE)
LONG = "A" + "0" * 32 + "Z"
"""A bill id of 34 characters; its instruction's, of 36, is longer than an ``EndToEndId``."""


@pytest.fixture
def city(new_city: NewCity) -> City:
    return new_city(profiles=dict.fromkeys(("ICBC", "CCB"), "iso20022"), no_parts=("CCB",))


def what_is_not_proven(city: City) -> list[object]:
    """``hub verify``."""
    hub = city.hub
    evidence = Evidence(
        archive=hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
        read_incomes=parse_incomes, format_of=hub.formats.get,
    )  # fmt: skip
    return [outcome for outcome in verify(hub.engine, evidence) if not outcome.ok]


def test_a_month_is_settled_and_every_book_is_proven(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE), bill(LONG, 4, DUE)))
    city.accept(city.dues(bill("B-1", 1, DUE, "CCB", HAIDIAN), agency_code=HAIDIAN))
    city.first_deduction(ICBC={"A-2": 10400, "A-3": "02"}, CCB={"B-1": "06"})
    assert city.collected("A-1") == city.collected(LONG) == DUE
    assert city.collected("A-2") == waterfall(10400, DUE)
    city.accept(city.again((unit_of(2), "B"), (unit_of(3), "B")))
    city.accept(city.again((unit_of(1, HAIDIAN), "B"), agency_code=HAIDIAN))
    city.second_deduction(ICBC={"A-3": "03"}, CCB={})
    city.advance("12-01T08:00")
    assert city.collected("A-2") == city.collected("B-1") == DUE
    assert city.total("f1", "arrived", period=PERIOD) == (4, 4 * WHOLE)
    assert city.total("f1", "arrears", period=PERIOD) == (1, WHOLE)
    names = {name for (name,) in city.rows("select file_name from batch")}
    assert names == {f"PAIN008_{bank}_{day}_0001.xml" for bank in ("ICBC", "CCB") for day in ("20261102", "20261120")}
    assert what_is_not_proven(city) == []


def test_an_answer_that_does_not_fit_its_request_is_quarantined_and_the_next_one_taken(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    paper = city.result(request, {"A-2": 10400})
    pension, unemployment = b">100.00</RmtdAmt>", b">4.00</RmtdAmt>"
    moved = paper.data.replace(pension, b">99.00</RmtdAmt>", 1).replace(unemployment, b">5.00</RmtdAmt>", 1)
    assert pension in paper.data and unemployment in paper.data
    city.put("ICBC", Paper(paper.name, moved))
    assert city.poll("ICBC") == ["quarantined"]
    (item,) = city.work("quarantine")
    assert (item["file"], item["line"], item["field"]) == (paper.name, 2, "pension")
    city.put("ICBC", paper)
    assert city.poll("ICBC") == ["taken"]
    other = Paper("PAIN002_ICBC_20261103_0099.xml", paper.data.replace(b"\n", b" ").replace(b"18:30:00", b"18:31:00"))
    city.put("ICBC", other)
    assert city.poll("ICBC") == ["quarantined"]
    faults = city.work("quarantine")[-1]["detail"]["faults"]
    assert "identity-taken" in {fault["code"] for fault in faults}
    assert max(len(fault["found"]) for fault in faults) <= 2000, "a message in one line is not shown whole"


def notification(city: City, instruction: str, batch_no: str, amounts: Four) -> Paper:
    """The bank gives back what an instruction had brought (camt.054)."""
    day = city.today()
    funds = "".join(
        f'<LineDtls><Id><Nb>{name}</Nb></Id><Amt><RmtdAmt Ccy="CNY">{yuan(fen)}</RmtdAmt></Amt></LineDtls>'
        for name, fen in zip(("PENSION", "UNEMPLOYMENT", "INJURY", "MATERNITY"), amounts, strict=True)
    )
    whole = yuan(sum(amounts))
    content = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">'
        f"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>R-1</MsgId><CreDtTm>{day}T08:00:00+08:00</CreDtTm></GrpHdr>"
        "<Ntfctn><Id>1</Id><Acct><Id><Othr><Id>0200004100000000001</Id></Othr></Id>"
        "<Svcr><FinInstnId><Othr><Id>ICBC</Id></Othr></FinInstnId></Svcr></Acct>"
        f"<TxsSummry><TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>{whole}</Sum></TtlDbtNtries></TxsSummry>"
        f'<Ntry><Amt Ccy="CNY">{whole}</Amt><CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{day}</Dt></BookgDt><BkTxCd><Prtry><Cd>PMNT-RDDT-RTRN</Cd></Prtry></BkTxCd><NtryDtls><TxDtls>"
        f"<Refs><MsgId>{batch_no}</MsgId><EndToEndId>{instruction}</EndToEndId></Refs><RmtInf><Strd><RfrdDocInf>{funds}"
        "</RfrdDocInf></Strd></RmtInf><RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>"
        "</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>"
    )
    return Paper(f"CAMT054_ICBC_{day:%Y%m%d}_0001.xml", content.encode())


def test_a_return_after_success_is_taken_back(city: City) -> None:
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.first_deduction(ICBC={})
    ((batch_no,),) = city.rows("select batch_no from batch")
    part = (DUE[0] - 1, *DUE[1:])
    city.put("ICBC", notification(city, "A-1-1", batch_no, part))
    assert city.poll("ICBC") == ["quarantined"]
    paper = notification(city, "A-1-1", batch_no, DUE)
    city.put("ICBC", paper)
    assert city.poll("ICBC") == ["taken"]
    city.pump.drain()
    assert (city.collected("A-1"), city.collected("A-2")) == ((0, 0, 0, 0), DUE)
    assert city.rows("select what, amount, reason from reversal") == [("CHANGED_ANSWER", WHOLE, "MD06")]
    city.put("ICBC", paper)
    assert city.poll("ICBC") == ["repeat"]
    assert what_is_not_proven(city) == []


def journey(city: City, name: str) -> list[dict[str, Any]]:
    """``hub trace``."""
    with city.hub.engine.connect() as conn:
        files = Bytes(
            archive=city.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030", format_of=city.hub.formats.get
        )
        return [stop.as_json() for stop in follow(conn, name, files)]


def test_a_journey_shows_the_transaction_of_a_bill_however_the_message_is_laid_out(city: City) -> None:
    """The bank's message is one line; ours is a line a transaction, with the account and the name masked."""
    names = ("北京甲 & 乙公司", "北京丙公司")
    bills = [bill(f"A-{n}", n, DUE)._replace(account_name=name) for n, name in enumerate(names, start=1)]
    city.accept(city.dues(*bills))
    city.advance("11-03T10:00")
    (request,) = city.requests("ICBC")
    paper = city.result(request, {"A-2": 10400})
    city.put("ICBC", Paper(paper.name, paper.data.replace(b"\n", b"")))
    assert city.poll("ICBC") == ["taken"]
    told = {no: journey(city, no) for no in ("A-1", "A-2")}
    for no, (tree,) in told.items():
        (asked,), (answered,) = stops(tree, "batch-line"), stops(tree, "answer")
        assert asked["text"].startswith("<DrctDbtTxInf>") and f"<EndToEndId>{no}-1</EndToEndId>" in asked["text"]
        assert asked["text"].endswith("</DrctDbtTxInf>")
        assert answered["text"].startswith("<TxInfAndSts>") and answered["text"].endswith("</TxInfAndSts>")
        assert f"<OrgnlEndToEndId>{no}-1</OrgnlEndToEndId>" in answered["text"]
    assert not [secret for secret in ("甲", "丙公司", *(each.account for each in bills)) if secret in str(told)]


def test_a_file_is_opened_once_for_all_the_lines_that_are_shown(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit's three bills came in two files, were asked for in one and answered in one."""
    opened: Counter[str] = Counter()
    open_file = Path.open

    def counted(path: Path, *how: Any, **more: Any) -> Any:
        opened[path.name] += 1
        return open_file(path, *how, **more)

    city.accept(city.dues(bill("A-1", 1, DUE)))
    supplements = (bill(f"S-{n}", 1, DUE)._replace(refers_to=month) for n, month in ((1, "2026-09"), (2, "2026-10")))
    city.accept(city.dues(*supplements, kind="S"))
    city.first_deduction(ICBC={})
    monkeypatch.setattr(Path, "open", counted)
    (tree,) = journey(city, unit_of(1))
    shown = [each["name"] for kind in ("file", "answer") for each in stops(tree, kind) if each["text"]]
    assert len(shown) == 6 and len(set(shown)) == 3
    assert len([each for each in stops(tree, "batch-line") if each["text"]]) == 3
    assert len(opened) == 4 and set(opened.values()) == {1}
