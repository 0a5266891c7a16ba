"""财表四 其他项目收入(支出)汇总表: other incomes by item, as booked since the finance close before; empty before the close."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "item")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The stored close of each agency: it is not restated, so nothing is recomputed here (``hub verify`` does)."""
    query = f"""
        select c.agency, c.item, c.booked_count, {", ".join(f"c.booked[{at}]" for at in range(1, len(FUND_NAMES) + 1))}
        from other_income_close c where {wanted(question, period="c.period", agency="c.agency")}
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="f4",
    paper="财表四",
    title="其他项目收入(支出)汇总表",
    keys=KEYS,
    measures=("booked",),
    filters=frozenset({"agency"}),
    rows=rows,
    on_paper=OnPaper(
        title="北京市社会保险基金其他项目收入(支出)汇总表",
        made_by="社保经(代)办机构财务岗",
        made_for="市社保中心财务岗",
        signatures=DESK_SIGNATURES,
        seal="经(代)办机构财务章",
    ),
)
