"""Hand-overs of units to inspection and the labour administration (移交, C11): rows are added, and nothing else."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from hub.domain.funds import FUND_NAMES
from hub.domain.hand_over import Desk, HandOver
from hub.domain.ids import SHARDS, shard_of
from hub.domain.money import ZERO, Fen
from hub.domain.timetable import TZ
from hub.ledger.database import lock_books_shared, lock_shards
from hub.ledger.forms.arrears import outstanding as arrears_outstanding

NEWEST: Final = "select distinct on (agency, unit) * from hand_over order by agency, unit, step desc"
"""SQL: the newest hand-over of each unit, which tells with whom it is."""
_TOTAL: Final = " + ".join(FUND_NAMES)


def agencies_of(conn: Connection, unit: str) -> list[str]:
    """The agencies that have billed a unit by the month; of most units one."""
    found = conn.execute(
        text("select distinct agency from bill where unit = cast(:unit as bpchar) and kind = 'M' order by 1"),
        {"unit": unit},
    )
    return list(found.scalars())


def take_turn(conn: Connection, agency: str, unit: str) -> None:
    """Held to the end of the transaction: nobody else hands the unit over, and no money is booked on its bills."""
    lock_books_shared(conn)
    lock_shards(conn, {(agency, shard_of(unit, SHARDS))})


def newest(conn: Connection, agency: str, unit: str) -> HandOver | None:
    """The last hand-over of a unit; None when it never left its agency."""
    row = conn.execute(
        text("select * from hand_over where agency = :agency and unit = :unit order by step desc limit 1"),
        {"agency": agency, "unit": unit},
    ).one_or_none()
    return None if row is None else _made(row)


@dataclass(frozen=True, slots=True)
class Owed:
    """What a unit owes its agency of closed months, fen, and the day on which the oldest of it became arrears."""

    total: Fen
    opened_on: date | None


def owed(conn: Connection, agency: str, unit: str) -> Owed:
    """The arrears of a unit as ``hub export arrears`` has them."""
    arrears = arrears_outstanding("a.agency = :agency and a.unit = cast(:unit as bpchar)")
    row = conn.execute(
        text(
            f"select sum({_TOTAL})::bigint as total, min(opened_on) as opened_on from ({arrears}) o where {_TOTAL} <> 0"
        ),
        {"agency": agency, "unit": unit},
    ).one()
    return Owed(Fen(row.total or ZERO), row.opened_on)


def keep(conn: Connection, made: HandOver) -> None:
    """Writes a hand-over down. The database holds it to begin where the one before has ended."""
    conn.execute(
        text("""
            insert into hand_over
                (agency, unit, step, from_desk, to_desk, handed_on, by_whom, note, outstanding, recorded_at)
            values (:agency, :unit, :step, :from_desk, :to_desk, :on, :by, :note, :outstanding, :at)
        """),
        {
            "agency": made.agency, "unit": made.unit, "step": made.step, "from_desk": made.from_desk.value,
            "to_desk": made.to_desk.value, "on": made.on, "by": made.by, "note": made.note,
            "outstanding": made.outstanding, "at": made.recorded_at,
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """A unit that was handed over, with what it owes by now, fen."""

    last: HandOver
    owes: Fen


def cases(conn: Connection, agency: str | None, desks: Collection[Desk]) -> list[Case]:
    """The units that are with one of these desks, of one agency when named, with what they owe by now."""
    arrears = arrears_outstanding("(a.agency, a.unit) in (select agency, unit from handed)")
    found = conn.execute(
        text(f"""
            with handed as materialized (
                select * from ({NEWEST}) n
                where to_desk = any(:desks) and (cast(:agency as bpchar) is null or agency = cast(:agency as bpchar)))
            select h.*, coalesce(o.owes, 0) as owes
            from handed h left join (
                select agency, unit, sum({_TOTAL})::bigint as owes from ({arrears}) a group by agency, unit) o
                using (agency, unit)
            order by agency, unit
        """),
        {"desks": [desk.value for desk in desks], "agency": agency},
    )
    return [Case(_made(row), Fen(row.owes)) for row in found]


def _made(row: Row[Any]) -> HandOver:
    return HandOver(
        agency=row.agency, unit=row.unit, step=row.step, from_desk=Desk(row.from_desk), to_desk=Desk(row.to_desk),
        on=row.handed_on, by=row.by_whom, note=row.note, outstanding=Fen(row.outstanding),
        recorded_at=row.recorded_at.astimezone(TZ),
    )  # fmt: skip
