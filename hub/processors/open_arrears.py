"""Step 12, open arrears (欠缴, C9-6): what of the month's bills has not arrived becomes arrears, in doubt where unanswered.

Reads: period-closed, key agency/shard. Writes: arrears-opened, one for each. Pure: no clock, no books.
Rule: every line is over zero and keeps its four amounts; nothing is netted.
Repeat: the id of the result derives from the id of its source.
"""

from collections.abc import Mapping
from typing import Any

from hub.domain.funds import FUND_NAMES


def transform(record: Mapping[str, Any]) -> dict[str, Any]:
    """The arrears-opened record of a period-closed record."""
    for bill, *amounts in zip(record["bills"], *(record[fund] for fund in FUND_NAMES), strict=True):
        assert min(amounts) >= 0 and sum(amounts) > 0, f"bill {bill} has no arrears to open: {amounts}"
    return {**record, "cause": ""}
