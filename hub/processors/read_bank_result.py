"""Step 6, read a bank's answer (C9-3): every line is held against its request; the file is taken whole or quarantined.

Reads: a parsed result file. Writes: the answers of its batch, which is ANSWERED from here on.
Rule: contract section 4; anything that does not fit books nothing, and the batch stays open for another answer.
Repeat: the batch is the file's identity, and only one file holds it.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from hub.domain.bank_results import check_answers
from hub.domain.bank_results_columns import answers_fit, lines_of
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.lifecycle import BatchState
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

    An answer proves the delivery of a file where the bank's reply to us was lost.
    """
    if batch.state is BatchState.SENDING:
        batches.advance(conn, batch, BatchState.SENT, trouble="")
        found = batches.by_number(conn, batch.batch_no, lock=True)
        assert found is not None, "a locked batch does not go away"
        batch = found
        said = f"the bank's answer of {now:%Y-%m-%d %H:%M} shows that it has the file"
        work_items.settle(conn, Queue.UNSENT, batch.batch_no, said, now)
    results.keep(conn, batch, file.answers)
    batches.advance(conn, batch, BatchState.ANSWERED, result_file_id=file_id)
    work_items.settle(conn, Queue.LATE, batch.batch_no, f"the answer came {now:%Y-%m-%d %H:%M}", now)
