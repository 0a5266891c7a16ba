"""What became of supplements or repayments since the finance close before, for 财表二 and 财表三; empty before the close."""

from collections.abc import Iterable

from sqlalchemy import Connection

from hub.domain.dues import Kind
from hub.domain.funds import FUND_NAMES
from hub.ledger.finance_book import MEASURES
from hub.ledger.forms.form import Form, Question, SheetRow, read, wanted

KEYS = ("agency",)


def form(name: str, paper: str, title: str, kind: Kind) -> Form:
    """The form of a kind of bills. Its rows are the stored close of each agency: it is not restated."""

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
        name=name, paper=paper, title=title, keys=KEYS, measures=MEASURES, filters=frozenset({"agency"}), rows=rows
    )
