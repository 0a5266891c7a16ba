"""The banks' door: files that are ready go out, results that are there come in, whole or into quarantine.

Nothing goes to a bank in shadow, and what is there is only looked at (``hub.app.shadow``).
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import sha256
from threading import BoundedSemaphore
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection

from connectors.bank.failures import (
    AuthenticationRefusedError,
    BankUnreachableError,
    HostKeyRefusedError,
    RemoteFileChangedError,
    RemoteFileGoneError,
)
from hub.app import bank_answers
from hub.app.shadow import visit
from hub.app.wiring import Hub
from hub.domain.changed_answers import is_done_already
from hub.domain.errors import HubError
from hub.domain.faults import Fault, FaultCode
from hub.domain.signatures import SIG_BYTES_MAX, SIG_SUFFIX, Demand
from hub.domain.work import Queue
from hub.ledger import clock, files, quarantine, result_numbers, shadow, work_items
from hub.ledger.batches import Batch
from hub.ledger.database import POLL_LOCK, session_lock
from hub.ledger.unready_results import UnreadyResults
from hub.ports import BankDoor, BankFormat, Refused, RemoteFile, ResultFile
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
    """One file's fate: taken, repeat or quarantined; compared, at a bank in shadow."""

    file: str
    outcome: str


class _Beside(NamedTuple):
    """What lies beside a file: its ``.ok``, and its signature where there is one."""

    ok: RemoteFile
    signature: RemoteFile | None


def deliver(hub: Hub, code: str, door: BankDoor) -> bool:
    """Sends what is ready for a bank, each file whatever became of the others; False when one could not be sent."""
    if hub.bank(code).shadow:
        return True
    with session_lock(hub.engine, POLL_LOCK, code):
        with hub.engine.begin() as conn:
            waiting = deliver_bank_file.pending(conn, code)
        profile = hub.formats[code]
        sent = [_deliver_one(hub, batch, door, profile) for batch in waiting]
        return all(sent)


def _deliver_one(hub: Hub, batch: Batch, door: BankDoor, profile: BankFormat) -> bool:
    with working("deliver", batch.lines):
        signatures = hub.signatures[batch.bank]
        return deliver_bank_file.deliver(hub.engine, batch, door, hub.archive, profile, signatures)


def poll(hub: Hub, code: str, door: BankDoor) -> list[Polled]:
    """Fetches and checks every complete result file of a bank. HubError when the bank, or one of them, cannot be read."""
    if hub.bank(code).shadow:
        with session_lock(hub.engine, POLL_LOCK, code):
            return [Polled(name, "compared") for name in visit.look(hub, code, door)]
    with session_lock(hub.engine, POLL_LOCK, code):
        listed = {file.name: file for file in door.list_results()}
        profile = hub.formats[code]
        _tell_left_out(hub, code, door)
        unready = UnreadyResults(hub.engine, code)
        found: list[Polled] = []
        unreached: HubError | None = None
        for name, file in sorted(listed.items()):
            ok = listed.get(name + OK_SUFFIX)
            if ok is None or not _is_expected(profile, name, code):
                continue
            try:
                beside = _Beside(ok, listed.get(name + SIG_SUFFIX))
                outcome = _take(hub, code, door, file, beside, unready)
            except (HostKeyRefusedError, AuthenticationRefusedError):  # the bank's trouble, and no file's
                raise
            except RemoteFileGoneError:  # the bank has taken it back
                outcome = None
            except BankUnreachableError as failure:  # perhaps at this file only: the next one tells
                if unreached is not None:
                    raise
                outcome, unreached = None, failure
            except HubError as failure:  # this file's trouble, not the bank's: the others are read all the same
                outcome = _set_aside(hub, code, file, failure)
            except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as mistake:
                # A mistake of ours that this file's content brought to light: a person has to look, the others are read.
                outcome = _set_aside(hub, code, file, HubError(f"reading it failed ({type(mistake).__name__})"))
            if outcome is not None:
                found.append(Polled(name, outcome))
        if unreached is not None:
            raise unreached
        _clear_left_behind(hub, code, door, listed)
        with hub.engine.begin() as conn:  # a file of changes that waited and that the bank has taken back, or replaced
            work_items.settle_gone(conn, Queue.EARLY, code, listed, clock.now(conn))
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
    strange = [left for left in door.left_out() if not left.name or _is_expected(profile, _of_file(left.name), code)]
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
    """What lay beside a file that was taken and moved, when the hub was cut off before it moved that too."""
    profile = hub.formats[code]
    for left in listed.values():
        name = _of_file(left.name)
        if left.name == name or name in listed or not _is_expected(profile, name, code):
            continue
        with hub.engine.connect() as conn:
            contents = files.contents_under(conn, "bank", code, name)
            signatures = files.signatures_under(conn, "bank", code, name)
        if left.name.endswith(SIG_SUFFIX):
            was_taken = bool(signatures) and sha256(_read(door, left, SIG_BYTES_MAX)).hexdigest() in signatures
        else:
            ok = _read(door, left, OK_BYTES_MAX) if contents else b""
            was_taken = any(profile.ok_agrees(ok, digest, size) for digest, size in contents)
        if was_taken:
            door.move_to_done(left.name)


