"""Quarantined answers of banks, what persons decided about them, and the lines of the requests they answer."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, text

from hub.domain.bank_results import RequestedLine
from hub.domain.faults import MAX_FAULTS_STORED, Fault
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.quarantine import WAITING, Act, Decision, QuarantineState, awaited, state_after


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One coming of a file that did not fit. ``faults``: the first ``MAX_FAULTS_STORED`` of them."""

    id: int
    bank: str
    name: str
    sha256: str
    size: int
    received_at: datetime
    faults: tuple[Fault, ...]
    decisions: tuple[Decision, ...]
    signature: str | None = None  # SHA-256 of what lay beside it
    signed_by: str | None = None  # the key, where the signature held

    @property
    def state(self) -> QuarantineState:
        return state_after(self.decisions)

    @property
    def awaited(self) -> Decision | None:
        return awaited(self.decisions)

    @property
    def about(self) -> str:
        """What its work item is about."""
        return about(self.bank, self.name, self.sha256)


def about(bank: str, name: str, sha256: str) -> str:
    """What the work item of a quarantined file is about: these bytes under this name."""
    return f"{bank}/{name}/{sha256}"


_HELD: Final = """
    select f.id, f.party, f.name, f.sha256, a.size, f.received_at, f.faults, f.signature, f.signed_by
    from file_intake f join archived_file a on a.sha256 = f.sha256
    where f.door = 'bank' and f.outcome = 'quarantined' and {where} order by f.id
"""


def held(conn: Connection, bank: str | None = None, *, everything: bool = False) -> list[Held]:
    """Quarantined files in which a person has something to do, or all; of one bank when named; oldest first."""
    found = conn.execute(text(_HELD.format(where="(:bank = '' or f.party = :bank)")), {"bank": bank or ""}).all()
    decided = _decisions(conn, [row.id for row in found])
    cases = (_made(row, decided.get(row.id, [])) for row in found)
    return [case for case in cases if everything or case.state in WAITING]


def one(conn: Connection, file_id: int) -> Held | None:
    """The quarantined file of this number."""
    row = conn.execute(text(_HELD.format(where="f.id = :id")), {"id": file_id}).one_or_none()
    return None if row is None else _made(row, _decisions(conn, [file_id]).get(file_id, []))


def held_as(conn: Connection, bank: str, name: str, sha256: str, faults: Sequence[Fault]) -> int | None:
    """The number under which these bytes lie here by this name for these very faults, while nobody has settled them.

    A file that cannot be moved away is met at every poll; it is one case, not one a poll.
    """
    where = "f.party = :bank and f.name = :name and f.sha256 = :sha256 and f.faults = cast(:faults as jsonb)"
    stored = json.dumps([fault.as_json() for fault in faults[:MAX_FAULTS_STORED]], ensure_ascii=False)
    values = {"bank": bank, "name": name, "sha256": sha256, "faults": stored}
    found = conn.execute(text(_HELD.format(where=where)), values).all()
    decided = _decisions(conn, [row.id for row in found])
    waiting = (row.id for row in found if state_after(decided.get(row.id, [])) in WAITING)
    return next(waiting, None)


def _made(row: Row[Any], decisions: Sequence[Decision]) -> Held:
    return Held(
        id=row.id, bank=row.party, name=row.name, sha256=row.sha256, size=row.size, received_at=row.received_at,
        faults=tuple(map(Fault.of_json, row.faults)), decisions=tuple(decisions), signature=row.signature, signed_by=row.signed_by,
    )  # fmt: skip


def _decisions(conn: Connection, file_ids: Sequence[int]) -> dict[int, list[Decision]]:
    """Decisions by the file they are about, oldest first."""
    found = conn.execute(
        text("select * from quarantine_decision where file_id = any(cast(:ids as bigint[])) order by id"),
        {"ids": list(file_ids)},
    )
    decided: dict[int, list[Decision]] = {}
    for row in found:
        decided.setdefault(row.file_id, []).append(
            Decision(
                act=Act(row.act), file=row.file, sha256=row.sha256, by=row.by_whom, note=row.note, at=row.decided_at,
                proposed_by=row.proposed_by,
            )
        )  # fmt: skip
    return decided


def keep(conn: Connection, file_id: int, decision: Decision) -> None:
    """Writes a decision down. One that approves refers to the proposal, whose content and maker the database compares."""
    conn.execute(
        text("""
            insert into quarantine_decision
                (file_id, act, file, sha256, by_whom, note, decided_at, proposal_id, proposed_by)
            values (:file_id, :act, :file, :sha256, :by, :note, :at,
                    case when cast(:proposed_by as text) is not null
                         then (select max(id) from quarantine_decision where file_id = :file_id) end, :proposed_by)
        """),
        {
            "file_id": file_id, "act": decision.act.value, "file": decision.file, "sha256": decision.sha256,
            "by": decision.by, "note": decision.note, "at": decision.at, "proposed_by": decision.proposed_by,
        },
    )  # fmt: skip


_REQUESTED: Final = f"""
    select l.line, i.instruction_no, b.unit, {", ".join(f"i.{fund}" for fund in FUND_NAMES)},
           t.partial and i.kind = 'M' as partial
    from batch t join batch_line l on l.batch_id = t.id join instruction i on i.id = l.instruction_id
    join bill b on b.id = i.bill_id
    where t.bank = :bank and {{where}} order by l.line
"""


def requested_at(conn: Connection, bank: str, batch_no: str, lines: Collection[int]) -> dict[int, RequestedLine]:
    """What a bank was asked in some lines of a batch, by line; lines and batches that are not there are left out."""
    found = conn.execute(
        text(_REQUESTED.format(where="t.batch_no = :batch and l.line = any(cast(:lines as integer[]))")),
        {"bank": bank, "batch": batch_no, "lines": list(lines)},
    )
    return {row.line: _requested(row) for row in found}


def requested_as(conn: Connection, bank: str, numbers: Collection[str]) -> dict[str, RequestedLine]:
    """What a bank was asked in instructions, by number; numbers of no instruction of this bank are left out."""
    split = [number.rpartition("-") for number in numbers]
    bills = [(number, int(round_)) for number, _, round_ in split if round_ in ("1", "2")]
    found = conn.execute(
        text(
            _REQUESTED.format(
                where="(b.bill_no, i.round) in (select * from unnest(cast(:bills as text[]), cast(:rounds as smallint[])))"
            )
        ),
        {"bank": bank, "bills": [number for number, _ in bills], "rounds": [round_ for _, round_ in bills]},
    )
    return {row.instruction_no: _requested(row) for row in found}


def _requested(row: Row[Any]) -> RequestedLine:
    amounts = FundAmounts(*(getattr(row, fund) for fund in FUND_NAMES))
    return RequestedLine(row.line, InstructionNo(row.instruction_no), UnitNo(row.unit), amounts, row.partial)
