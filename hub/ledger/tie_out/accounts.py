"""The journal's accounts as the tie-out takes them: where the money itself stands, and what it is. Memoranda are neither."""

from typing import Final

from hub.domain.posting import MEMORANDUM, Account

_MONEY: Final = (Account.INCOME_ACCOUNT, Account.CITY_CLEARING, Account.EXPENDITURE_ACCOUNT)


def _listed(accounts: tuple[Account, ...]) -> str:
    return "(" + ", ".join(f"'{account}'" for account in accounts) + ")"


ACCOUNTS: Final = _listed(_MONEY)
"""收入户存款, 支出户存款, at an agency also 与市中心往来. A debit is money that came."""
INCOME: Final = _listed(tuple(each for each in Account if each not in (*_MONEY, *MEMORANDUM)))
"""The other side: incomes of all kinds and suspense, less expenditures. A credit is money that came."""
EXPENDITURES: Final = _listed((Account.UNIT_SUBSIDY, Account.MEDICAL_SUBSIDY))
EXPENDED: Final = _listed((Account.EXPENDITURE_ACCOUNT,))
