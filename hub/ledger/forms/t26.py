"""表二十六 银行扣款信息汇总核对表: what the city added up of the agencies' requests, once it is in a batch."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.ledger.forms.form import Form, Question, SheetRow, read, sums, wanted, wanted_bills
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "bank")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The instructions that stand in a batch of the session."""
    session = wanted(question, period="i.period", round="i.round", agency="i.agency", bank="i.bank")
    query = f"""
        select i.agency, i.bank, {sums("i")}
        from batch_line l join instruction i on i.id = l.instruction_id
        where {session} and {wanted_bills(question, "i.bill_id", "unit")}
        group by 1, 2
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="t26",
    paper="表二十六",
    title="银行扣款信息汇总核对表",
    keys=KEYS,
    measures=("requested",),
    has_round=True,
    rows=rows,
    on_paper=OnPaper(
        title="市社保中心银行扣款信息汇总核对表",
        made_by="市社保中心收缴岗",
        made_for="市社保中心财务岗",
        signatures=DESK_SIGNATURES,
        seal="市社保中心收缴业务章",
    ),
)
