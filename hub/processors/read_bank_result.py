"""Step 6, read a bank's answer (C9-3): every line is held against its request; the file is taken whole or quarantined.

Reads: a parsed result file. Writes: the answers of its batch, which is ANSWERED from here on; work items for an answer
that comes early or empty.
Rule: contract section 4; anything that does not fit books nothing, and the batch stays open for another answer.
Repeat: the batch is the file's identity, and only one file holds it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from hub.domain.bank_results import check_answers
from hub.domain.bank_results_columns import answers_fit, lines_of
from hub.domain.expected_files import Awaited, awaited
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.lifecycle import BatchState, DeliveryOutcome
from hub.domain.work import Queue
from hub.ledger import batches, results, work_items
from hub.ledger.batches import Batch
from hub.ledger.database import lock_books_shared
from hub.ports import ResultFile

WAITING = (BatchState.SENDING, BatchState.SENT)
"""States in which an answer is awaited. SENDING: the bank has the file although its reply to us was lost."""


def identity(batch_no: str) -> str:
    """A result's identity is its batch (contract section 1)."""
    return f"RESULT/{batch_no}"


def check(conn: Connection, file: ResultFile) -> tuple[Batch | None, Sequence[Fault]]:
    """Every fault of the file against the books; its batch, locked, when there is one."""
    # Gather
    lock_books_shared(conn)
    batch = batches.by_number(conn, file.batch_no, lock=True)
    # Decide
    if batch is None or batch.bank != file.bank or batch.state is BatchState.BATCHED:
        return None, [Fault(1, "batch no", FaultCode.UNKNOWN_BATCH, f"a batch sent to {file.bank}", file.batch_no)]
    if batch.state not in WAITING:
        expected = "a batch that is not answered yet"
        return batch, [Fault(None, "batch no", FaultCode.IDENTITY_TAKEN, expected, file.batch_no)]
    faults: list[Fault] = []
    if file.request_name != batch.file_name:
        faults.append(Fault(1, "request file name", FaultCode.MISMATCH, batch.file_name, file.request_name))
    if not answers_fit(batches.asked(conn, batch), file.answers):
        faults += check_answers(batches.requested_lines(conn, batch), lines_of(file.answers))
    return batch, in_file_order(faults)


def keep(conn: Connection, batch: Batch, file: ResultFile, file_id: int, now: datetime) -> None:
    """Apply: the answers are in the books and nobody waits for them any longer.

    An answer proves the delivery of a file where the bank's reply to us was lost. It is early all the same, which the
    record of that file's way should show, though nobody has to act on it.
    """
    if batch.state is BatchState.SENDING:
        _raise_early(conn, batch, now)
        batches.advance(conn, batch, BatchState.SENT, trouble="", outcome=DeliveryOutcome.DELIVERED.value)
        found = batches.by_number(conn, batch.batch_no, lock=True)
        assert found is not None, "a locked batch does not go away"
        batch = found
        said = f"the bank's answer of {now:%Y-%m-%d %H:%M} shows that it has the file"
        for queue in (Queue.UNSENT, Queue.MISSING, Queue.EARLY):
            work_items.settle(conn, queue, batch.batch_no, said, now)
    results.keep(conn, batch, file.answers)
    batches.advance(conn, batch, BatchState.ANSWERED, result_file_id=file_id)
    for queue in (Queue.LATE, Queue.EMPTY):
        work_items.settle(conn, queue, batch.batch_no, f"the answer came {now:%Y-%m-%d %H:%M}", now)


def note_quarantined(
    conn: Connection, bank: str, name: str, file: ResultFile | None, now: datetime, *, empty: bool
) -> None:
    """What a file that books nothing says of the batch it names: that it is early, that it answers nothing.

    ``file`` is what of it could be read; ``empty``: it has no line, readable or not. The item that names the file's faults
    waits for a person; these are about what is awaited, and settle when it comes.
    """
    batch = None if file is None else batches.by_number(conn, file.batch_no, lock=True)
    if batch is not None and (batch.bank != bank or awaited(batch.state) is None):
        return
    if batch is not None and awaited(batch.state) is Awaited.DELIVERY:
        _raise_early(conn, batch, now)
    if empty:
        work_items.raise_item(
            conn,
            queue=Queue.EMPTY,
            bank=bank,
            file=name,
            about=empty_without_batch(bank, name) if batch is None else batch.batch_no,
            at=now,
            summary=f"{name} answers nothing"
            + ("" if batch is None else f" of the {batch.lines} lines of {batch.file_name}"),
        )


def empty_without_batch(bank: str, name: str) -> str:
    """What an empty file is about that names no batch: a corrected one may follow under its name."""
    return f"{bank}/{name}"


def _raise_early(conn: Connection, batch: Batch, now: datetime) -> None:
    work_items.raise_item(
        conn,
        queue=Queue.EARLY,
        bank=batch.bank,
        file=batch.file_name,
        about=batch.batch_no,
        at=now,
        summary=f"{batch.bank} answered {batch.file_name} before it was proven sent",
    )
