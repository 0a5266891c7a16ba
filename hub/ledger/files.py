"""Files that came in and the answers they got. The archive keeps the bytes; this keeps what was decided about them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from hub.domain.faults import MAX_FAULTS_STORED, Fault
from hub.domain.timetable import TZ
from hub.ports import Archived, Signature


@dataclass(frozen=True, slots=True)
class Intake:
    """An answer given: accepted files have an identity, refused and quarantined ones take none."""

    id: int
    name: str
    sha256: str
    outcome: str
    lines: int
    total: int


class LetIn(NamedTuple):
    """The two persons who let a file in, and the quarantined coming that it settles."""

    stands_for: int | None
    proposed_by: str | None
    approved_by: str | None


NOBODY: Final = LetIn(None, None, None)
"""Of files that fit by themselves."""


def note_archived(conn: Connection, archived: Archived) -> None:
    """The archive has these bytes; the same bytes twice are one file."""
    conn.execute(
        text("insert into archived_file (sha256, size) values (:sha256, :size) on conflict (sha256) do nothing"),
        {"sha256": archived.sha256, "size": archived.size},
    )


def next_id(conn: Connection) -> int:
    """The number of a coming that is recorded later, once it is known what the file holds."""
    return int(conn.execute(text("select nextval(pg_get_serial_sequence('file_intake', 'id'))")).scalar_one())


def record(
    conn: Connection,
    *,
    id_: int | None = None,
    door: str,
    party: str,
    name: str,
    archived: Archived,
    at: datetime,
    outcome: str,
    identity: str | None = None,
    lines: int = 0,
    total: int = 0,
    faults: Sequence[Fault] = (),
    let_in: LetIn = NOBODY,
    signature: Signature | None = None,
) -> int:
    """Notes one coming of a file and its answer; returns the number of this coming (``id_`` when it has one already).

    ``let_in``: who let the file in, where it was not the hub alone. ``signature``: what lay beside it as such.
    """
    note_archived(conn, archived)
    if signature is not None:
        note_archived(conn, signature.archived)
    stored = [fault.as_json() for fault in faults[:MAX_FAULTS_STORED]]
    return int(
        conn.execute(
            text("""
                insert into file_intake
                    (id, door, party, name, sha256, received_at, outcome, identity, lines, total, faults,
                     stands_for, proposed_by, approved_by, signature, signed_by)
                overriding system value
                values (:id, :door, :party, :name, :sha256, :at, :outcome, :identity, :lines, :total, :faults,
                        :stands_for, :proposed_by, :approved_by, :signature, :signed_by) returning id
            """),
            {
                "id": next_id(conn) if id_ is None else id_,
                "door": door, "party": party, "name": name, "sha256": archived.sha256, "at": at, "outcome": outcome,
                "identity": identity, "lines": lines, "total": total, "faults": json.dumps(stored, ensure_ascii=False),
                "signature": None if signature is None else signature.archived.sha256,
                "signed_by": None if signature is None else signature.by,
                **let_in._asdict(),
            },
        ).scalar_one()
    )  # fmt: skip


def accepted_by_bytes(conn: Connection, door: str, sha256: str, name: str) -> Intake | None:
    """The accepted file of these very bytes and this name, if it came before (contract section 1: same bytes, same answer)."""
    return _one(conn, "door = :door and sha256 = :sha256 and name = :name", door=door, sha256=sha256, name=name)


def accepted_by_content(conn: Connection, door: str, party: str, sha256: str) -> Intake | None:
    """A party's accepted file of these very bytes under whatever name: a bank may send the same answer twice."""
    where = "door = :door and party = :party and sha256 = :sha256"
    return _one(conn, where, door=door, party=party, sha256=sha256)


def accepted_by_identity(conn: Connection, identity: str) -> Intake | None:
    """The accepted file that holds an identity."""
    return _one(conn, "identity = :identity", identity=identity)


def identities_under(conn: Connection, beginning: str) -> list[str]:
    """The identities of accepted files that begin so, up to a slash."""
    query = text("select identity from file_intake where outcome = 'accepted' and starts_with(identity, :beginning)")
    return list(conn.execute(query, {"beginning": beginning}).scalars())


def came_again(conn: Connection, door: str, sha256: str, name: str) -> bool:
    """Whether this repeat is noted already: a file that cannot be moved away is met at every poll."""
    return bool(
        conn.execute(
            text(
                "select exists (select from file_intake"
                " where door = :door and sha256 = :sha256 and name = :name and outcome = 'repeat')"
            ),
            {"door": door, "sha256": sha256, "name": name},
        ).scalar_one()
    )


def contents_under(conn: Connection, door: str, party: str, name: str) -> list[tuple[str, int]]:
    """(SHA-256, size) of what ever came from a party under a name, whatever became of it."""
    found = conn.execute(
        text(
            "select distinct f.sha256, a.size from file_intake f join archived_file a on a.sha256 = f.sha256"
            " where f.door = :door and f.party = :party and f.name = :name"
        ),
        {"door": door, "party": party, "name": name},
    )
    return [(row.sha256, row.size) for row in found]


def signatures_under(conn: Connection, door: str, party: str, name: str) -> frozenset[str]:
    """SHA-256 of the signatures that ever lay beside a file of a party under a name, right or wrong."""
    found = conn.execute(
        text(
            "select distinct signature from file_intake"
            " where door = :door and party = :party and name = :name and signature is not null"
        ),
        {"door": door, "party": party, "name": name},
    )
    return frozenset(found.scalars())


@dataclass(frozen=True, slots=True)
class LastFile:
    """The file that went to a party or came from it last, and what became of it. Business time; the total is fen."""

    party: str
    name: str
    at: datetime
    outcome: str
    lines: int
    total: int


def last_from_banks(conn: Connection) -> dict[str, LastFile]:
    """Per bank the last file that came from it, whatever became of it. The name is the bank's own text.

    What persons handed in for one of its files, refused or not, did not come from there.
    """
    found = conn.execute(
        text("""
            select distinct on (party) party, name, received_at as at, outcome, lines, total
            from file_intake f where door = 'bank' and outcome <> 'refused' and not exists (
                select from file_intake held where held.id = f.stands_for and held.sha256 <> f.sha256)
            order by party, id desc
        """)
    )
    return {row.party: LastFile(**{**row._asdict(), "at": row.at.astimezone(TZ)}) for row in found}


def _one(conn: Connection, where: str, **values: str) -> Intake | None:
    row = conn.execute(
        text(
            f"select id, name, sha256, outcome, lines, total from file_intake where {where} and outcome = 'accepted' limit 1"
        ),
        values,
    ).one_or_none()
    return None if row is None else Intake(**row._asdict())
