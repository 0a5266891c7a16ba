"""The account of a bill adds up whatever is missing and wherever it is; the split is told turn by turn."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.bill_account import (
    Answered,
    BillAccount,
    CarriedOut,
    Coming,
    Course,
    Opened,
    Piece,
    reasons,
    share_missing,
    turns,
)
from hub.domain.dues import Kind, Mode
from hub.domain.explanations import Because, Way
from hub.domain.funds import NOTHING, FundAmounts, sum_of
from hub.domain.lifecycle import Cancelled
from hub.domain.money import Fen
from hub.domain.splitting import split
from tests.domain.strategies import small_amounts

DAY = date(2026, 12, 4)
COMING = st.lists(st.builds(Coming, small_amounts, st.booleans()), max_size=2)
DUE = FundAmounts(Fen(20000), Fen(2000), Fen(1000), Fen(600))


@given(small_amounts, st.data())
def test_each_fund_has_its_turn_with_what_those_before_it_left(asked: FundAmounts, data: st.DataObject) -> None:
    deducted = Fen(data.draw(st.integers(0, asked.total)))
    told = turns(asked, deducted)
    assert FundAmounts(*(turn.got for turn in told)) == split(deducted, asked)
    left = deducted
    for turn, wanted in zip(told, asked, strict=True):
        assert (turn.left, turn.asked, turn.short) == (left, wanted, wanted - turn.got)
        assert turn.got == min(turn.left, turn.asked)
        left = Fen(left - turn.got)
    assert left == 0


@given(
    missing=small_amounts,
    repaid=small_amounts,
    coming=COMING,
    unanswered=small_amounts,
    elsewhere=st.booleans(),
    cancelled=st.booleans(),
    closed=st.booleans(),
    opened=st.none() | st.builds(Opened, small_amounts, small_amounts, st.booleans(), st.booleans()),
)
def test_what_is_missing_is_somewhere_to_the_last_fen(
    missing: FundAmounts, repaid: FundAmounts, coming: list[Coming], unanswered: FundAmounts, elsewhere: bool,
    cancelled: bool, closed: bool, opened: Opened | None,
) -> None:  # fmt: skip
    found = share_missing(
        missing, repaid, coming, unanswered, elsewhere=elsewhere, cancelled=cancelled, closed=closed, opened=opened
    )
    assert sum_of((*found.coming, *found.ways.values())) == missing
    assert len(found.coming) == len(coming)
    assert all(min(part) >= 0 for part in found.coming)


@given(missing=small_amounts, unanswered=small_amounts, coming=COMING)
def test_in_its_month_a_bill_contradicts_nothing(
    missing: FundAmounts, unanswered: FundAmounts, coming: list[Coming]
) -> None:
    found = share_missing(
        missing, NOTHING, coming, unanswered, elsewhere=False, cancelled=False, closed=False, opened=None
    )
    assert set(found.ways) <= {Way.UNANSWERED, Way.UNARRIVED}
    for asked, waiting in zip(unanswered, found.ways.get(Way.UNANSWERED, NOTHING), strict=True):
        assert waiting <= asked


@given(missing=small_amounts, repaid=small_amounts, later=small_amounts, in_doubt=st.booleans())
def test_arrears_that_agree_with_what_is_missing_are_all_of_it(
    missing: FundAmounts, repaid: FundAmounts, later: FundAmounts, in_doubt: bool
) -> None:
    opened = Opened(missing.plus(later).plus(repaid), later, in_doubt, True)
    found = share_missing(missing, repaid, (), NOTHING, elsewhere=False, cancelled=False, closed=True, opened=opened)
    assert found.ways == ({(Way.IN_DOUBT if in_doubt else Way.ARREARS): missing} if missing.total else {})


@given(missing=small_amounts, more=small_amounts.filter(lambda more: more.total > 0))
def test_arrears_that_disagree_are_told_and_not_hidden(missing: FundAmounts, more: FundAmounts) -> None:
    opened = Opened(missing.plus(more), NOTHING, False, True)
    found = share_missing(missing, NOTHING, (), NOTHING, elsewhere=False, cancelled=False, closed=True, opened=opened)
    assert found.ways[Way.DISAGREES] == NOTHING.minus(more)


def piece(way: Way, *fen: int) -> Piece:
    return Piece(
        way=way,
        amounts=FundAmounts(*map(Fen, fen)),
        day=DAY,
        values={},
        carried_out=CarriedOut(processor="post_arrivals"),
    )


def test_an_account_that_does_not_add_up_cannot_be_made() -> None:
    arrived, missing = piece(Way.BANK, 20000, 500, 0, 0), piece(Way.UNARRIVED, 0, 1500, 1000, 600)
    assert BillAccount(DUE, (arrived, missing), ()).due == DUE
    with pytest.raises(AssertionError):
        BillAccount(DUE, (arrived,), ())
    with pytest.raises(AssertionError):  # suspense is no part of what is due
        BillAccount(DUE, (arrived, missing, piece(Way.BEYOND, 0, 0, 0, 0)), ())


def because(**wishes: object) -> list[str]:
    values: dict[str, object] = {
        "kind": Kind.MONTHLY, "mode": Mode.BANK, "answers": (), "chosen": frozenset(), "second_upload_closed": False,
        "in_shadow_second": False, "closed": False, "taken_back": Fen(0), "cancelled": None,
    }  # fmt: skip
    return [said.what for said in reasons(Course(**{**values, **wishes}), DAY)]  # type: ignore[arg-type]


PART = Answered(1, DUE, Fen(20500), "01")
FAILED = Answered(1, DUE, Fen(0), "02")
SILENT = Answered(1, DUE, Fen(0), "")
AGAIN, PAYS = frozenset({Mode.BANK}), frozenset({Mode.SPORADIC})
CASES = [
    ({}, [Because.NOT_ASKED_YET]),
    ({"closed": True}, [Because.NOT_ASKED]),
    ({"second_upload_closed": True}, [Because.NOT_ASKED]),
    ({"kind": Kind.SUPPLEMENT, "second_upload_closed": True}, [Because.NOT_ASKED_YET]),
    ({"mode": Mode.SPORADIC}, [Because.SPORADIC]),
    ({"chosen": PAYS}, [Because.ENDED]),
    ({"answers": (SILENT,)}, [Because.STILL_UNANSWERED]),
    ({"answers": (FAILED,)}, [Because.NOTHING_DEDUCTED, Because.MAY_BE_NAMED]),
    ({"answers": (FAILED,), "chosen": AGAIN}, [Because.NOTHING_DEDUCTED, Because.NAMED]),
    ({"answers": (FAILED,), "chosen": AGAIN | PAYS}, [Because.NOTHING_DEDUCTED, Because.ENDED]),
    ({"answers": (PART,), "second_upload_closed": True}, [Because.SHORT_IN_TURN, Because.NOT_NAMED]),
    (
        {"answers": (PART,), "second_upload_closed": True, "chosen": AGAIN},
        [Because.SHORT_IN_TURN, Because.NOTHING_LEFT],
    ),
    (
        {"answers": (PART,), "second_upload_closed": True, "chosen": AGAIN, "in_shadow_second": True},
        [Because.SHORT_IN_TURN, Because.NOT_IN_SHADOW],
    ),
    ({"answers": (PART, FAILED._replace(round=2))}, [Because.SHORT_IN_TURN, Because.NOTHING_DEDUCTED]),
    ({"taken_back": Fen(7), "mode": Mode.SPORADIC}, [Because.TAKEN_BACK, Because.SPORADIC]),
    (
        {"kind": Kind.SUPPLEMENT, "answers": (FAILED,), "cancelled": Cancelled.FAILED},
        [Because.NOTHING_DEDUCTED, Because.CANCELLED_FAILED],
    ),
    ({"kind": Kind.REPAYMENT, "mode": Mode.SPORADIC, "cancelled": Cancelled.UNPAID}, [Because.CANCELLED_UNPAID]),
]


@pytest.mark.parametrize(("course", "expected"), CASES)
def test_why_some_is_missing(course: dict[str, object], expected: list[Because]) -> None:
    assert because(**course) == expected


def test_a_short_fund_is_named_with_what_was_left_for_it() -> None:
    (short, _) = reasons(
        Course(
            kind=Kind.MONTHLY, mode=Mode.BANK, answers=(PART,), chosen=frozenset(), second_upload_closed=False,
            in_shadow_second=False, closed=False, taken_back=Fen(0), cancelled=None,
        ),
        DAY,
    )  # fmt: skip
    assert "unemployment had its turn 5.00 was left of 20.00 asked, short by 15.00" in short.says.en
    assert "失业时只剩 5.00" in short.says.zh
