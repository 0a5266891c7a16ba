"""Banks in shadow (并行试运行): which bills are another system's, and what was laid side by side. Nothing here is booked.

A bank is in shadow from an upload on to the end of that period: a bank that goes live in between is not asked for bills that
the other system has asked for. In shadow from the first upload on, its bills of the period are another system's; from the
second on, they have been asked for here, and stay ours. So does a bill that was paid at the counter before its bank was in shadow:
its money is in our books. None is taken for the others, so a receipt tells which is which.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, text

from hub.domain.timetable import TZ, ScheduledStep, Step
from hub.ledger import files
from hub.ports import Archived

_OF_BILL: Final = "select from shadow_period z where z.period = b.period and z.bank = b.bank and z.from_round"
_PAID_HERE: Final = "exists (select from receipt p where p.bill_id = b.id)"
IN_SHADOW: Final = f"(exists ({_OF_BILL} = 1) and not {_PAID_HERE})"
"""SQL: whether bill ``b`` is another system's. A bill for sporadic payment names no bank, so is never."""
NOT_ASKED: Final = f"exists ({_OF_BILL} <= {{round}})"
"""SQL: whether bill ``b`` was not asked for in a round, since its bank was in shadow by then."""


class Origin(StrEnum):
    """Where a file of a bank in shadow comes from."""

    HUB = "hub"  # a request as the hub would have sent it
    OTHER = "other"  # a request as the other system sent it
    BANK = "bank"  # an answer, met in the bank's inbound directory or handed in


def asked_banks(conn: Connection, step: ScheduledStep, banks: Collection[str], in_shadow: Collection[str]) -> list[str]:
    """The banks of ``banks`` that this upload asks; those ``in_shadow`` are marked so for the rest of the period.

    An upload that was begun goes on as it was begun, whatever hub.toml says by now.
    """
    values = {"period": str(step.period), "round": step.round}
    conn.execute(
        text("""
            insert into shadow_period (period, bank, from_round, begun_at)
            select :period, bank, :round, :at from unnest(cast(:banks as text[])) as bank
            where not exists (select from instruction i where i.period = :period and i.round = :round and i.bank = bank)
            on conflict do nothing
        """),
        {**values, "banks": sorted(in_shadow), "at": step.due_at},
    )
    found = conn.execute(
        text("select bank from shadow_period where period = :period and from_round <= :round"), values
    ).scalars()
    marked = set(found)
    return [bank for bank in banks if bank not in marked]


