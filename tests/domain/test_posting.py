"""Journal entries on two levels (C3): each balances per fund. The ledger pages are the expectation."""

from collections.abc import Callable
from datetime import date
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.funds import NOTHING, STATUTORY_ORDER, Fund, FundAmounts
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period
from hub.domain.posting import (
    MEMORANDUM,
    Account,
    EntryKind,
    JournalEntry,
    Level,
    Posting,
    agency_arrival,
    arrears_opened,
    bank_arrival,
    dues,
    receipt,
    receipt_returned,
)
from tests.domain.strategies import amounts, fund_amounts, small_amounts

BUILDERS: list[tuple[Callable[..., tuple[Posting, ...]], int]] = [
    (dues, 1),
    (bank_arrival, 2),
    (agency_arrival, 3),
    (receipt, 1),
    (receipt_returned, 2),
    (arrears_opened, 1),
]


def entry(*postings: Posting) -> JournalEntry:
    return JournalEntry(
        Level.AGENCY, "110105", EntryKind.RECEIPT, "RCPT/110105/1", Period("2026-12"), date(2026, 12, 8), postings
    )  # fmt: skip


def page(postings: tuple[Posting, ...]) -> str:
    """The postings as an accountant reads them: side, account, fund, yuan."""
    return "\n".join(f"{p.side} {p.account.value} {p.fund.value} {print_yuan(p.amount)}" for p in postings)


@given(st.sampled_from(BUILDERS), st.data())
def test_every_entry_balances_per_fund(
    builder: tuple[Callable[..., tuple[Posting, ...]], int], data: st.DataObject
) -> None:
    build, parts = builder
    postings = build(*(data.draw(amounts | small_amounts) for _ in range(parts)))
    entry(*postings)
    for fund in STATUTORY_ORDER:
        for memorandum in (True, False):
            sides = {"D": 0, "C": 0}
            for posting in postings:
                if posting.fund is fund and (posting.account in MEMORANDUM) is memorandum:
                    sides[posting.side] += posting.amount
            assert sides["D"] == sides["C"]
    assert all(posting.amount > 0 for posting in postings)
    assert len({(posting.account, posting.fund, posting.side) for posting in postings}) == len(postings)


@given(amounts)
def test_a_returned_receipt_mirrors_the_receipt(paid: FundAmounts) -> None:
    other = {"D": "C", "C": "D"}
    back = {(p.account, p.fund, other[p.side], p.amount) for p in receipt_returned(paid, NOTHING)}
    assert back == {(p.account, p.fund, p.side, p.amount) for p in receipt(paid)}


@given(amounts)
def test_a_receipt_returned_after_month_end_is_in_arrears_as_if_it_had_never_come(paid: FundAmounts) -> None:
    """Receipt and late return leave what month end would have left: arrears instead of dues, and nothing else."""

    def net(*entries: tuple[Posting, ...]) -> dict[tuple[Account, Fund], int]:
        sums: dict[tuple[Account, Fund], int] = {}
        for p in (posting for postings in entries for posting in postings):
            sums[p.account, p.fund] = sums.get((p.account, p.fund), 0) + (p.amount if p.side == "D" else -p.amount)
        return {key: value for key, value in sums.items() if value}

    assert net(receipt(paid), receipt_returned(NOTHING, paid)) == net(arrears_opened(paid))


@given(amounts, amounts, amounts)
def test_city_and_agency_book_the_same_arrival(
    applied: FundAmounts, into_arrears: FundAmounts, beyond: FundAmounts
) -> None:
    def booked(postings: tuple[Posting, ...], account: Account) -> dict[Fund, Fen]:
        return {posting.fund: posting.amount for posting in postings if posting.account is account}

    city = bank_arrival(applied.plus(into_arrears), beyond)
    agency = agency_arrival(applied, into_arrears, beyond)
    assert booked(city, Account.INCOME_ACCOUNT) == booked(agency, Account.CITY_CLEARING)
    assert booked(city, Account.FUND_INCOME) == booked(agency, Account.FUND_INCOME)
    assert booked(city, Account.SUSPENSE) == booked(agency, Account.SUSPENSE)


