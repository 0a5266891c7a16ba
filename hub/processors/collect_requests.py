"""Step 3, collect requests (C9-2): the city takes in the lines that the agencies ask to deduct.

Reads: deduction-requested, key agency/shard. Writes: the city's lines.
Rule: kept as received; the city batch holds every line against what its agency made and declared.
Repeat: the inbox row of the event, and one bundle an event.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.ledger import requests
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    requests.receive_bundles(conn, [(event.event_id, event.record) for event in events])
