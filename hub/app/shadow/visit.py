"""A look at a bank in shadow: our requests are made, the other system's taken from their folder, the bank's answers read.

At the bank nothing is written, moved or removed. Each file is read once, as long as it stays as it is.
"""

import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection

from connectors.bank.failures import AuthenticationRefusedError, HostKeyRefusedError
from connectors.bank.looking_door import LookingDoor
from hub.app.shadow import comparing, rehearsal
from hub.app.wiring import Hub
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode
from hub.domain.signatures import SIG_BYTES_MAX, SIG_SUFFIX, Demand
from hub.domain.work import Queue
from hub.ledger import clock, shadow, work_items
from hub.ledger.shadow import Finding, Origin
from hub.ledger.unready_results import UnreadyResults
from hub.ports import Archived, BankDoor, RemoteFile

_log = structlog.get_logger(__name__)
OK_SUFFIX: Final = ".ok"
OK_BYTES_MAX: Final = 200
REQUESTS_FOLDER: Final = "requests"
"""Beside our requests: where the other system's are laid down."""
REQUEST_BYTES_MAX: Final = 2 << 30


def look(hub: Hub, code: str, door: BankDoor) -> list[str]:
    """Makes, takes and reads what is new, and compares it; the names of answers that were read. The caller holds the
    bank's lock. HubError when the bank cannot be read.
    """
    rehearsal.make_requests(hub, code)
    folder = rehearsal.folder_of(hub, code) / REQUESTS_FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        if _is_request(path):
            take_request(hub, code, path)
    return _read_answers(hub, code, LookingDoor(door))


def _is_request(path: Path) -> bool:
    """A plain file that is no ``.ok``; a link could lead anywhere."""
    found = path.lstat()
    plain = stat.S_ISREG(found.st_mode) and found.st_size <= REQUEST_BYTES_MAX
    return plain and not path.name.startswith(".") and path.suffix != OK_SUFFIX


def take_request(hub: Hub, code: str, path: Path) -> Finding | None:
    """Lays a request of the other system beside ours; None when it was read before. What it says of answers is new too."""
    found = path.stat()
    fingerprint = f"{found.st_size}:{found.st_mtime_ns}"
    with hub.engine.connect() as conn:
        if shadow.was_read(conn, code, Origin.OTHER, path.name, fingerprint):
            return None
    with path.open("rb") as source:
        archived = hub.archive.store(source)
    period, round_, unreadable = None, None, ""
    try:
        header = comparing.header_of(hub, code, archived.sha256)
        period, round_ = header.period, header.round
        if header.bank != code:
            period, round_, unreadable = None, None, f"it is a request to {header.bank}"
    except HubError as failure:
        unreadable = str(failure)
    with hub.engine.begin() as conn:
        now = clock.now(conn)
        file = shadow.note_file(
            conn, bank=code, origin=Origin.OTHER, name=path.name, fingerprint=fingerprint, archived=archived, at=now,
            period=period, round_=round_,
        )  # fmt: skip
        if period is None or round_ is None:
            told = {"unreadable": unreadable}
            return _keep(
                conn, code, Finding(period=None, round=None, file=file, found_at=now, differences=1, told=told)
            )
        for each in shadow.findings(conn, code):  # answers that were read before the request they answer
            if each.file is not None and each.told.get("answers_to") == path.name:
                _keep(conn, code, comparing.judge_answer(hub, conn, each.file, now))
        return _keep(conn, code, comparing.compare_requests(hub, conn, code, period, round_, now))


def read_answer(hub: Hub, code: str, path: Path) -> Finding:
    """An answer that a person hands in."""
    found = path.stat()
    with path.open("rb") as source:
        archived = hub.archive.store(source)
    return _judge(hub, code, path.name, f"{found.st_size}:{found.st_mtime_ns}", archived)


