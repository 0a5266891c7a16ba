"""表二十七 银行扣款到位通知单: what the city tells each agency of its session's arrivals."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.ledger.forms import answers
from hub.ledger.forms.form import Form, Question, SheetRow

KEYS = ("agency", "bank")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    return answers.rows(connection, question, KEYS)


FORM = Form(
    name="t27",
    paper="表二十七",
    title="银行扣款到位通知单",
    keys=KEYS,
    measures=answers.MEASURES,
    has_round=True,
    rows=rows,
)