def _of_file(name: str) -> str:
    """The name of the file beside which an ``.ok`` or a signature of this name lies; any other name as it is."""
    return name.removesuffix(OK_SUFFIX) if name.endswith(OK_SUFFIX) else name.removesuffix(SIG_SUFFIX)


def _read(door: BankDoor, file: RemoteFile, bytes_max: int) -> bytes:
    """What lies beside a file; nothing when it is larger than any is."""
    if file.size > bytes_max:
        return b""
    with door.fetch(file.name, file.fingerprint) as told:
        return told.read(bytes_max)


def _take(
    hub: Hub, code: str, door: BankDoor, file: RemoteFile, beside: _Beside, unready: UnreadyResults
) -> str | None:
    """Archives, checks and books one file, then moves it away; None when it waits, or what lies beside it does not agree yet."""
    profile = hub.formats[code]
    ok_text = _read(door, beside.ok, OK_BYTES_MAX)
    with working("fetch"), door.fetch(file.name, file.fingerprint) as data:
        archived = hub.archive.store(data)
    failpoints.reach(failpoints.AFTER_FETCH)
    coming, waits = bank_answers.Coming(code, file.name, archived), False
    fault: Fault | None
    if not profile.ok_agrees(ok_text, archived.sha256, archived.size):
        waits, agrees = True, f"{archived.sha256} {archived.size}"
        fault = Fault(None, OK_SUFFIX, FaultCode.DIGEST, agrees, ok_text.decode("ascii", "replace"))
    elif _is_repeat(hub, coming):
        fault, outcome = None, "repeat"
    else:
        signature = None if beside.signature is None else _read(door, beside.signature, SIG_BYTES_MAX)
        coming, fault = bank_answers.signed(hub, coming, signature)
        waits = signature is None
        if fault is None:
            with working("check") as piece:
                judged = _answer(hub, coming, piece)
            if judged is None:
                return None
            outcome = judged
    if fault is not None:
        seen = f"{file.fingerprint} {archived.sha256}"
        if waits and not unready.seen_before(file.name, seen):
            return None
        outcome = _quarantine(hub, coming, [fault])
    # Only now, with the books committed, the bank's copy is moved; a crash before leaves a repeat, which is harmless.
    _move_away(hub, code, door, file, beside)
    unready.forget(file.name)
    return outcome


def _move_away(hub: Hub, code: str, door: BankDoor, file: RemoteFile, beside: _Beside) -> None:
    """What became of a file is decided by now; one that cannot be moved is a bank's matter and tells a person so.

    What the bank has put in its place meanwhile nobody has read: it stays for the next poll.
    """
    about, name = f"done/{code}", file.name
    signed = beside.signature is not None and hub.signatures[code].demand is not Demand.NONE
    try:
        for each in (file, beside.signature if signed else None, beside.ok):
            if each is not None:
                door.move_to_done(each.name, each.fingerprint)
    except RemoteFileChangedError:
        _log.info("result_replaced", bank=code, file=name)
        return
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


