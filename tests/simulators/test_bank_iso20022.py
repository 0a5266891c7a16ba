"""The banks' programs answer in messages of ISO 20022, and read their own answers, as they do the contract's files."""

from datetime import date

import pytest

from simulators.amounts import fen
from simulators.bank_program import FAILURES, bytes_of_result, fields_of, garbled, numbered, print_result
from simulators.bank_work import Asked, Given, Request

DAY = date(2026, 12, 3)
FUNDS = (800_000, 20_000, 4_000, 160)
LONG = "A" + "0" * 32 + "Z-1"


def asked(number: int) -> Asked:
    instruction = LONG if number == 1 else f"A-{number}-1"
    return Asked(number, instruction, f"{110105000000 + number}", f"02000041{number:010d}", "北京 R&D", FUNDS, True)


def request_of(count: int, name: str) -> Request:
    lines = tuple(asked(number) for number in range(1, count + 1))
    return Request(name=name, bank="ICBC", batch="ICBC-1", period="2026-12", round=1, day=DAY, lines=lines)


def given(request: Request) -> list[Given]:
    outcomes = [("00", sum(FUNDS)), ("01", 800_001), *((code, 0) for code in dict.fromkeys(FAILURES))]
    return [
        Given(line, deducted, code, f"R<{line.line}>&")
        for line, (code, deducted) in zip(request.lines, outcomes, strict=True)
    ]


def test_an_answer_tells_the_same_in_a_message_as_in_lines() -> None:
    count = 2 + len(set(FAILURES))
    answers = {}
    for name in ("DK_ICBC_20261202_0001.txt", "PAIN008_ICBC_20261202_0001.xml"):
        request = request_of(count, name)
        rows = fields_of(print_result(request, given(request), DAY, 3).data)
        assert rows[0][5] == name
        answers[name] = [rows[0][:5], *rows[1:]]
    in_lines, in_a_message = answers.values()
    assert in_a_message == in_lines


def test_a_garbled_answer_stays_a_message_and_moves_one_fen() -> None:
    request = request_of(1, "PAIN008_ICBC_20261202_0001.xml")
    paper = print_result(request, [Given(request.lines[0], sum(FUNDS), "00", "R")], DAY, 12)
    assert bytes_of_result(fields_of(paper.data), paper.name) == paper.data
    wrong = garbled(paper)
    was, now = fields_of(paper.data), fields_of(wrong.data)
    assert [fen(was[1][place]) - fen(now[1][place]) for place in (5, 6, 7, 8, 9)] == [0, 1, 0, 0, -1]
    assert wrong.name == paper.name == "PAIN002_ICBC_20261203_0012.xml"
    assert numbered(paper.name, 13) == "PAIN002_ICBC_20261203_0013.xml"


@pytest.mark.parametrize(
    ("was", "now"), [("MATERNITY", "PENSION"), ("</Document>", ""), ("<TxSts>PART<", "<TxSts>PDNG<")]
)
def test_what_is_no_answer_is_not_read(was: str, now: str) -> None:
    request = request_of(1, "PAIN008_ICBC_20261202_0001.xml")
    data = print_result(request, [Given(request.lines[0], 1, "01", "R")], DAY, 1).data.decode()
    assert was in data
    with pytest.raises(ValueError, match="no result in a message"):
        fields_of(data.replace(was, now, 1).encode())