@pytest.mark.parametrize(
    ("postings", "expected"),
    [
        (
            dues(fund_amounts(800, 100, 0, 60)),
            """
            D MEMO_DUES pension 800.00
            D MEMO_DUES unemployment 100.00
            D MEMO_DUES maternity 60.00
            C MEMO_CONTRA pension 800.00
            C MEMO_CONTRA unemployment 100.00
            C MEMO_CONTRA maternity 60.00
            """,
        ),
        (
            bank_arrival(fund_amounts(800, 50, 0, 0), fund_amounts(0, 0, 7, 0)),
            """
            D INCOME_ACCOUNT pension 800.00
            D INCOME_ACCOUNT unemployment 50.00
            D INCOME_ACCOUNT injury 7.00
            C FUND_INCOME pension 800.00
            C FUND_INCOME unemployment 50.00
            C SUSPENSE injury 7.00
            """,
        ),
        (
            agency_arrival(fund_amounts(800, 50, 0, 0), fund_amounts(20, 0, 0, 0), fund_amounts(0, 0, 7, 0)),
            """
            D CITY_CLEARING pension 820.00
            D CITY_CLEARING unemployment 50.00
            D CITY_CLEARING injury 7.00
            C FUND_INCOME pension 820.00
            C FUND_INCOME unemployment 50.00
            C SUSPENSE injury 7.00
            D MEMO_CONTRA pension 820.00
            D MEMO_CONTRA unemployment 50.00
            C MEMO_DUES pension 800.00
            C MEMO_DUES unemployment 50.00
            C MEMO_ARREARS pension 20.00
            """,
        ),
        (
            receipt(fund_amounts(0, 0, 40, 0)),
            """
            D INCOME_ACCOUNT injury 40.00
            C FUND_INCOME injury 40.00
            D MEMO_CONTRA injury 40.00
            C MEMO_DUES injury 40.00
            """,
        ),
        (
            arrears_opened(fund_amounts(0, 50, 40, 0)),
            """
            D MEMO_ARREARS unemployment 50.00
            D MEMO_ARREARS injury 40.00
            C MEMO_DUES unemployment 50.00
            C MEMO_DUES injury 40.00
            """,
        ),
        (bank_arrival(NOTHING, NOTHING), ""),
    ],
    ids=["dues", "bank arrival", "agency arrival", "receipt", "arrears opened", "nothing came in"],
)
def test_the_ledger_page(postings: tuple[Posting, ...], expected: str) -> None:
    assert page(postings) == dedent(expected).strip()


@pytest.mark.parametrize(
    "postings",
    [
        [Posting(Account.INCOME_ACCOUNT, Fund.PENSION, "D", Fen(1))],
        [
            Posting(Account.INCOME_ACCOUNT, Fund.PENSION, "D", Fen(2)),
            Posting(Account.FUND_INCOME, Fund.PENSION, "C", Fen(1)),
        ],
        [
            Posting(Account.INCOME_ACCOUNT, Fund.PENSION, "D", Fen(1)),
            Posting(Account.FUND_INCOME, Fund.INJURY, "C", Fen(1)),
        ],
        [
            Posting(Account.INCOME_ACCOUNT, Fund.PENSION, "D", Fen(1)),
            Posting(Account.MEMO_DUES, Fund.PENSION, "C", Fen(1)),
        ],
        [
            Posting(Account.INCOME_ACCOUNT, Fund.PENSION, "D", Fen(-1)),
            Posting(Account.FUND_INCOME, Fund.PENSION, "C", Fen(-1)),
        ],
        [
            Posting(Account.INCOME_ACCOUNT, Fund.PENSION, "D", Fen(0)),
            Posting(Account.FUND_INCOME, Fund.PENSION, "C", Fen(0)),
        ],
    ],
    ids=["one side", "unequal", "across funds", "money against memorandum", "negative", "of zero"],
)
def test_an_entry_that_does_not_balance_cannot_be_made(postings: list[Posting]) -> None:
    with pytest.raises(AssertionError):
        entry(*postings)


def test_a_negative_amount_is_never_posted() -> None:
    with pytest.raises(AssertionError):
        receipt(FundAmounts(Fen(-1), Fen(1), Fen(0), Fen(0)))
