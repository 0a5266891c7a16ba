"""A bank's answer (到位核对) held against what it was asked (C9-2, C9-3; contract section 4)."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen, print_yuan
from hub.domain.splitting import split

PAID_IN_FULL: Final = "00"
PAID_IN_PART: Final = "01"
REASONS: Final = {
    "02": "insufficient funds",  # 余额不足
    "03": "no such account",  # 账户不存在
    "04": "frozen",  # 账户冻结
    "05": "name differs",  # 户名不符
    "06": "no mandate",  # 无委托协议
    "99": "other",  # 其他
}
"""Codes of an answer that deducts nothing."""
CODES: Final = (PAID_IN_FULL, PAID_IN_PART, *REASONS)


class RequestedLine(NamedTuple):
    """A line of the request file. ``partial``: the bank may deduct part (``P``)."""

    line: int
    instruction_no: InstructionNo
    unit: UnitNo
    amounts: FundAmounts
    partial: bool


class AnswerLine(NamedTuple):
    """A line of the result file. ``file_line`` is where it stands there, ``line`` the request's line number."""

    file_line: int
    line: int
    instruction_no: InstructionNo
    unit: UnitNo
    requested: Fen
    deducted: Fen
    split: FundAmounts
    code: str
    reference: str


def check_answer(asked: RequestedLine, answer: AnswerLine) -> list[Fault]:
    """Every fault of one answer, in the order of its columns. One fault quarantines the file (contract section 4).

    1. instruction, unit and requested amount repeat the request;
    2. the code is known and fits the amount deducted: all, part where part is allowed, or nothing;
    3. the bank's four parts add up to what it deducted;
    4. they are the statutory split (C9-2), which can only be told when no more than the request was deducted.
    """
    assert asked.line == answer.line, f"answer {answer.line} is held against request {asked.line}"
    faults: list[Fault] = []

    def fault(field: str, code: FaultCode, expected: str, found: str) -> None:
        faults.append(Fault(answer.file_line, field, code, expected, found))

    total = asked.amounts.total
    if answer.instruction_no != asked.instruction_no:
        fault("instruction id", FaultCode.MISMATCH, asked.instruction_no, answer.instruction_no)
    if answer.unit != asked.unit:
        fault("unit", FaultCode.MISMATCH, asked.unit, answer.unit)
    if answer.requested != total:
        fault("requested", FaultCode.MISMATCH, print_yuan(total), print_yuan(answer.requested))
    if answer.code in CODES:
        if not _fits(answer.code, answer.deducted, asked):
            fault("deducted", FaultCode.CODE, _fitting(answer.code, asked), print_yuan(answer.deducted))
    else:
        fault("code", FaultCode.CODE, f"one of {', '.join(CODES)}", answer.code)
    if answer.split.total != answer.deducted:
        sum_of_funds = f"{print_yuan(answer.split.total)}, the sum of its funds"
        fault("deducted", FaultCode.SUM, sum_of_funds, print_yuan(answer.deducted))
    if answer.deducted <= total:
        statutory = split(answer.deducted, asked.amounts)
        for fund, expected, found in zip(FUND_NAMES, statutory, answer.split, strict=True):
            if found != expected:
                fault(fund, FaultCode.SPLIT, print_yuan(expected), print_yuan(found))
    return faults


def _fits(code: str, deducted: Fen, asked: RequestedLine) -> bool:
    """Whether a known code says what the amount says."""
    if code == PAID_IN_FULL:
        return deducted == asked.amounts.total
    if code == PAID_IN_PART:
        return asked.partial and 0 < deducted < asked.amounts.total
    return deducted == 0


def _fitting(code: str, asked: RequestedLine) -> str:
    """What would have fitted a known code, in words."""
    total = print_yuan(asked.amounts.total)
    if code == PAID_IN_FULL:
        return f"{total} with code {code}"
    if code == PAID_IN_PART:
        return f"more than 0.00 and less than {total} with code {code}" if asked.partial else "all or nothing (F)"
    return f"0.00 with code {code}"


def check_answers(requested: Iterable[RequestedLine], answers: Sequence[AnswerLine]) -> Iterator[Fault]:
    """Every fault of a file's answers: every requested line is answered once, in any order, and as asked.

    ``requested`` comes in the order of its lines. Both sides are walked together, so that the request may be streamed.
    """
    waiting = sorted(answers, key=lambda answer: answer.line)
    place = 0
    for asked in requested:
        first = place
        while place < len(waiting) and waiting[place].line <= asked.line:
            answer = waiting[place]
            place += 1
            if answer.line < asked.line:
                yield _answer_to_nothing(answer)
                first = place
            elif place - 1 == first:
                yield from check_answer(asked, answer)
            else:
                yield Fault(answer.file_line, "line", FaultCode.DUPLICATE, "one answer a line", str(answer.line))
        if place == first:
            yield Fault(None, "line", FaultCode.MISSING_LINE, f"an answer to line {asked.line}", "")
    for answer in waiting[place:]:
        yield _answer_to_nothing(answer)


def _answer_to_nothing(answer: AnswerLine) -> Fault:
    return Fault(answer.file_line, "line", FaultCode.UNKNOWN_LINE, "a line of the request", str(answer.line))