def _read_answers(hub: Hub, code: str, door: BankDoor) -> list[str]:
    listed = {file.name: file for file in door.list_results()}
    profile, unready, read = hub.formats[code], UnreadyResults(hub.engine, code), []
    for name, file in sorted(listed.items()):
        ok = listed.get(name + OK_SUFFIX)
        if ok is None or not profile.is_result_name(name, code):
            continue
        try:
            signs = hub.signatures[code].demand is not Demand.NONE
            if _read_new(hub, code, door, file, ok, listed.get(name + SIG_SUFFIX) if signs else None, unready):
                read.append(name)
        except (HostKeyRefusedError, AuthenticationRefusedError):  # the bank's trouble, and no file's
            raise
        except HubError as failure:
            _log.warning("shadow_answer_not_read", bank=code, file=name, reason=type(failure).__name__)
    return read


def _read_new(
    hub: Hub, code: str, door: BankDoor, file: RemoteFile, ok: RemoteFile, sig: RemoteFile | None, unready: UnreadyResults
) -> bool:  # fmt: skip
    """Reads one answer unless it was read as it stands; False, too, while its ``.ok`` does not agree yet, or its signature
    is not there.
    """
    fingerprint = " ".join(each.fingerprint for each in (file, ok, sig) if each is not None)
    with hub.engine.connect() as conn:
        if shadow.was_read(conn, code, Origin.BANK, file.name, fingerprint):
            return False
    said, signature = _beside(door, ok, OK_BYTES_MAX), None if sig is None else _beside(door, sig, SIG_BYTES_MAX)
    with door.fetch(file.name) as data:
        archived = hub.archive.store(data)
    more: list[Fault] = []
    if not hub.formats[code].ok_agrees(said, archived.sha256, archived.size):
        expected = f"{archived.sha256} {archived.size}"
        more.append(Fault(None, OK_SUFFIX, FaultCode.DIGEST, expected, said.decode("ascii", "replace")))
    elif isinstance(wrong := _checked(hub, code, file.name, archived, signature), Fault):
        more.append(wrong)
    may_come = signature is None or more[0].field == OK_SUFFIX if more else False
    if may_come and not unready.seen_before(file.name, f"{fingerprint} {archived.sha256}"):
        return False
    unready.forget(file.name)
    _judge(hub, code, file.name, fingerprint, archived, more)
    return True


def _beside(door: BankDoor, file: RemoteFile, bytes_max: int) -> bytes:
    """What lies beside an answer; nothing when it is larger than any is."""
    if file.size > bytes_max:
        return b""
    with door.fetch(file.name) as told:
        return told.read(bytes_max)


def _checked(hub: Hub, code: str, name: str, archived: Archived, signature: bytes | None) -> str | Fault | None:
    """The signature of an answer by what is agreed with the bank, as a live bank's is checked."""
    with hub.engine.connect() as conn:
        day = clock.now(conn).date()
    return hub.signatures[code].check(name, archived, signature, day)


def _judge(hub: Hub, code: str, name: str, fingerprint: str, archived: Archived, more: Sequence[Fault] = ()) -> Finding:
    with hub.engine.begin() as conn:
        now = clock.now(conn)
        file = shadow.note_file(
            conn, bank=code, origin=Origin.BANK, name=name, fingerprint=fingerprint, archived=archived, at=now
        )
        return _keep(conn, code, comparing.judge_answer(hub, conn, file, now, more))


def _keep(conn: Connection, code: str, finding: Finding) -> Finding:
    """Keeps a finding; a person is told of differences, once for each file or session."""
    name = "" if finding.file is None else finding.file.name
    session = "" if finding.period is None else f"{finding.period} round {finding.round}: "
    about = f"{code}/{name or f'{finding.period}/{finding.round}'}"
    what = name or f"the requests of {code}"
    shadow.note_finding(conn, code, finding)
    if finding.differences:
        work_items.raise_item(
            conn,
            queue=Queue.SHADOW,
            bank=code,
            file=name,
            about=about,
            at=finding.found_at,
            summary=f"{session}{what}: {finding.differences} differences in shadow; hub bank shadow report {code}",
        )
    else:
        work_items.settle(conn, Queue.SHADOW, about, "no difference any more", finding.found_at)
    return finding
