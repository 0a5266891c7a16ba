"""The sweeper: compares outbox with inbox and has sent again what was not taken in time.

Needed because a stream processor can commit past an event it never finished, and because a topic can be lost whole.
What is sent twice for nothing is known to the inbox. What is still not taken after it was swept twice is an incident,
and a person is told; it stays in flight, since the money is not where it belongs.
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, text

from hub.domain.work import Queue
from hub.ledger import clock, work_items
from hub.ledger.outbox import CHANNEL, INCIDENT_AFTER
from hub.runtime.failures import is_retriable, reason_of
from hub.runtime.shutdown import pause
from hub.runtime.watchdog import Watchdog

log = logging.getLogger(__name__)

NAME: Final = "sweeper"
OLDER_THAN_SECONDS: Final = 60.0
_ROWS_AT_ONCE: Final = 1000

# Each time the wait doubles, up to sixty-four times: a consumer that is down for a day is not buried in repeats.
# What the relay parked as too large is left to the person who was told.
_SWEEP: Final = text("""
    update outbox set published_at = null
    where id in (
        select id from outbox o
        where awaiting > 0
          and published_at < now() - make_interval(secs => :older * power(2, least(greatest(published - 1, 0), 6)))
          and not exists (
              select from dead_letter d
              where d.consumer = 'relay' and d.topic = o.topic and d.partition = -1 and d."offset" = o.id)
        order by id limit :limit for update skip locked)
    returning event_id, topic, published""")


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: events sent again, and those among them that a person was told of."""

    again: int
    incidents: int


def sweep(conn: Connection, older_than_seconds: float = OLDER_THAN_SECONDS) -> Swept:
    """Gives to the relay again what was published more than ``older_than_seconds`` ago and is still awaited."""
    rows = conn.execute(_SWEEP, {"older": older_than_seconds, "limit": _ROWS_AT_ONCE}).all()
    incidents = [row for row in rows if row.published >= INCIDENT_AFTER]
    for row in incidents:
        work_items.raise_item(
            conn,
            queue=Queue.DEAD_LETTER,
            summary=f"{row.topic}: an event was sent {row.published} times and is still not taken",
            about=f"{NAME}/{row.event_id}",
            detail={"event": str(row.event_id), "topic": row.topic, "published": row.published},
            at=clock.now(conn),
        )
    if rows:
        conn.execute(text("select pg_notify(:channel, '')"), {"channel": CHANNEL})
    return Swept(again=len(rows), incidents=len(incidents))


async def run_sweeper(
    engine: Engine,
    stop: asyncio.Event,
    older_than_seconds: float = OLDER_THAN_SECONDS,
    *,
    watchdog: Watchdog | None = None,
) -> None:
    """Sweeps until ``stop`` is set, four times within the limit."""
    while not await pause(stop, older_than_seconds / 4):
        if watchdog is not None:
            watchdog.turned(NAME)
        try:
            swept = await asyncio.to_thread(_sweep_once, engine, older_than_seconds)
        except Exception as error:
            if not is_retriable(error):
                raise
            log.warning("sweeper: tries again after %s", reason_of(error))
            continue
        if swept.again:
            log.warning("sweeper: %d events sent again, %d of them told to a person", swept.again, swept.incidents)
    if watchdog is not None:
        watchdog.ended(NAME)


def _sweep_once(engine: Engine, older_than_seconds: float) -> Swept:
    with engine.begin() as conn:
        return sweep(conn, older_than_seconds)
