"""Where a bill stands: what is asked of it, what has come, and what may still come."""

from dataclasses import dataclass
from datetime import datetime

from hub.domain.arrears import unarrived
from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.money import Fen


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

    def takes(self, repaid: FundAmounts) -> FundAmounts:
        """What it takes of new money per fund, when repayments have brought ``repaid`` for its arrears.

        A cancelled one takes nothing: it has to be filed again (C10, C11).
        """
        if self.cancelled:
            return NOTHING
        left = unarrived(self.due, self.collected)
        return FundAmounts(*(Fen(max(lacks - came, 0)) for lacks, came in zip(left, repaid, strict=True)))
