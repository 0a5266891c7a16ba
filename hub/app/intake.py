"""The agencies' door: a file is archived, read, held against the books, and taken whole or refused with every fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError, OperationalError

from connectors.formats import agency_files
from hub.app.wiring import Hub
from hub.domain.dues import DuesFile
from hub.domain.faults import Fault, FaultCode
from hub.domain.receipts import ReceiptsFile
from hub.domain.second_collection import AgainFile
from hub.ledger import clock, files
from hub.ledger.database import INTAKE_LOCK
from hub.ports import Archived
from hub.processors import take_in_dues, take_in_receipts, take_in_second_collection

AgencyFile = DuesFile | AgainFile | ReceiptsFile
TRIES = 3


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


def submit(hub: Hub, path: Path) -> Answer:
    """Takes one file. Nothing is lost either way: its bytes are in the archive before it is read."""
    with path.open("rb") as source:
        archived = hub.archive.store(source)
    for attempt in range(1, TRIES + 1):
        try:
            with hub.engine.begin() as conn:
                return _answer(hub, conn, path.name, archived)
        except (IntegrityError, OperationalError):
            # Someone else took the same bill meanwhile, or a lock was lost: look again, and say what is there now.
            if attempt == TRIES:
                raise
    raise AssertionError("unreachable")


def _answer(hub: Hub, conn: Connection, name: str, archived: Archived) -> Answer:
    conn.execute(text("select pg_advisory_xact_lock(:key)"), {"key": INTAKE_LOCK})
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
    faults = reading.more_faults([*_identity_taken(hub, conn, identity, archived), *_check(hub, conn, parsed, now)])
    if faults:
        return _refuse(conn, name, party, archived, now, faults)
    lines, total = len(parsed.lines), _total(parsed)
    file_id = files.record(
        conn, door="agency", party=party, name=name, archived=archived, at=now, outcome="accepted",
        identity=identity, lines=lines, total=total,
    )  # fmt: skip
    _keep(conn, parsed, file_id, now)
    return Answer(name, accepted=True, bills=lines, total=total)


def _refuse(
    conn: Connection, name: str, party: str, archived: Archived, now: datetime, faults: Sequence[Fault]
) -> Answer:
    files.record(
        conn, door="agency", party=party, name=name, archived=archived, at=now, outcome="refused", faults=faults
    )
    return Answer(name, accepted=False, faults=faults)


def _check(hub: Hub, conn: Connection, file: AgencyFile, now: datetime) -> Sequence[Fault]:
    match file:
        case DuesFile():
            return take_in_dues.check(conn, file, hub.parties, now)
        case AgainFile():
            return take_in_second_collection.check(conn, file, hub.parties, now)
        case ReceiptsFile():
            return take_in_receipts.check(conn, file, hub.parties, now)


def _keep(conn: Connection, file: AgencyFile, file_id: int, now: datetime) -> None:
    match file:
        case DuesFile():
            take_in_dues.keep(conn, file, file_id, now)
        case AgainFile():
            take_in_second_collection.keep(conn, file, file_id, now)
        case ReceiptsFile():
            take_in_receipts.keep(conn, file, file_id, now)


def _identity(file: AgencyFile) -> str:
    match file:
        case DuesFile():
            return take_in_dues.identity(file.header)
        case AgainFile():
            return take_in_second_collection.identity(file.header)
        case ReceiptsFile():
            return take_in_receipts.identity(file.header)


def _total(file: AgencyFile) -> int:
    """Fen of a file; a second collection has no amounts of its own."""
    match file:
        case DuesFile():
            return sum(line.amounts.total for line in file.lines)
        case AgainFile():
            return 0
        case ReceiptsFile():
            return sum(line.amount for line in file.lines)


def _identity_taken(hub: Hub, conn: Connection, identity: str, archived: Archived) -> list[Fault]:
    """An accepted file's identity with other bytes: refused, and the first difference is shown (contract section 1)."""
    before = files.accepted_by_identity(conn, identity)
    if before is None:
        return []
    with hub.archive.find(before.sha256).path.open("rb") as old, archived.path.open("rb") as new:
        for number, (was, found) in enumerate(zip(old, new, strict=False), start=1):
            if was != found:
                return [Fault(number, "line", FaultCode.IDENTITY_TAKEN, _shown(was), _shown(found))]
    return [
        Fault(
            None, "file", FaultCode.IDENTITY_TAKEN, f"the bytes accepted as {before.name}", "a file that ends elsewhere"
        )
    ]


def _shown(line: bytes) -> str:
    return line.rstrip(b"\n").decode("utf-8", errors="backslashreplace")
