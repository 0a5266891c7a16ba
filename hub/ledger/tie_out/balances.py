"""Balances of the four funds (基金余额): what the journal holds at the end of a day, and what was certified the day before."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import Connection, text

from hub.domain.fund_balances import Balance, Booked, balances
from hub.domain.funds import FUND_NAMES
from hub.domain.posting import MEMORANDUM, Level
from hub.domain.tie_out import CELL_FIELDS, STAGES, Cell, Movement, Row, Stage, usual
from hub.ledger import clock
from hub.ledger.tie_out import certificates, days
from hub.ledger.tie_out.accounts import ACCOUNTS, INCOME

LEVELS: Final = {Movement.CITY_BALANCES: Level.CITY, Movement.BALANCES: Level.AGENCY}
_LISTED: Final = ", ".join(f"'{account}'" for account in sorted(MEMORANDUM))
_SIDES: Final = ", ".join(
    f"coalesce(sum(case when side = '{plus}' then fen else -fen end)"
    f" filter (where fund = '{fund}' and account in {accounts}), 0)"
    for accounts, plus in ((ACCOUNTS, "D"), (INCOME, "C"))
    for fund in FUND_NAMES
)
_AT_END: Final = text(f"""
    select level, agency, {_SIDES} from (
        select e.level, e.agency, p.account, p.fund, p.side, sum(p.amount_fen) as fen
        from journal_entry e join journal_posting p on p.entry_id = e.id
        where e.business_date <= :day and p.account not in ({_LISTED}) group by 1, 2, 3, 4, 5) booked
    group by level, agency
""")


def with_balances(conn: Connection, day: date, rows: Iterable[Row]) -> list[Row]:
    """The rows of a day, and behind them the balances of all agencies; none of a day on which nothing moved."""
    moved = list(rows)
    if not moved:
        return []
    return [*moved, *balances(moved, brought_forward(conn, day), at_end(conn, day))]


def at_end(conn: Connection, day: date) -> dict[Balance, Booked]:
    """What the journal holds when a business day is over, by level and agency, of all that it booked up to then."""
    levels = {level.value: movement for movement, level in LEVELS.items()}
    funds = len(FUND_NAMES)
    return {
        (levels[level], agency): Booked(_cell(fen[:funds]), _cell(fen[funds:]))
        for level, agency, *fen in conn.execute(_AT_END, {"day": day})
    }


def brought_forward(conn: Connection, day: date) -> dict[Balance, Cell]:
    """What was certified at the end of the last day before on which money was booked.

    Where days between have no certificate yet, it is what the journal holds: of a day that waits nobody has said anything.
    """
    before = certificates.last_before(conn, day)
    first = clock.started_at(conn).date() if before is None else before.day + timedelta(days=1)
    yesterday = day - timedelta(days=1)
    if days.booked(conn, first, yesterday):
        return {key: booked.account for key, booked in at_end(conn, yesterday).items()}
    rows: list[dict[str, Any]] = [] if before is None else before.content["rows"]
    return {
        (Movement(row["movement"]), row["agency"]): _certified(row) for row in rows if row["movement"] in list(LEVELS)
    }


def _certified(row: dict[str, Any]) -> Cell:
    cells = {
        stage: Cell(*(row["cells"][stage.value][field] for field in CELL_FIELDS))
        for stage in STAGES[Movement(row["movement"])]
    }
    return usual(cells, [Stage(stage) for stage in row["red"]])


def _cell(fen: Iterable[int]) -> Cell:
    pension, unemployment, injury, maternity = (int(each) for each in fen)
    return Cell(None, pension, unemployment, injury, maternity, pension + unemployment + injury + maternity)
