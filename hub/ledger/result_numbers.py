"""Warnings of gaps and repeats in a bank's numbers of results (contract section 4). One open item a bank and day."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.result_numbers import Change, Gaps, ResultNumber, changes, gaps
from hub.domain.work import Queue
from hub.ledger import work_items
from hub.ports import BankFormat

REMEMBERED: Final = timedelta(days=366)
"""How far back numbers are compared."""


def note(conn: Connection, profile: BankFormat, bank: str, file_id: int, now: datetime) -> None:
    """Warns of what the file just recorded shows, and settles what it fills. The caller holds the bank's lock."""
    # Gather
    found = conn.execute(
        text(
            "select id, name, outcome from file_intake"
            " where door = 'bank' and party = :bank and received_at > :after order by id"
        ),
        {"bank": bank, "after": now - REMEMBERED},
    )
    came: list[tuple[int, ResultNumber, str]] = [
        (row.id, number, row.outcome)
        for row in found
        if (number := profile.result_number(row.name, bank)) is not None
    ]  # fmt: skip
    # Decide
    earlier = [each for each in came if each[0] != file_id]
    changed = changes(_gaps_of(earlier), _gaps_of(came))
    accepted = [number for _, number, outcome in earlier if outcome == "accepted"]
    again = [number for id_, number, outcome in came if id_ == file_id and outcome == "accepted" and number in accepted]
    # Apply
    for change in changed:
        _warn_or_settle(conn, bank, change, now)
    for number in again:
        work_items.raise_item(
            conn,
            queue=Queue.SEQUENCE,
            bank=bank,
            about=f"{bank}/{number.day}/{number.number}",
            at=now,
            summary=f"{bank} has numbered two results of {number.day} {number.number}; both were taken",
        )


def _gaps_of(files: Iterable[tuple[int, ResultNumber, str]]) -> Gaps:
    of_files = list(files)
    return gaps(
        [number for _, number, outcome in of_files if outcome != "repeat"],
        [number for _, number, outcome in of_files if outcome == "repeat"],
    )


def _warn_or_settle(conn: Connection, bank: str, change: Change, now: datetime) -> None:
    about = f"{bank}/{change.day}"
    if change.is_filled:
        work_items.settle(conn, Queue.SEQUENCE, about, f"the last of them came {now:%Y-%m-%d %H:%M}", now)
        return
    missing = ", ".join(map(str, change.gaps))
    summary = f"of {bank}'s results of {change.day} these numbers have not come: {missing}"
    if change.grew:
        work_items.raise_item(conn, queue=Queue.SEQUENCE, bank=bank, about=about, at=now, summary=summary)
    work_items.reword(conn, Queue.SEQUENCE, about, summary)
