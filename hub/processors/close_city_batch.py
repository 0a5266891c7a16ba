"""Step 4, close the city batch (C9-2): requests are held against 财表六, added up (表二十六) and made into bank files (财表七).

Reads: the city's lines and declarations. Writes: batches with numbered lines, deduction-batched.
Rule: an upload whose control totals do not match is held back with a work item, and stops nothing else; a bank that is
left without a file although lines were requested of it is told, too, and bills of a bank in shadow, which nobody is asked for.
Repeat: the step is marked done in the same transaction; an instruction is in one batch.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

import topics
from hub.domain.money import Fen, print_yuan
from hub.domain.parties import BankTerms
from hub.domain.timetable import ScheduledStep
from hub.domain.work import Queue
from hub.ledger import batches, outbox, requests, shadow, steps, work_items
from hub.ledger.batches import Batch, NameOf
from hub.ledger.database import lock_books, set_based
from hub.wire.events import Event


def carry_out(
    conn: Connection, step: ScheduledStep, now: datetime, banks: Sequence[BankTerms], name_of: NameOf
) -> list[Batch]:
    """Closes the batch of ``step`` and returns the bank files to send."""
    # Gather
    lock_books(conn)
    set_based(conn)
    period, round_ = str(step.period), step.round
    differences = requests.differences(conn, period, round_)
    # Decide
    held = {(difference.agency, difference.bank) for difference in differences}
    # Apply
    steps.mark_done(conn, step, now)
    for difference in differences:
        work_items.raise_item(
            conn,
            queue=Queue.CONTROL_TOTALS,
            agency=difference.agency,
            bank=difference.bank,
            at=now,
            about=f"{period}/{round_}/{difference.agency}/{difference.bank}/{difference.kind}",
            field="财表六",
            summary=f"{period} round {round_}: declared {difference.declared}, received {difference.received}"
            " (lines and four funds in fen); the upload is held back",
        )
    made = batches.form(conn, period, round_, now.date(), banks, held, name_of)
    asked = requests.declared_banks(conn, period, round_) | {bank for _, bank in held}
    for bank in sorted(asked - {batch.bank for batch in made}):
        work_items.raise_item(
            conn,
            queue=Queue.MISSING,
            bank=bank,
            at=now,
            about=f"{period}/{round_}/{bank}",
            summary=f"{period} round {round_}: lines were requested of {bank}, and no file goes there",
        )
    _tell_not_asked(conn, period, now)
    outbox.append(conn, [_batched(conn, batch, now) for batch in made])
    return made


def _tell_not_asked(conn: Connection, period: str, now: datetime) -> None:
    """A person knows, once a period, for which bills another system has to see to the money."""
    for bank, bills, total in ((each.bank, each.bills, each.total) for each in shadow.not_asked(conn, period)):
        about = f"{period}/{bank}"
        if bills and not work_items.was_raised(conn, Queue.SHADOW, about):
            work_items.raise_item(
                conn,
                queue=Queue.SHADOW,
                bank=bank,
                at=now,
                about=about,
                summary=f"{period}: {bills} bills of {print_yuan(Fen(total))} are not asked for by this hub, and are no part of its"
                f" month end: {bank} is in shadow. Resolve this when the other system has answered for them.",
            )


def _batched(conn: Connection, batch: Batch, now: datetime) -> Event:
    agencies, lines, totals = zip(*batches.agency_totals(conn, batch), strict=True)
    return Event(
        topic=topics.DEDUCTION_BATCHED,
        key=batch.bank,
        subject=batch.batch_no,
        occurred_at=now,
        lines=batch.lines,
        record={
            "period": batch.period, "round": batch.round, "bank": batch.bank, "batch_no": batch.batch_no,
            "file_name": batch.file_name, "business_date": batch.business_date, "lines": batch.lines,
            **batch.amounts._asdict(), "total": batch.total, "hash_total": batch.hash_total,
            "agencies": agencies, "agency_lines": lines, "agency_totals": totals,
        },
    )  # fmt: skip
