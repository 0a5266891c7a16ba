"""Certificates of business days as they are kept: one behind the other, never changed."""

import json
from collections.abc import Iterator
from datetime import date

from sqlalchemy import Connection, text

from hub.domain.tie_out import Certificate


def newest(conn: Connection) -> Certificate | None:
    """The one that the next is drawn behind; None before the first."""
    return next(_read(conn, "order by number desc limit 1"), None)


def last_day(conn: Connection) -> date | None:
    """The latest day that has a certificate."""
    day: date | None = conn.execute(text("select max(day) from tie_out")).scalar_one()
    return day


def last_before(conn: Connection, day: date) -> Certificate | None:
    """What counts of the latest certified day before a day; None when there is none."""
    return next(_read(conn, "where day < :day order by day desc, number desc limit 1", day=day), None)


def in_chain(conn: Connection) -> Iterator[Certificate]:
    """All of them, in the order in which they were drawn."""
    return _read(conn, "order by number")


def of_days(conn: Connection, first: date, last: date) -> dict[date, Certificate]:
    """What counts of each day: the newest of those drawn for it."""
    found = _read(conn, "where day between :first and :last order by number", first=first, last=last)
    return {each.day: each for each in found}


def red(conn: Connection) -> list[Certificate]:
    """Of the days whose newest certificate is red, that certificate; the oldest day first."""
    return list(
        _read(
            conn,
            "t where not (content ->> 'ok')::boolean"
            " and not exists (select from tie_out n where n.day = t.day and n.number > t.number) order by day",
        )
    )


def keep(conn: Connection, certificate: Certificate) -> None:
    """Stores a certificate as drawn. Its number is taken once: of two who draw at the same moment, one has to look again."""
    conn.execute(
        text(
            "insert into tie_out (number, day, content, previous, sha256)"
            " values (:number, :day, cast(:content as jsonb), :previous, :sha256)"
        ),
        {**certificate._asdict(), "content": json.dumps(certificate.content, ensure_ascii=False)},
    )


def _read(conn: Connection, which: str, **values: object) -> Iterator[Certificate]:
    rows = conn.execute(text(f"select number, day, content, previous, sha256 from tie_out {which}"), values)
    return (Certificate(row.number, row.day, row.content, row.previous, row.sha256) for row in rows)
