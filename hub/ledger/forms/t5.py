"""表五 社会保险费补缴汇总表: supplements as units filed them (C10), with what their members (表四) come to where they are told."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.dues import Kind
from hub.domain.funds import FUND_NAMES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "unit", "bill")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The supplements of the period, cancelled ones too. ``members`` counts persons; it is nothing without a 表四."""
    query = f"""
        select b.agency, b.unit, b.bill_no, 1, {", ".join(f"b.{fund}" for fund in FUND_NAMES)},
            coalesce(l.members, 0), {", ".join(f"coalesce(l.{fund}, 0)" for fund in FUND_NAMES)}
        from bill b left join member_list l on l.bill_no = b.bill_no and l.agency = b.agency
        where b.kind = '{Kind.SUPPLEMENT.value}'
            and {wanted(question, period="b.period", agency="b.agency", bank="b.bank", unit="b.unit")}
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="t5",
    paper="表五",
    title="社会保险费补缴汇总表",
    keys=KEYS,
    measures=("filed", "members"),
    rows=rows,
    on_paper=OnPaper(
        title="北京市社会保险费补缴汇总表",
        made_by="参保单位",
        made_for="社保经(代)办机构业务岗",
        signatures=DESK_SIGNATURES,
        seal="参保单位章",
    ),
)
