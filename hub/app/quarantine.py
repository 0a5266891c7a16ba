"""The quarantine bench: a person looks at a bank's answer that does not fit, refuses it, releases it or has it replaced.

Releasing and replacing take two persons; what is let in goes the way of every answer, in one transaction with the
approval. Lines of files may hold personal data: they are handed to the person who asks and to nobody else.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection

from hub.app import bank_answers
from hub.app.bank_answers import Coming
from hub.app.bank_signatures import read_signature
from hub.app.wiring import Hub
from hub.domain.bank_results import RequestedLine
from hub.domain.excerpts import Excerpt, excerpt
from hub.domain.faults import MAX_FAULTS_STORED, Fault, FaultCode, in_file_order
from hub.domain.quarantine import (
    AWAITS_SECOND_PERSON,
    OVERRIDABLE,
    WAITING,
    Act,
    Decision,
    QuarantineState,
    decide,
    hindering,
    state_after,
)
from hub.domain.signatures import SIG_SUFFIX
from hub.domain.timetable import TZ
from hub.domain.work import Queue
from hub.ledger import batches, clock, files, quarantine, work_items
from hub.ledger.database import POLL_LOCK, session_lock
from hub.ledger.files import LetIn
from hub.ledger.quarantine import Held
from hub.ports import Refused, ResultFile, Signature

_log = structlog.get_logger(__name__)
LINE_BYTES_MAX: Final = 1 << 20
"""Of a longer line only so much is shown; it counts as one line all the same."""
_INSTRUCTION_NO: Final = re.compile(rb"(?<![A-Z0-9-])[A-Z0-9-]{1,34}-[12](?![A-Z0-9-])")


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a person's act. ``faults``: why it does not count; then nothing is decided and nothing booked."""

    held: Held
    file: str
    sha256: str
    state: QuarantineState
    faults: tuple[Fault, ...] = ()

    @property
    def awaits_second_person(self) -> bool:
        return not self.faults and self.state in AWAITS_SECOND_PERSON

    @property
    def let_in(self) -> bool:
        """An answer was taken in, which may have to be posted."""
        return not self.faults and self.state in (QuarantineState.RELEASED, QuarantineState.CORRECTED)


# ── deciding ────────────────────────────────────────────────────────────────────────────────────────────────────────
def refuse(hub: Hub, held: Held, by: str, note: str) -> Ruling:
    """Settles a file as refused: the bank has to send another, and its batch stays open for it."""
    with _bench(hub, held) as (conn, case):
        return _decide(conn, case, Act.REFUSE, case.name, case.sha256, by, note)


def propose_release(hub: Hub, held: Held, by: str, note: str) -> Ruling:
    """Proposes that the file be taken in as it stands; refused unless all its faults are such as may be overridden."""
    coming = _as_it_stands(hub, held)
    file, faults = _releasable(hub, held, coming)
    with _bench(hub, held) as (conn, case):
        if file is not None:
            _, faults = bank_answers.check(hub, conn, coming, file)
        return _decide(conn, case, Act.PROPOSE_RELEASE, coming.name, coming.archived.sha256, by, note, faults)


def release(hub: Hub, held: Held, by: str, note: str) -> Ruling:
    """Approves a release: the file is judged once more, and taken in and written down in one transaction."""
    coming = _as_it_stands(hub, held)
    file, faults = _releasable(hub, held, coming)
    with _bench(hub, held) as (conn, case):
        return _let_in(hub, conn, case, Act.RELEASE, coming, file or faults, by, note)


def propose_correction(hub: Hub, held: Held, path: Path, by: str, note: str) -> Ruling:
    """Proposes a file, handed in by hand, for one in quarantine; it is checked like one that came over SFTP."""
    coming, unsigned = _handed_in(hub, held, path)
    file, faults = _fitting(hub, held, coming, unsigned)
    with _bench(hub, held) as (conn, case):
        if file is not None:
            faults = _of_another_batch(hub, conn, case, file) or bank_answers.check(hub, conn, coming, file)[1]
        if faults:
            files.record(
                conn, door="bank", party=case.bank, name=coming.name, archived=coming.archived, at=clock.now(conn),
                outcome="refused", faults=faults, signature=coming.signature,
            )  # fmt: skip
        files.note_archived(conn, coming.archived)
        return _decide(conn, case, Act.PROPOSE_CORRECTION, coming.name, coming.archived.sha256, by, note, faults)


def correct(hub: Hub, held: Held, path: Path, by: str, note: str) -> Ruling:
    """Approves a correction. The second person hands in the file again, so that both have seen the same bytes."""
    coming, unsigned = _handed_in(hub, held, path)
    file, faults = _fitting(hub, held, coming, unsigned)
    with _bench(hub, held) as (conn, case):
        files.note_archived(conn, coming.archived)
        return _let_in(hub, conn, case, Act.CORRECT, coming, file or faults, by, note)


