"""财表八 市中心银行扣款到位核对单: what arrived in a session and what did not, after its posting step."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.ledger.forms import answers
from hub.ledger.forms.form import Form, Question, SheetRow
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

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
    on_paper=OnPaper(
        title="市社保中心社会保险费银行扣款到位核对单",
        made_by="市社保中心财务岗",
        made_for="市社保中心收缴岗",
        signatures=DESK_SIGNATURES,
        seal="市社保中心财务章",
        capitals=("arrived",),
    ),
)
