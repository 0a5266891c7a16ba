"""Late fees (滞纳金) by unit and the month that opened the arrears: what has accrued by a day, what is paid, what is owed.

A unit that owes nothing has no row that is ``owed``; before it is deregistered it has to be so (R13).
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection

from hub.domain.funds import NOTHING, FundAmounts
from hub.domain.late_fees import FeeStatus, LateFees, accrued, days_late, outstanding
from hub.ledger import late_fees
from hub.ledger.forms.form import Form, Measure, Question, SheetRow, wanted

KEYS = ("agency", "unit", "period", "days")
MEASURES: Final = ("outstanding", "accrued", "paid", "unpaid")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """Every arrears that there ever were, whether settled or not, as they stand on the question's day.

    ``days``: on how many days something was outstanding. ``accrued``: what is due if it is received on that day.
    """
    assert question.as_of is not None, "a dated form is asked of a day"
    by = date.fromisoformat(question.as_of)
    asked: dict[str, Any] = question.values()
    which = wanted(question, period="b.period", agency="b.agency", unit="b.unit", bank="b.bank")
    opened = late_fees.history(connection, f"b.id in (select bill_id from arrears_of_bill) and {which}", asked)
    of_incomes = wanted(question, period="i.period", agency="i.agency", unit="i.unit")
    paid = late_fees.paid(connection, f"{of_incomes} and i.received_on <= cast(:as_of as date)", asked)
    for owed in opened.values():
        fees = LateFees(owed.changes, paid.get((owed.agency, owed.arrears), NOTHING))
        left, unpaid = outstanding(fees.changes, by), fees.unpaid(by)
        days = days_late(fees.changes, by)
        if not days and not left.total:
            continue
        amounts = (left, accrued(fees.changes, by), fees.paid, unpaid)
        status = FeeStatus.OWED if left.total or unpaid.total else FeeStatus.SETTLED
        keys = (owed.agency, owed.arrears.unit, owed.arrears.period, str(days))
        yield SheetRow(keys, tuple(map(_measure, amounts)), status)


def _measure(amounts: FundAmounts) -> Measure:
    return Measure(int(amounts.total > 0), *amounts)


FORM = Form(
    name="late-fees",
    paper="",
    title="滞纳金明细",
    keys=KEYS,
    measures=MEASURES,
    to_date=True,
    as_of_a_day=True,
    has_status=True,
    rows=rows,
)
