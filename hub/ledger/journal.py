"""The journal: double entry, append-only. An entry is written whole or not at all, and once for what caused it."""

from sqlalchemy import Connection, text

from hub.domain.posting import JournalEntry

_ENTRY = text("""
    insert into journal_entry (level, agency, what, cause, booking_period, business_date)
    values (:level, :agency, :what, :cause, :booking_period, :business_date) returning id
""")
_POSTING = text("""
    insert into journal_posting (entry_id, n, account, fund, side, amount_fen)
    values (:entry_id, :n, :account, :fund, :side, :amount_fen)
""")


def book(conn: Connection, entry: JournalEntry) -> int:
    """Writes one entry with its postings and returns its number.

    The unique key (level, what, agency, cause) forbids a second posting of the same cause: the database, not this code.
    """
    number: int = conn.execute(
        _ENTRY,
        {
            "level": entry.level.value, "agency": entry.agency, "what": entry.what.value, "cause": entry.cause,
            "booking_period": str(entry.booking_period), "business_date": entry.business_date,
        },
    ).scalar_one()  # fmt: skip
    if entry.postings:
        conn.execute(
            _POSTING,
            [
                {
                    "entry_id": number, "n": n, "account": posting.account.value, "fund": posting.fund.value,
                    "side": posting.side, "amount_fen": posting.amount,
                }
                for n, posting in enumerate(entry.postings, start=1)
            ],
        )  # fmt: skip
    return number
