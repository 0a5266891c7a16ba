"""Reads the books for the accounts of bills (``hub.domain.bill_account``): any number of bills in a handful of questions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import uuid5

from sqlalchemy import Connection, Row, text

import topics
from hub.domain.bill_account import (
    Answered,
    BillAccount,
    CarriedOut,
    Coming,
    Course,
    Missing,
    Opened,
    Piece,
    Turn,
    reasons,
    share_missing,
    turns,
)
from hub.domain.dues import Kind, Mode
from hub.domain.explanations import WAYS, Place, Way
from hub.domain.funds import FUND_NAMES, FundAmounts, sum_of
from hub.domain.lifecycle import BatchState, Cancelled
from hub.domain.money import Fen, yuan
from hub.domain.timetable import TZ, Step
from hub.ledger import clock
from hub.ledger.shadow import IN_SHADOW, NOT_ASKED
from hub.wire.events import NAMESPACE

_HEADER_LINES: Final = 1
_FUNDS: Final = ", ".join(FUND_NAMES)


def _of(alias: str, prefix: str = "") -> str:
    return ", ".join(f"{alias}.{fund} as {prefix}{fund}" for fund in FUND_NAMES)


# "offset 0" keeps the planner, which has no statistics of a month just filled, to look-ups by index.
_BILLS: Final = text(f"""
    select b.*, f.name as file, {IN_SHADOW} as elsewhere, {NOT_ASKED.format(round=2)} as in_shadow_second,
           x.reason, x.cancelled_at, x.cause, x.booking_period as cancelled_in, x.entry_id as cancelled_by,
           o.bill_id is not null as in_arrears, o.in_doubt, o.opened_on, a.entry_id as opened_by,
           a.bill_id is not null as at_close, {", ".join(f"coalesce(o.{fund}, 0) as opened_{fund}" for fund in FUND_NAMES)},
           array(select distinct s.mode from second_collection s where s.bill_id = b.id and s.period = b.period) as chosen
    from (select * from bill where id = any(:bills) offset 0) b join file_intake f on f.id = b.file_id
    left join lateral (select * from cancellation where bill_id = b.id offset 0) x on true
    left join lateral (select * from arrears where bill_id = b.id offset 0) a on true
    left join lateral (select * from arrears_of_bill where bill_id = b.id offset 0) o on true
""")
_REPAYING: Final = "r.kind = 'A' and r.unit = b.unit and r.refers_to = b.period and r.agency = b.agency"
# The money of bills, of repayments of their arrears, and beyond; each row with what brought it, an answer as it stood then.
_MONEY: Final = text(f"""
    with wanted as materialized (
        select id as account, id as bill, '' as repayment from bill where id = any(:bills)
        union all
        select b.id, r.id, r.bill_no
        from (select * from bill where id = any(:bills) and kind = 'M' offset 0) b
        cross join lateral (select * from bill r where {_REPAYING} offset 0) r),
    money as (
        select w.account, w.bill, w.repayment, false as beyond, m.source, m.batch_id, m.line, m.receipt_id, m.reversal_id,
               {_of("m")}, m.booking_period, m.business_date, m.entry_id
        from wanted w cross join lateral (select * from collection where bill_id = w.bill offset 0) m
        union all
        select w.account, w.bill, '', true, m.source, m.batch_id, m.line, null, m.reversal_id,
               {_of("m")}, m.booking_period, e.business_date, m.entry_id
        from wanted w cross join lateral (select * from suspense where bill_id = w.bill and w.repayment = '' offset 0) m
        cross join lateral (select * from journal_entry where id = m.entry_id offset 0) e)
    select m.*, t.bank, t.batch_no, t.period, t.round, t.late, i.instruction_no, {_of("i", "asked_")},
           coalesce(n.deducted, l.deducted) as deducted, q.receipt_no, coalesce(q.method, '') as method, q.received_on,
           v.return_no, v.version, v.reason, q.line as receipt_line, v.file_line, l.file_line as answer_line,
           coalesce(v.accepted_at, q.accepted_at, t.released_at) as at, h.name as change_file, h.identity as change_identity,
           qf.name as receipt_file, rf.name as answer_file, b.agency, y.id as agency_entry
    from money m cross join lateral (select * from bill where id = m.bill offset 0) b
    left join lateral (select * from reversal where id = m.reversal_id offset 0) v on true
    left join lateral (
        select * from changed_answer where reversal_id = v.id and m.source = 'BANK_CHANGE' offset 0) n on true
    left join file_intake h on h.id = v.file_id
    left join lateral (select * from receipt where id = coalesce(m.receipt_id, v.receipt_id) offset 0) q on true
    left join file_intake qf on qf.id = q.file_id
    left join batch t on t.id = coalesce(m.batch_id, v.batch_id)
    left join file_intake rf on rf.id = t.result_file_id
    left join lateral (
        select * from result_line where batch_id = t.id and line = coalesce(m.line, v.line) offset 0) l on true
    left join lateral (select * from instruction where bill_id = m.bill and round = t.round offset 0) i on true
    left join notice c on c.batch_id = m.batch_id and c.agency = b.agency
    left join lateral (select id from journal_entry where cause = c.event_id::text offset 0) y on true
    order by m.account, m.business_date, m.entry_id, m.beyond, m.source
