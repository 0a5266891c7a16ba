"""What is expected of each bank now: its batches on their way, held against the timetable."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from hub.domain.expected_files import Awaited, ExpectedFile, awaited, delivery_due
from hub.domain.lifecycle import BatchState
from hub.domain.periods import Period
from hub.domain.timetable import TZ, Step
from hub.ledger import steps

_ON_THEIR_WAY = text("""
    select t.batch_no, t.bank, t.period, t.round, t.file_name, t.state, c.done_at as batched_at, r.sent_at
    from batch t
    join step_done c on c.period = t.period and c.round = t.round and c.step = :closed
    left join bank_file_receipt r on r.batch_id = t.id
    where t.state = any(:states) order by t.id
""")


def deliveries(conn: Connection) -> list[ExpectedFile]:
    """Bank files that are not proven to be at their bank, oldest first."""
    return [
        _expected(row, Awaited.DELIVERY, row.batched_at, delivery_due(row.batched_at))
        for row in _on_their_way(conn, Awaited.DELIVERY)
    ]


def results(conn: Connection) -> list[ExpectedFile]:
    """Banks' answers that have not come, oldest request first."""
    rows = _on_their_way(conn, Awaited.RESULT)
    due = _results_due(conn, {row.period for row in rows}, {row.bank for row in rows})
    return [
        _expected(row, Awaited.RESULT, row.sent_at or row.batched_at, due[row.period, row.round, row.bank])
        for row in rows
    ]


def _on_their_way(conn: Connection, what: Awaited) -> list[Any]:
    states = [state.value for state in BatchState if awaited(state) is what]
    return list(conn.execute(_ON_THEIR_WAY, {"closed": Step.CITY_BATCH.value, "states": states}))


def _results_due(conn: Connection, periods: set[str], banks: set[str]) -> dict[tuple[str, int, str], datetime | None]:
    return {
        (str(step.period), step.round, step.bank): step.due_at
        for of_period in steps.timetables(conn, [Period(period) for period in sorted(periods)], banks)
        for step in of_period
        if step.step is Step.RESULTS_DUE
    }


def _expected(row: Any, what: Awaited, since: datetime, due_at: datetime | None) -> ExpectedFile:
    return ExpectedFile(
        bank=row.bank,
        period=row.period,
        round=row.round,
        batch_no=row.batch_no,
        file_name=row.file_name,
        awaited=what,
        since=since.astimezone(TZ),
        due_at=None if due_at is None else due_at.astimezone(TZ),
    )
