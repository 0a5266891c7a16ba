"""What late fees (滞纳金) are reckoned by: how the principal of arrears changed day by day, and the fees paid for them.

Nothing is stored of this: it is read from the money on the monthly bill and on its repayments, so that however the arrears
changed (repayments, late answers, returns, changed answers), the fees follow.
"""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, NOTHING, FundAmounts
from hub.domain.late_fees import Change, LateFees
from hub.domain.other_incomes import Item
from hub.domain.periods import Period
from hub.domain.repayments import Arrears
from hub.ledger import shadow

_C_FUNDS: Final = ", ".join(f"c.{fund}" for fund in FUND_NAMES)
_BOOKED: Final = """
    left join receipt r on r.id = c.receipt_id left join reversal v on v.id = c.reversal_id
    left join receipt back on back.id = v.receipt_id
    left join collection was on was.batch_id = v.batch_id and was.line = v.line and a.kind = 'A'
"""
_HERE: Final = "at time zone 'Asia/Shanghai'"
_RECEIVED: Final = f"least({{0}}.received_on, ({{0}}.accepted_at {_HERE})::date)"
# The day from which a piece of money counts. A receipt's is its own, but never after it was told; a bank's is that of its
# posting. Money taken off a repayment was never there (rules section 6: the arrears stand again with their first date).
# What is taken off a monthly bill after its month's end opens arrears on that day, and they cost from the day after.
_COUNTS_FROM: Final = f"""
    case
        when c.source = 'RECEIPT' then {_RECEIVED.format("r")}
        when c.source = 'BANK' then c.business_date
        when a.kind = 'A' then coalesce({_RECEIVED.format("back")}, was.business_date, c.business_date)
        else least(v.dated_on, (v.accepted_at {_HERE})::date)
            + (sum({" + ".join(f"c.{fund}" for fund in FUND_NAMES)}) over (partition by c.reversal_id) < 0)::int
    end
"""
_HISTORY: Final = f"""
    with owing as materialized (select * from bill b where b.kind = 'M' and not {shadow.IN_SHADOW} and {{owing}}),
    money as (
        select o.id, null::date as day, null::bigint as file_id, {_C_FUNDS}
        from owing o join collection c on c.bill_id = o.id and c.booking_period <= o.period
        union all
        select a.id, {_COUNTS_FROM}, coalesce(r.file_id, v.file_id), {_C_FUNDS}
        from owing a join collection c on c.bill_id = a.id and c.booking_period > a.period {_BOOKED}
        union all
        select o.id, {_COUNTS_FROM}, coalesce(r.file_id, v.file_id), {_C_FUNDS}
        from owing o join bill a on a.kind = 'A' and a.unit = o.unit and a.refers_to = o.period and a.agency = o.agency
        join collection c on c.bill_id = a.id {_BOOKED})
    select id, agency, unit, period, null::date as day, null::bigint as file_id, {", ".join(FUND_NAMES)} from owing
    union all
    select o.id, o.agency, o.unit, o.period, m.day, m.file_id, {", ".join(f"-m.{fund}" for fund in FUND_NAMES)}
    from money m join owing o on o.id = m.id
"""


class Told(NamedTuple):
    """A change of a principal, and the file that told of it; None for dues, the money of their month, and banks' answers."""

    change: Change
    file_id: int | None


class Owed(NamedTuple):
    """The arrears of a monthly bill: whose, and how they changed, the first row as month end left them."""

    agency: str
    arrears: Arrears
    history: list[Told]

    @property
    def changes(self) -> list[Change]:
        return [told.change for told in self.history]


def history(conn: Connection, owing: str, values: Mapping[str, Any]) -> dict[int, Owed]:
    """The arrears of monthly bills ``b`` that ``owing`` picks out, by bill; of a bank in shadow none.

    Money of the month itself is not there on the first day, whatever day it names: what its end found missing is the
    principal that arrears begin with.
    """
    found: dict[int, Owed] = {}
    for bill, agency, unit, period, day, file_id, *amounts in conn.execute(text(_HISTORY.format(owing=owing)), values):
        owed = found.setdefault(bill, Owed(agency, Arrears(unit, period), []))
        first: date = Period(period).last_day + timedelta(days=1)
        change = Change(first if day is None else max(day, first), FundAmounts(*amounts))
        owed.history.append(Told(change, None if day is None else file_id))
    return found


_NAMED: Final = """
    b.agency = :agency and (b.unit, b.period) in (
        select * from unnest(cast(:units as bpchar[]), cast(:periods as bpchar[])))
"""


class Named(NamedTuple):
    """What is known of arrears that are named: their late fees, and the bills whose money changes them."""

    fees: dict[Arrears, LateFees]
    bills: list[int]


def of_arrears(conn: Connection, agency: str, of: Collection[Arrears]) -> Named:
    """The late fees of an agency's arrears; what no monthly bill of it stands for is not among them."""
    wanted = sorted(set(of))
    if not wanted:
        return Named({}, [])
    values = {"agency": agency, "units": [each.unit for each in wanted], "periods": [each.period for each in wanted]}
    found = history(conn, _NAMED, values)
    fees_paid = paid(conn, _PAID_FOR_NAMED, values)
    fees = {
        owed.arrears: LateFees(owed.changes, fees_paid.get((owed.agency, owed.arrears), NOTHING))
        for owed in found.values()
    }
    repaying = """
        select a.id from unnest(cast(:units as bpchar[]), cast(:periods as bpchar[])) w (unit, period)
        join bill a on a.kind = 'A' and a.unit = w.unit and a.refers_to = w.period and a.agency = :agency
    """
    return Named(fees, [*found, *conn.execute(text(repaying), values).scalars()])


_PAID_FOR_NAMED: Final = _NAMED.replace("b.", "i.")


def paid(conn: Connection, which: str, values: Mapping[str, Any]) -> dict[tuple[str, Arrears], FundAmounts]:
    """Late fees paid so far, by agency and arrears, of the incomes ``i`` that ``which`` picks out."""
    sums = ", ".join(f"sum(i.{fund})::bigint" for fund in FUND_NAMES)
    query = f"""
        select i.agency, i.unit, i.period, {sums} from other_income i
        where i.item = '{Item.LATE_FEE}' and {which} group by 1, 2, 3
    """
    return {(row[0], Arrears(row[1], row[2])): FundAmounts(*row[3:]) for row in conn.execute(text(query), values)}
