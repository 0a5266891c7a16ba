"""Outstanding arrears (欠缴余额, C11) by unit and the month that opened them."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted, wanted_bills

KEYS = ("agency", "unit", "period")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """What was opened, less the money of later months, for the bill or by repayments; only where some is missing.

    Money of the month itself that came back after its end is booked later as negative: it adds to what is missing.
    """
    opened = wanted(question, period="a.period", agency="a.agency", unit="a.unit")
    settled = ", ".join(f"coalesce(sum(c.{fund}), 0) as {fund}" for fund in FUND_NAMES)
    left = {fund: f"a.{fund} - c.{fund} - coalesce(r.{fund}, 0)" for fund in FUND_NAMES}
    query = f"""
        select a.agency, a.unit, a.period, 1, {", ".join(f"({each})::bigint" for each in left.values())}
        from arrears_of_bill a
        cross join lateral (
            select {settled} from collection c where c.bill_id = a.bill_id and c.booking_period > a.period
        ) c
        left join (
            select b.agency, b.unit, b.refers_to as period, {settled}
            from bill b join collection c on c.bill_id = b.id where b.kind = 'A' group by 1, 2, 3
        ) r on r.agency = a.agency and r.unit = a.unit and r.period = a.period
        where {opened} and {wanted_bills(question, "a.bill_id", "bank")}
            and ({" or ".join(f"{each} <> 0" for each in left.values())})
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="arrears", paper="", title="欠缴余额明细", keys=KEYS, measures=("outstanding",), to_date=True, rows=rows
)
