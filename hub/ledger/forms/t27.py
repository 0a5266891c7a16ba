"""表二十七 银行扣款到位通知单: what the city tells each agency of its session's arrivals."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from hub.ledger.forms import answers
from hub.ledger.forms.form import Form, Question, SheetRow
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "bank")
COPIES: Final = ("养老保险财务记账", "失业保险财务记账", "工伤、生育保险财务记账")
"""Our reading of 一式三份 (C9-4): the finance clerks of the funds (各险种财务人员) each book by a copy of their own."""


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
    on_paper=OnPaper(
        title="市社保中心社会保险费银行扣款到位通知单",
        made_by="市社保中心收缴岗",
        made_for="社保经(代)办机构财务岗",
        signatures=DESK_SIGNATURES,
        seal="市社保中心收缴业务章",
        copies=COPIES,
        capitals=("arrived",),
        by_agency=True,
    ),
)