""")
_ASKED: Final = text(f"""
    select i.bill_id, i.instruction_no, i.period, i.round, i.bank, {_of("i")}, t.batch_no, t.file_name, t.state, t.business_date,
           t.booking_period, t.released_at, s.first_line + (i.id - lower(s.instructions)) as request_line, l.line, l.file_line,
           coalesce(n.deducted, l.deducted) as deducted, coalesce(n.code, l.code, '') as code, f.name as answer_file,
           {", ".join(f"coalesce(l.{fund}, 0) as came_{fund}" for fund in FUND_NAMES)},
           t.state in ('{BatchState.ANSWERED}', '{BatchState.POSTING}') and l.deducted > 0
               and not exists (select from collection c where c.batch_id = l.batch_id and c.line = l.line offset 0)
               and not exists (select from suspense u where u.batch_id = l.batch_id and u.line = l.line offset 0) as coming
    from (select * from instruction where bill_id = any(:bills) offset 0) i
    left join lateral (select * from batch_section where instructions @> i.id offset 0) s on true
    left join batch t on t.id = s.batch_id
    left join lateral (
        select * from result_line where batch_id = t.id and line = s.first_line + (i.id - lower(s.instructions)) offset 0
    ) l on true
    left join file_intake f on f.id = t.result_file_id
    left join lateral (
        select c.deducted, c.code from reversal v join changed_answer c on c.reversal_id = v.id
        where v.batch_id = l.batch_id and v.line = l.line order by v.version desc limit 1) n on true
    order by i.bill_id, i.period, i.round
""")
_STEPS: Final = text("""
    select period, step, round, bank, due_at from step_done where period = any(cast(:periods as bpchar[]))
