"""Where a bill stands: what is asked of it, what has come, and what may still come."""

from dataclasses import dataclass
from datetime import datetime

from hub.domain.funds import FundAmounts


@dataclass(frozen=True, slots=True)
class Standing:
    """A bill's amounts, and what has been collected on it, posted or released to be posted; fen.

    ``refers_to``: '' for a monthly bill. ``cancelled``: it takes no money any more (注销).
    """

    bill_id: int
    bill_no: str
    agency: str
    unit: str
    period: str
    kind: str
    mode: str
    shard: int
    due: FundAmounts
    collected: FundAmounts
    refers_to: str
    accepted_at: datetime
    cancelled: bool
