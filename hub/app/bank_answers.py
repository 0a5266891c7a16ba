"""A bank's answer once its bytes are archived: read, held against its request, taken in whole or not at all.

The same way for every file, however it came: over SFTP, released from quarantine, or handed in for one that did not fit.
"""

from io import BytesIO
from typing import NamedTuple

from sqlalchemy import Connection

from hub.app.identities import identity_taken
from hub.app.wiring import Hub
from hub.domain.changed_answers import ChangesFile
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.money_columns import added_up
from hub.domain.signatures import Demand
from hub.domain.work import Queue
from hub.ledger import clock, files, result_numbers, work_items
from hub.ledger.batches import Batch
from hub.ledger.files import NOBODY, LetIn
from hub.ports import Archived, Refused, ResultFile, Signature
from hub.processors import read_bank_result, release_results, take_in_changes


class Coming(NamedTuple):
    """A file that came from a bank under a name."""

    bank: str
    name: str
    archived: Archived
    signature: Signature | None = None


def signed(hub: Hub, coming: Coming, signature: bytes | None) -> tuple[Coming, Fault | None]:
    """The file with what lay beside it as its signature, and what is wrong with that, if signatures are agreed.

    Checked before anything of the file is read; the signature is archived, right or wrong.
    """
    agreed = hub.signatures[coming.bank]
    if agreed.demand is Demand.NONE:
        return coming, None
    with hub.engine.connect() as conn:
        day = clock.now(conn).date()
    found = agreed.check(coming.name, coming.archived, signature, day)
    if signature:
        by = found if isinstance(found, str) else None
        coming = coming._replace(signature=Signature(hub.archive.store(BytesIO(signature)), by))
    return coming, found if isinstance(found, Fault) else None


def read(hub: Hub, coming: Coming) -> ResultFile | Refused:
    """The archived bytes by the bank's profile."""
    with coming.archived.path.open("rb") as data:
        return hub.formats[coming.bank].parse_result(coming.name, coming.bank, data)


def check(hub: Hub, conn: Connection, coming: Coming, file: ResultFile) -> tuple[Batch | None, list[Fault]]:
    """The batch that is answered, locked, and every fault of the answer against the books."""
    batch, found = read_bank_result.check(conn, file)
    identity = read_bank_result.identity(file.batch_no)
    encoding = hub.formats[coming.bank].encoding
    return batch, [*found, *identity_taken(hub.archive, conn, identity, coming.archived, encoding)]


def take_in(hub: Hub, conn: Connection, coming: Coming, file: ResultFile, let_in: LetIn = NOBODY) -> list[Fault]:
    """Takes in an answer that fits, and releases it for posting when that is due; else its faults, and nothing is booked."""
    batch, faults = check(hub, conn, coming, file)
    if batch is None or faults:
        assert faults, "an answer to nothing is at fault"
        return faults
    now = clock.now(conn)
    file_id = files.record(
        conn, door="bank", party=coming.bank, name=coming.name, archived=coming.archived, at=now, outcome="accepted",
        identity=read_bank_result.identity(file.batch_no), lines=len(file.answers),
        total=added_up(file.answers["deducted"]), let_in=let_in, signature=coming.signature,
    )  # fmt: skip
    read_bank_result.keep(conn, batch, file, file_id, now)
    result_numbers.note(conn, hub.formats[coming.bank], coming.bank, file_id, now)
    empty = read_bank_result.empty_without_batch(coming.bank, coming.name)
    work_items.settle(conn, Queue.EMPTY, empty, f"{coming.name} came with its lines", now)
    release_results.release_if_due(conn, file.batch_no, now)
    return []


def every_fault(hub: Hub, refused: Refused) -> list[Fault]:
    """The faults of a file as it stands and, as far as it can be read, those against its request."""
    if refused.readable is None:
        return list(refused.faults)
    with hub.engine.begin() as conn:
        _, found = read_bank_result.check(conn, refused.readable)
    return list(refused.beside(found))


# ── changed answers ─────────────────────────────────────────────────────────────────────────────────────────────────
def read_change(hub: Hub, coming: Coming) -> ChangesFile | Refused:
    """The archived bytes of a file of changes by the bank's profile."""
    with coming.archived.path.open("rb") as data:
        return hub.formats[coming.bank].parse_change(coming.name, coming.bank, data)


def was_taken_in(conn: Connection, coming: Coming) -> bool:
    """Whether the very bytes of a file of changes were taken in before, under whatever name."""
    return files.accepted_by_content(conn, "bank", coming.bank, coming.archived.sha256) is not None


def take_in_change(hub: Hub, conn: Connection, coming: Coming, file: ChangesFile) -> list[Fault] | None:
    """Books a file of changes that fits, or says its faults; None: it waits for an answer that is not posted yet.

    A change that comes before the answer it changes is no mistake, only early: it lies where it is until its time has
    come, so that the books are the same whichever came first. A person is told, and need not act.
    """
    checked = take_in_changes.check(conn, file)
    now, about = clock.now(conn), f"{coming.bank}/{coming.name}"
    identity = take_in_changes.identity(coming.bank, coming.name)
    faults = [
        *checked.faults,
        *identity_taken(hub.archive, conn, identity, coming.archived, hub.formats[coming.bank].encoding),
    ]
    if not faults and was_taken_in(conn, coming):  # it would be booked twice, if it is no further change
        expected = (
            "another content than a file of changes before; a further change has a reference or reason of its own"
        )
        faults.append(Fault(None, "file", FaultCode.DUPLICATE, expected, coming.name))
    if not faults and checked.waits:
        work_items.raise_item(
            conn, queue=Queue.EARLY, bank=coming.bank, file=coming.name, about=about, at=now,
            summary=f"{coming.name} changes answers that are not posted yet; it waits at {coming.bank} until they are",
        )  # fmt: skip
        return None
    work_items.settle(conn, Queue.EARLY, about, f"looked at again {now:%Y-%m-%d %H:%M}", now)
    if faults:
        return list(in_file_order(faults))
    file_id = files.record(
        conn, door="bank", party=coming.bank, name=coming.name, archived=coming.archived, at=now, outcome="accepted",
        identity=identity, lines=len(file.changes), total=file.total, signature=coming.signature,
    )  # fmt: skip
    take_in_changes.keep(conn, file, coming.name, checked.answers, file_id, now)
    empty = read_bank_result.empty_without_batch(coming.bank, coming.name)
    work_items.settle(conn, Queue.EMPTY, empty, f"{coming.name} came with its lines", now)
    return []
