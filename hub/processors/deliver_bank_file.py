"""Step 5, deliver the bank file (财表七, C9-2): over SFTP, proven by what the bank's server gives back.

Reads: batches that are SENDING. Writes: the receipt, bank-file-sent; the batch is SENT from here on. A work item for a
file whose hour passes without that proof.
Rule: the file, and its signature where one is agreed, are read back before the .ok goes out, and before anything says
"sent".
Repeat: the door looks before it acts, so an unknown outcome is resolved by looking and never tried again blindly.
"""

from datetime import datetime
from io import BytesIO

from sqlalchemy import Connection, Engine, text

import topics
from hub.domain.errors import HubError
from hub.domain.expected_files import Awaited, awaited
from hub.domain.lifecycle import BatchState, DeliveryOutcome, after_failure
from hub.domain.work import Queue
from hub.ledger import batches, clock, expected_files, files, outbox, work_items
from hub.ledger.batches import Batch
from hub.ports import Archived, BankDoor, BankFormat, BankSignatures, Delivery, FileArchive
from hub.wire.events import Event


def pending(conn: Connection, bank: str | None = None) -> list[Batch]:
    """Files that are written and not delivered, oldest first; of one bank when named."""
    return batches.in_state(conn, BatchState.SENDING, bank)


def watch(conn: Connection, now: datetime) -> int:
    """Opens an item, once, for each file that its bank should have by now, and returns how many are new.

    Whether nobody has written it, nobody has tried to send it, or the bank does not take it: the session asks nothing
    there, and the sooner a person knows, the more of its day is left.
    """
    found = 0
    for expected in expected_files.deliveries(conn):
        if not expected.is_overdue(now) or work_items.was_raised(conn, expected.queue, expected.batch_no):
            continue
        batch = batches.by_number(conn, expected.batch_no, lock=True)
        assert batch is not None, "a batch does not go away"
        if awaited(batch.state) is not Awaited.DELIVERY:  # it was sent while we waited for its row
            continue
        work_items.raise_item(
            conn,
            queue=expected.queue,
            bank=batch.bank,
            file=batch.file_name,
            about=batch.batch_no,
            at=now,
            summary=f"{batch.file_name} ({batch.lines} lines) is not proven to be at {batch.bank};"
            f" it was due {expected.due_at:%Y-%m-%d %H:%M}",
        )
        found += 1
    return found


def deliver(
    engine: Engine,
    batch: Batch,
    door: BankDoor,
    archive: FileArchive,
    profile: BankFormat,
    signatures: BankSignatures,
) -> bool:
    """Delivers one file; True when the bank has it. A failure is noted with a work item, and the next try goes on.

    The caller holds the bank's lock: one delivery at a time.
    """
    assert batch.request_sha256 is not None, "a file is written before it is delivered"
    try:
        archived = archive.proven(batch.request_sha256)
        signature, signed_by = _signature(engine, batch, archived, archive, signatures)
        ok_text = profile.ok_text(archived.sha256, archived.size)
        delivery = door.deliver(batch.file_name, archived.path, ok_text, signature)
    except HubError as failure:
        with engine.begin() as conn:
            _note_trouble(conn, batch, failure)
        return False
    with engine.begin() as conn:
        _note_sent(conn, batch, delivery, signed_by)
    return True


def _signature(
    engine: Engine, batch: Batch, archived: Archived, archive: FileArchive, signatures: BankSignatures
) -> tuple[bytes | None, str | None]:
    """What goes beside the file, and whose it is. Made once and kept before any of it is sent: another might differ."""
    if batch.signature is not None:
        return archive.proven(batch.signature).path.read_bytes(), batch.signed_by
    if not signatures.signs:
        return None, None
    made, by = signatures.sign(batch.file_name, archived)
    kept = archive.store(BytesIO(made))
    with engine.begin() as conn:
        files.note_archived(conn, kept)
        batches.note(conn, batch, signature=kept.sha256, signed_by=by)
    return made, by


def _note_trouble(conn: Connection, batch: Batch, failure: HubError) -> None:
    before = batches.by_number(conn, batch.batch_no, lock=True)
    assert before is not None, "a batch does not go away"
    outcome = after_failure(before.outcome, unknown=failure.outcome_unknown)
    batches.note(conn, batch, trouble=str(failure) or type(failure).__name__, outcome=outcome.value)
    summary = f"{batch.file_name} could not be delivered: {failure} {failure.advice}".strip()
    item = work_items.raise_item(
        conn,
        queue=Queue.UNSENT,
        bank=batch.bank,
        file=batch.file_name,
        about=batch.batch_no,
        at=clock.now(conn),
        summary=summary,
        detail={"retriable": failure.retriable, "outcome": outcome.value},
    )
    if item is None:
        work_items.reword(conn, Queue.UNSENT, batch.batch_no, summary)


def _note_sent(conn: Connection, batch: Batch, delivery: Delivery, signed_by: str | None) -> None:
    now = clock.now(conn)
    batches.advance(conn, batch, BatchState.SENT, trouble="", outcome=DeliveryOutcome.DELIVERED.value)
    conn.execute(
        text("""
            insert into bank_file_receipt (batch_id, name, size, sha256, host_key, signed_by, sent_at)
            values (:batch, :name, :size, :sha256, :host_key, :signed_by, :at)
        """),
        {
            "batch": batch.id, "name": delivery.name, "size": delivery.size, "sha256": batch.request_sha256,
            "host_key": delivery.host_key, "signed_by": signed_by, "at": now,
        },
    )  # fmt: skip
    for queue in (Queue.UNSENT, Queue.MISSING, Queue.EARLY):
        work_items.settle(conn, queue, batch.batch_no, f"delivered {now:%Y-%m-%d %H:%M}", now)
    sent = Event(
        topic=topics.BANK_FILE_SENT,
        key=batch.bank,
        subject=batch.batch_no,
        occurred_at=now,
        lines=batch.lines,
        record={
            "period": batch.period, "round": batch.round, "bank": batch.bank, "batch_no": batch.batch_no,
            "file_name": delivery.name, "size": delivery.size, "sha256": batch.request_sha256,
            "host_key": delivery.host_key, "lines": batch.lines, "total": batch.total,
        },
    )  # fmt: skip
    outbox.append(conn, [sent])