@contextmanager
def _bench(hub: Hub, held: Held) -> Iterator[tuple[Connection, Held]]:
    """One transaction, while neither a poll of this bank nor another person decides; the file as it stands by then."""
    with session_lock(hub.engine, POLL_LOCK, held.bank), hub.engine.begin() as conn:
        case = quarantine.one(conn, held.id)
        assert case is not None, f"what came stays: {held.id}"
        yield conn, case


def _as_it_stands(hub: Hub, held: Held) -> Coming:
    """The quarantined bytes, read again and found to be those that came."""
    hub.bank(held.bank)  # one that hub.toml no longer names has no profile to read by
    archived = hub.archive.proven(held.sha256)
    signature = None if held.signature is None else Signature(hub.archive.find(held.signature), held.signed_by)
    return Coming(held.bank, held.name, archived, signature)


def _handed_in(hub: Hub, held: Held, path: Path) -> tuple[Coming, Fault | None]:
    """The file with the signature that lies beside it, and what is wrong with that: by hand comes nothing that is unsigned."""
    hub.bank(held.bank)
    with path.open("rb") as source:
        coming = Coming(held.bank, path.name, hub.archive.store(source))
    beside = path.with_name(path.name + SIG_SUFFIX)
    return bank_answers.signed(hub, coming, read_signature(beside) if beside.is_file() else None)


def _releasable(hub: Hub, held: Held, coming: Coming) -> tuple[ResultFile | None, Sequence[Fault]]:
    """The file with its harmless faults overridden, or the faults that hinder.

    Those it was quarantined for count beside those that show now: an ``.ok`` that disagreed is not in the file.
    """
    if (change := _changes_answers(hub, held)) is not None:
        return None, [change]
    parsed = bank_answers.read(hub, coming)
    found = parsed.faults if isinstance(parsed, Refused) else ()
    file = parsed.releasable if isinstance(parsed, Refused) else parsed
    hinders = in_file_order(dict.fromkeys(hindering([*held.faults, *_unsigned(hub, held, coming), *found])))
    if hinders or file is None:
        return None, hinders or found
    return file, ()


def _changes_answers(hub: Hub, held: Held) -> Fault | None:
    """A file of changed answers is refused by hand or not at all: the bank sends another."""
    if not hub.formats[held.bank].is_change_name(held.name, held.bank):
        return None
    return Fault(
        None, "file", FaultCode.NOT_SUPPORTED, "a result; changed answers are refused, and sent again", held.name
    )


def _unsigned(hub: Hub, held: Held, coming: Coming) -> Sequence[Fault]:
    """What is wrong with its signature by the keys and the demand of today, for the day on which the file came.

    Its key may have ended since; one that is named no longer counts for nothing that waits, whenever it signed.
    """
    if any(each.code is FaultCode.SIGNATURE for each in held.faults):
        return ()
    beside = None if coming.signature is None else read_signature(coming.signature.archived.path)
    found = hub.signatures[held.bank].check(held.name, coming.archived, beside, held.received_at.astimezone(TZ).date())
    return [found] if isinstance(found, Fault) else ()


def _of_another_batch(hub: Hub, conn: Connection, case: Held, file: ResultFile) -> Sequence[Fault]:
    """A correction answers the batch that the quarantined file answered, as far as that one says which."""
    parsed = bank_answers.read(hub, _as_it_stands(hub, case))
    held = parsed.readable if isinstance(parsed, Refused) else parsed
    asked = None if held is None else batches.by_number(conn, held.batch_no)
    if held is None or asked is None or asked.bank != case.bank or held.batch_no == file.batch_no:
        return ()
    return [Fault(1, "batch no", FaultCode.MISMATCH, f"{held.batch_no}, which {case.name} is about", file.batch_no)]


def _fitting(hub: Hub, held: Held, coming: Coming, unsigned: Fault | None) -> tuple[ResultFile | None, Sequence[Fault]]:
    """A file that is right in itself, or every fault of it; one that is not signed as agreed is not read."""
    if unsigned is not None:
        return None, [unsigned]
    if (change := _changes_answers(hub, held)) is not None:
        return None, [change]
    parsed = bank_answers.read(hub, coming)
    return (None, bank_answers.every_fault(hub, parsed)) if isinstance(parsed, Refused) else (parsed, ())


def _decide(
    conn: Connection, case: Held, act: Act, file: str, sha256: str, by: str, note: str, faults: Sequence[Fault] = ()
) -> Ruling:
    """Writes the act down, unless it does not count; ``faults`` are what the file itself is refused for."""
    decided = decide(case.decisions, act, file=file, sha256=sha256, by=by, note=note, at=clock.now(conn))
    if isinstance(decided, tuple) or faults:
        why = (*(decided if isinstance(decided, tuple) else ()), *faults)
        return _ruled(Ruling(case, file, sha256, case.state, why), act)
    quarantine.keep(conn, case.id, decided)
    state = state_after([*case.decisions, decided])
    if state not in WAITING:
        work_items.settle(conn, Queue.QUARANTINE, case.about, _resolution(decided), decided.at)
    return _ruled(Ruling(case, file, sha256, state), act)


