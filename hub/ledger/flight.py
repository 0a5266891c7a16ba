"""What is in flight: events that a consumer of record has not taken, and bank files on their way out."""

from dataclasses import dataclass

from sqlalchemy import Connection, text

from hub.domain.lifecycle import BatchState
from hub.ledger import outbox


@dataclass(frozen=True, slots=True)
class Waiting:
    """Counts of what is in flight. A file whose delivery failed waits for its bank, or a person, and is not in flight."""

    events: int
    bank_files: int

    @property
    def total(self) -> int:
        return self.events + self.bank_files

    @property
    def said(self) -> str:
        return f"{self.events} events and {self.bank_files} bank files are"


_FILES = "from batch where state = :state and trouble = ''"


def waiting(conn: Connection, up_to: int | None = None) -> Waiting:
    """Both counts, from partial indexes. A file that is not written yet is in flight as the event that asks for it.

    Named the number of an event, only those up to it are counted, so that what comes after does not matter.
    """
    files = conn.execute(text(f"select count(*) {_FILES}"), {"state": BatchState.SENDING.value}).scalar_one()
    return Waiting(outbox.in_flight(conn, up_to), int(files))


def is_still(conn: Connection, up_to: int | None = None) -> bool:
    """Whether nothing is in flight, asked cheaply: for looking many times a second."""
    if not outbox.is_still(conn, up_to):
        return False
    return not conn.execute(text(f"select exists (select {_FILES})"), {"state": BatchState.SENDING.value}).scalar_one()
