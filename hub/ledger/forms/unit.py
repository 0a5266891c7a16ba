"""One unit's bills (单位缴费情况): due, arrived, unarrived and where each bill stands."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.lifecycle import bill_status
from hub.ledger.forms.form import WIDTH, Form, Question, SheetRow, measures_of, wanted

KEYS = ("period", "kind", "bill")
MEASURES: Final = ("due", "arrived", "unarrived")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The unit's bills, each with all money on it. A bill counts as arrived once every fund is covered in full.

    Money of a repayment stands with the repayment; a monthly bill whose arrears it has settled has the status arrived.
    """
    arrived = ", ".join(f"coalesce(sum(c.{fund}), 0)::bigint as {fund}" for fund in FUND_NAMES)
    full = " and ".join(f"c.{fund} >= b.{fund}" for fund in FUND_NAMES)
    asked = wanted(question, period="b.period", unit="b.unit", agency="b.agency", bank="b.bank")
    query = f"""
        select b.period, b.kind, b.bill_no,
            1, {", ".join(f"b.{fund}" for fund in FUND_NAMES)},
            (full_paid)::int, {", ".join(f"c.{fund}" for fund in FUND_NAMES)},
            (not full_paid)::int, {", ".join(f"b.{fund} - c.{fund}" for fund in FUND_NAMES)},
            exists (select from arrears_of_bill a where a.bill_id = b.id),
            exists (select from cancellation x where x.bill_id = b.id),
            {", ".join(f"c.{fund} + r.{fund}" for fund in FUND_NAMES)}
        from (select * from bill where kind = 'M' union all select * from bill where kind <> 'M') b -- as the indexes are
        cross join lateral (select {arrived} from collection c where c.bill_id = b.id) c
        cross join lateral (
            select {arrived} from bill r join collection c on c.bill_id = r.id
            where b.kind = 'M' and r.kind = 'A' and r.unit = b.unit and r.refers_to = b.period and r.agency = b.agency) r
        cross join lateral (select {full}) f (full_paid)
        where {asked}
    """
    last = len(KEYS) + WIDTH * len(MEASURES)
    for row in connection.execute(text(query), question.values()):
        due, arrived_so_far, unarrived = measures_of(row, len(KEYS), last)
        settled = FundAmounts(*row[last + 2 :])
        status = bill_status(due.amounts, settled, in_arrears=row[last], cancelled=row[last + 1])
        yield SheetRow(tuple(row[: len(KEYS)]), (due, arrived_so_far, unarrived), status.value)


FORM = Form(
    name="unit",
    paper="",
    title="单位缴费情况",
    keys=KEYS,
    measures=MEASURES,
    to_date=True,
    needs_unit=True,
    has_status=True,
    rows=rows,
)
