"""What became of supplements or repayments since the finance close before, for 财表二 and 财表三; empty before the close."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.dues import Kind
from hub.domain.funds import FUND_NAMES
from hub.ledger.finance_book import MEASURES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency",)


def form(name: str, paper: str, title: str, kind: Kind, official: str) -> Form:
    """The form of a kind of bills; ``official`` is its title in the rules (C10, C11).

    Its rows are the stored close of each agency: it is not restated.
    """

    def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
        columns = ", ".join(
            f"c.{measure}_count, {', '.join(f'c.{measure}[{at}]' for at in range(1, len(FUND_NAMES) + 1))}"
            for measure in MEASURES
        )
        query = f"""
            select c.agency, {columns} from finance_close c
            where c.kind = :kind and {wanted(question, period="c.period", agency="c.agency")}
        """
        return read(connection, query, len(KEYS), question, kind=kind.value)

    return Form(
        name=name,
        paper=paper,
        title=title,
        keys=KEYS,
        measures=MEASURES,
        filters=frozenset({"agency"}),
        rows=rows,
        on_paper=OnPaper(
            title=official,
            made_by="社保经(代)办机构财务岗",
            made_for="市社保中心收缴岗",
            signatures=DESK_SIGNATURES,
            seal="经(代)办机构财务章",
        ),
    )
