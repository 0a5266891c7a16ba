"""Answers of the profile iso20022 (pain.002.001.10): taken whole and as asked, or refused with every fault."""

import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.formats.iso20022 import answer
from connectors.formats.iso20022.elements import Place
from hub.domain.bank_results_columns import ANSWERS, lines_of
from hub.domain.faults import Fault
from hub.ports import Refused, RequestLine, ResultFile
from simulators.bank_program import decide
from tests.connectors.formats.iso20022.papers import (
    ANSWER,
    DAY,
    HEADER,
    LINES,
    NAME,
    PROFILE,
    answered,
    one_of_each,
    parsed,
    request_lines,
    taken_in,
)

GOOD = answered(LINES, one_of_each)
HELD_BY_NOTHING = {"GrpHdr/MsgId", "TxInfAndSts/AcctSvcrRef", "TxInfAndSts/StsRsnInf/Rsn/Cd"}
"""Texts that change nothing in the books but themselves: the bank's own numbers, and why nothing was deducted."""


def changed(old: str, new: str, count: int = 1) -> bytes:
    assert old in GOOD.decode(), old
    return GOOD.decode().replace(old, new, count).encode()


def faults_of(content: bytes, name: str = ANSWER, bank: str = "ICBC") -> list[Fault]:
    outcome = parsed(content, name, bank)
    assert isinstance(outcome, Refused)
    assert all(fault.as_json()["message"] for fault in outcome.faults)
    return list(outcome.faults)


def told(content: bytes, name: str = ANSWER, bank: str = "ICBC") -> list[tuple[int | None, str, str]]:
    return [(fault.line, fault.field, fault.code.value) for fault in faults_of(content, name, bank)]


def test_an_answer_tells_its_lines_in_the_order_of_the_file() -> None:
    file = parsed(GOOD)
    assert isinstance(file, ResultFile)
    assert dict(file.answers.schema) == ANSWERS
    assert file[:4] == (HEADER.bank, HEADER.batch_no, NAME, DAY)
    assert [(each.file_line, each.line, each.code, each.deducted) for each in lines_of(file.answers)] == [
        (2, 1, "00", 11100), (3, 2, "01", 890000), (4, 3, "02", 0), (5, 4, "00", 1),
    ]  # fmt: skip
    part = lines_of(file.answers)[1]
    assert (part.instruction_no, part.requested, part.split) == ("B-2-1", 939840, (880000, 10000, 0, 0))
    assert lines_of(file.answers)[2].reference == "R&D <3>"
    assert taken_in(GOOD, LINES)


@settings(max_examples=50, deadline=None)
@given(request_lines(), st.integers(0, 99))
def test_whatever_the_bank_decides_its_answer_is_taken_in(lines: list[RequestLine], seed: int) -> None:
    assert taken_in(answered(lines, lambda asked: decide(seed, asked)), lines)


@pytest.mark.parametrize(
    ("reason", "code"),
    [("AM04", "02"), ("AC01", "03"), ("AC04", "03"), ("AC06", "04"), ("BE01", "05"), ("MD01", "06"), ("MS03", "99"),
     ("AG01", "99"), ("NARR", "99")],
)  # fmt: skip
def test_a_reason_becomes_a_code_of_the_hub(reason: str, code: str) -> None:
    file = parsed(changed("<Cd>AM04<", f"<Cd>{reason}<"))
    assert isinstance(file, ResultFile)
    assert file.answers["code"][2] == code


def test_a_change_the_bank_accepted_with_is_a_part() -> None:
    assert taken_in(changed(">PART<", ">ACWC<", 2), LINES)


# -- nothing that is not whole and as asked -----------------------------------------------------------------------------


def test_fault_55_an_answer_cut_at_any_byte_is_never_taken_in() -> None:
    assert GOOD.endswith(b"</Document>")
    for length in range(len(GOOD)):
        assert isinstance(parsed(GOOD[:length]), Refused), f"taken when cut at byte {length}"


def leaves(content: bytes) -> list[tuple[str, re.Match[str]]]:
    """Every text of an answer: the end of its path, and where it stands."""
    paths, above = [], []
    for event, element in ElementTree.iterparse(io.BytesIO(content), events=("start", "end")):  # noqa: S314  our own
        if event == "start":
            above.append(element.tag.partition("}")[2])
        else:
            if not len(element):
                paths.append("/".join(above[2:]))
            above.pop()
    texts = list(re.finditer(r">([^<>\n]+)</", content.decode()))
    assert len(texts) == len(paths)
    return list(zip(paths, texts, strict=True))


