"""The requests that the hub would have sent to a bank in shadow, by the very code that makes those of a live one.

Everything is done in a transaction that is rolled back: instructions, batches and, for the second session, the first with
the answers that the bank gave to the other system. What stays is a file in the archive, and a copy of it to look at.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import Connection, Engine

from hub.app.shadow import comparing
from hub.app.wiring import Hub
from hub.domain.lifecycle import BatchState
from hub.domain.parties import BankTerms
from hub.ledger import batches, clock, files, requests, shadow
from hub.ledger.batches import Batch
from hub.ledger.database import set_based
from hub.ledger.shadow import Origin, Session
from hub.ports import Archived, ResultFile
from hub.processors import read_bank_result, release_bank_file


def make_requests(hub: Hub, code: str) -> list[Session]:
    """Makes the requests of every session of a bank in shadow that has none yet; the caller holds the bank's lock."""
    with hub.engine.connect() as conn:
        waiting = shadow.sessions(conn, code, made=False)
    for session in waiting:
        written = _rehearse(hub, session)
        for batch, archived in written:
            _lay_down(hub, code, batch.file_name, archived)
        with hub.engine.begin() as conn:
            now = clock.now(conn)
            shadow.note_made(conn, session, now)
            for batch, archived in written:
                shadow.note_file(
                    conn, bank=code, origin=Origin.HUB, name=batch.file_name, fingerprint=batch.batch_no,
                    archived=archived, at=now, period=session.period, round_=session.round,
                )  # fmt: skip
    return waiting


@contextmanager
def nothing_stays(engine: Engine) -> Iterator[Connection]:
    """A transaction in which everything may be done, since it is rolled back however it ends."""
    with engine.connect() as conn:
        transaction = conn.begin()
        try:
            set_based(conn)
            yield conn
        finally:
            transaction.rollback()


def _rehearse(hub: Hub, session: Session) -> list[tuple[Batch, Archived]]:
    terms = hub.parties.banks[session.bank]
    with hub.engine.connect() as conn:
        before = [s for s in shadow.sessions(conn, session.bank, made=True) if s.period == session.period]
    with nothing_stays(hub.engine) as conn:
        for earlier in before:
            for batch in _batches(hub, conn, earlier, terms):
                _answer(hub, conn, earlier, batch)
        return [
            (batch, release_bank_file.write(conn, batch, hub.archive, hub.formats[session.bank]))
            for batch in _batches(hub, conn, session, terms)
        ]


def _batches(hub: Hub, conn: Connection, session: Session, terms: BankTerms) -> list[Batch]:
    # Numbers are drawn outside of the rehearsal: drawing them holds up every other session until it ends.
    with hub.engine.begin() as aside:
        asking = requests.asking_aside(aside, session.period, session.bank)
    if asking is None:
        return []
    requests.open_instructions(
        conn, session.period, session.round, session.closes_at, session.begun_at, [session.bank], asking
    )
    profile = hub.formats[session.bank]
    return batches.form(
        conn, session.period, session.round, session.day, [terms], (),
        lambda each, day, seq: profile.request_name(each.code, day, seq),
    )  # fmt: skip


def _answer(hub: Hub, conn: Connection, session: Session, batch: Batch) -> None:
    """What the bank answered to the other system in this session, as the answer to ours, as far as there is one."""
    found = comparing.answered_here(hub, conn, session, batch.file_name)
    if found is None:
        return
    file_id = files.record(
        conn, door="bank", party=session.bank, name=found.file.name, archived=hub.archive.find(found.file.sha256),
        at=found.file.seen_at, outcome="accepted", identity=read_bank_result.identity(batch.batch_no),
    )  # fmt: skip
    for state in (BatchState.SENDING, BatchState.SENT):
        batches.advance(conn, batch, state)
        batch = _again(conn, batch)
    answer = ResultFile(session.bank, batch.batch_no, batch.file_name, session.day, found.answers)
    read_bank_result.keep(conn, batch, answer, file_id, found.file.seen_at)


def _again(conn: Connection, batch: Batch) -> Batch:
    found = batches.by_number(conn, batch.batch_no)
    assert found is not None, "a batch of this rehearsal is there"
    return found


def folder_of(hub: Hub, code: str) -> Path:
    """Where people find what the hub would have sent to a bank in shadow, and lay down what the other system sent."""
    return hub.settings.home / "shadow" / code


def _lay_down(hub: Hub, code: str, name: str, archived: Archived) -> None:
    """A copy of a request with its ``.ok``, each whole or not at all."""
    folder = folder_of(hub, code)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with archived.path.open("rb") as source, NamedTemporaryFile(dir=folder, delete=False) as out:
        shutil.copyfileobj(source, out)
    Path(out.name).replace(folder / name)
    with NamedTemporaryFile(dir=folder, delete=False) as beside:
        beside.write(hub.formats[code].ok_text(archived.sha256, archived.size))
    Path(beside.name).replace(folder / f"{name}.ok")
