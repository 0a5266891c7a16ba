"""One process of the hub in small, to be started and killed by the tests: ``worker.py <role> <database> <bootstrap>``.

Its processor writes one row a line into the table ``scratch``, which has no key of its own: what is booked twice shows.
"""

# ruff: noqa: E402  told to end while it still loads what follows, it ends as well as later
import signal
import sys

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

import asyncio
import os
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

import topics
from hub.ledger.database import engine
from hub.runtime.consume import Consumption, run_consumer
from hub.runtime.relay import run_relay
from hub.runtime.shutdown import stop_on_signals
from hub.runtime.streams import Transformation, run_streams
from hub.runtime.sweeper import run_sweeper
from hub.wire.events import Received

POISON = "999999"
"""The agency whose events no processor here can take."""
INSTANCE = os.environ.get("WORKER_INSTANCE") or None
"""A static member takes its place again at once after a kill; any other waits for the dead one's session to end."""
FUNDS = ("pension", "unemployment", "injury", "maternity")


class PoisonError(Exception):
    """This agency cannot be booked."""


def book(conn: Connection, events: Sequence[Received]) -> None:
    for event in events:
        _write(conn, event)


def _write(conn: Connection, event: Received) -> None:
    if event.record["agency"] == POISON:
        raise PoisonError
    conn.execute(
        text("insert into scratch (event_id, agency, fen) values (:id, :agency, :fen)"),
        [
            {"id": event.event_id, "agency": event.record["agency"], "fen": sum(line)}
            for line in zip(*(event.record[fund] for fund in FUNDS), strict=True)
        ],
    )


def split(record: dict[str, Any]) -> dict[str, Any]:
    """A stand-in for the split: the bank's own."""
    if record["agency"] == POISON:
        raise PoisonError
    kept = ("period", "round", "agency", "bank", "shard", "part", "batch_no", "booking_period", "business_date", "late")
    return {name: record[name] for name in (*kept, "first_line", *FUNDS)}


DECLARATIONS = Consumption(consumer="collect-declarations", topics=(topics.DEDUCTION_DECLARED,), handle=book)
ARRIVALS = Consumption(consumer="post-arrivals", topics=(topics.FUNDS_SPLIT,), handle=book)
SPLIT = Transformation(
    name="split-funds",
    reads=(topics.FIRST_RESULT, topics.SECOND_RESULT),
    writes=topics.FUNDS_SPLIT,
    transform=split,
)


async def main(role: str, url: str, bootstrap: str) -> None:
    stop = stop_on_signals()
    books = engine(url)
    print("ready", flush=True)
    match role:
        case "relay":
            await run_relay(books, bootstrap, stop)
        case "declarations":
            await run_consumer(DECLARATIONS, books, bootstrap, stop, instance=INSTANCE)
        case "arrivals":
            await run_consumer(ARRIVALS, books, bootstrap, stop, instance=INSTANCE)
        case "streams":
            await run_streams([SPLIT], books, bootstrap, stop)
        case "sweeper":
            await run_sweeper(books, stop, 2.0)
        case _:
            raise SystemExit(f"no role {role}")
    books.dispose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
