"""Step 7, split the money among the four funds (C4, C9-2): pension, unemployment, work injury, maternity, in this order.

Reads: first-result and second-result, key agency/shard. Writes: funds-split, one for each. Pure: no clock, no books.
Rule: the statutory waterfall over what was requested; the bank's own split must be the same.
Repeat: the id of the result derives from the id of its source.
"""

from collections.abc import Mapping
from typing import Any

from hub.domain.funds import FUND_NAMES
from hub.domain.splitting import split_columns

Columns = tuple[list[int], ...]

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
    "first_line",
)


def transform(record: Mapping[str, Any]) -> dict[str, Any]:
    """The funds-split record of a result record."""
    shares = split_columns(record["deducted"], [record[f"requested_{fund}"] for fund in FUND_NAMES])
    found = tuple(record[fund] for fund in FUND_NAMES)
    assert shares == found, _difference(record["first_line"], found, shares)
    return {name: record[name] for name in _CARRIED} | dict(zip(FUND_NAMES, shares, strict=True))


def _difference(first_line: int, found: Columns, shares: Columns) -> str:
    """Names the first line where the bank's split is not the statute's."""
    for line, (banks, statutes) in enumerate(
        zip(zip(*found, strict=True), zip(*shares, strict=True), strict=True), first_line
    ):
        if banks != statutes:
            return f"line {line}: the bank split {banks}, the statute {statutes}"
    return "the bank's split has another form"
