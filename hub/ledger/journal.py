"""The journal: double entry, append-only. An entry is written whole or not at all, and once for what caused it."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

from hub.domain.posting import JournalEntry

_NUMBERS: Final = text("""
    select nextval(pg_get_serial_sequence('journal_entry', 'id')) from generate_series(1, :count)
""")
_ENTRIES: Final = text("""
    insert into journal_entry (id, level, agency, what, cause, booking_period, business_date) overriding system value
    select * from unnest(
        cast(:ids as bigint[]), cast(:levels as text[]), cast(:agencies as text[]), cast(:whats as text[]),
        cast(:causes as text[]), cast(:booking_periods as text[]), cast(:business_dates as date[]))
""")
_POSTINGS: Final = text("""
    insert into journal_posting (entry_id, n, account, fund, side, amount_fen)
    select * from unnest(
        cast(:entries as bigint[]), cast(:ns as smallint[]), cast(:accounts as text[]), cast(:funds as text[]),
        cast(:sides as text[]), cast(:amounts as bigint[]))
""")


def numbers(conn: Connection, count: int) -> list[int]:
    """Numbers of entries to come, for what has to name its entry before the entry can be added up."""
    return list(conn.execute(_NUMBERS, {"count": count}).scalars()) if count else []


def book(conn: Connection, entry: JournalEntry) -> int:
    """Writes one entry with its postings and returns its number."""
    [number] = numbers(conn, 1)
    book_all(conn, [(number, entry)])
    return number


def book_all(conn: Connection, entries: Sequence[tuple[int, JournalEntry]]) -> None:
    """Writes entries with their postings, each under the number it was given.

    The unique key (level, what, agency, cause) forbids a second posting of the same cause: the database, not this code.
    """
    if not entries:
        return
    conn.execute(
        _ENTRIES,
        {
            "ids": [number for number, _ in entries],
            "levels": [entry.level.value for _, entry in entries],
            "agencies": [entry.agency for _, entry in entries],
            "whats": [entry.what.value for _, entry in entries],
            "causes": [entry.cause for _, entry in entries],
            "booking_periods": [str(entry.booking_period) for _, entry in entries],
            "business_dates": [entry.business_date for _, entry in entries],
        },
    )
    lines = [(number, n, posting) for number, entry in entries for n, posting in enumerate(entry.postings, start=1)]
    conn.execute(
        _POSTINGS,
        {
            "entries": [number for number, _, _ in lines],
            "ns": [n for _, n, _ in lines],
            "accounts": [posting.account.value for _, _, posting in lines],
            "funds": [posting.fund.value for _, _, posting in lines],
            "sides": [posting.side for _, _, posting in lines],
            "amounts": [posting.amount for _, _, posting in lines],
        },
    )
