"""Step 3, collect declarations (财表六, C9-1): the city takes in what each agency says its upload adds up to.

Reads: deduction-declared, key agency. Writes: declarations.
Rule: kept as declared; the city batch compares them with the lines.
Repeat: the inbox row of the event, and one declaration per session, agency, bank and kind.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.ledger import requests
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    for event in events:
        _receive(conn, event)


def _receive(conn: Connection, event: Received) -> None:
    requests.receive_declaration(conn, event.record, event.event_id)
