"""财表六 经(代)办机构银行扣款信息核对表: what agencies asked to have deducted in a session."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.ledger.forms.form import Form, Question, SheetRow, read, sums, wanted, wanted_bills
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "bank", "kind")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The instructions of the session."""
    session = wanted(question, period="i.period", round="i.round", agency="i.agency", bank="i.bank")
    query = f"""
        select i.agency, i.bank, i.kind, {sums("i")}
        from instruction i
        where {session} and {wanted_bills(question, "i.bill_id", "unit")}
        group by 1, 2, 3
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="f6",
    paper="财表六",
    title="经(代)办机构银行扣款信息核对表",
    keys=KEYS,
    measures=("requested",),
    has_round=True,
    rows=rows,
    on_paper=OnPaper(
        title="社保经(代)办机构银行扣款信息核对表",
        made_by="社保经(代)办机构财务岗",
        made_for="市社保中心收缴岗",
        signatures=DESK_SIGNATURES,
        seal="经(代)办机构财务章",
    ),
)
