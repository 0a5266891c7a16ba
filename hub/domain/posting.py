"""Journal entries on two levels (两级核算, C3): debits equal credits for each fund, in every entry.

Cash basis: what has arrived is debit bank, credit fund income. Dues and arrears are memorandum accounts (备查), which
balance among themselves. Postings of zero are left out.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Literal

from hub.domain.funds import NOTHING, STATUTORY_ORDER, Fund, FundAmounts
from hub.domain.money import Fen
from hub.domain.periods import Period


class Account(StrEnum):
    """The chart of accounts; each is kept per level, agency and fund."""

    INCOME_ACCOUNT = "INCOME_ACCOUNT"  # 收入户存款
    CITY_CLEARING = "CITY_CLEARING"  # 与市中心往来
    SUSPENSE = "SUSPENSE"  # 暂收款
    FUND_INCOME = "FUND_INCOME"  # 保险费收入
    OTHER_INCOME = "OTHER_INCOME"  # 其他项目收入
    EXPENDITURE_ACCOUNT = "EXPENDITURE_ACCOUNT"  # 支出户存款, the unemployment fund's
    SUBSIDY_INCOME = "SUBSIDY_INCOME"  # 单位缴费补贴收入: unit parts that the unemployment fund pays
    UNIT_SUBSIDY = "UNIT_SUBSIDY"  # 单位缴费补贴支出
    MEDICAL_SUBSIDY = "MEDICAL_SUBSIDY"  # 医疗补助支出
    MEMO_DUES = "MEMO_DUES"  # 应收
    MEMO_ARREARS = "MEMO_ARREARS"  # 欠缴
    MEMO_CONTRA = "MEMO_CONTRA"  # 备查对应


MEMORANDUM: Final = frozenset({Account.MEMO_DUES, Account.MEMO_ARREARS, Account.MEMO_CONTRA})


class Level(StrEnum):
    """Whose books: the city's or an agency's (C3)."""

    CITY = "CITY"
    AGENCY = "AGENCY"


class EntryKind(StrEnum):
    """What an entry books."""

    DUES_TAKEN_IN = "dues"
    BANK_ARRIVAL = "bank-arrival"
    AGENCY_ARRIVAL = "agency-arrival"
    RECEIPT = "receipt"
    RECEIPT_RETURNED = "receipt-returned"
    ANSWER_REVERSED = "answer-reversed"
    ANSWER_CHANGED = "answer-changed"
    AGENCY_ANSWER_REVERSED = "agency-answer-reversed"
    AGENCY_ANSWER_CHANGED = "agency-answer-changed"
    ARREARS_OPENED = "arrears-opened"
    CANCELLATION = "cancellation"
    OTHER_INCOME = "other-income"
    SUBSIDY = "subsidy"
    SUBSIDY_BACK = "subsidy-back"


Side = Literal["D", "C"]  # 借, 贷


@dataclass(frozen=True, slots=True)
class Posting:
    """One side of an entry, for one fund; fen, always more than zero."""

    account: Account
    fund: Fund
    side: Side
    amount: Fen


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """An entry balances for each fund, money and memorandum apart, or cannot be made. ``cause``: what it is for."""

    level: Level
    agency: str
    what: EntryKind
    cause: str
    booking_period: Period
    business_date: date
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        balance: dict[tuple[Fund, bool], int] = {}
        for posting in self.postings:
            assert posting.amount > 0, f"a posting of {posting.amount}"
            book = (posting.fund, posting.account in MEMORANDUM)
            signed = posting.amount if posting.side == "D" else -posting.amount
            balance[book] = balance.get(book, 0) + signed
        assert not any(balance.values()), f"{self.what.value} {self.cause} does not balance"


def dues(amounts: FundAmounts) -> tuple[Posting, ...]:
    """Bills taken in, at the agency (表八, 表五; C8, C10). A repayment (表十) is no new dues: its arrears are booked already."""
    return _debit(Account.MEMO_DUES, amounts) + _credit(Account.MEMO_CONTRA, amounts)


def bank_arrival(applied: FundAmounts, suspense: FundAmounts) -> tuple[Posting, ...]:
    """What a bank deducted, at the city (回款, C9-3); ``suspense`` is money beyond what was outstanding."""
    return (
        _debit(Account.INCOME_ACCOUNT, applied.plus(suspense))
        + _credit(Account.FUND_INCOME, applied)
        + _credit(Account.SUSPENSE, suspense)
    )


def agency_arrival(applied_open: FundAmounts, into_arrears: FundAmounts, suspense: FundAmounts) -> tuple[Posting, ...]:
    """The same money in the agency's books, by 表二十七 (C9-4): for open bills, for arrears, and beyond."""
    applied = applied_open.plus(into_arrears)
    return (
        _debit(Account.CITY_CLEARING, applied.plus(suspense))
        + _credit(Account.FUND_INCOME, applied)
        + _credit(Account.SUSPENSE, suspense)
        + _debit(Account.MEMO_CONTRA, applied)
        + _credit(Account.MEMO_DUES, applied_open)
        + _credit(Account.MEMO_ARREARS, into_arrears)
    )


