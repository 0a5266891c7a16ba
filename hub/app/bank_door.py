"""The banks' door: files that are ready go out, results that are there come in, whole or into quarantine."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final

import structlog

from connectors.bank.failures import AuthenticationRefusedError, HostKeyRefusedError
from hub.app.identities import identity_taken
from hub.app.wiring import Hub
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode, in_file_order
from hub.domain.money_columns import added_up
from hub.domain.work import Queue
from hub.ledger import clock, files, work_items
from hub.ledger.batches import Batch
from hub.ledger.database import POLL_LOCK, session_lock
from hub.ledger.unready_results import UnreadyResults
from hub.ports import Archived, BankDoor, BankFormat, Refused, RemoteFile
from hub.processors import deliver_bank_file, read_bank_result, release_results
from hub.runtime import failpoints
from hub.runtime.work_log import Piece, working

_log = structlog.get_logger(__name__)
OK_SUFFIX = ".ok"
OK_BYTES_MAX = 200
RESULT_ENCODING = "gb18030"
"""Of what a difference between two answers is shown in; the banks' profile has it."""
LARGE_BYTES: Final = 8 << 20
LEFT_OUT_TOLD: Final = 20
"""Entries left out of one listing that open a work item each; a directory full of them is told well enough by these."""
_LARGE_FILES: Final = BoundedSemaphore(2)
"""Large answers that a process checks at one time; small ones never wait for them."""


@dataclass(frozen=True, slots=True)
class Polled:
    """One file's fate: taken, repeat or quarantined."""

    file: str
    outcome: str


def deliver(hub: Hub, code: str, door: BankDoor) -> bool:
    """Sends what is ready for a bank, each file whatever became of the others; False when one could not be sent."""
    with session_lock(hub.engine, POLL_LOCK, code):
        with hub.engine.begin() as conn:
            waiting = deliver_bank_file.pending(conn, code)
        profile = hub.formats[code]
        sent = [_deliver_one(hub, batch, door, profile) for batch in waiting]
        return all(sent)


def _deliver_one(hub: Hub, batch: Batch, door: BankDoor, profile: BankFormat) -> bool:
    with working("deliver", batch.lines):
        return deliver_bank_file.deliver(hub.engine, batch, door, hub.archive, profile)


def poll(hub: Hub, code: str, door: BankDoor) -> list[Polled]:
    """Fetches and checks every complete result file of a bank. HubError when the bank cannot be read."""
    with session_lock(hub.engine, POLL_LOCK, code):
        listed = {file.name: file for file in door.list_results()}
        profile = hub.formats[code]
        _tell_left_out(hub, code, door)
        unready = UnreadyResults(hub.engine, code)
        found = []
        for name, file in sorted(listed.items()):
            ok = listed.get(name + OK_SUFFIX)
            if ok is None or not profile.is_result_name(name, code):
                continue
            try:
                outcome = _take(hub, code, door, file, ok, unready)
            except (HostKeyRefusedError, AuthenticationRefusedError):  # the bank's trouble, and no file's
                raise
            except HubError as failure:  # this file's trouble, not the bank's: the others are read all the same
                outcome = _set_aside(hub, code, file, failure)
            if outcome is not None:
                found.append(Polled(name, outcome))
        _clear_left_behind(hub, code, door, listed)
        return found


def _set_aside(hub: Hub, code: str, file: RemoteFile, failure: HubError) -> str | None:
    """A file that cannot even be fetched: the next poll tries again, or a person has to look."""
    _log.warning("result_not_fetched", bank=code, file=file.name, reason=type(failure).__name__)
    if failure.retriable:
        return None
    with hub.engine.begin() as conn:
        item = work_items.raise_item(
            conn,
            queue=Queue.QUARANTINE,
            bank=code,
            file=file.name,
            field="file",
            about=f"{code}/{file.name}/{file.fingerprint}",
            at=clock.now(conn),
            summary=f"{file.name} was not fetched: {failure}",
        )
    return None if item is None else "quarantined"


def _tell_left_out(hub: Hub, code: str, door: BankDoor) -> None:
    """What is not touched is told to a person: a name that no bank gives, or no file where an answer should be."""
    profile = hub.formats[code]
    strange = [
        left
        for left in door.left_out()
        if not left.name or profile.is_result_name(left.name.removesuffix(OK_SUFFIX), code)
    ]
    if not strange:
        return
    with hub.engine.begin() as conn:
        for left in strange[:LEFT_OUT_TOLD]:
            work_items.raise_item(
                conn,
                queue=Queue.QUARANTINE,
                bank=code,
                file=left.name,
                field="file",
                about=f"{code}/left-out/{left.digest}",
                at=clock.now(conn),
                summary=f"{left.name or 'An entry'} in the inbound directory is not touched: {left.reason}. Ask the bank to"
                " remove it.",
                detail={"name_sha256": left.digest, "reason": left.reason},
            )


def _clear_left_behind(hub: Hub, code: str, door: BankDoor, listed: Mapping[str, RemoteFile]) -> None:
    """An ``.ok`` whose file was taken and moved, when the hub was cut off before it moved the ``.ok`` too."""
    profile = hub.formats[code]
    for ok in listed.values():
        name = ok.name.removesuffix(OK_SUFFIX)
        if ok.name == name or name in listed or not profile.is_result_name(name, code):
            continue
        with hub.engine.connect() as conn:
            contents = files.contents_under(conn, "bank", code, name)
        if contents and any(profile.ok_agrees(_read_ok(door, ok), sha256, size) for sha256, size in contents):
            door.move_to_done(ok.name)