def paths_of(place: Place) -> Iterator[str]:
    """The path of every leaf of a message."""
    if place.column is not None:
        yield place.path
    for child in place.children.values():
        yield from paths_of(child)


def another(text: str) -> list[str]:
    """Texts that differ in one sign, at every place, and some that stand for others of their kind."""
    next_sign = {"9": "0", "Z": "A", "z": "a"}
    signs = [text[:at] + next_sign.get(sign, chr(ord(sign) + 1)) + text[at + 1 :] for at, sign in enumerate(text)]
    kinds = {"ACSC": ["PART", "RJCT", "ACCP"], "PART": ["ACSC", "RJCT"], "RJCT": ["ACSC", "PART", "ACWC"]}
    return [*signs, text[:-1], f"0{text}", f"-{text}", f"{text}0", "", *kinds.get(text, [])]


def test_fault_59_an_answer_with_any_one_field_changed_is_never_taken_in() -> None:
    content, looked_at = GOOD.decode(), set()
    for path, text in leaves(GOOD):
        field = path.removeprefix("OrgnlPmtInfAndSts/") if "TxInfAndSts" in path else path
        looked_at.add(field)
        if field in HELD_BY_NOTHING:
            continue
        for other in another(text[1]):
            if field == "GrpHdr/CreDtTm" and other[:10] == str(DAY):
                continue  # the time of day
            damaged = content[: text.start(1)] + other + content[text.end(1) :]
            assert not taken_in(damaged.encode(), LINES), f"{path}: {other} for {text[1]}"
    assert looked_at == set(paths_of(answer.MESSAGE.root))


def test_fault_60_two_amounts_swapped_are_found_by_their_lines() -> None:
    one, other = ">111.00</IntrBkSttlmAmt>", ">0.01</IntrBkSttlmAmt>"
    swapped = GOOD.decode().replace(one, "@").replace(other, one).replace("@", other)
    assert isinstance(parsed(swapped.encode()), ResultFile)
    assert not taken_in(swapped.encode(), LINES)


def test_fault_61_counts_and_sums_are_held_against_the_transactions() -> None:
    group = "OrgnlGrpInfAndSts"
    assert told(changed("<OrgnlNbOfTxs>4<", "<OrgnlNbOfTxs>5<")) == [(1, f"{group}/OrgnlNbOfTxs", "count")]
    assert told(changed("<OrgnlCtrlSum>9620.41<", "<OrgnlCtrlSum>9620.40<")) == [
        (1, f"{group}/OrgnlCtrlSum", "control-total")
    ]
    assert told(changed("<DtldCtrlSum>8900.00<", "<DtldCtrlSum>8900.01<")) == [
        (1, f"{group}/NbOfTxsPerSts/DtldCtrlSum", "control-total")
    ]
    assert told(changed("<DtldNbOfTxs>2<", "<DtldNbOfTxs>3<")) == [(1, f"{group}/NbOfTxsPerSts/DtldNbOfTxs", "count")]


def test_fault_62_more_than_was_asked_is_never_taken_in() -> None:
    more = changed("<DtldCtrlSum>111.01<", "<DtldCtrlSum>111.02<").decode()
    more = more.replace(">0.01</IntrBkSttlmAmt>", ">0.02</IntrBkSttlmAmt>").replace(
        ">0.01</RmtdAmt>", ">0.02</RmtdAmt>"
    )
    assert isinstance(parsed(more.encode()), ResultFile)
    assert not taken_in(more.encode(), LINES)


@pytest.mark.parametrize(
    "amount", ["1e3", "１.00", "1,000.00", "1.000", "1.0", "1", "+1.00", "-1.00", " 1.00", "01.00", "NaN", ""]
)
def test_fault_64_an_amount_has_two_decimals_and_nothing_else(amount: str) -> None:
    content = changed(">111.00</IntrBkSttlmAmt>", f">{amount}</IntrBkSttlmAmt>")
    assert (2, "TxInfAndSts/OrgnlTxRef/IntrBkSttlmAmt", "amount") in told(content)


def test_fault_66_a_transaction_left_out_is_missed_by_the_count_and_by_the_request() -> None:
    transactions = re.findall(r"  <TxInfAndSts>.*?</TxInfAndSts>\n", GOOD.decode(), re.DOTALL)
    assert len(transactions) == 4
    content = changed(transactions[3], "")
    assert told(content)[0] == (1, "OrgnlGrpInfAndSts/OrgnlNbOfTxs", "count")


