"""A bank's answer against its request (contract section 4): one row per case, what is wrong with it last."""

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.bank_results import CODES, AnswerLine, RequestedLine, check_answer, check_answers
from hub.domain.faults import FaultCode, in_file_order
from hub.domain.funds import FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen
from hub.domain.splitting import split
from tests.domain.strategies import fund_amounts, small_amounts

PART, FULL = True, False
THOUSAND = fund_amounts(800, 100, 40, 60)


def asked(partial: bool = PART, amounts: FundAmounts = THOUSAND) -> RequestedLine:
    return RequestedLine(7, InstructionNo("B-1-1"), UnitNo("110105000001"), amounts, partial)


def answer(code: str, deducted: int, parts: tuple[int, ...], **changed: object) -> AnswerLine:
    """An answer on line 9 of its file; amounts in yuan."""
    line = AnswerLine(
        file_line=9, line=7, instruction_no=InstructionNo("B-1-1"), unit=UnitNo("110105000001"), requested=Fen(1000_00),
        deducted=Fen(deducted * 100), split=fund_amounts(*parts), code=code, reference="R1",
    )  # fmt: skip
    return line._replace(**changed)


NONE = (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("partial", "code", "deducted", "parts", "faults"),
    [
        # answers that fit
        (PART, "00", 1000, (800, 100, 40, 60), []),
        (FULL, "00", 1000, (800, 100, 40, 60), []),
        (PART, "01", 1, (1, 0, 0, 0), []),
        (PART, "01", 850, (800, 50, 0, 0), []),
        (PART, "01", 999, (800, 100, 40, 59), []),
        (PART, "02", 0, NONE, []),
        (FULL, "03", 0, NONE, []),
        (FULL, "04", 0, NONE, []),
        (PART, "05", 0, NONE, []),
        (PART, "06", 0, NONE, []),
        (PART, "99", 0, NONE, []),
        # the code does not fit the amount
        (PART, "00", 0, NONE, [("deducted", FaultCode.CODE)]),
        (PART, "00", 850, (800, 50, 0, 0), [("deducted", FaultCode.CODE)]),
        (PART, "01", 0, NONE, [("deducted", FaultCode.CODE)]),
        (PART, "01", 1000, (800, 100, 40, 60), [("deducted", FaultCode.CODE)]),
        (FULL, "01", 850, (800, 50, 0, 0), [("deducted", FaultCode.CODE)]),
        (PART, "02", 850, (800, 50, 0, 0), [("deducted", FaultCode.CODE)]),
        (PART, "99", 1000, (800, 100, 40, 60), [("deducted", FaultCode.CODE)]),
        (PART, "00", 1001, (801, 100, 40, 60), [("deducted", FaultCode.CODE)]),
        # the code is none
        (PART, "07", 0, NONE, [("code", FaultCode.CODE)]),
        (PART, "", 0, NONE, [("code", FaultCode.CODE)]),
        (PART, "0", 1000, (800, 100, 40, 60), [("code", FaultCode.CODE)]),
        (PART, "００", 1000, (800, 100, 40, 60), [("code", FaultCode.CODE)]),
        # the four funds
        (PART, "01", 850, (750, 100, 0, 0), [("pension", FaultCode.SPLIT), ("unemployment", FaultCode.SPLIT)]),
        (PART, "01", 850, (800, 0, 0, 50), [("unemployment", FaultCode.SPLIT), ("maternity", FaultCode.SPLIT)]),
        (PART, "00", 1000, (800, 100, 60, 40), [("injury", FaultCode.SPLIT), ("maternity", FaultCode.SPLIT)]),
        (PART, "01", 850, (800, 49, 0, 0), [("deducted", FaultCode.SUM), ("unemployment", FaultCode.SPLIT)]),
        (PART, "02", 0, (1, 0, 0, 0), [("deducted", FaultCode.SUM), ("pension", FaultCode.SPLIT)]),
        (PART, "00", 1001, (800, 100, 40, 60), [("deducted", FaultCode.CODE), ("deducted", FaultCode.SUM)]),
    ],
)
def test_code_and_amounts(
    partial: bool, code: str, deducted: int, parts: tuple[int, ...], faults: list[tuple[str, FaultCode]]
) -> None:
    found = check_answer(asked(partial), answer(code, deducted, parts))
    assert [(fault.field, fault.code) for fault in found] == faults
    assert all(fault.line == 9 for fault in found)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("instruction_no", "B-1-2", ("instruction id", FaultCode.MISMATCH, "B-1-1", "B-1-2")),
        ("unit", "110105000002", ("unit", FaultCode.MISMATCH, "110105000001", "110105000002")),
        ("requested", Fen(999_99), ("requested", FaultCode.MISMATCH, "1000.00", "999.99")),
    ],
)
def test_an_answer_repeats_its_request(field: str, value: object, fault: tuple[str, FaultCode, str, str]) -> None:
    [found] = check_answer(asked(), answer("00", 1000, (800, 100, 40, 60), **{field: value}))
    assert (found.field, found.code, found.expected, found.found) == fault


