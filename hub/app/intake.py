"""The agencies' door: a file is archived, read, held against the books, and taken whole or refused with every fault."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import psycopg
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, OperationalError

from connectors.formats import agency_files
from connectors.formats.agency_frame import AgencyFileKind, AgencyFileName
from connectors.formats.dues_columns import DoubtError, open_dues
from hub.app import schedule
from hub.app.identities import identity_taken
from hub.app.wiring import Hub
from hub.domain.dues import DuesFile
from hub.domain.errors import HubError, RetriableError
from hub.domain.faults import Fault
from hub.domain.members import MembersFile, discreet
from hub.domain.other_incomes import IncomesFile
from hub.domain.receipts import ReceiptsFile
from hub.domain.returned_payments import ReturnsFile
from hub.domain.second_collection import AgainFile
from hub.domain.subsidies import SubsidiesFile
from hub.ledger import clock, files
from hub.ledger.database import INTAKE_LOCK, lock_books_shared
from hub.ports import Archived
from hub.processors import (
    take_in_dues,
    take_in_incomes,
    take_in_members,
    take_in_receipts,
    take_in_returns,
    take_in_second_collection,
    take_in_subsidies,
)
from hub.runtime.work_log import working

AgencyFile = DuesFile | AgainFile | ReceiptsFile | ReturnsFile | MembersFile | SubsidiesFile | IncomesFile
TRIES = 3
MAX_BYTES = 2 << 30
"""A file of a million lines has some 200 MB."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What an agency is told about its file. ``total`` is fen."""

    file: str
    accepted: bool
    repeat: bool = False
    bills: int = 0
    total: int = 0
    faults: Sequence[Fault] = ()

    def as_json(self) -> dict[str, object]:
        """The contract's acceptance or refusal."""
        if self.accepted:
            return {
                "accepted": True,
                "file": self.file,
                "repeat": self.repeat,
                "bills": self.bills,
                "total": self.total,
            }
        return {"accepted": False, "file": self.file, "faults": [fault.as_json() for fault in self.faults]}


class _MoneyUnderWayError(RetriableError):
    """What a bank has paid for a bill of the file is not posted yet."""

    def __init__(self) -> None:
        super().__init__(
            "Banks' money for bills of this file keeps coming in.", advice="Hand the file in again in a minute."
        )


def submit(hub: Hub, path: Path) -> Answer:
    """Takes one file. Nothing is lost either way: its bytes are in the archive before it is read."""
    with working(_stage(path.name)) as piece:
        answer = _submit(hub, path)
        piece.lines = answer.bills
    return answer


def _stage(name: str) -> str:
    """What taking a file in is called in the record of work, by the kind that its name tells."""
    kinds = {
        "DUES": "take-in-dues", "AGAIN": "take-in-second-collection", "RCPT": "take-in-receipts", "RTN": "take-in-returns",
        "INC": "take-in-incomes",
        "MEMB": "take-in-members", "SUBS": "take-in-subsidies",
    }  # fmt: skip
    return kinds.get(name.partition("_")[0], "take-in")


def _submit(hub: Hub, path: Path) -> Answer:
    if not path.is_file():
        raise HubError(f"{path} is no regular file.", advice="Hand in the file itself, by its path.")
    if path.stat().st_size > MAX_BYTES:
        raise HubError(
            f"{path} has {path.stat().st_size} bytes; a file has {MAX_BYTES} at most.",
            advice="Hand the lines in as several files.",
        )
    with path.open("rb") as source:
        archived = hub.archive.store(source)
    for attempt in range(1, TRIES + 1):
        try:
            taken = _taken_by_columns(hub, path.name, archived)
            if taken is not None:
                return taken
            with hub.engine.begin() as conn:
                return _answer(hub, conn, path.name, archived)
        except _MoneyUnderWayError:
            if attempt == TRIES:
                raise
            schedule.settle(hub)
        except (IntegrityError, OperationalError, psycopg.OperationalError):  # the last from a copy, not by SQLAlchemy
            # Someone else took the same bill meanwhile, or a lock was lost: look again, and say what is there now.
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable")


def _taken_by_columns(hub: Hub, name: str, archived: Archived) -> Answer | None:
    """A new dues file that is certainly right is taken in at once; None when it is not, and nothing has happened."""
    if AgencyFileName.kind_of(name) is not AgencyFileKind.DUES:
        return None
    try:
        with hub.engine.begin() as conn, archived.path.open("rb") as data:
            _lock(conn, name)
            file = open_dues(name, data)
            identity = take_in_dues.identity(file.header)
            if files.accepted_by_identity(conn, identity) is not None:
                return None
            now, file_id = clock.now(conn), files.next_id(conn)
            if not take_in_dues.take_in(conn, file.header, file.parts(), hub.parties, file_id, now):
                raise DoubtError("the books have something against it")
            files.record(
                conn, id_=file_id, door="agency", party=file.header.agency, name=name, archived=archived, at=now,
                outcome="accepted", identity=identity, lines=file.count, total=file.amounts.total,
            )  # fmt: skip
            return Answer(name, accepted=True, bills=file.count, total=file.amounts.total)
    except (DoubtError, psycopg.IntegrityError):
        return None


