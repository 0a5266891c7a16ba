"""Which business days had movement, and whether all that was begun on a day has come to its end."""

from datetime import date
from typing import Final

from sqlalchemy import Connection, text

import topics
from hub.domain.lifecycle import BatchState
from hub.domain.posting import EntryKind
from hub.domain.timetable import Step
from hub.domain.work import Queue

_DATE: Final = "({} at time zone 'Asia/Shanghai')::date"
NO_MONEY: Final = (EntryKind.DUES_TAKEN_IN, EntryKind.ARREARS_OPENED, EntryKind.CANCELLATION)
_MONEY: Final = ", ".join(f"'{kind}'" for kind in EntryKind if kind not in NO_MONEY)
"""Entries that move money, so that a day's tie-out has a row for them; the others are memoranda."""
_WITHIN: Final = (
    "{0} >= cast(:first as date)::timestamp at time zone 'Asia/Shanghai'"
    " and {0} < (cast(:last as date) + 1)::timestamp at time zone 'Asia/Shanghai'"
)
_MOVED: Final = text(f"""
    select day from (
        select {_DATE.format("done_at")} from step_done where step = '{Step.CITY_BATCH}' and {_WITHIN.format("done_at")}
        union select posting_date from batch where posting_date between :first and :last
        union select {_DATE.format("accepted_at")} from receipt where {_WITHIN.format("accepted_at")}
        union select {_DATE.format("accepted_at")} from reversal where {_WITHIN.format("accepted_at")}
        union select {_DATE.format("accepted_at")} from other_income where {_WITHIN.format("accepted_at")}
        union select {_DATE.format("accepted_at")} from subsidy where {_WITHIN.format("accepted_at")}
        union select business_date from journal_entry where business_date between :first and :last and what in ({_MONEY})
    ) moved (day) order by day
""")


def moved(conn: Connection, first: date, last: date) -> list[date]:
    """The days from ``first`` to ``last`` on which a session was sent out or money was booked, ascending."""
    return list(conn.execute(_MOVED, {"first": first, "last": last}).scalars())


_BOOKED: Final = text(
    f"select exists (select from journal_entry where business_date between :first and :last and what in ({_MONEY}))"
)


def booked(conn: Connection, first: date, last: date) -> bool:
    """Whether money was booked on any day from ``first`` to ``last``."""
    return bool(conn.execute(_BOOKED, {"first": first, "last": last}).scalar_one())


_CARRYING: Final = (
    topics.DEDUCTION_REQUESTED, topics.DEDUCTION_DECLARED, topics.DEDUCTION_BATCHED, topics.FIRST_RESULT,
    topics.SECOND_RESULT, topics.ARRIVAL_NOTIFIED, topics.ANSWER_CHANGED,
)  # fmt: skip
"""Topics whose events bring a day's money from one stage to the next."""
_TAKERS: Final = sorted({reader for topic in (*_CARRYING, topics.FUNDS_SPLIT) for reader in topic.readers})
_UNDER_WAY: Final = text(f"""
    select case
        when exists (select from outbox where awaiting > 0 and topic = any(:carrying)
            and {_DATE.format("occurred_at")} <= :day) then 'events of that day are in flight'
        when exists (select from work_item where queue = '{Queue.DEAD_LETTER}' and state = 'open'
            and detail ->> 'consumer' = any(:takers)) then 'a parked event waits for a person (hub worklist list)'
        when exists (select from batch where business_date <= :day and request_sha256 is null)
            then 'a bank file is not written yet'
        when exists (select from batch where posting_date <= :day and state <> '{BatchState.POSTED}')
            then 'a batch is not posted whole' end
""")


def under_way(conn: Connection, day: date) -> str:
    """Why a day, or one before it, is not at its end; '' when it is. What it says of itself changes no more then."""
    values = {"day": day, "carrying": [topic.name for topic in _CARRYING], "takers": _TAKERS}
    return conn.execute(_UNDER_WAY, values).scalar_one() or ""
