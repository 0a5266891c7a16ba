"""Outstanding arrears (欠缴余额, C11) by unit and the month that opened them."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted, wanted_bills

KEYS = ("agency", "unit", "period")


_LATER: Final = ", ".join(f"coalesce(sum(c.{fund}), 0) as {fund}" for fund in FUND_NAMES)


def outstanding(where: str) -> str:
    """SQL: (bill_id, agency, unit, period, in_doubt, opened_on, four funds) of what is outstanding on arrears ``a``.

    What was opened, less the money of later months, for the bill or by repayments. Money of the month itself that came
    back after its end is booked later as negative: it adds to what is missing.
    """
    return f"""
        select a.bill_id, a.agency, a.unit, a.period, a.in_doubt, a.opened_on,
               {", ".join(f"(a.{fund} - c.{fund} - coalesce(r.{fund}, 0))::bigint as {fund}" for fund in FUND_NAMES)}
        from arrears_of_bill a
        cross join lateral (
            select {_LATER} from collection c where c.bill_id = a.bill_id and c.booking_period > a.period
        ) c
        left join (
            select b.agency, b.unit, b.refers_to as period, {_LATER}
            from bill b join collection c on c.bill_id = b.id where b.kind = 'A' group by 1, 2, 3
        ) r on r.agency = a.agency and r.unit = a.unit and r.period = a.period
        where {where}
    """


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """What is outstanding, only where something is."""
    opened = wanted(question, period="a.period", agency="a.agency", unit="a.unit")
    query = f"""
        select agency, unit, period, 1, {", ".join(FUND_NAMES)}
        from ({outstanding(f"{opened} and {wanted_bills(question, 'a.bill_id', 'bank')}")}) o
        where {" or ".join(f"{fund} <> 0" for fund in FUND_NAMES)}
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="arrears", paper="", title="欠缴余额明细", keys=KEYS, measures=("outstanding",), to_date=True, rows=rows
)
