"""Step 11, take in changed answers (更正): a bank takes back, or puts in place of, what it answered and we have booked.

Reads: a bank's parsed file of changes. Writes: reversals, the city's journal, collections, suspense, answer-changed; work items.
Rule: what the answer had booked is reversed exactly, then the new amount is booked as a late answer is, both in the period
that is open; the forms of the session stand. A supplement or a repayment whose money is taken back is cancelled. A change
waits at the bank until the answer that it changes is posted. What it does to arrears is told.
Repeat: the file's name is its identity, and each version of an answer is changed once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection

import topics
from hub.domain.changed_answers import ChangeLine, ChangesFile, StandingAnswer, check_change, share
from hub.domain.dues import Kind
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import NOTHING, FundAmounts, sum_of
from hub.domain.lifecycle import BatchState, Cancelled
from hub.domain.money import print_yuan
from hub.domain.periods import Period
from hub.domain.posting import EntryKind, JournalEntry, Level, bank_arrival, mirrored
from hub.domain.returned_payments import opens_arrears
from hub.domain.work import Queue
from hub.ledger import (
    arrivals,
    batches,
    bills,
    cancellations,
    journal,
    outbox,
    repayments,
    reversals,
    settlements,
    steps,
    work_items,
)
from hub.ledger.database import lock_books_shared, lock_shards
from hub.wire.events import Event


def identity(bank: str, name: str) -> str:
    """Bank and name stand for a file of changes for ever."""
    return f"CHANGE/{bank}/{name}"


class Checked(NamedTuple):
    """What a file was judged by. ``waits``: an answer that it changes, or another's money for its bills, is not posted yet."""

    faults: Sequence[Fault]
    answers: Mapping[str, StandingAnswer]
    waits: bool


def check(conn: Connection, file: ChangesFile) -> Checked:
    """Everything the books have against the file. Holds the shards of the bills until the transaction ends."""
    # Gather
    lock_books_shared(conn)
    named = {number: batches.by_number(conn, number) for number in sorted({each.batch_no for each in file.changes})}
    known = {number: batch for number, batch in named.items() if batch is not None and batch.bank == file.bank}
    numbers = [change.instruction_no for change in file.changes]
    answers = reversals.standing_answers(conn, file.bank, numbers).values()
    lock_shards(conn, {(answer.agency, answer.shard) for answer in answers})
    standing = reversals.standing_answers(conn, file.bank, numbers)
    # Decide
    unknown = [
        Fault(each.file_line, "batch no", FaultCode.UNKNOWN_BATCH, f"a batch sent to {file.bank}", each.batch_no)
        for each in file.changes
        if each.batch_no not in known or known[each.batch_no].state is BatchState.BATCHED
    ]
    if unknown or any(batch.state is not BatchState.POSTED for batch in known.values()):
        return Checked(unknown, standing, waits=not unknown)
    faults = [fault for change in file.changes for fault in check_change(change, standing.get(change.instruction_no))]
    waits = not faults and arrivals.are_coming(conn, [answer.bill_id for answer in standing.values()])
    return Checked(faults, standing, waits=waits)


def keep(
    conn: Connection, file: ChangesFile, name: str, answers: Mapping[str, StandingAnswer], file_id: int, now: datetime
) -> None:
    """Apply, agency by agency: what stood is taken off, then each bill takes of the new money what it lacks by then."""
    period = steps.open_period(conn, now)
    pairs = [(change, answers[change.instruction_no]) for change in file.changes]
    pairs.sort(key=lambda pair: (pair[1].agency, pair[0].file_line))
    for agency, of_agency in groupby(pairs, key=lambda pair: pair[1].agency):
        _keep_of_agency(conn, file, name, agency, list(of_agency), file_id, period, now)


def _keep_of_agency(
    conn: Connection, file: ChangesFile, name: str, agency: str, pairs: list[tuple[ChangeLine, StandingAnswer]],
    file_id: int, period: Period, now: datetime,
) -> None:  # fmt: skip
    day, cause = now.date(), identity(file.bank, name)
    backwards, forwards = journal.numbers(conn, 2)
    changes = reversals.keep_changes(conn, file=file, file_id=file_id, at=now, booking_period=period, pairs=pairs)
    taken = reversals.take_back_answers(
        conn, changes, booking_period=period, business_date=day, entries={agency: backwards}
    )
    standing = bills.standing_by_number(conn, {answer.bill_no for _, answer in pairs})
    repaid = repayments.repaid(conn, [bill.bill_id for bill in standing.values()])
    lacking = {number: bill.takes(repaid.get(bill.bill_id, NOTHING)) for number, bill in standing.items()}
    others = {answer.bill_id for _, answer in pairs if answer.kind is not Kind.MONTHLY}
    shared = []
    for number, (change, answer) in zip(changes, pairs, strict=True):
        money = share(change.split, lacking[answer.bill_no])
        lacking[answer.bill_no] = lacking[answer.bill_no].minus(money.applied)
        shared.append((number, answer.bill_id, money, forwards))
    reversals.put_in_place(conn, shared, booking_period=period, business_date=day)
    unpaid = {bill for number, bill, _, _ in shared if taken[number].applied.total} & others
    cancellations.cancel(conn, unpaid, Cancelled.RETURNED, at=now, period=period, cause=cause)
    applied, suspense = (sum_of(each[part] for each in taken.values()) for part in (0, 1))
    new = bank_arrival(sum_of(m.applied for _, _, m, _ in shared), sum_of(m.suspense for _, _, m, _ in shared))
    back = mirrored(bank_arrival(applied, suspense))
    booked = ((backwards, EntryKind.ANSWER_REVERSED, back), (forwards, EntryKind.ANSWER_CHANGED, new))
    for entry, what, postings in booked:
        if postings:
            journal.book_all(conn, [(entry, JournalEntry(Level.CITY, agency, what, cause, period, day, postings))])
    record = {
        "agency": agency, "bank": file.bank, "file_name": name, "booking_period": str(period), "business_date": day,
        "count": len(pairs), **reversals.changed_money(conn, agency, cause)._asdict(),
    }  # fmt: skip
    told = partial(Event, topic=topics.ANSWER_CHANGED, key=agency, occurred_at=now, lines=len(pairs))
    outbox.append(conn, [told(subject=f"{cause}/{agency}", record=record)])
    moved = []
    for (change, answer), (number, bill_id, money, _) in zip(pairs, shared, strict=True):
        if opens_arrears(answer.kind, answer.period, period):
            of_line, number_of = f"{cause}/{answer.batch_no}/{answer.line}", answer.batch_no
            moved.append(settlements.Moved(of_line, bill_id, taken[number].applied, money.applied, number_of))
        _see_to_suspense(conn, file.bank, name, change, answer, money.suspense, now)
    settlements.tell_of_reversals(conn, moved, booking_period=period, at=now)


def _see_to_suspense(
    conn: Connection, bank: str, name: str, change: ChangeLine, answer: StandingAnswer, beyond: FundAmounts, now: datetime
) -> None:  # fmt: skip
    """What the answer had left in suspense is gone from there; what is beyond the bill now waits for a person."""
    about = f"{answer.batch_no}/{answer.line}"
    work_items.settle(conn, Queue.SUSPENSE, about, f"the bank changed its answer with {name}", now)
    if beyond.total:
        work_items.raise_item(
            conn, queue=Queue.SUSPENSE, agency=answer.agency, bank=bank, file=name, line=change.file_line,
            field="deducted", at=now, about=about,
            summary=f"{print_yuan(beyond.total)} yuan beyond what was outstanding on bill {answer.bill_no}",
        )  # fmt: skip
