"""Step 7, split the money among the four funds (C4, C9-2): pension, unemployment, work injury, maternity, in this order.

Reads: first-result and second-result, key agency/shard. Writes: funds-split, one for each. Pure: no clock, no books.
Rule: the statutory waterfall over what was requested; the bank's own split must be the same.
Repeat: the id of the result derives from the id of its source.
"""

from typing import Any

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money import Fen
from hub.domain.splitting import split

_CARRIED = (
    "period",
    "round",
    "agency",
    "bank",
    "shard",
    "part",
    "batch_no",
    "booking_period",
    "business_date",
    "late",
    "lines",
)


def transform(record: dict[str, Any]) -> dict[str, Any]:
    """The funds-split record of a result record."""
    requested = zip(*(record[f"requested_{fund}"] for fund in FUND_NAMES), strict=True)
    banks = zip(*(record[fund] for fund in FUND_NAMES), strict=True)
    shares: list[FundAmounts] = []
    for line, asked, deducted, found in zip(record["lines"], requested, record["deducted"], banks, strict=True):
        share = split(Fen(deducted), FundAmounts(*asked))
        assert share == found, f"line {line}: the bank split {tuple(found)}, the statute {tuple(share)}"
        shares.append(share)
    columns = zip(*shares, strict=True)
    return {name: record[name] for name in _CARRIED} | dict(zip(FUND_NAMES, map(list, columns), strict=True))
