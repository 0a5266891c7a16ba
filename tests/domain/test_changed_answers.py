"""Changed answers (更正): what a bank may say anew, and how a bill shares the money that takes the old one's place."""

import pytest
from hypothesis import given

from hub.domain.changed_answers import ChangeLine, StandingAnswer, check_change, share
from hub.domain.dues import Kind
from hub.domain.faults import FaultCode
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BillNo, InstructionNo, UnitNo
from hub.domain.money import Fen
from hub.domain.periods import Period
from hub.domain.posting import bank_arrival, mirrored
from tests.domain.strategies import amounts

ASKED = FundAmounts(Fen(1000), Fen(100), Fen(50), Fen(30))
UNIT = UnitNo("110105000001")


def standing(**changed: object) -> StandingAnswer:
    answer = StandingAnswer(
        1, "ICBC-1", "ICBC", 4, InstructionNo("A-1-1"), UNIT, ASKED, True, 1, BillNo("A-1"), AgencyCode("110105"), 0,
        Kind.MONTHLY, Period("2026-12"), Fen(1180), 0,
    )  # fmt: skip
    return answer._replace(**changed)


def change(**changed: object) -> ChangeLine:
    none = FundAmounts(Fen(0), Fen(0), Fen(0), Fen(0))
    line = ChangeLine(2, "ICBC-1", 4, InstructionNo("A-1-1"), UNIT, Fen(1180), Fen(0), none, "02", "R", "")
    return line._replace(**changed)


PART = {"now": Fen(1050), "split": FundAmounts(Fen(1000), Fen(50), Fen(0), Fen(0)), "code": "01"}


def found(line: ChangeLine, answer: StandingAnswer | None) -> list[tuple[str, FaultCode]]:
    return [(fault.field, fault.code) for fault in check_change(line, answer)]


def test_what_fits() -> None:
    assert found(change(), standing()) == []
    assert found(change(**PART), standing()) == []
    assert found(change(line=None, unit=None, code="99"), standing()) == []
    assert found(change(before=Fen(0), **PART), standing(deducted=Fen(0), version=2)) == []


@pytest.mark.parametrize(
    ("line", "answer", "faults"),
    [
        (change(), None, [("instruction id", FaultCode.UNKNOWN_LINE)]),
        (change(batch_no="ICBC-2"), standing(), [("instruction id", FaultCode.UNKNOWN_LINE)]),
        (change(line=5), standing(), [("request line", FaultCode.MISMATCH)]),
        (change(unit=UnitNo("110105000002")), standing(), [("unit", FaultCode.MISMATCH)]),
        (change(), standing(deducted=Fen(1179)), [("deducted before", FaultCode.MISMATCH)]),
        (change(before=Fen(0)), standing(deducted=Fen(0)), [("deducted", FaultCode.MISMATCH)]),
        (change(code="00"), standing(), [("deducted", FaultCode.CODE)]),
        (change(**PART), standing(partial=False), [("deducted", FaultCode.CODE)]),
        (change(), standing(kind=Kind.REPAYMENT), []),
    ],
)
def test_what_does_not(line: ChangeLine, answer: StandingAnswer | None, faults: list[object]) -> None:
    assert found(line, answer) == faults


def test_the_split_is_the_statutory_one() -> None:
    other = FundAmounts(Fen(950), Fen(100), Fen(0), Fen(0))
    line = change(now=Fen(1050), split=other, code="01")
    assert found(line, standing()) == [("pension", FaultCode.SPLIT), ("unemployment", FaultCode.SPLIT)]


def test_no_more_than_was_asked() -> None:
    more = FundAmounts(Fen(1001), Fen(100), Fen(50), Fen(30))
    assert ("deducted", FaultCode.CODE) in found(
        change(before=Fen(0), now=Fen(1181), split=more, code="00"), standing(deducted=Fen(0))
    )


@given(amounts, amounts)
def test_a_bill_takes_what_it_lacks_and_the_rest_is_suspense(money: FundAmounts, lacking: FundAmounts) -> None:
    applied, beyond = share(money, lacking)
    assert applied.plus(beyond) == money
    for took, rest, lacks in zip(applied, beyond, lacking, strict=True):
        assert 0 <= took <= lacks
        assert rest == 0 or took == lacks


@given(amounts, amounts)
def test_a_mirrored_entry_undoes_the_other(applied: FundAmounts, suspense: FundAmounts) -> None:
    there = bank_arrival(applied, suspense)
    left: dict[object, int] = {}
    for posting in (*there, *mirrored(there)):
        key = (posting.account, posting.fund)
        left[key] = left.get(key, 0) + (posting.amount if posting.side == "D" else -posting.amount)
    assert not any(left.values())
    assert mirrored(mirrored(there)) == there
