"""Step 3, collect requests (C9-2): the city takes in the lines that the agencies ask to deduct.

Reads: deduction-requested, key agency/shard. Writes: the city's lines.
Rule: every instruction of a bundle is one that its agency made for this session and bank.
Repeat: the inbox row of the event, and one city line an instruction.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from hub.ledger import requests
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received]) -> None:
    for event in events:
        _receive(conn, event)


def _receive(conn: Connection, event: Received) -> None:
    known = requests.receive_lines(conn, event.record, event.event_id)
    assert known == len(event.record["instructions"]), (
        f"{len(event.record['instructions']) - known} instructions of the bundle were never made by its agency"
    )