""")

_MONEY_WAY: Final[Mapping[tuple[str, bool], Way]] = {
    ("BANK", False): Way.BANK,
    ("RECEIPT", False): Way.RECEIPT,
    ("RECEIPT_REVERSAL", False): Way.RECEIPT_BACK,
    ("BANK_REVERSAL", False): Way.ANSWER_BACK,
    ("BANK_CHANGE", False): Way.ANSWER_ANEW,
    ("BANK", True): Way.BEYOND,
    ("BANK_REVERSAL", True): Way.BEYOND_BACK,
    ("BANK_CHANGE", True): Way.BEYOND_ANEW,
}
"""By the source of a row, and whether it is in suspense."""
_TAKES_BACK: Final = ("RECEIPT_REVERSAL", "BANK_REVERSAL")
_PROCESSOR: Final = {
    "BANK": "post_arrivals", "RECEIPT": "take_in_receipts", "RECEIPT_REVERSAL": "take_in_returns",
    "BANK_REVERSAL": "take_in_changes", "BANK_CHANGE": "take_in_changes",
}  # fmt: skip
_CANCELLED_BY: Final = {
    Cancelled.FAILED: "release_results",
    Cancelled.UNPAID: "close_finances",
    Cancelled.RETURNED: "take_in_returns",
    Cancelled.SETTLED: "post_arrivals",
}

_Steps = Mapping[tuple[str, str, int, str], Any]


def accounts(conn: Connection, bill_ids: Collection[int]) -> dict[int, BillAccount]:
    """The accounts of these bills, by bill, as the books stand; every one of them is in the books."""
    values = {"bills": list(bill_ids)}
    bills = conn.execute(_BILLS, values).all()
    money, asked = (_by(conn.execute(query, values).all(), 0) for query in (_MONEY, _ASKED))
    periods = {bill.period for bill in bills} | {row.period for rows in asked.values() for row in rows}
    periods |= {row.period for rows in money.values() for row in rows if row.period}
    steps = {tuple(row[:4]): row[4] for row in conn.execute(_STEPS, {"periods": sorted(periods)})}
    today = clock.now(conn).date()
    return {bill.id: _account(bill, money.get(bill.id, []), asked.get(bill.id, []), steps, today) for bill in bills}


def _by(rows: Iterable[Row[Any]], column: int) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row[column], []).append(row)
    return found


def _funds(row: Row[Any], prefix: str = "") -> FundAmounts:
    return FundAmounts(*(Fen(getattr(row, f"{prefix}{fund}")) for fund in FUND_NAMES))


def _account(
    bill: Row[Any], money: Sequence[Row[Any]], asked: Sequence[Row[Any]], steps: _Steps, today: date
) -> BillAccount:
    pieces = [_piece_of_money(row, steps) for row in money]
    on_bill = [piece for piece in pieces if piece.place is not Place.SUSPENSE]
    repaid = sum_of(piece.amounts for piece in on_bill if piece.place is Place.REPAID)
    due = _funds(bill)
    closed = bill.kind == Kind.MONTHLY and (bill.period, Step.MONTH_CLOSE, 0, "") in steps
    coming = [row for row in asked if row.coming]
    missing = share_missing(
        due.minus(sum_of(piece.amounts for piece in on_bill)),
        repaid,
        [Coming(_funds(row, "came_"), _comes_late(bill, row, closed)) for row in coming],
        sum_of(_funds(row) for row in asked if row.line is None),
        elsewhere=bill.elsewhere, cancelled=bill.reason is not None, closed=closed, opened=_opened(bill, money),
    )  # fmt: skip
    on_its_way = [_piece_on_its_way(row, part) for row, part in zip(coming, missing.coming, strict=True) if any(part)]
    rest = _pieces_missing(bill, missing, asked, money, steps, today)
    beyond = tuple(piece for piece in pieces if piece.place is Place.SUSPENSE)
    return BillAccount(due, (*on_bill, *on_its_way, *rest), beyond)


def _comes_late(bill: Row[Any], row: Row[Any], closed: bool) -> bool:
    """Whether an answer's money will be booked after its bill's month; what is not released yet goes into the open period."""
    return closed if row.booking_period is None else bool(row.booking_period > bill.period)


def _opened(bill: Row[Any], money: Sequence[Row[Any]]) -> Opened | None:
    if not bill.in_arrears:
        return None
    own = [row for row in money if not row.beyond and not row.repayment and row.booking_period > bill.period]
    return Opened(_funds(bill, "opened_"), sum_of(map(_funds, own)), bill.in_doubt, bill.at_close)


# ── money that came ─────────────────────────────────────────────────────────────────────────────────────────────────
def _piece_of_money(row: Row[Any], steps: _Steps) -> Piece:
    way = _MONEY_WAY[row.source, row.beyond]
    if row.repayment:
        way = Way.REPAID_BACK if row.source in _TAKES_BACK else Way.REPAID
    elif way is Way.BANK and row.late:
        way = Way.LATE
    values = {
        "bank": row.bank, "round": row.round, "version": row.version, "reason": row.reason, "receipt": row.receipt_no,
        "method": row.method, "received_on": row.received_on, "return_no": row.return_no, "repayment": row.repayment,
    }  # fmt: skip
    split: tuple[Turn, ...] = ()
    if row.deducted is not None and row.source not in _TAKES_BACK:
        asked = _funds(row, "asked_")
        values |= {"asked": yuan(asked.total), "deducted": yuan(row.deducted)}
        split = turns(asked, row.deducted)
    return Piece(
        way=way, amounts=_funds(row), day=row.business_date, values=_words(values),
        carried_out=_posting(row, steps) if row.source == "BANK" else CarriedOut(
            processor=_PROCESSOR[row.source], at=row.at, booking_period=row.booking_period),
        evidence=_evidence_of_money(row), split=split,
    )  # fmt: skip


def _posting(row: Row[Any], steps: _Steps) -> CarriedOut:
    """A late answer was posted when it came: by no step of the schedule."""
    due_at = None if row.late else steps.get((row.period, Step.POSTING, row.round, row.bank))
    return CarriedOut(
        processor=_PROCESSOR["BANK"], step=None if due_at is None else Step.POSTING, round=row.round, at=due_at or row.at,
        booking_period=row.booking_period,
    )  # fmt: skip


def _evidence_of_money(row: Row[Any]) -> dict[str, Any]:
    entries = [entry for entry in (row.entry_id, row.agency_entry) if entry is not None]
    found: dict[str, Any] = {"entries": entries}
    if row.batch_no is not None:
        found |= {"instruction": row.instruction_no, "batch": row.batch_no}
    if row.reversal_id is not None:
        found |= {"file": row.change_file, "line": row.file_line + _HEADER_LINES}
        if row.return_no is not None:
            found |= {"return": row.return_no, "receipt": row.receipt_no}
        else:
            found["event"] = str(uuid5(NAMESPACE, f"{topics.ANSWER_CHANGED.name}|{row.change_identity}/{row.agency}"))
    elif row.receipt_no is not None:
        found |= {"file": row.receipt_file, "line": row.receipt_line + _HEADER_LINES, "receipt": row.receipt_no}
    else:
        found |= {"file": row.answer_file, "line": row.answer_line}
    return found


def _words(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


# ── money that did not come, or not yet ─────────────────────────────────────────────────────────────────────────────
def _piece_on_its_way(row: Row[Any], amounts: FundAmounts) -> Piece:
    asked = _funds(row)
    values = {"bank": row.bank, "round": row.round, "deducted": yuan(row.deducted)}
    return Piece(
        way=Way.POSTING if row.state == BatchState.POSTING else Way.WAITS, amounts=amounts, day=row.business_date,
        values=_words(values), split=turns(asked, Fen(sum(_funds(row, "came_")))),
        carried_out=CarriedOut(
            processor="read_bank_result", round=row.round, at=row.released_at, booking_period=row.booking_period or ""),
        evidence={"instruction": row.instruction_no, "batch": row.batch_no, "file": row.answer_file, "line": row.file_line},
    )  # fmt: skip


def _pieces_missing(
    bill: Row[Any], missing: Missing, asked: Sequence[Row[Any]], money: Sequence[Row[Any]], steps: _Steps, today: date
) -> list[Piece]:
    if not missing.ways:
        return []
    taken_back = -sum(
        _funds(row).total for row in money if row.source in _TAKES_BACK and not row.beyond and not row.repayment
    )
    course = Course(
        kind=Kind(bill.kind), mode=Mode(bill.mode),
        answers=[Answered(row.round, _funds(row), Fen(row.deducted or 0), row.code) for row in asked],
        chosen=frozenset(map(Mode, bill.chosen)),
        second_upload_closed=(bill.period, Step.UPLOAD_CLOSE, 2, "") in steps,
        in_shadow_second=bill.in_shadow_second, closed=(bill.period, Step.MONTH_CLOSE, 0, "") in steps,
        taken_back=Fen(taken_back), cancelled=None if bill.reason is None else Cancelled(bill.reason),
    )  # fmt: skip
    because = () if bill.elsewhere else reasons(course, today)
    open_ = [row for row in asked if row.line is None]
    return [
        _piece_missing(bill, way, amounts, open_, steps, today, () if WAYS[way][0] is Place.DISAGREES else because)
        for way, amounts in missing.ways.items()
    ]


def _piece_missing(
    bill: Row[Any],
    way: Way,
    amounts: FundAmounts,
    unanswered: Sequence[Row[Any]],
    steps: _Steps,
    today: date,
    because: Any,
) -> Piece:
    place = WAYS[way][0]
    values: dict[str, Any] = {
        "bank": bill.bank, "period": bill.period, "due": yuan(bill.total), "missing": yuan(amounts.total),
        "left": yuan(amounts.total), "opened": yuan(_funds(bill, "opened_").total), "opened_on": bill.opened_on,
    }  # fmt: skip
    day, carried, evidence = today, CarriedOut(processor="request_deductions"), _evidence_of_bill(bill)
    if place is Place.CANCELLED:
        day = bill.cancelled_at.astimezone(TZ).date()
        values["cancelled_at"] = day
        processor = "take_in_changes" if bill.cause.startswith("CHANGE/") else _CANCELLED_BY[Cancelled(bill.reason)]
        carried = CarriedOut(processor=processor, at=bill.cancelled_at, booking_period=bill.cancelled_in)
        evidence = {"cause": bill.cause, "entries": [] if bill.cancelled_by is None else [bill.cancelled_by]}
    elif place is Place.ARREARS:
        closed_at = steps.get((bill.period, Step.MONTH_CLOSE, 0, ""))
        day = bill.opened_on or today
        carried = CarriedOut(processor="post_arrears", step=Step.MONTH_CLOSE, at=closed_at, booking_period=bill.period)
        evidence = {"entries": [] if bill.opened_by is None else [bill.opened_by]}
    elif place is Place.UNANSWERED:
        last = unanswered[-1]
        values |= {"round": last.round, "asked": yuan(_funds(last).total)}
        evidence = {"instruction": last.instruction_no, "batch": last.batch_no, "file": last.file_name, "line": None}
        if last.request_line is not None:
            day, evidence["line"] = last.business_date, last.request_line + _HEADER_LINES
        carried = _asked_by(last, steps)
    return Piece(
        way=way,
        amounts=amounts,
        day=day,
        values=_words(values),
        carried_out=carried,
        evidence=evidence,
        because=because,
    )


def _asked_by(row: Row[Any], steps: _Steps) -> CarriedOut:
    step = Step.UPLOAD_CLOSE if row.batch_no is None else Step.CITY_BATCH
    processor = "request_deductions" if row.batch_no is None else "close_city_batch"
    return CarriedOut(processor=processor, step=step, round=row.round, at=steps.get((row.period, step, row.round, "")))


def _evidence_of_bill(bill: Row[Any]) -> dict[str, Any]:
    return {"file": bill.file, "line": bill.line + _HEADER_LINES}
