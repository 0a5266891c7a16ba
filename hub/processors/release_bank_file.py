"""Step 5, write the bank file (财表七, C9-2): the bytes go to the archive, tied out against their batch, ready to deliver.

Reads: deduction-batched, key bank. Writes: the archived request file, its totals by agency; the batch is SENDING from here on.
Rule: the totals of the bytes as written equal the batch's control totals and the event's.
Repeat: the inbox row of the event; the archive keeps the same bytes once.
"""

from collections.abc import Sequence
from tempfile import TemporaryFile
from typing import BinaryIO, cast

from sqlalchemy import Connection

from hub.domain.lifecycle import BatchState
from hub.ledger import batches, files
from hub.ledger.batches import Batch, FileTotals
from hub.ports import Archived, BankFormat, FileArchive, WrittenTotals
from hub.wire.events import Received


def handle(conn: Connection, events: Sequence[Received], archive: FileArchive, formats: dict[str, BankFormat]) -> None:
    """``formats`` is the profile of each bank by its code."""
    for event in events:
        _write(conn, event, archive, formats)


def _write(conn: Connection, event: Received, archive: FileArchive, formats: dict[str, BankFormat]) -> None:
    # Gather
    batch = batches.by_number(conn, event.record["batch_no"], lock=True)
    assert batch is not None, f"batch {event.record['batch_no']} is not in the books"
    # Decide
    assert (event.record["lines"], event.record["total"]) == (batch.lines, batch.total), (
        f"deduction-batched of {batch.batch_no} differs from the batch"
    )
    asked_of: FileTotals = {}
    archived = write(conn, batch, archive, formats[batch.bank], asked_of)
    # Apply
    batches.keep_file_totals(conn, batch, asked_of)
    files.note_archived(conn, archived)
    batches.advance(conn, batch, BatchState.SENDING, request_sha256=archived.sha256)


def write(
    conn: Connection, batch: Batch, archive: FileArchive, profile: BankFormat, asked_of: FileTotals | None = None
) -> Archived:
    """Writes the file of a batch into the archive, once its bytes add up to the batch. ``asked_of`` is told by agency."""
    with TemporaryFile() as spool:
        out = cast(BinaryIO, spool)
        written = profile.write_request(batch.header, batches.request_lines(conn, batch, asked_of), out)
        assert written == WrittenTotals(batch.lines, batch.amounts, batch.amounts.total, batch.hash_total), (
            f"{batch.file_name} as written adds up to {written}, its batch says otherwise"
        )
        out.seek(0)
        return archive.store(out)
