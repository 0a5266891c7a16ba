"""Arrears (欠缴): what of a monthly bill has not arrived when the month ends (C9-6)."""

from hub.domain.funds import FundAmounts


def unarrived(due: FundAmounts, collected: FundAmounts) -> FundAmounts:
    """What is still missing per fund (未到), in fen.

    The second deduction asks for it (C9-5) and month end turns it into arrears (C9-6). Money beyond a fund's due goes
    to suspense before it gets here, so no fund is over-collected.
    """
    missing = due.minus(collected)
    assert min(collected) >= 0 and min(missing) >= 0, f"collected {collected} of {due}"
    return missing
