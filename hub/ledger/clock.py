"""Business time. Manual: a row that only ``hub clock advance`` moves. System: the time of day, and the row holds how
far it has come at least, so that no clock that is behind goes back before it."""

from datetime import datetime

from sqlalchemy import Connection, text

from hub.domain.errors import ConfigurationError, NotRunningError
from hub.domain.timetable import TZ


def set_up(conn: Connection, mode: str, start: datetime | None) -> None:
    """Starts business time at the first ``hub up``; afterwards only checks that the mode is still the same."""
    begun = conn.execute(text("select mode from business_clock")).scalar_one_or_none()
    if begun is None:
        started_at = start if start is not None else datetime.now(TZ)
        now_at = started_at if mode == "manual" else datetime.now(TZ)
        conn.execute(
            text("insert into business_clock (mode, started_at, now_at) values (:mode, :started_at, :now_at)"),
            {"mode": mode, "started_at": started_at, "now_at": now_at},
        )
    elif begun != mode:
        raise ConfigurationError(
            f"these books were begun with the {begun} clock, the configuration says {mode}",
            advice=f'set [clock] mode = "{begun}", or begin new books in another home',
        )


def now(conn: Connection) -> datetime:
    """Business time, aware, Asia/Shanghai."""
    row = conn.execute(text("select mode, now_at from business_clock")).one_or_none()
    if row is None:
        raise NotRunningError("the books have not been opened yet", advice="run: hub up")
    at: datetime = row.now_at if row.mode == "manual" else max(row.now_at, datetime.now(TZ))
    return at.astimezone(TZ)


def is_manual(conn: Connection) -> bool:
    return conn.execute(text("select mode from business_clock")).scalar_one_or_none() == "manual"


def started_at(conn: Connection) -> datetime:
    """Nothing that was due before is carried out."""
    at: datetime = conn.execute(text("select started_at from business_clock")).scalar_one()
    return at.astimezone(TZ)


def move_to(conn: Connection, at: datetime) -> None:
    """Moves the manual clock forward; of the system's, says that this moment has come. It never goes back."""
    conn.execute(text("update business_clock set now_at = greatest(now_at, :at)"), {"at": at})
