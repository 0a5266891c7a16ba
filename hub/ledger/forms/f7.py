"""财表七 市中心银行扣款信息核对表: what each bank file of a session asks for."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.ledger.forms.form import Form, Question, SheetRow, read, sums, wanted, wanted_bills
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("bank", "file")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The lines of the session's batches, by bank file."""
    session = wanted(question, period="b.period", round="b.round", bank="b.bank", agency="i.agency")
    query = f"""
        select b.bank, b.file_name, {sums("i")}
        from batch b join batch_line l on l.batch_id = b.id join instruction i on i.id = l.instruction_id
        where {session} and {wanted_bills(question, "i.bill_id", "unit")}
        group by 1, 2
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="f7",
    paper="财表七",
    title="市中心银行扣款信息核对表",
    keys=KEYS,
    measures=("requested",),
    has_round=True,
    rows=rows,
    on_paper=OnPaper(
        title="市社保中心银行扣款信息核对表",
        made_by="市社保中心财务岗",
        made_for="银行",
        signatures=DESK_SIGNATURES,
        seal="市社保中心财务章",
    ),
)
