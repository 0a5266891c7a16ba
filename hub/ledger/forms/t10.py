"""表十 欠缴单位还款表: repayments of arrears by unit and the month they repay (C11), as they stand now."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.dues import Kind
from hub.domain.funds import FUND_NAMES
from hub.ledger.forms.form import Form, Question, SheetRow, read, sums, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "unit", "period")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The repayments filed in the period asked for; the row's own period is the month whose arrears they repay.

    A repayment is paid whole or not at all: filed = arrived + cancelled + pending, at any moment.
    """
    full = " and ".join(f"coalesce(c.{fund}, 0) >= b.{fund}" for fund in FUND_NAMES)
    of_state = ("x.bill_id is null and c.is_full", "x.bill_id is not null", "x.bill_id is null and not c.is_full")
    query = f"""
        select b.agency, b.unit, b.refers_to, {sums("b")}, {", ".join(sums("b", where) for where in of_state)}
        from bill b left join cancellation x on x.bill_id = b.id
        cross join lateral (
            select {full} as is_full
            from (select {", ".join(f"sum({fund}) as {fund}" for fund in FUND_NAMES)} from collection where bill_id = b.id) c) c
        where b.kind = '{Kind.REPAYMENT.value}'
            and {wanted(question, period="b.period", agency="b.agency", bank="b.bank", unit="b.unit")}
        group by 1, 2, 3
    """
    return read(connection, query, len(KEYS), question)


FORM = Form(
    name="t10",
    paper="表十",
    title="欠缴单位还款表",
    keys=KEYS,
    measures=("filed", "arrived", "cancelled", "pending"),
    rows=rows,
    on_paper=OnPaper(
        title="北京市社会保险费欠缴单位还款表",
        made_by="参保单位",
        made_for="社保经(代)办机构业务岗",
        signatures=DESK_SIGNATURES,
        seal="参保单位章",
    ),
)