def _read_ok(door: BankDoor, ok: RemoteFile) -> bytes:
    """What an ``.ok`` says; nothing when it is larger than any is."""
    if ok.size > OK_BYTES_MAX:
        return b""
    with door.fetch(ok.name) as told:
        return told.read(OK_BYTES_MAX)


def _take(hub: Hub, code: str, door: BankDoor, file: RemoteFile, ok: RemoteFile, unready: UnreadyResults) -> str | None:
    """Archives, checks and books one file, then moves it away; None when its ``.ok`` does not agree yet."""
    profile = hub.formats[code]
    ok_text = _read_ok(door, ok)
    with working("fetch"), door.fetch(file.name) as data:
        archived = hub.archive.store(data)
    failpoints.reach(failpoints.AFTER_FETCH)
    if profile.ok_agrees(ok_text, archived.sha256, archived.size):
        with working("check") as piece:
            outcome = _answer(hub, code, file.name, archived, piece)
    else:
        seen = f"{file.fingerprint} {ok.fingerprint} {archived.sha256}"
        if not unready.seen_before(file.name, seen):
            return None
        fault = Fault(
            None,
            OK_SUFFIX,
            FaultCode.DIGEST,
            f"{archived.sha256} {archived.size}",
            ok_text.decode("ascii", "replace"),
        )
        outcome = _quarantine(hub, code, file.name, archived, [fault])
    # Only now, with the books committed, the bank's copy is moved; a crash before leaves a repeat, which is harmless.
    _move_away(hub, code, door, file.name)
    unready.forget(file.name)
    return outcome


def _move_away(hub: Hub, code: str, door: BankDoor, name: str) -> None:
    """What became of a file is decided by now; one that cannot be moved is a bank's matter and tells a person so."""
    about = f"done/{code}"
    try:
        for each in (name, name + OK_SUFFIX):
            door.move_to_done(each)
    except HubError as failure:
        with hub.engine.begin() as conn:
            work_items.raise_item(
                conn,
                queue=Queue.UNSENT,
                bank=code,
                file=name,
                field="done_dir",
                about=about,
                at=clock.now(conn),
                summary=f"{name} was dealt with and could not be moved to the done directory: {failure}",
            )
        return
    with hub.engine.begin() as conn:
        work_items.settle(conn, Queue.UNSENT, about, f"{name} was moved", clock.now(conn))


def _answer(hub: Hub, code: str, name: str, archived: Archived, piece: Piece) -> str:
    """Answers a file; large ones a few at a time, since each is held beside its request in memory."""
    with _LARGE_FILES if archived.size > LARGE_BYTES else nullcontext():
        return _judge(hub, code, name, archived, piece)


def _judge(hub: Hub, code: str, name: str, archived: Archived, piece: Piece) -> str:
    with hub.engine.begin() as conn:
        if files.accepted_by_content(conn, "bank", archived.sha256) is not None:
            if not files.came_again(conn, "bank", archived.sha256, name):
                now = clock.now(conn)
                files.record(conn, door="bank", party=code, name=name, archived=archived, at=now, outcome="repeat")
            return "repeat"
    with archived.path.open("rb") as data:
        parsed = hub.formats[code].parse_result(name, code, data)
    if isinstance(parsed, Refused):
        return _quarantine(hub, code, name, archived, _every_fault(hub, parsed))
    with hub.engine.begin() as conn:
        batch, found = read_bank_result.check(conn, parsed)
        identity = read_bank_result.identity(parsed.batch_no)
        faults = [*found, *identity_taken(hub.archive, conn, identity, archived, RESULT_ENCODING)]
        if batch is not None and not faults:
            now = clock.now(conn)
            file_id = files.record(
                conn, door="bank", party=code, name=name, archived=archived, at=now, outcome="accepted",
                identity=identity, lines=len(parsed.answers),
                total=added_up(parsed.answers["deducted"]),
            )  # fmt: skip
            read_bank_result.keep(conn, batch, parsed, file_id, now)
            piece.lines = batch.lines
            release_results.release_if_due(conn, parsed.batch_no, now)
            return "taken"
    return _quarantine(hub, code, name, archived, faults)


def _every_fault(hub: Hub, refused: Refused) -> list[Fault]:
    """The faults of a file as it stands and, as far as it can be read, those against its request."""
    faults = list(refused.faults)
    if refused.readable is None:
        return faults
    told = {(fault.line, fault.field) for fault in faults}
    with hub.engine.begin() as conn:
        _, found = read_bank_result.check(conn, refused.readable)
    # A line that could not be read is not missing: it has its own fault.
    more = (fault for fault in found if fault.code is not FaultCode.MISSING_LINE)
    return list(in_file_order([*faults, *(fault for fault in more if (fault.line, fault.field) not in told)]))


def _quarantine(hub: Hub, code: str, name: str, archived: Archived, faults: list[Fault]) -> str:
    """Books nothing; a work item names file, line and field of the first fault and holds them all."""
    first = faults[0]
    with hub.engine.begin() as conn:
        now = clock.now(conn)
        files.record(
            conn, door="bank", party=code, name=name, archived=archived, at=now, outcome="quarantined", faults=faults
        )
        work_items.raise_item(
            conn,
            queue=Queue.QUARANTINE,
            bank=code,
            file=name,
            line=first.line,
            field=first.field,
            about=f"{code}/{name}/{archived.sha256}",
            at=now,
            summary=f"{name}: {first.message}" + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""),
            detail={"sha256": archived.sha256, "faults": [fault.as_json() for fault in faults[:100]]},
        )
    _log.warning("result_quarantined", bank=code, file=name, faults=len(faults))
    return "quarantined"
