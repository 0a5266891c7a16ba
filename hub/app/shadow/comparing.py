"""What the files of a bank in shadow say beside each other: our requests and the other system's, and the bank's answers.

An answer is held against the request that it answers, as every answer is; where nobody has laid that request down, against
ours, line by line by the unit. What is kept of a difference names lines and amounts, and of an account its last digits only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final

import polars as pl
from sqlalchemy import Connection

from hub.app.wiring import Hub
from hub.domain.bank_results import RequestedLine, check_answers
from hub.domain.bank_results_columns import answers_fit, lines_of
from hub.domain.faults import MAX_FAULTS_STORED, Fault, FaultCode, in_file_order
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.shadow_columns import (
    REQUESTS,
    Difference,
    Sides,
    added_up,
    answers_here,
    differences,
    outcome,
)
from hub.ledger import shadow
from hub.ledger.shadow import Finding, Origin, Session, ShadowFile
from hub.ports import BankFormat, BatchHeader, Refused, RequestLine, ResultFile

_LINES_AT_ONCE: Final = 50_000
_DIGITS_SHOWN: Final = 4


@dataclass(frozen=True, slots=True)
class AnsweredHere:
    """An answer to the other system, as answers to lines of ours, and the file it came in."""

    file: ShadowFile
    answers: pl.DataFrame


def read_requests(hub: Hub, code: str, files: Sequence[ShadowFile]) -> pl.DataFrame:
    """All lines of some request files, with the file of each. HubError when one is no request."""
    parts = [pl.DataFrame(schema=dict(REQUESTS))]
    for file in files:
        with hub.archive.find(file.sha256).path.open("rb") as data:
            _, lines = hub.formats[code].read_request(data)
            parts += _in_parts(file.name, lines)
    return pl.concat(parts)


def header_of(hub: Hub, code: str, sha256: str) -> BatchHeader:
    """The header of a request, all of whose lines are read too. HubError when it is no request."""
    with hub.archive.find(sha256).path.open("rb") as data:
        header, lines = hub.formats[code].read_request(data)
        for _ in lines:
            pass
        return header


def _in_parts(name: str, lines: Iterator[RequestLine]) -> Iterator[pl.DataFrame]:
    while chunk := list(islice(lines, _LINES_AT_ONCE)):
        rows = [
            (name, each.line, each.instruction_no, each.unit, each.account, each.account_name, *each.amounts, each.partial)
            for each in chunk
        ]  # fmt: skip
        yield pl.DataFrame(rows, schema=dict(REQUESTS), orient="row")


# ── requests against requests ───────────────────────────────────────────────────────────────────────────────────────


def compare_requests(hub: Hub, conn: Connection, code: str, period: str, round_: int, at: datetime) -> Finding:
    """The requests of a session against each other: those of the other system that are laid down, and ours."""
    ours = shadow.kept(conn, code, Origin.HUB, period, round_)
    theirs = shadow.kept(conn, code, Origin.OTHER, period, round_)
    here, there = read_requests(hub, code, ours), read_requests(hub, code, theirs)
    found = differences(here, there)
    told = {
        "here": _sides(ours, added_up(here)),
        "there": _sides(theirs, added_up(there)),
        "listed": [_difference(each) for each in found[:MAX_FAULTS_STORED]],
    }
    return Finding(period=period, round=round_, file=None, found_at=at, differences=len(found), told=told)


def _sides(files: Sequence[ShadowFile], sides: Sides) -> dict[str, object]:
    return {"files": [file.name for file in files], "lines": sides.lines, **_money(sides.amounts)}


def _money(amounts: FundAmounts) -> dict[str, int]:
    return {**dict(zip(FUND_NAMES, amounts, strict=True)), "total": amounts.total}


def _difference(found: Difference) -> dict[str, object]:
    """A difference for the books; accounts and names are personal, and stay in the files."""
    expected, there = found.expected, found.found
    if found.field == "account":
        expected, there = _last_digits(expected), _last_digits(there)
    elif found.field == "account_name":
        expected, there = "one name", "another"
    elif found.field == "partial":
        expected, there = ("part" if side == "True" else "all or nothing" for side in (expected, there))
    return {
        "unit": found.unit, "field": found.field, "expected": expected, "found": there,
        "here": _where(found.here), "there": _where(found.there),
    }  # fmt: skip


def _where(place: tuple[str, int] | None) -> dict[str, object] | None:
    return None if place is None else {"file": place[0], "line": place[1]}


def _last_digits(account: str) -> str:
    return f"…{account[-_DIGITS_SHOWN:]}"


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Asked:
    """What an answer is held against: a request of the other system, or all of ours in the session."""

    session: Session | None
    there: ShadowFile | None
    lines: pl.DataFrame


def judge_answer(hub: Hub, conn: Connection, file: ShadowFile, at: datetime, more: Sequence[Fault] = ()) -> Finding:
    """An answer of the bank against the request it answers, and what it would come to. ``more``: faults found before."""
    faults = [*more]
    with hub.archive.find(file.sha256).path.open("rb") as data:
        parsed = hub.formats[file.bank].parse_result(file.name, file.bank, data)
    if isinstance(parsed, Refused):
        faults += parsed.faults
    answer = parsed.readable if isinstance(parsed, Refused) else parsed
    if answer is None:
        told: dict[str, object] = {"faults": _faults(faults)}
        return Finding(period=None, round=None, file=file, found_at=at, differences=len(faults), told=told)
    asked = _asked(hub, conn, file.bank, answer)
    seen = {(fault.line, fault.field) for fault in faults}
    faults += [fault for fault in _against(asked, answer) if (fault.line, fault.field) not in seen]
    faults = list(in_file_order(faults))
    come = outcome(answer.answers)
    told = {
        "answers_to": answer.request_name,
        "held_against": "nothing" if asked.session is None and asked.there is None
        else "the request that it answers" if asked.there is not None else "the hub's request, by unit",
        "lines": len(answer.answers), "in_full": come.in_full, "in_part": come.in_part, "nothing": come.nothing,
        "would_be_booked": None if faults else _money(come.amounts),
        "faults": _faults(faults),
    }  # fmt: skip
    session = asked.session
    return Finding(
        period=None if session is None else session.period, round=None if session is None else session.round,
        file=file, found_at=at, differences=len(faults), told=told,
    )  # fmt: skip


def _faults(faults: Sequence[Fault]) -> list[dict[str, object]]:
    return [fault.as_json() for fault in faults[:MAX_FAULTS_STORED]]


def _asked(hub: Hub, conn: Connection, code: str, answer: ResultFile) -> _Asked:
    """The request that an answer names, when it is laid down; else ours of the last session before the answer."""
    sessions = shadow.sessions(conn, code, made=True)
    named = [each for each in shadow.kept(conn, code, Origin.OTHER) if each.name == answer.request_name]
    if named:
        file = named[-1]
        session = next((s for s in sessions if (s.period, s.round) == (file.period, file.round)), None)
        return _Asked(session, file, read_requests(hub, code, [file]))
    before = [session for session in sessions if session.day <= answer.business_date]
    if not before:
        return _Asked(None, None, pl.DataFrame(schema=dict(REQUESTS)))
    ours = shadow.kept(conn, code, Origin.HUB, before[-1].period, before[-1].round)
    return _Asked(before[-1], None, read_requests(hub, code, ours))


def _against(asked: _Asked, answer: ResultFile) -> Iterator[Fault]:
    if asked.there is not None:
        lines = asked.lines.select("line", "instruction_no", "unit", *FUND_NAMES, "partial")
        if not answers_fit([lines], answer.answers):
            yield from check_answers(_requested(asked.lines), lines_of(answer.answers))
        return
    if asked.session is None:
        yield Fault(
            1, "request file name", FaultCode.UNKNOWN_BATCH, "a request of a session in shadow", answer.request_name
        )
        return
    yield from _by_unit(asked.lines, answer)


def _by_unit(here: pl.DataFrame, answer: ResultFile) -> Iterator[Fault]:
    """An answer whose request is not laid down: each line against what we would have asked of its unit."""
    ordered = here.sort("unit", pl.sum_horizontal(FUND_NAMES))
    asked: dict[str, list[RequestedLine]] = {}
    for line in _requested(ordered):
        asked.setdefault(line.unit, []).append(line)
    for said in sorted(lines_of(answer.answers), key=lambda each: (each.unit, each.requested)):
        ours = asked.get(said.unit)
        if not ours:
            yield Fault(said.file_line, "unit", FaultCode.UNKNOWN_UNIT, "a unit that this hub would ask for", said.unit)
            continue
        line = ours.pop(0)
        one = said._replace(line=1, instruction_no=line.instruction_no)
        yield from check_answers([line._replace(line=1)], [one])


def _requested(lines: pl.DataFrame) -> Iterator[RequestedLine]:
    wanted = lines.select("line", "instruction_no", "unit", *FUND_NAMES, "partial")
    for line, number, unit, *amounts, partial in wanted.iter_rows():
        yield RequestedLine(line, InstructionNo(number), UnitNo(unit), FundAmounts(*amounts), partial)


def answered_here(hub: Hub, conn: Connection, session: Session, name: str) -> AnsweredHere | None:
    """What the bank has answered in a session without a fault, as answers to the lines of our request file ``name``.

    None while nothing answers it. A line that the other system did not ask for is without an answer.
    """
    ours = [
        file for file in shadow.kept(conn, session.bank, Origin.HUB, session.period, session.round) if file.name == name
    ]
    here = read_requests(hub, session.bank, ours)
    parts: list[AnsweredHere] = []
    for finding in shadow.findings(conn, session.bank, session.period):
        if finding.file is None or finding.file.origin is not Origin.BANK or finding.round != session.round:
            continue
        if finding.differences:
            continue
        answer = _parsed(hub.formats[session.bank], hub, finding.file)
        asked = _asked(hub, conn, session.bank, answer)
        answers = answers_here(here, answer.answers, None if asked.there is None else asked.lines)
        if len(answers):
            parts.append(AnsweredHere(finding.file, answers))
    if not parts:
        return None
    last = max(parts, key=lambda part: part.file.seen_at)
    return AnsweredHere(
        last.file, pl.concat([part.answers for part in parts]).unique("line", keep="first").sort("line")
    )


def _parsed(profile: BankFormat, hub: Hub, file: ShadowFile) -> ResultFile:
    with hub.archive.find(file.sha256).path.open("rb") as data:
        parsed = profile.parse_result(file.name, file.bank, data)
    assert isinstance(parsed, ResultFile), "an answer without a fault was read"
    return parsed
