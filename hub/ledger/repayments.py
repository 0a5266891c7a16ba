"""Repayments of arrears (还欠, C11): what of the arrears may still be claimed, and what money finds when it comes for them.

What is outstanding on the arrears of a closed month is what its bill lacks, less what repayments have brought. So it is known
from the hour of the month's close on, however far the pipeline has come with opening the arrears.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.repayments import Arrears, Repayment, too_late
from hub.ledger import arrivals, shadow
from hub.ledger.database import raw

_SUMS: Final = ", ".join(f"sum(c.{fund})::bigint as {fund}" for fund in FUND_NAMES)
_REPAYING: Final = "r.kind = 'A' and r.unit = b.unit and r.refers_to = b.period and r.agency = b.agency"
_CLAIMED: Final = f"""
    select {_SUMS.replace("c.", "r.")} from bill r
    where {_REPAYING} and not exists (select from cancellation x where x.bill_id = r.id)
"""
_ARRIVED: Final = f"select {_SUMS} from bill r join collection c on c.bill_id = r.id where {_REPAYING}"
# What banks have answered counts from its release on, posted or not; before repayments released later, and those of this moment.
_LATE_MONEY: Final = arrivals.coming("i.bill_id = b.id and t.state = 'POSTING' and t.released_at <= :at")
_OUTSTANDING: Final = f"""
    select b.unit, b.period, {
    ", ".join(
        f"greatest(b.{f} - coalesce(c.{f}, 0) - coalesce(w.{f}, 0), 0) - coalesce(r.{f}, 0) as {f}" for f in FUND_NAMES
    )
}
    from unnest(cast(:units as bpchar[]), cast(:periods as bpchar[])) as wanted (unit, period)
    join bill b on b.unit = wanted.unit and b.period = wanted.period and b.kind = 'M' and b.agency = :agency
        and not {shadow.IN_SHADOW}
    left join lateral (select {_SUMS} from collection c where c.bill_id = b.id) c on true
    left join lateral ({_LATE_MONEY}) w on true
    left join lateral ({{taken}}) r on true
"""


def claimable(conn: Connection, agency: str, of: Collection[Arrears], at: datetime) -> dict[Arrears, FundAmounts]:
    """What may be claimed of an agency's arrears: outstanding, net of every repayment that is not cancelled.

    One that has arrived has brought all it claims, and one that is open may still bring it (rules section 5). Asked only
    of periods whose month end has closed; what no monthly bill stands for is not among the answers.
    """
    return _outstanding(conn, agency, of, at, _CLAIMED)


def outstanding(conn: Connection, agency: str, of: Collection[Arrears], at: datetime) -> dict[Arrears, FundAmounts]:
    """What is outstanding of an agency's arrears by now, net of the repayments that have arrived."""
    return _outstanding(conn, agency, of, at, _ARRIVED)


def _outstanding(
    conn: Connection, agency: str, of: Collection[Arrears], at: datetime, taken: str
) -> dict[Arrears, FundAmounts]:
    wanted = sorted(set(of))
    if not wanted:
        return {}
    found = conn.execute(
        text(_OUTSTANDING.format(taken=taken)),
        {
            "agency": agency,
            "at": at,
            "units": [each.unit for each in wanted],
            "periods": [each.period for each in wanted],
        },
    )
    return {Arrears(row[0], row[1]): FundAmounts(*row[2:6]) for row in found}


class SpokenFor(NamedTuple):
    """What bills cannot take beside the money on them, by bill, and the repayments that come too late for their arrears."""

    amounts: dict[int, FundAmounts]
    too_late: set[int]


class _Coming(NamedTuple):
    """A supplement or a repayment that a bank has paid."""

    bill_id: int
    kind: str
    agency: str
    arrears: Arrears
    amounts: FundAmounts
    cancelled: bool
    paid: bool  # at the counter, meanwhile


def spoken_for(conn: Connection, bundles: Sequence[arrivals.Bundle], at: datetime) -> SpokenFor:
    """Of bundles released at one moment ``at``: what of their bills is not theirs to take. Their shards are locked.

    A monthly bill in arrears lacks what repayments have brought no longer. A cancelled bill takes nothing, nor does a
    repayment whose arrears cannot take it in full. Nothing is asked for a monthly bill in its own month.
    """
    late_periods = {bundle.period for bundle in bundles if bundle.kind == "M" and bundle.booking_period > bundle.period}
    amounts = _repaid(conn, late_periods) if late_periods else {}
    others = [bundle for bundle in bundles if bundle.kind != "M"]
    coming = _coming(conn, others) if others else []
    closed = {each.bill_id for each in coming if each.cancelled}
    late: set[int] = set()
    for agency in sorted({each.agency for each in coming if each.kind == "A"}):
        repaying = [
            Repayment(each.bill_id, each.arrears, each.amounts)
            for each in coming
            if each.kind == "A" and each.agency == agency and not each.cancelled and not each.paid
        ]
        late |= too_late(repaying, outstanding(conn, agency, {each.arrears for each in repaying}, at))
    amounts |= {each.bill_id: each.amounts for each in coming if each.bill_id in closed | late}
    return SpokenFor(amounts, late)


def repaid(conn: Connection, bill_ids: Collection[int]) -> dict[int, FundAmounts]:
    """What repayments have brought for the arrears of monthly bills, by bill; nothing for most."""
    found = conn.execute(
        text(f"""
            select b.id, {_SUMS}
            from (select * from bill where id = any(:bills) and kind = 'M' offset 0) b
            join bill r on {_REPAYING} join collection c on c.bill_id = r.id group by b.id
        """),
        {"bills": list(bill_ids)},
    )
    return {row[0]: FundAmounts(*row[1:5]) for row in found}


def _repaid(conn: Connection, periods: Collection[str]) -> dict[int, FundAmounts]:
    """What repayments have brought for the monthly bills of periods, by bill; there are few."""
    found = conn.execute(
        text(f"""
            select b.id, {_SUMS}
            from (select * from bill where kind = 'A' and refers_to = any(cast(:periods as bpchar[])) offset 0) r
            join bill b on b.unit = r.unit and b.period = r.refers_to and b.kind = 'M' and b.agency = r.agency
            join collection c on c.bill_id = r.id group by b.id
        """),
        {"periods": sorted(periods)},
    )
    return {row[0]: FundAmounts(*row[1:5]) for row in found}


def _coming(conn: Connection, bundles: Sequence[arrivals.Bundle]) -> list[_Coming]:
    """The bills that bundles of supplements and repayments bring money for, in the order of the files' lines."""
    query = f"""
        select b.id, b.kind, b.agency, b.unit, b.refers_to, {", ".join(f"b.{fund}" for fund in FUND_NAMES)},
               exists (select from cancellation x where x.bill_id = b.id),
               exists (select from collection c where c.bill_id = b.id)
        from instruction i join bill b on b.id = i.bill_id where i.id = any(%s) order by i.id
    """
    paid = [
        bundle.first_instruction + place
        for bundle in sorted(bundles, key=lambda bundle: bundle.first_instruction)
        for place, money in enumerate(zip(*bundle.amounts, strict=True))
        if any(money)
    ]
    with raw(conn).cursor() as cursor:
        cursor.execute(query, (paid,))
        rows = cursor.fetchall()
    return [_Coming(row[0], row[1], row[2], Arrears(row[3], row[4]), FundAmounts(*row[5:9]), *row[9:]) for row in rows]