def test_every_fault_of_an_answer_is_told() -> None:
    wrong = answer("77", 50, (0, 0, 0, 60), instruction_no="X", unit="110105000002", requested=Fen(1))
    assert [fault.field for fault in check_answer(asked(), wrong)] == [
        "instruction id", "unit", "requested", "code", "deducted", "pension", "maternity",
    ]  # fmt: skip


@given(small_amounts.filter(lambda amounts: amounts.total > 0), st.booleans(), st.data())
def test_an_honest_bank_is_never_at_fault(amounts: FundAmounts, partial: bool, data: st.DataObject) -> None:
    code = data.draw(st.sampled_from(CODES if partial and amounts.total > 1 else [c for c in CODES if c != "01"]))
    part = st.integers(1, max(1, amounts.total - 1))
    deducted = Fen(amounts.total if code == "00" else data.draw(part) if code == "01" else 0)
    honest = AnswerLine(
        2,
        7,
        InstructionNo("B-1-1"),
        UnitNo("110105000001"),
        amounts.total,
        deducted,
        split(deducted, amounts),
        code,
        "",
    )
    assert check_answer(asked(partial, amounts), honest) == []


@given(
    small_amounts.filter(lambda amounts: amounts.total > 0), st.sampled_from(CODES), small_amounts, st.integers(0, 30)
)
def test_what_passes_is_the_statutory_split_of_what_was_asked(
    amounts: FundAmounts, code: str, parts: FundAmounts, deducted: int
) -> None:
    claimed = AnswerLine(
        2, 7, InstructionNo("B-1-1"), UnitNo("110105000001"), amounts.total, Fen(deducted), parts, code, ""
    )
    if not check_answer(asked(PART, amounts), claimed):
        assert deducted <= amounts.total
        assert parts == split(Fen(deducted), amounts)


def request(lines: Iterable[int]) -> Iterator[RequestedLine]:
    return (asked()._replace(line=line) for line in lines)


def unpaid(*lines: int) -> list[AnswerLine]:
    """Answers that fit, from line 2 of the file on."""
    return [answer("02", 0, NONE, line=line, file_line=n) for n, line in enumerate(lines, start=2)]


@given(st.lists(st.integers(1, 9), unique=True).map(sorted), st.lists(st.integers(1, 9), max_size=12))
def test_every_requested_line_is_answered_once(requested: list[int], answered: list[int]) -> None:
    codes = Counter(
        (fault.code, fault.found or fault.expected) for fault in check_answers(request(requested), unpaid(*answered))
    )
    wanted: Counter[tuple[FaultCode, str]] = Counter()
    for line in range(1, 10):
        times = answered.count(line)
        if line not in requested:
            wanted[FaultCode.UNKNOWN_LINE, str(line)] = times
        elif times == 0:
            wanted[FaultCode.MISSING_LINE, f"an answer to line {line}"] = 1
        else:
            wanted[FaultCode.DUPLICATE, str(line)] = times - 1
    assert codes == +wanted


@given(st.permutations(range(1, 6)))
def test_the_order_of_answers_does_not_matter(order: list[int]) -> None:
    assert not list(check_answers(request(range(1, 6)), unpaid(*order)))


def test_a_missing_a_foreign_and_a_second_answer() -> None:
    faults = check_answers(request([1, 2]), unpaid(1, 5, 1))
    assert [(fault.line, fault.code, fault.found or fault.expected) for fault in in_file_order(faults)] == [
        (None, FaultCode.MISSING_LINE, "an answer to line 2"),
        (3, FaultCode.UNKNOWN_LINE, "5"),
        (4, FaultCode.DUPLICATE, "1"),
    ]


def test_every_answer_is_held_against_its_own_request() -> None:
    lines = [asked()._replace(line=line, unit=UnitNo(f"11010500000{line}")) for line in (1, 2, 3)]
    swapped = [
        answer("02", 0, NONE, line=n, file_line=n + 1, unit=f"11010500000{unit}")
        for n, unit in ((3, 2), (1, 1), (2, 3))
    ]
    found = check_answers(iter(lines), swapped)
    assert [(fault.line, fault.field, fault.expected[-1], fault.found[-1]) for fault in found] == [
        (3, "unit", "2", "3"),
        (4, "unit", "3", "2"),
    ]
