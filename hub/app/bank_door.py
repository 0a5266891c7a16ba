"""The banks' door: files that are ready go out, results that are there come in, whole or into quarantine."""

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final

import structlog

from connectors.bank.failures import AuthenticationRefusedError, HostKeyRefusedError
from hub.app import bank_answers
from hub.app.wiring import Hub
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode
from hub.domain.work import Queue
from hub.ledger import clock, files, quarantine, result_numbers, work_items
from hub.ledger.batches import Batch
from hub.ledger.database import POLL_LOCK, session_lock
from hub.ledger.unready_results import UnreadyResults
from hub.ports import Archived, BankDoor, BankFormat, Refused, RemoteFile, ResultFile
from hub.processors import deliver_bank_file, read_bank_result
from hub.runtime import failpoints
from hub.runtime.work_log import Piece, working

_log = structlog.get_logger(__name__)
OK_SUFFIX = ".ok"
OK_BYTES_MAX = 200
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
            if ok is None or not _is_expected(profile, name, code):
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


def _is_expected(profile: BankFormat, name: str, code: str) -> bool:
    """Whether a name in the inbound directory claims to be an answer, or a change of answers."""
    return profile.is_result_name(name, code) or profile.is_change_name(name, code)


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
        if not left.name or _is_expected(profile, left.name.removesuffix(OK_SUFFIX), code)
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
        if ok.name == name or name in listed or not _is_expected(profile, name, code):
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
    """Archives, checks and books one file, then moves it away; None when its ``.ok`` does not agree yet, or it has to wait."""
    profile = hub.formats[code]
    ok_text = _read_ok(door, ok)
    with working("fetch"), door.fetch(file.name) as data:
        archived = hub.archive.store(data)
    failpoints.reach(failpoints.AFTER_FETCH)
    if profile.ok_agrees(ok_text, archived.sha256, archived.size):
        with working("check") as piece:
            judged = _answer(hub, code, file.name, archived, piece)
        if judged is None:
            return None
        outcome = judged
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


def _answer(hub: Hub, code: str, name: str, archived: Archived, piece: Piece) -> str | None:
    """Answers a file; large ones a few at a time, since each is held beside its request in memory."""
    with _LARGE_FILES if archived.size > LARGE_BYTES else nullcontext():
        return _judge(hub, code, name, archived, piece)


def _judge(hub: Hub, code: str, name: str, archived: Archived, piece: Piece) -> str | None:
    with hub.engine.begin() as conn:
        if files.accepted_by_content(conn, "bank", archived.sha256) is not None:
            if not files.came_again(conn, "bank", archived.sha256, name):
                now = clock.now(conn)
                repeat = files.record(
                    conn, door="bank", party=code, name=name, archived=archived, at=now, outcome="repeat"
                )
                result_numbers.note(conn, hub.formats[code], code, repeat, now)
            return "repeat"
    coming = bank_answers.Coming(code, name, archived)
    if hub.formats[code].is_change_name(name, code):
        return _judge_change(hub, coming, piece)
    parsed = bank_answers.read(hub, coming)
    if isinstance(parsed, Refused):
        faults = bank_answers.every_fault(hub, parsed)
        return _quarantine(hub, code, name, archived, faults, parsed.readable, empty=archived.size == 0)
    with hub.engine.begin() as conn:
        faults = bank_answers.take_in(hub, conn, coming, parsed)
    if faults:
        return _quarantine(hub, code, name, archived, faults, parsed, empty=len(parsed.answers) == 0)
    piece.lines = len(parsed.answers)
    return "taken"


def _judge_change(hub: Hub, coming: bank_answers.Coming, piece: Piece) -> str | None:
    """A file of changed answers; None while it waits where it is for the answers that it changes."""
    code, name, archived = coming
    parsed = bank_answers.read_change(hub, coming)
    if isinstance(parsed, Refused):
        return _quarantine(hub, code, name, archived, list(parsed.faults), empty=archived.size == 0)
    with hub.engine.begin() as conn:
        faults = bank_answers.take_in_change(hub, conn, coming, parsed)
    if faults is None:
        return None
    if faults:
        return _quarantine(hub, code, name, archived, faults)
    piece.lines = len(parsed.changes)
    return "taken"


def _quarantine(
    hub: Hub,
    code: str,
    name: str,
    archived: Archived,
    faults: list[Fault],
    answer: ResultFile | None = None,
    *,
    empty: bool = False,
) -> str:
    """Books nothing; a work item names file, line and field of the first fault and holds them all."""
    first = faults[0]
    with hub.engine.begin() as conn:
        now = clock.now(conn)
        file_id = quarantine.held_as(conn, code, name, archived.sha256, faults)
        if file_id is None:
            file_id = files.record(
                conn,
                door="bank",
                party=code,
                name=name,
                archived=archived,
                at=now,
                outcome="quarantined",
                faults=faults,
            )
            result_numbers.note(conn, hub.formats[code], code, file_id, now)
            read_bank_result.note_quarantined(conn, code, name, answer, now, empty=empty)
        work_items.raise_item(
            conn,
            queue=Queue.QUARANTINE,
            bank=code,
            file=name,
            line=first.line,
            field=first.field,
            about=quarantine.about(code, name, archived.sha256),
            at=now,
            summary=f"{name}: {first.message}" + (f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""),
            detail={
                "quarantined_as": file_id,
                "sha256": archived.sha256,
                "faults": [fault.as_json() for fault in faults[:100]],
            },
        )
    _log.warning("result_quarantined", bank=code, file=name, faults=len(faults))
    return "quarantined"
