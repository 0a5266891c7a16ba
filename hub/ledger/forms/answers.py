"""What banks answered in a session, for 财表八 and 表二十七: requested = arrived + unarrived + unanswered per fund."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection

from hub.domain.funds import FUND_NAMES
from hub.domain.timetable import Step
from hub.ledger.forms.form import Question, SheetRow, read, sums, wanted, wanted_bills

MEASURES: Final = ("requested", "arrived", "unarrived", "unanswered")


def rows(connection: Connection, question: Question, keys: tuple[str, ...]) -> Iterable[SheetRow]:
    """The batch lines of sessions whose posting step was carried out for the bank, held against the bank's answers.

    A line is answered when its result was released for posting in the session's own month. Money booked after
    month end leaves it unanswered here: a fact of the session is not restated (contract section 7).
    """
    session = wanted(question, period="b.period", round="b.round", bank="b.bank", agency="i.agency")
    missing = ", ".join(f"i.{fund} - r.{fund} as {fund}" for fund in FUND_NAMES)
    query = f"""
        select {", ".join(f"i.{key}" for key in keys)},
            {sums("i")},
            count(*) filter (where answered and r.deducted = i.total),
            {_funds("r", "answered")},
            count(*) filter (where answered and r.deducted < i.total),
            {_funds("missing", "answered")},
            {sums("i", "not answered")}
        from step_done s
        join batch b on b.period = s.period and b.round = s.round and b.bank = s.bank
        join batch_line l on l.batch_id = b.id
        join instruction i on i.id = l.instruction_id
        left join result_line r on r.batch_id = l.batch_id and r.line = l.line
        cross join lateral (select {missing}) missing
        cross join lateral (
            select coalesce(b.booking_period <= b.period, false) and r.batch_id is not null
        ) released (answered)
        where s.step = :posting and {session} and {wanted_bills(question, "i.bill_id", "unit")}
        group by {", ".join(str(at + 1) for at in range(len(keys)))}
    """
    return read(connection, query, len(keys), question, posting=Step.POSTING.value)


def _funds(source: str, where: str) -> str:
    return ", ".join(f"coalesce(sum({source}.{fund}) filter (where {where}), 0)::bigint" for fund in FUND_NAMES)
