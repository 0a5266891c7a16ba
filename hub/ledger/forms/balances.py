"""Collected per agency and fund (已入账保险费收入), all kinds of bills; with a period: what was booked in it."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted

KEYS = ("agency",)


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The sub-ledger of fund income by agency. A bill counts once, however often money came for it.

    One of which all has come back has no money on it.
    """
    funds = ", ".join(f"sum({fund})::bigint" for fund in FUND_NAMES)
    by_bill = ", ".join(f"sum(c.{fund}) as {fund}" for fund in FUND_NAMES)
    query = f"""
        select agency, count(*) filter (where {" + ".join(FUND_NAMES)} > 0), {funds}
        from (
            select b.agency, c.bill_id, {by_bill}
            from collection c join bill b on b.id = c.bill_id
            where {wanted(question, period="c.booking_period", agency="b.agency", bank="b.bank", unit="b.unit")}
            group by 1, 2
        ) with_money
        group by 1
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="balances", paper="", title="保险费收入到账余额", keys=KEYS, measures=("collected",), to_date=True, rows=rows
)
