"""Subsidies of flexible workers (补贴划转, C10): what unemployment finance has to book now, has booked, has to bring back."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES
from hub.domain.subsidies import subsidy_state
from hub.ledger.forms.form import WIDTH, Form, Question, SheetRow, measures_of, wanted
from hub.ledger.forms.on_paper import DESK_SIGNATURES, OnPaper

KEYS = ("agency", "bill", "movement")
MEASURES = ("due", "booked")


def rows(connection: Connection, question: Question) -> Iterable[SheetRow]:
    """The movements that a 表四-1 calls for. ``due``: what it says; ``booked``: what is booked, less what was brought back.

    A unit part stands with the fund that it goes to. The medical subsidy, which goes to none of the four, stands with
    unemployment, which pays it.
    """
    full = " and ".join(f"c.{fund} >= b.{fund}" for fund in FUND_NAMES)
    money = ", ".join(f"coalesce(sum(c.{fund}), 0) as {fund}" for fund in FUND_NAMES)
    query = f"""
        select l.agency, l.bill_no, k.movement,
            1, k.pension, k.unemployment, 0, 0,
            (s.net > 0)::int, s.pension, s.unemployment, 0, 0,
            coalesce({full}, false), x.bill_id is not null, s.booked > 0, s.booked > 1
        from member_list l
        left join bill b on b.bill_no = l.bill_no and b.agency = l.agency and b.kind = 'S'
        left join cancellation x on x.bill_id = b.id
        cross join lateral (values ('UNIT', l.unit_pension, l.unit_unemployment), ('MEDICAL', 0::bigint, l.medical_subsidy))
            k (movement, pension, unemployment)
        cross join lateral (
            select count(*) as booked, coalesce(sum(s.pension), 0)::bigint as pension,
                coalesce(sum(s.unemployment + s.medical), 0)::bigint as unemployment,
                coalesce(sum(s.pension + s.unemployment + s.medical), 0) as net
            from subsidy s where s.bill_id = b.id and s.movement in (k.movement, k.movement || '-BACK')) s
        cross join lateral (select {money} from collection c where c.bill_id = b.id) c
        where l.variant = '1' and k.pension + k.unemployment > 0
            and {wanted(question, period="l.period", agency="l.agency", unit="b.unit", bank="b.bank")}
    """
    last = len(KEYS) + WIDTH * len(MEASURES)
    for row in connection.execute(text(query), question.values()):
        arrived, cancelled, booked, back = row[last:]
        state = subsidy_state(arrived=arrived, cancelled=cancelled, booked=booked, brought_back=back)
        yield SheetRow(tuple(row[: len(KEYS)]), measures_of(row, len(KEYS), last), state.value)


FORM = Form(
    name="subsidies",
    paper="",
    title="灵活就业人员社会保险补贴划转明细",
    keys=KEYS,
    measures=MEASURES,
    to_date=True,
    has_status=True,
    rows=rows,
    on_paper=OnPaper(
        made_by="社保经(代)办机构财务岗",
        made_for="失业保险财务",
        signatures=DESK_SIGNATURES,
        seal="经(代)办机构财务章",
    ),
)
