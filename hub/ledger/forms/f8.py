"""财表八 市中心银行扣款到位核对单: what arrived in a session and what did not, after its posting step."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.ledger.forms import answers
from hub.ledger.forms.form import Form, Question, SheetRow

KEYS = ("agency", "bank", "kind")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    return answers.rows(connection, question, KEYS)


FORM = Form(
    name="f8",
    paper="财表八",
    title="市中心银行扣款到位核对单",
    keys=KEYS,
    measures=answers.MEASURES,
    has_round=True,
    rows=rows,
)
