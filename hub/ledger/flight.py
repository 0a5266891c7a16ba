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


def waiting(conn: Connection) -> Waiting:
    """Both counts, from partial indexes. A file that is not written yet is in flight as the event that asks for it."""
    files = conn.execute(
        text("select count(*) from batch where state = :state and trouble = ''"),
        {"state": BatchState.SENDING.value},
    ).scalar_one()
    return Waiting(outbox.in_flight(conn), int(files))