def _is_repeat(hub: Hub, coming: bank_answers.Coming) -> bool:
    """Whether these very bytes were taken before, whatever they are called and whoever signed them: nothing is booked twice.

    Changes under another name are judged first: a bank may take money back, give it, and mean to take it back again.
    """
    code, name, archived, _ = coming
    with hub.engine.begin() as conn:
        again = files.came_again(conn, "bank", archived.sha256, name)
        if not again and hub.formats[code].is_change_name(name, code):
            again = files.accepted_by_bytes(conn, "bank", archived.sha256, name) is not None
        elif not again:
            again = files.accepted_by_content(conn, "bank", code, archived.sha256) is not None
        if again:
            _note_repeat(hub, conn, coming)
    return again


def _note_repeat(hub: Hub, conn: Connection, coming: bank_answers.Coming) -> None:
    code, name, archived, _ = coming
    if not files.came_again(conn, "bank", archived.sha256, name):
        now = clock.now(conn)
        repeat = files.record(conn, door="bank", party=code, name=name, archived=archived, at=now, outcome="repeat")
        result_numbers.note(conn, hub.formats[code], code, repeat, now)


def _answer(hub: Hub, coming: bank_answers.Coming, piece: Piece) -> str | None:
    """Answers a file; large ones a few at a time, since each is held beside its request in memory. None: it waits."""
    with _LARGE_FILES if coming.archived.size > LARGE_BYTES else nullcontext():
        if hub.formats[coming.bank].is_change_name(coming.name, coming.bank):
            return _judge_change(hub, coming, piece)
        return _judge(hub, coming, piece)


def _is_another_systems(hub: Hub, coming: bank_answers.Coming, faults: Sequence[Fault]) -> bool:
    """Whether an answer to nothing of ours belongs to the system whose shadow this hub was: it stays where that one looks."""
    if not any(fault.code is FaultCode.UNKNOWN_BATCH for fault in faults):
        return False
    with hub.engine.connect() as conn:
        return shadow.is_elsewhere(conn, coming.bank)


def _judge(hub: Hub, coming: bank_answers.Coming, piece: Piece) -> str | None:
    parsed = bank_answers.read(hub, coming)
    if isinstance(parsed, Refused):
        faults = bank_answers.every_fault(hub, parsed)
        if _is_another_systems(hub, coming, faults):
            return None
        return _quarantine(hub, coming, faults, parsed.readable, empty=coming.archived.size == 0)
    with hub.engine.begin() as conn:
        faults = bank_answers.take_in(hub, conn, coming, parsed)
    if _is_another_systems(hub, coming, faults):
        return None
    if faults:
        return _quarantine(hub, coming, faults, parsed, empty=len(parsed.answers) == 0)
    piece.lines = len(parsed.answers)
    return "taken"


def _judge_change(hub: Hub, coming: bank_answers.Coming, piece: Piece) -> str | None:
    """A file of changed answers; None while it waits where it is for the answers that it changes."""
    parsed = bank_answers.read_change(hub, coming)
    if isinstance(parsed, Refused):
        return _quarantine(hub, coming, list(parsed.faults), empty=coming.archived.size == 0)
    with hub.engine.begin() as conn:
        faults = bank_answers.take_in_change(hub, conn, coming, parsed)
        if faults and bank_answers.was_taken_in(conn, coming) and is_done_already(parsed, faults):
            _note_repeat(hub, conn, coming)  # sent once more under another name (fault 56)
            return "repeat"
    if faults is None:
        return None
    if faults:
        return _quarantine(hub, coming, faults)
    piece.lines = len(parsed.changes)
    return "taken"


def _quarantine(
    hub: Hub,
    coming: bank_answers.Coming,
    faults: list[Fault],
    answer: ResultFile | None = None,
    *,
    empty: bool = False,
) -> str:
    """Books nothing; a work item names file, line and field of the first fault and holds them all."""
    code, name, archived, signature = coming
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
                signature=signature,
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
