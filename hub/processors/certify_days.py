"""Step 12, tie out the days (日终核对; rules 12, 2): what every stage of a day that is over says is certified, red or not.

Reads: the books of days before today. Writes: certificates, each behind the one before; a work item for a red day.
Rule: a day is drawn when it is over and all that was begun on it has come to its end, and days in their order; what comes
later belongs to a later day. A red day that was mended is certified again, behind the newest; a good one never.
Repeat: certificates are numbered without a gap, and a number is taken once.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from hub.domain.tie_out import FIRST, Certificate, Row, certify
from hub.domain.work import Queue
from hub.ledger import clock, work_items
from hub.ledger.tie_out import cells, certificates, days, lines

_FAILED = "tie-out"


def pending(conn: Connection, now: datetime) -> list[date]:
    """Days that are over, had movement and have no certificate yet, ascending."""
    last = certificates.last_day(conn)
    first = clock.started_at(conn).date() if last is None else last + timedelta(days=1)
    yesterday = now.date() - timedelta(days=1)
    return days.moved(conn, first, yesterday) if first <= yesterday else []


def is_held_up(conn: Connection, now: datetime) -> bool:
    """Whether the first day that is pending is not at its end yet, and so none can be drawn."""
    return any(days.under_way(conn, day) for day in pending(conn, now)[:1])


def tell_of_failure(conn: Connection, reason: str, now: datetime) -> None:
    """Opens one item for a person: no day is certified until this is mended."""
    work_items.raise_item(
        conn,
        queue=Queue.CONTROL_TOTALS,
        about=_FAILED,
        at=now,
        field="日终核对",
        summary=f"Days are not certified: {reason} while tying them out. The months go on; see the log, and hub export tieout",
    )


def carry_out(conn: Connection, now: datetime) -> list[Certificate]:
    """Draws what can be drawn, and returns it. The caller sees to it that nobody still books into a day that is over."""
    drawn: list[Certificate] = []
    for day in pending(conn, now):
        if days.under_way(conn, day):
            break
        drawn += _drawn_again(conn, now) if not drawn else []
        if rows := cells.of_day(conn, day):
            drawn.append(_draw(conn, day, rows, now))
    if drawn:
        work_items.settle(conn, Queue.CONTROL_TOTALS, _FAILED, f"certified up to {drawn[-1].day}", now)
    return drawn


def _drawn_again(conn: Connection, now: datetime) -> list[Certificate]:
    """Red days whose books say something else by now."""
    mended = ((red.day, red.content["rows"], cells.of_day(conn, red.day)) for red in certificates.red(conn))
    return [_draw(conn, day, rows, now) for day, said, rows in mended if [row.as_json() for row in rows] != said]


def _draw(conn: Connection, day: date, rows: Sequence[Row], now: datetime) -> Certificate:
    before = certificates.newest(conn)
    number, previous = (1, FIRST) if before is None else (before.number + 1, before.sha256)
    certificate = certify(number, day, rows, lines.behind(conn, day, rows), previous)
    certificates.keep(conn, certificate)
    about = f"tie-out/{day}"
    if certificate.ok:
        work_items.settle(conn, Queue.CONTROL_TOTALS, about, f"certificate {number} ties out", now)
        return certificate
    red = [f"{row.agency} {row.bank} {row.movement}: {', '.join(row.red)}" for row in rows if row.red]
    work_items.raise_item(
        conn,
        queue=Queue.CONTROL_TOTALS,
        about=about,
        at=now,
        field="日终核对",
        summary=f"{day} does not tie out: {'; '.join(red)}. The lines: hub export tieout --date {day}",
    )
    return certificate