def _lock(conn: Connection, name: str) -> None:
    """One file of an agency at a time. The books are taken before the clock is read: see ``close_month``."""
    conn.execute(
        text("select pg_advisory_xact_lock(:space, hashtext(:agency))"),
        {"space": INTAKE_LOCK, "agency": agency_named(name)},
    )
    lock_books_shared(conn)


def agency_named(name: str) -> str:
    """The agency in a file's name. A file whose header says otherwise is refused and takes nothing."""
    return name.split("_")[1] if "_" in name else ""


def _answer(hub: Hub, conn: Connection, name: str, archived: Archived) -> Answer:
    _lock(conn, name)
    before = files.accepted_by_bytes(conn, "agency", archived.sha256, name)
    if before is not None:
        return Answer(name, accepted=True, repeat=True, bills=before.lines, total=before.total)
    now = clock.now(conn)
    with archived.path.open("rb") as data:
        reading = agency_files.read(name, data)
    parsed = reading.file
    if parsed is None:
        return _refuse(conn, name, "", archived, now, reading.faults)
    party, identity = parsed.header.agency, _identity(parsed)
    # A file at fault already is held against the books all the same: a refusal lists every fault.
    judged = _judge(hub, conn, parsed, now)
    faults = reading.more_faults([*identity_taken(hub.archive, conn, identity, archived, "utf-8"), *judged.faults])
    if faults:
        told = discreet(faults) if isinstance(parsed, MembersFile) else faults
        return _refuse(conn, name, party, archived, now, told)
    lines, total = len(parsed.lines), _total(parsed)
    file_id = files.record(
        conn, door="agency", party=party, name=name, archived=archived, at=now, outcome="accepted",
        identity=identity, lines=lines, total=total,
    )  # fmt: skip
    judged.keep(file_id)
    return Answer(name, accepted=True, bills=lines, total=total)


def _refuse(
    conn: Connection, name: str, party: str, archived: Archived, now: datetime, faults: Sequence[Fault]
) -> Answer:
    files.record(
        conn, door="agency", party=party, name=name, archived=archived, at=now, outcome="refused", faults=faults
    )
    return Answer(name, accepted=False, faults=faults)


class _Judged(NamedTuple):
    """What the books have against a file, and how it is kept (under the number of its coming) when that is nothing."""

    faults: Sequence[Fault]
    keep: Callable[[int], None]


def _judge(hub: Hub, conn: Connection, file: AgencyFile, now: datetime) -> _Judged:
    match file:
        case DuesFile():
            faults = take_in_dues.check(conn, file, hub.parties, now)
            found = _Judged(faults, lambda file_id: take_in_dues.keep(conn, file, file_id, now))
        case AgainFile():
            faults = take_in_second_collection.check(conn, file, hub.parties, now)
            found = _Judged(faults, lambda file_id: take_in_second_collection.keep(conn, file, file_id, now))
        case ReceiptsFile():
            checked = take_in_receipts.check(conn, file, hub.parties, now)
            found = _Judged(
                checked.faults, lambda file_id: take_in_receipts.keep(conn, file, checked.standing, file_id, now)
            )
        case ReturnsFile():
            held = take_in_returns.check(conn, file, hub.parties)
            if held.waits:
                raise _MoneyUnderWayError
            found = _Judged(held.faults, lambda file_id: take_in_returns.keep(conn, file, held.receipts, file_id, now))
        case IncomesFile():
            told = take_in_incomes.check(conn, file, hub.parties, now)
            if told.waits:
                raise _MoneyUnderWayError
            found = _Judged(told.faults, lambda file_id: take_in_incomes.keep(conn, file, file_id, now))
        case MembersFile():
            faults = take_in_members.check(conn, file, hub.parties)
            found = _Judged(faults, lambda file_id: take_in_members.keep(conn, file, file_id, now))
        case SubsidiesFile():
            judged = take_in_subsidies.check(conn, file, hub.parties)
            if judged.waits:
                raise _MoneyUnderWayError
            found = _Judged(
                judged.faults, lambda file_id: take_in_subsidies.keep(conn, file, judged.bills, file_id, now)
            )
    return found


def _identity(file: AgencyFile) -> str:
    match file:
        case DuesFile():
            identity = take_in_dues.identity(file.header)
        case AgainFile():
            identity = take_in_second_collection.identity(file.header)
        case ReceiptsFile():
            identity = take_in_receipts.identity(file.header)
        case ReturnsFile():
            identity = take_in_returns.identity(file.header)
        case IncomesFile():
            identity = take_in_incomes.identity(file.header)
        case MembersFile():
            identity = take_in_members.identity(file.header)
        case SubsidiesFile():
            identity = take_in_subsidies.identity(file.header)
    return identity


def _total(file: AgencyFile) -> int:
    """Fen of a file; a second collection has no amounts of its own."""
    match file:
        case DuesFile() | IncomesFile() | MembersFile() | SubsidiesFile():
            return sum(line.amounts.total for line in file.lines)
        case AgainFile():
            return 0
        case ReceiptsFile() | ReturnsFile():
            return sum(line.amount for line in file.lines)