def is_elsewhere(conn: Connection, bank: str) -> bool:
    """Whether another system collects through this bank in a period whose month end has not closed."""
    return bool(
        conn.execute(
            text("""
                select exists (
                    select from shadow_period z
                    where z.bank = :bank and z.from_round = 1 and not exists (
                        select from step_done d where d.period = z.period and d.step = 'month-close'))
            """),
            {"bank": bank},
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class NotAsked:
    """Bills of a bank that this hub asks nobody for, and what they come to (fen)."""

    bank: str
    bills: int
    total: int


def not_asked(conn: Connection, period: str) -> list[NotAsked]:
    """What a period's banks in shadow were billed for."""
    found = conn.execute(
        text(f"""
            select z.bank, count(b.id) as bills, coalesce(sum(b.total), 0)::bigint as total
            from shadow_period z left join bill b on b.period = z.period and b.bank = z.bank and not {_PAID_HERE}
            where z.period = :period and z.from_round = 1 group by z.bank order by z.bank
        """),
        {"period": period},
    )
    return [NotAsked(*row) for row in found]


def bills_elsewhere(conn: Connection, numbers: Collection[str], in_shadow: Collection[str]) -> set[str]:
    """Bills among these numbers that are another system's, or will be when the first upload of their period closes."""
    found = conn.execute(
        text(f"""
            select b.bill_no from bill b
            where b.bill_no = any(:numbers) and ({IN_SHADOW} or (b.bank = any(:banks) and not {_PAID_HERE} and not exists (
                select from step_begun s where s.period = b.period and s.step = :upload and s.round = 1)))
        """),
        {"numbers": list(numbers), "banks": list(in_shadow), "upload": Step.UPLOAD_CLOSE.value},
    )
    return set(found.scalars())


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of a bank in shadow: its upload's hours, and the day of its city batch."""

    bank: str
    period: str
    round: int
    closes_at: datetime
    begun_at: datetime
    day: date


def sessions(conn: Connection, bank: str, *, made: bool) -> list[Session]:
    """The sessions of a bank in shadow whose city batch is done, oldest first: those whose requests are made, or are not."""
    found = conn.execute(
        text(f"""
            select z.period, u.round, u.due_at, u.begun_at, c.done_at
            from shadow_period z
            join step_begun u on u.period = z.period and u.step = :upload
            join step_done c on c.period = u.period and c.round = u.round and c.step = :batch
            where z.bank = :bank and z.from_round = 1 and {"" if made else "not"} exists (
                select from shadow_session s where s.period = u.period and s.round = u.round and s.bank = z.bank)
            order by z.period, u.round
        """),
        {"bank": bank, "upload": Step.UPLOAD_CLOSE.value, "batch": Step.CITY_BATCH.value},
    )
    return [
        Session(
            bank=bank, period=row.period, round=row.round, closes_at=row.due_at, begun_at=row.begun_at.astimezone(TZ),
            day=row.done_at.astimezone(TZ).date(),
        )
        for row in found
    ]  # fmt: skip


def note_made(conn: Connection, session: Session, at: datetime) -> None:
    """The requests of a session are made."""
    conn.execute(
        text("""
            insert into shadow_session (period, round, bank, day, made_at)
            values (:period, :round, :bank, :day, :at)
        """),
        {"period": session.period, "round": session.round, "bank": session.bank, "day": session.day, "at": at},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowFile:
    """A file that was laid beside others. ``period`` and ``round`` of requests, else None."""

    id: int
    bank: str
    origin: Origin
    period: str | None
    round: int | None
    name: str
    sha256: str
    seen_at: datetime


def note_file(
    conn: Connection,
    *,
    bank: str,
    origin: Origin,
    name: str,
    fingerprint: str,
    archived: Archived,
    at: datetime,
    period: str | None = None,
    round_: int | None = None,
) -> ShadowFile:
    """Keeps that a file is there, and where its bytes are."""
    files.note_archived(conn, archived)
    number = conn.execute(
        text("""
            insert into shadow_file (bank, origin, period, round, name, fingerprint, sha256, seen_at)
            values (:bank, :origin, :period, :round, :name, :fingerprint, :sha256, :at) returning id
        """),
        {
            "bank": bank, "origin": origin.value, "period": period, "round": round_, "name": name,
            "fingerprint": fingerprint, "sha256": archived.sha256, "at": at,
        },
    ).scalar_one()  # fmt: skip
    return ShadowFile(
        id=number, bank=bank, origin=origin, period=period, round=round_, name=name, sha256=archived.sha256, seen_at=at
    )


def was_read(conn: Connection, bank: str, origin: Origin, name: str, fingerprint: str) -> bool:
    """Whether a file was read as it stands there now."""
    query = text(
        "select exists (select from shadow_file"
        " where bank = :bank and origin = :origin and name = :name and fingerprint = :fingerprint)"
    )
    values = {"bank": bank, "origin": origin.value, "name": name, "fingerprint": fingerprint}
    return bool(conn.execute(query, values).scalar_one())


def kept(conn: Connection, bank: str, origin: Origin, period: str | None = None, round_: int = 0) -> list[ShadowFile]:
    """A bank's files of one origin, by name, of one session when named; of a name that was read twice the newer."""
    found = conn.execute(
        text("""
            select distinct on (name) id, bank, origin, period, round, name, sha256, seen_at from shadow_file
            where bank = :bank and origin = :origin and (:period = '' or (period = :period and round = :round))
            order by name, id desc
        """),
        {"bank": bank, "origin": origin.value, "period": period or "", "round": round_},
    )
    return [
        ShadowFile(**{**row._asdict(), "origin": Origin(row.origin), "seen_at": row.seen_at.astimezone(TZ)})
        for row in found
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a comparison came to. ``file`` None: the requests of a session against each other."""

    period: str | None
    round: int | None
    file: ShadowFile | None
    found_at: datetime
    differences: int
    told: Mapping[str, Any]


def note_finding(conn: Connection, bank: str, finding: Finding) -> None:
    """Keeps what a comparison came to."""
    conn.execute(
        text("""
            insert into shadow_finding (bank, period, round, file_id, found_at, differences, told)
            values (:bank, :period, :round, :file, :at, :differences, :told)
        """),
        {
            "bank": bank, "period": finding.period, "round": finding.round,
            "file": None if finding.file is None else finding.file.id, "at": finding.found_at,
            "differences": finding.differences, "told": json.dumps(finding.told, ensure_ascii=False),
        },
    )  # fmt: skip


def findings(conn: Connection, bank: str, period: str | None = None) -> list[Finding]:
    """The newest finding about each file and each session of a bank, oldest session first; of one period when named."""
    found = conn.execute(
        text("""
            select * from (
                select distinct on (f.origin, f.name, case when f.id is null then n.period || n.round end)
                    n.id, n.period, n.round, n.found_at, n.differences, n.told, f.id as file_id, f.origin, f.name, f.sha256,
                    f.period as file_period, f.round as file_round, f.seen_at
                from shadow_finding n left join shadow_file f on f.id = n.file_id where n.bank = :bank
                order by f.origin, f.name, case when f.id is null then n.period || n.round end, n.id desc) newest
            where :period = '' or period = :period
            order by period nulls last, round, file_id nulls first
        """),
        {"bank": bank, "period": period or ""},
    )
    return [
        Finding(
            period=row.period, round=row.round, found_at=row.found_at.astimezone(TZ), differences=row.differences,
            told=row.told,
            file=None if row.file_id is None else ShadowFile(
                id=row.file_id, bank=bank, origin=Origin(row.origin), period=row.file_period, round=row.file_round,
                name=row.name, sha256=row.sha256, seen_at=row.seen_at.astimezone(TZ),
            ),
        )
        for row in found
    ]  # fmt: skip
