"""表八 收缴月报核对表: what agencies' accepted dues add up to, with the payment mode as filed."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.ledger.forms.form import Form, Question, SheetRow, read, sums, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "kind", "mode", "bank")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The accepted bills of the period, whatever became of them since."""
    query = f"""
        select b.agency, b.kind, b.mode, b.bank, {sums("b")}
        from bill b
        where {wanted(question, period="b.period", agency="b.agency", bank="b.bank", unit="b.unit")}
        group by 1, 2, 3, 4
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="t8",
    paper="表八",
    title="收缴月报核对表",
    keys=KEYS,
    measures=("due",),
    rows=rows,
    on_paper=OnPaper(
        title="北京市社会保险费收缴月报核对表",
        made_by="社保经(代)办机构业务岗",
        made_for="社保经(代)办机构财务岗",
        signatures=DESK_SIGNATURES,
        seal="经(代)办机构业务章",
    ),
)