# -- every fault, by its element ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("<TxSts>RJCT</TxSts>", "<TxSts>PDNG</TxSts>", (4, "TxInfAndSts/TxSts", "code")),
        ("<Cd>AM04<", "<Cd>am04<", (4, "TxInfAndSts/StsRsnInf/Rsn/Cd", "code")),
        ("<StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf>", "", (4, "TxInfAndSts/StsRsnInf/Rsn/Cd", "columns")),
        ("ACSC</TxSts>", "ACSC</TxSts><StsRsnInf><Rsn><Cd>AM04</Cd></Rsn></StsRsnInf>",
         (2, "TxInfAndSts/StsRsnInf/Rsn/Cd", "code")),
        ("<OrgnlInstrId>2<", "<OrgnlInstrId>1<", (3, "TxInfAndSts/OrgnlInstrId", "duplicate")),
        ("<OrgnlInstrId>2<", "<OrgnlInstrId>02<", (3, "TxInfAndSts/OrgnlInstrId", "line-number")),
        ("<OrgnlEndToEndId>B-1-1<", "<OrgnlEndToEndId>b<", (2, "TxInfAndSts/OrgnlEndToEndId", "grammar")),
        ("<OrgnlEndToEndId>B-1-1</OrgnlEndToEndId>", "", (2, "TxInfAndSts/OrgnlEndToEndId", "columns")),
        ("<TxSts>RJCT</TxSts>", "<TxSts>RJCT</TxSts><TxSts>RJCT</TxSts>", (4, "TxInfAndSts/TxSts", "duplicate")),
        ("<Nb>PENSION<", "<Nb>INJURY<", (2, "TxInfAndSts/OrgnlTxRef/RmtInf/Strd/RfrdDocInf/LineDtls/Id/Nb", "grammar")),
        ('<IntrBkSttlmAmt Ccy="CNY"', '<IntrBkSttlmAmt Ccy="USD"', (2, "TxInfAndSts/OrgnlTxRef/IntrBkSttlmAmt/@Ccy", "grammar")),
        ('<IntrBkSttlmAmt Ccy="CNY"', "<IntrBkSttlmAmt", (2, "TxInfAndSts/OrgnlTxRef/IntrBkSttlmAmt/@Ccy", "grammar")),
        ("<AcctSvcrRef>GH-0002<", f"<AcctSvcrRef>{'G' * 36}<", (3, "TxInfAndSts/AcctSvcrRef", "grammar")),
        ("<AcctSvcrRef>GH-0002<", "<AcctSvcrRef>G|H<", (3, "TxInfAndSts/AcctSvcrRef", "grammar")),
        ("<AcctSvcrRef>GH-0002<", "<AcctSvcrRef>G&#9;H<", (3, "TxInfAndSts/AcctSvcrRef", "control-character")),
        ("<Id>110105000002</Id>", "<Id>11010500000</Id>", (3, "TxInfAndSts/OrgnlTxRef/Dbtr/Pty/Id/OrgId/Othr/Id", "grammar")),
        ("<OrgnlTxRef>", "<ClrSysRef>1</ClrSysRef><OrgnlTxRef>", (2, "TxInfAndSts", "record-type")),
        ("<OrgnlTxRef>", "money<OrgnlTxRef>", (2, "TxInfAndSts", "grammar")),
        ("<CreDtTm>2026-12-03", "<CreDtTm>2026-12-33", (1, "GrpHdr/CreDtTm", "date")),
        ("<CreDtTm>2026-12-03", "<CreDtTm>2026-12-04", (1, "GrpHdr/CreDtTm", "name")),
        ("18:30:00+08:00", "18:30:00Z", (1, "GrpHdr/CreDtTm", "date")),
        ("<Othr><Id>ICBC<", "<Othr><Id>CCB<", (1, "GrpHdr/CdtrAgt/FinInstnId/Othr/Id", "name")),
        ("<OrgnlMsgNmId>pain.008.001.08<", "<OrgnlMsgNmId>pain.008.001.02<", (1, "OrgnlGrpInfAndSts/OrgnlMsgNmId", "header")),
        ("<OrgnlPmtInfId>ICBC-20261202-0001<", "<OrgnlPmtInfId>ICBC-20261202-0002<",
         (1, "OrgnlPmtInfAndSts/OrgnlPmtInfId", "mismatch")),
        (NAME, "DK_ICBC_20261202_0001.txt", (1, "OrgnlGrpInfAndSts/StsRsnInf/AddtlInf", "grammar")),
        ("<DtldSts>RJCT<", "<DtldSts>PART<", (1, "OrgnlGrpInfAndSts/NbOfTxsPerSts/DtldSts", "duplicate")),
    ],
)  # fmt: skip
def test_a_fault_names_line_element_and_kind(old: str, new: str, fault: tuple[int, str, str]) -> None:
    assert fault in told(changed(old, new))


