"""Work items: what waits for a person. The same trouble opens one item, however often it is met."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

import topics
from hub.domain.work import Queue
from hub.ledger import outbox
from hub.wire.events import Event

_OPEN = text("""
    insert into work_item (queue, agency, bank, file, line, field, summary, detail, about, opened_at)
    values (:queue, :agency, :bank, :file, :line, :field, :summary, :detail, :about, :at)
    on conflict (queue, about) where state = 'open' do nothing
    returning id
""")
_LIST = """
    select id, queue, agency, bank, file, line, field, summary, opened_at, state, resolution, detail
    from work_item where {where} order by id
"""


def raise_item(
    conn: Connection,
    *,
    queue: Queue,
    summary: str,
    about: str,
    at: datetime,
    agency: str = "",
    bank: str = "",
    file: str = "",
    line: int | None = None,
    field: str = "",
    detail: Mapping[str, Any] | None = None,
) -> int | None:
    """Opens an item unless an open one is about the same trouble; returns its id when it is new."""
    fields = {
        "queue": queue.value, "agency": agency, "bank": bank, "file": file, "line": line, "field": field, "summary": summary,
    }  # fmt: skip
    stored = {**fields, "about": about, "at": at, "detail": json.dumps(detail or {}, ensure_ascii=False, default=str)}
    item: int | None = conn.execute(_OPEN, stored).scalar_one_or_none()
    if item is not None:
        event = Event(
            topic=topics.WORK_ITEM_RAISED,
            key=queue.value,
            subject=f"{queue.value}/{item}",
            record=fields,
            occurred_at=at,
        )
        outbox.append(conn, [event])
    return item


@dataclass(frozen=True, slots=True)
class OpenItem:
    """An open item, as far as the hub itself goes by it."""

    id: int
    summary: str
    detail: Mapping[str, Any]


def open_item(conn: Connection, queue: Queue, about: str) -> OpenItem | None:
    """The open item about a trouble, None when there is none."""
    row = conn.execute(
        text("select id, summary, detail from work_item where queue = :queue and about = :about and state = 'open'"),
        {"queue": queue.value, "about": about},
    ).one_or_none()
    return None if row is None else OpenItem(row.id, row.summary, row.detail)


def settle(conn: Connection, queue: Queue, about: str, resolution: str, at: datetime) -> None:
    """Closes an item whose trouble went away by itself (the late file came, the bank took the file)."""
    conn.execute(
        text(
            "update work_item set state = 'resolved', resolved_at = :at, resolution = :resolution"
            " where queue = :queue and about = :about and state = 'open'"
        ),
        {"queue": queue.value, "about": about, "resolution": resolution, "at": at},
    )


def settle_gone(conn: Connection, queue: Queue, bank: str, there: Collection[str], at: datetime) -> None:
    """Closes items of a bank that are about a file which waited at the bank and is not there any more."""
    conn.execute(
        text(
            "update work_item set state = 'resolved', resolved_at = :at, resolution = file || ' is not at the bank any more'"
            " where queue = :queue and bank = :bank and state = 'open' and about = bank || '/' || file"
            " and file <> all(cast(:there as text[]))"
        ),
        {"queue": queue.value, "bank": bank, "there": list(there), "at": at},
    )


def settle_all(conn: Connection, queue: Queue, beginning: str, resolution: str, at: datetime) -> None:
    """Closes every item of a queue that is about something beginning so."""
    conn.execute(
        text(
            "update work_item set state = 'resolved', resolved_at = :at, resolution = :resolution"
            " where queue = :queue and starts_with(about, :beginning) and state = 'open'"
        ),
        {"queue": queue.value, "beginning": beginning, "resolution": resolution, "at": at},
    )


def reword(conn: Connection, queue: Queue, about: str, summary: str) -> None:
    """An open item says how its trouble stands now."""
    conn.execute(
        text("update work_item set summary = :summary where queue = :queue and about = :about and state = 'open'"),
        {"queue": queue.value, "about": about, "summary": summary},
    )


def was_raised(conn: Connection, queue: Queue, about: str) -> bool:
    """Whether a person was told already, whatever became of it; for trouble that is looked for over and over."""
    return bool(
        conn.execute(
            text("select exists (select from work_item where queue = :queue and about = :about)"),
            {"queue": queue.value, "about": about},
        ).scalar_one()
    )


def resolve(conn: Connection, item: int, note: str, at: datetime) -> bool:
    """A person's decision; False when there is no such open item."""
    done = conn.execute(
        text(
            "update work_item set state = 'resolved', resolved_at = :at, resolution = :note"
            " where id = :item and state = 'open'"
        ),
        {"item": item, "note": note, "at": at},
    )
    return done.rowcount == 1


def rows(conn: Connection, *, item: int | None = None, everything: bool = False) -> list[dict[str, Any]]:
    """Open items, or all, or the one asked for; oldest first."""
    where = "id = :item" if item is not None else ("true" if everything else "state = 'open'")
    found = conn.execute(text(_LIST.format(where=where)), {} if item is None else {"item": item})
    return [dict(row) for row in found.mappings()]


def open_count(conn: Connection) -> int:
    return int(conn.execute(text("select count(*) from work_item where state = 'open'")).scalar_one())