def receipt(for_dues: FundAmounts, into_arrears: FundAmounts = NOTHING) -> tuple[Posting, ...]:
    """Sporadic money (零星缴费) at the agency, where it stays until it is remitted (C3, C9-5, C11): for dues, for arrears."""
    amounts = for_dues.plus(into_arrears)
    return (
        _debit(Account.INCOME_ACCOUNT, amounts)
        + _credit(Account.FUND_INCOME, amounts)
        + _debit(Account.MEMO_CONTRA, amounts)
        + _credit(Account.MEMO_DUES, for_dues)
        + _credit(Account.MEMO_ARREARS, into_arrears)
    )


def receipt_returned(open_again: FundAmounts, into_arrears: FundAmounts) -> tuple[Posting, ...]:
    """Sporadic money that came back (退票) at the agency: the receipt's entry with its sides exchanged.

    What it had paid is due again: of a month that is open among the dues, of one that has closed as arrears.
    """
    return mirrored(receipt(open_again, into_arrears))


def mirrored(postings: tuple[Posting, ...]) -> tuple[Posting, ...]:
    """The same postings with their sides exchanged: what an entry did is undone by another, and nothing is edited."""
    return tuple(
        Posting(posting.account, posting.fund, "C" if posting.side == "D" else "D", posting.amount)
        for posting in postings
    )


def other_income(amounts: FundAmounts) -> tuple[Posting, ...]:
    """Other incomes (其他项目收入, C15) at the agency; the items stand in the sub-ledger. No dues are behind them."""
    return _debit(Account.INCOME_ACCOUNT, amounts) + _credit(Account.OTHER_INCOME, amounts)


def dues_cancelled(amounts: FundAmounts) -> tuple[Posting, ...]:
    """Supplements that were cancelled (注销, C10) are due no longer, at the agency."""
    return _debit(Account.MEMO_CONTRA, amounts) + _credit(Account.MEMO_DUES, amounts)


def subsidies(unit_parts: FundAmounts, medical: Fen) -> tuple[Posting, ...]:
    """What unemployment finance moves out of its expenditure account (失业支出户) for subsidised flexible workers (C10).

    The unit parts of pension and unemployment go into those funds' income accounts: an income of each, and one
    expenditure of the unemployment fund. The medical subsidy leaves for the medical income account, whose books are
    not among these: here it is an expenditure, and no fund's income.
    """
    paid, subsidy = _of_unemployment(unit_parts.total), _of_unemployment(medical)
    return (
        _debit(Account.INCOME_ACCOUNT, unit_parts)
        + _credit(Account.SUBSIDY_INCOME, unit_parts)
        + _debit(Account.UNIT_SUBSIDY, paid)
        + _debit(Account.MEDICAL_SUBSIDY, subsidy)
        + _credit(Account.EXPENDITURE_ACCOUNT, paid.plus(subsidy))
    )


def _of_unemployment(amount: Fen) -> FundAmounts:
    return NOTHING._replace(unemployment=amount)


def arrears_opened(amounts: FundAmounts) -> tuple[Posting, ...]:
    """Dues that did not arrive become arrears at month end, at the agency (C9-6)."""
    return _debit(Account.MEMO_ARREARS, amounts) + _credit(Account.MEMO_DUES, amounts)


def _debit(account: Account, amounts: FundAmounts) -> tuple[Posting, ...]:
    return _postings(account, "D", amounts)


def _credit(account: Account, amounts: FundAmounts) -> tuple[Posting, ...]:
    return _postings(account, "C", amounts)


def _postings(account: Account, side: Side, amounts: FundAmounts) -> tuple[Posting, ...]:
    assert all(amount >= 0 for amount in amounts), f"{account.value}: {amounts}"
    return tuple(
        Posting(account, fund, side, amount) for fund, amount in zip(STATUTORY_ORDER, amounts, strict=True) if amount
    )