@pytest.mark.parametrize(
    ("name", "bank"),
    [(ANSWER, "CCB"), ("PAIN002_CCB_20261203_0001.xml", "ICBC"), ("PAIN002_ICBC_20260230_0001.xml", "ICBC"),
     ("PAIN002_ICBC_20261203.xml", "ICBC"), ("", "ICBC")],
)  # fmt: skip
def test_the_name_of_another_bank_or_of_no_day_is_refused(name: str, bank: str) -> None:
    assert (None, "file name", "name") in told(GOOD, name, bank)


def test_all_faults_are_told_in_the_order_of_the_file() -> None:
    content = GOOD.decode()
    for old, new in (
        ("<OrgnlNbOfTxs>4<", "<OrgnlNbOfTxs>7<"),
        ("<OrgnlEndToEndId>B-1-1<", "<OrgnlEndToEndId>?<"),
        (">111.00</IntrBkSttlmAmt>", ">111</IntrBkSttlmAmt>"),
        ("<TxSts>RJCT<", "<TxSts>NONE<"),
    ):
        content = content.replace(old, new, 1)
    assert told(content.encode(), "PAIN002_CCB_20261203_0001.xml") == [
        (None, "file name", "name"),
        (1, "OrgnlGrpInfAndSts/OrgnlNbOfTxs", "count"),
        (2, "TxInfAndSts/OrgnlEndToEndId", "grammar"),
        (2, "TxInfAndSts/OrgnlTxRef/IntrBkSttlmAmt", "amount"),
        (4, "TxInfAndSts/TxSts", "code"),
    ]


def test_what_could_be_read_of_a_bad_answer_is_kept_for_the_books() -> None:
    outcome = parsed(changed("<TxSts>RJCT<", "<TxSts>NONE<"))
    assert isinstance(outcome, Refused)
    assert outcome.readable is not None
    assert outcome.readable.answers["line"].to_list() == [1, 2, 4]
    assert outcome.readable[:3] == (HEADER.bank, HEADER.batch_no, NAME)


def test_elements_out_of_the_order_of_the_schema_are_refused() -> None:
    status, number = "<TxSts>RJCT</TxSts>", "<OrgnlEndToEndId>B-3-1</OrgnlEndToEndId>"
    assert told(changed(number + status, status + number)) == [(4, "TxInfAndSts/OrgnlEndToEndId", "record-type")]


def test_a_split_of_three_funds_is_refused() -> None:
    maternity = '<LineDtls><Id><Nb>MATERNITY</Nb></Id><Amt><RmtdAmt Ccy="CNY">1.50</RmtdAmt></Amt></LineDtls>'
    fund = "TxInfAndSts/OrgnlTxRef/RmtInf/Strd/RfrdDocInf/LineDtls/Id/Nb"
    assert told(changed(maternity, "")) == [(2, fund, "grammar")]


def test_white_space_and_prefixes_are_the_banks_own() -> None:
    assert taken_in(re.sub(rb">\s*<", b">\r\n\t <", GOOD), LINES)
    assert taken_in(re.sub(rb">\s+<", b"><", GOOD) + b"\n", LINES)
    prefixed = re.sub(rb"<(/?)([A-Z])", rb"<\1p:\2", GOOD).replace(b"xmlns=", b"xmlns:p=")
    assert taken_in(prefixed, LINES)
    hint = b'<Document xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b"'
    assert taken_in(GOOD.replace(b"<Document", hint), LINES)


def test_answers_of_many_parts_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = parsed(GOOD)
    monkeypatch.setattr(answer, "_ROWS_A_PART", 3)
    in_parts = parsed(GOOD)
    assert isinstance(whole, ResultFile) and isinstance(in_parts, ResultFile)
    assert in_parts.answers.equals(whole.answers)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=4)), min_size=1, max_size=6))
def test_garbage_is_an_answer_and_never_an_exception(pieces: list[tuple[int, bytes]]) -> None:
    damaged = GOOD
    for at, piece in pieces:
        place = at % (len(damaged) + 1)
        damaged = damaged[:place] + piece + damaged[place + len(piece) // 2 :]
    outcome = PROFILE.parse_result(ANSWER, "ICBC", io.BytesIO(damaged))
    if isinstance(outcome, Refused):
        assert all(fault.as_json()["message"] for fault in outcome.faults)
