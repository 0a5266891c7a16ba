"""表九 月报收缴汇总表: an agency's monthly report to the city (C8), which is its 表八 of monthly bills added up."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.dues import Kind
from hub.ledger.forms.form import Form, Question, SheetRow, read, sums, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency",)


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The accepted monthly bills of the period, whatever their payment mode: that is finance's choice, and later."""
    query = f"""
        select b.agency, {sums("b")}
        from bill b
        where b.kind = '{Kind.MONTHLY.value}'
            and {wanted(question, period="b.period", agency="b.agency", bank="b.bank", unit="b.unit")}
        group by 1
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="t9",
    paper="表九",
    title="月报收缴汇总表",
    keys=KEYS,
    measures=("due",),
    rows=rows,
    on_paper=OnPaper(
        title="北京市社会保险月报收缴汇总表",
        made_by="社保经(代)办机构业务岗",
        made_for="市社保中心业务部门",
        signatures=DESK_SIGNATURES,
        seal="经(代)办机构业务章",
    ),
)