def _let_in(
    hub: Hub, conn: Connection, case: Held, act: Act, coming: Coming, file: ResultFile | Sequence[Fault],
    by: str, note: str,
) -> Ruling:  # fmt: skip
    """Takes the file in and writes the approval down, or neither."""
    sha256 = coming.archived.sha256
    decided = decide(case.decisions, act, file=coming.name, sha256=sha256, by=by, note=note, at=clock.now(conn))
    if isinstance(decided, tuple) or not isinstance(file, ResultFile):
        return _decide(conn, case, act, coming.name, sha256, by, note, () if isinstance(file, ResultFile) else file)
    faults = bank_answers.take_in(hub, conn, coming, file, LetIn(case.id, decided.proposed_by, decided.by))
    return _decide(conn, case, act, coming.name, sha256, by, note, faults)


def _ruled(ruling: Ruling, act: Act) -> Ruling:
    """Logs that something was decided, and nothing of what the file holds."""
    _log.info("quarantine_decided", file_id=ruling.held.id, act=act, state=ruling.state, faults=len(ruling.faults))
    return ruling


def _resolution(decided: Decision) -> str:
    two = "" if decided.proposed_by is None else f", proposed by {decided.proposed_by}"
    return f"{decided.act.value} by {decided.by}{two}" + (f": {decided.note}" if decided.note else "")


# ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────
class ShownFault(NamedTuple):
    """A fault with its line as it stands, the request's line that it names, and why it may be overridden, if it may."""

    fault: Fault
    excerpt: Excerpt | None
    asked: RequestedLine | None
    harmless: str | None


def show(hub: Hub, conn: Connection, held: Held) -> list[ShownFault]:
    """Every fault of a quarantined file, in the order of the file."""
    coming = _as_it_stands(hub, held)
    parsed = bank_answers.read(hub, coming)
    faults = _every_fault(hub, held, coming, parsed)
    lines = _lines(coming.archived.path, {fault.line for fault in faults if fault.line is not None})
    asked = _asked(conn, coming, parsed, lines)
    encoding = hub.formats[coming.bank].encoding
    return [
        ShownFault(
            fault,
            excerpt(lines[fault.line], fault, encoding) if fault.line in lines else None,
            asked.get(fault.line) if fault.line is not None else None,
            OVERRIDABLE.get((fault.code, fault.field)),
        )
        for fault in faults
    ]


def _every_fault(hub: Hub, held: Held, coming: Coming, parsed: ResultFile | Refused) -> Sequence[Fault]:
    """What the file was quarantined for; where more was found than is stored, the file is judged once more."""
    if len(held.faults) < MAX_FAULTS_STORED:
        return held.faults
    if isinstance(parsed, Refused):
        found = bank_answers.every_fault(hub, parsed)
    else:
        with hub.engine.begin() as conn:
            _, found = bank_answers.check(hub, conn, coming, parsed)
    return in_file_order(dict.fromkeys([*held.faults, *found]))


def _lines(path: Path, numbers: Collection[int]) -> dict[int, bytes]:
    """The lines of these numbers, from 1, each with its line end; of a line that is too long only the beginning."""
    found: dict[int, bytes] = {}
    with path.open("rb") as source:
        for number, line in enumerate(iter(partial(source.readline, LINE_BYTES_MAX), b""), start=1):
            if number in numbers:
                found[number] = line
            if len(found) == len(numbers):
                break
            rest = line
            while len(rest) == LINE_BYTES_MAX and not rest.endswith(b"\n"):
                rest = source.readline(LINE_BYTES_MAX)
    return found


def _asked(
    conn: Connection, coming: Coming, parsed: ResultFile | Refused, lines: Mapping[int, bytes]
) -> dict[int, RequestedLine]:
    """The request's line beside each line of the file: by the line number it answers, else by the instruction it names."""
    file = parsed.readable if isinstance(parsed, Refused) else parsed
    asked: dict[int, RequestedLine] = {}
    if file is not None:
        of_lines = file.answers.filter(file.answers["file_line"].is_in(list(lines))).select("file_line", "line").rows()
        requested = quarantine.requested_at(conn, coming.bank, file.batch_no, {line for _, line in of_lines})
        asked = {file_line: requested[line] for file_line, line in of_lines if line in requested}
    named = {
        number: [found.decode("ascii") for found in _INSTRUCTION_NO.findall(line)]
        for number, line in lines.items()
        if number not in asked
    }
    known = quarantine.requested_as(conn, coming.bank, {each for found in named.values() for each in found})
    return asked | {number: known[each] for number, found in named.items() for each in found if each in known}
