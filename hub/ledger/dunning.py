"""Dunning lists (催缴名单): units not paid in full after the first posting, and units wholly in arrears for months running."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.dues import Mode
from hub.domain.dunning import DunningState, dunning_state, months_running, must_declare
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.hand_over import Desk
from hub.domain.money import Fen
from hub.domain.periods import Period
from hub.domain.timetable import Step
from hub.ledger import arrears_book, hand_overs
from hub.ledger.database import set_based
from hub.ledger.forms.arrears import outstanding

AT_ONCE: Final = 2_000
"""Rows fetched at a time: of a city's month that nobody has paid there are a million."""


def posted_banks(conn: Connection, period: str) -> list[str]:
    """The banks whose first posting of a period is done; dunning begins with it (rules, section 3)."""
    query = text("select bank from step_done where period = :period and step = :step and round = 1 order by bank")
    return list(conn.execute(query, {"period": period, "step": Step.POSTING.value}).scalars())


class Named(NamedTuple):
    """An agency's last choice for a unit; ``ended``: it has ended bank requests for the month, now or before."""

    mode: Mode
    pay_on: date
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Dunned:
    """A unit that is not paid in full. ``code``: of the bank's last answer, '' without one; ``desk``: who pursues its arrears."""

    agency: str
    unit: str
    unit_name: str
    bill_no: str
    mode: Mode
    bank: str
    due: FundAmounts
    missing: FundAmounts
    code: str
    state: DunningState
    named: Named | None
    desk: Desk
    handed_on: date | None

    @property
    def arrived(self) -> FundAmounts:
        return self.due.minus(self.missing)


# What a bill lacks and which are unanswered are told by the words of the month's close. The rest is looked up for those few
# bills, a table at a time: "offset 0" keeps the planner from hashing whole months for each of them.
_LIST: Final = f"""
    with changed as (
        select distinct on (v.batch_id, v.line) v.batch_id, v.line, n.code
        from reversal v join changed_answer n on n.reversal_id = v.id
        where v.booking_period <= :period order by v.batch_id, v.line, v.version desc),
    chosen as (
        select distinct on (bill_id) bill_id, mode, pay_on, bool_or(mode = 'S') over (partition by bill_id) as ended
        from second_collection where period = :period order by bill_id, id desc),
    handed as ({hand_overs.NEWEST})
    select b.agency, b.unit, b.unit_name, b.bill_no, b.mode, b.bank, {", ".join(f"b.{fund}" for fund in FUND_NAMES)},
           {", ".join(f"u.{fund}" for fund in FUND_NAMES)}, coalesce(x.code, a.code, '') as code,
           asked.bill_id is not null as asked, d.bill_id is not null as unanswered,
           h.mode as named_mode, h.pay_on, h.ended, o.to_desk, o.handed_on
    from ({arrears_book.UNARRIVED}) u
    join bill b on b.id = u.id
    left join ({arrears_book.IN_DOUBT}) d on d.bill_id = b.id
    left join lateral (select bill_id from instruction where bill_id = b.id limit 1) asked on true
    left join lateral (
        select r.batch_id, r.line, r.code
        from (select id, round from instruction where bill_id = b.id offset 0) i
        cross join lateral (select * from batch_section where instructions @> i.id offset 0) s
        cross join lateral (select id from batch where id = s.batch_id and booking_period <= :period offset 0) t
        cross join lateral (
            select * from result_line
            where batch_id = s.batch_id and line = s.first_line + i.id - lower(s.instructions) offset 0) r
        order by i.round desc limit 1) a on true
    left join changed x on x.batch_id = a.batch_id and x.line = a.line
    left join chosen h on h.bill_id = b.id
    left join handed o on o.agency = b.agency and o.unit = b.unit
    where (cast(:agency as bpchar) is null or b.agency = cast(:agency as bpchar))
      and cardinality(cast(:posted as text[])) > 0 and (b.mode = 'S' or b.bank = any(cast(:posted as text[])))
    order by b.agency, b.unit
"""


def listed(conn: Connection, period: str, agency: str | None) -> Iterator[Dunned]:
    """The units not paid in full, by agency and unit, of one agency when named; nobody before the first posting.

    A unit whose bank is not posted yet is left out: what became of it is not known. Reads as a stream, so the connection is
    busy until the end. Of a closed month it is what was missing at its end.
    """
    set_based(conn)
    values = {**arrears_book.bounds(conn, period), "agency": agency, "posted": posted_banks(conn, period)}
    found = conn.execution_options(stream_results=True, yield_per=AT_ONCE).execute(text(_LIST), values)
    for row in found:
        mode = Mode(row.mode)
        named = None if row.named_mode is None else Named(Mode(row.named_mode), row.pay_on, row.ended)
        yield Dunned(
            agency=row.agency, unit=row.unit, unit_name=row.unit_name, bill_no=row.bill_no, mode=mode, bank=row.bank,
            due=FundAmounts(*row[6:10]), missing=FundAmounts(*row[10:14]), code=row.code, named=named,
            state=dunning_state(
                by_bank=mode is Mode.BANK, asked=row.asked, unanswered=row.unanswered, named=named is not None
            ),
            desk=Desk.AGENCY if row.to_desk is None else Desk(row.to_desk), handed_on=row.handed_on,
        )  # fmt: skip


class Undeclared(NamedTuple):
    """A unit that may be required to declare itself: the months running for which nothing arrived, and what they come to."""

    agency: str
    unit: str
    months: tuple[Period, ...]
    owes: FundAmounts


# Units with too few such months at all are left in the database. A month in doubt is not one: the bank has not answered.
_WHOLLY: Final = f"""
    with wholly as (
        select o.* from ({outstanding("a.period <= :period and not a.in_doubt")}) o join bill b on b.id = o.bill_id
        where {" and ".join(f"o.{fund} = b.{fund}" for fund in FUND_NAMES)}),
    units as (
        select unit, array_agg(period order by period) as months, (array_agg(agency order by period desc))[1] as agency,
               {", ".join(f"array_agg({fund} order by period) as {fund}" for fund in FUND_NAMES)}
        from wholly group by unit having count(*) >= 2)
    select u.agency, u.unit, u.months, l.period as last_billed, {", ".join(f"u.{fund}" for fund in FUND_NAMES)}
    from units u cross join lateral (
        select period from bill where unit = u.unit and kind = 'M' and period <= :period order by period desc limit 1) l
    where cast(:agency as bpchar) is null or u.agency = cast(:agency as bpchar)
    order by u.agency, u.unit
"""


def undeclared(conn: Connection, period: str, agency: str | None) -> list[Undeclared]:
    """The units wholly in arrears for months running up to a closed ``period``, by agency and unit."""
    found = []
    for row in conn.execute(text(_WHOLLY), {"period": period, "agency": agency}):
        months = [Period(month) for month in row.months]
        running = months_running(months, Period(row.last_billed))
        if must_declare(running):
            owes = (_owed(months, running, getattr(row, fund)) for fund in FUND_NAMES)
            found.append(Undeclared(row.agency, row.unit, running, FundAmounts(*owes)))
    return found


def _owed(months: Sequence[Period], running: Sequence[Period], amounts: Sequence[int]) -> Fen:
    return Fen(sum(fen for month, fen in zip(months, amounts, strict=True) if month in running))


def last_closed(conn: Connection) -> Period | None:
    """The last period whose month end has been carried out; None before the first."""
    query = text("select max(period) from step_done where step = :step")
    found = conn.execute(query, {"step": Step.MONTH_CLOSE.value}).scalar_one()
    return None if found is None else Period(found)
