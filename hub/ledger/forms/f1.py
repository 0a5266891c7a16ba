"""财表一 月报收缴到位及欠缴汇总表: the month as it stood at its close; empty before."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency",)
MEASURES: Final = ("due", "arrived", "arrears")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The stored close of each agency: it is not restated, so nothing is recomputed here (``hub verify`` does)."""
    columns = ", ".join(
        f"c.{name}_count, {', '.join(f'c.{name}[{at}]' for at in range(1, len(FUND_NAMES) + 1))}" for name in MEASURES
    )
    query = f"""
        select c.agency, {columns} from period_close c
        where {wanted(question, period="c.period", agency="c.agency")}
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="f1",
    paper="财表一",
    title="月报收缴到位及欠缴汇总表",
    keys=KEYS,
    measures=MEASURES,
    filters=frozenset({"agency"}),
    rows=rows,
    on_paper=OnPaper(
        title="北京市社会保险基金月报收缴到位及欠缴汇总表",
        made_by="社保经(代)办机构财务岗",
        made_for="市社保中心收缴岗",
        signatures=DESK_SIGNATURES,
        seal="经(代)办机构财务章",
    ),
)
