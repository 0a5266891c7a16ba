"""Other incomes (其他项目收入, C15): the sub-ledger of what the funds received beside contributions, and 财表四 at the close."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.funds import FUND_NAMES
from hub.domain.other_incomes import IncomeLine
from hub.domain.periods import Period

_FUNDS: Final = ", ".join(FUND_NAMES)


def known(conn: Connection, income_nos: Collection[str]) -> set[str]:
    """Income ids taken in before."""
    found = conn.execute(
        text("select income_no from other_income where income_no = any(:wanted)"), {"wanted": list(income_nos)}
    )
    return set(found.scalars())


_KEEP: Final = text(f"""
    insert into other_income (income_no, agency, item, unit, period, {_FUNDS}, received_on, booking_period, file_id, line,
                              accepted_at, entry_id)
    values (:income_no, :agency, :item, :unit, :period, {", ".join(f":{fund}" for fund in FUND_NAMES)}, :received_on,
            :booking_period, :file_id, :line, :at, :entry_id)
""")


def keep(
    conn: Connection, *, file_id: int, agency: str, at: datetime, booking_period: Period, entry_id: int,
    lines: Iterable[IncomeLine],
) -> None:  # fmt: skip
    """Stores accepted lines under the entry that books them all."""
    conn.execute(
        _KEEP,
        [
            {
                "income_no": line.income_no, "agency": agency, "item": line.item.value, "unit": line.unit or None,
                "period": line.period, **line.amounts._asdict(), "received_on": line.received_on,
                "booking_period": str(booking_period), "file_id": file_id, "line": line.line, "at": at,
                "entry_id": entry_id,
            }
            for line in lines
        ],
    )  # fmt: skip


_CLOSE: Final = text(f"""
    insert into other_income_close (period, agency, item, closed_at, booked_count, booked)
    select :period, agency, item, :at, count(*), array[{", ".join(f"sum({fund})::bigint" for fund in FUND_NAMES)}]
    from other_income
    where accepted_at < :at and (cast(:since as timestamptz) is null or accepted_at >= :since)
    group by agency, item
""")


def close(conn: Connection, period: str, at: datetime, since: datetime | None) -> int:
    """Draws up 财表四: what was booked from the finance close before (``since``; None: from the first) up to this one's hour.

    Returns how many rows. Whatever period it was booked in: what came after a month's end is in the next close (rules
    section 8).
    """
    return conn.execute(_CLOSE, {"period": period, "at": at, "since": since}).rowcount
