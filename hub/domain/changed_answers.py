"""Changed answers (更正): a bank takes back, or puts in place of, what it answered and we have booked (faults 67 and 68).

A change names the amount that the bank answered before, so it can be told from the same change once more, and a further
change of the same line from the first.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hub.domain.bank_results import AnswerLine, RequestedLine, check_answer
from hub.domain.dues import Kind
from hub.domain.faults import Fault, FaultCode, in_file_order, repeated
from hub.domain.funds import FundAmounts
from hub.domain.ids import AgencyCode, BillNo, InstructionNo, UnitNo
from hub.domain.money import Fen, print_yuan
from hub.domain.periods import Period


class ChangeLine(NamedTuple):
    """One changed answer. ``before`` and ``now`` in fen; ``line`` is the request's line, None where a form has none."""

    file_line: int
    batch_no: str
    line: int | None
    instruction_no: InstructionNo
    unit: UnitNo | None
    before: Fen
    now: Fen
    split: FundAmounts  # of ``now``
    code: str
    reference: str
    reason: str


@dataclass(frozen=True, slots=True)
class ChangesFile:
    """A bank's file of changed answers, complete and consistent in itself; not held against the books."""

    bank: str
    date: datetime.date
    changes: Sequence[ChangeLine]

    @property
    def total(self) -> Fen:
        """Fen that the bank now says it deducted, all lines."""
        return Fen(sum(change.now for change in self.changes))


class StandingAnswer(NamedTuple):
    """A bank's answer as it stands in the books: the first one (``version`` 0), or its latest change."""

    batch_id: int
    batch_no: str
    bank: str
    line: int
    instruction_no: InstructionNo
    unit: UnitNo
    requested: FundAmounts
    partial: bool
    bill_id: int
    bill_no: BillNo
    agency: AgencyCode
    shard: int
    kind: Kind
    period: Period  # the bill's
    deducted: Fen
    version: int


def check_changes(file: ChangesFile) -> tuple[Fault, ...]:
    """Every fault that shows without the books: an answer changes once in a file."""
    return in_file_order(
        repeated("instruction id", ((change.file_line, change.instruction_no) for change in file.changes))
    )


def check_change(change: ChangeLine, answer: StandingAnswer | None) -> list[Fault]:
    """Every fault of one change against the answer that it changes; None when its bank has given none such.

    What the bank says now is held against the request as its first answer was (contract section 4).
    """
    at = change.file_line
    if answer is None or change.batch_no != answer.batch_no:
        expected = f"an answered instruction of batch {change.batch_no}"
        return [Fault(at, "instruction id", FaultCode.UNKNOWN_LINE, expected, change.instruction_no)]
    faults: list[Fault] = []
    if change.line is not None and change.line != answer.line:
        faults.append(Fault(at, "request line", FaultCode.MISMATCH, str(answer.line), str(change.line)))
    if change.before != answer.deducted:
        expected = f"{print_yuan(answer.deducted)}, as the books have it"
        faults.append(Fault(at, "deducted before", FaultCode.MISMATCH, expected, print_yuan(change.before)))
    elif change.now == answer.deducted:
        faults.append(Fault(at, "deducted", FaultCode.MISMATCH, "another amount than before", print_yuan(change.now)))
    asked = RequestedLine(answer.line, answer.instruction_no, answer.unit, answer.requested, answer.partial)
    told = AnswerLine(
        at, answer.line, change.instruction_no, change.unit or answer.unit, answer.requested.total, change.now,
        change.split, change.code, change.reference,
    )  # fmt: skip
    return [*faults, *check_answer(asked, told)]


def is_done_already(file: ChangesFile, faults: Sequence[Fault]) -> bool:
    """Whether all that is wrong with a file is that none of its lines finds the amount before that it names.

    So it is with a file that was booked and comes again under another name.
    """
    moved_on = {fault.line for fault in faults if fault.field == "deducted before"}
    return len(moved_on) == len(faults) == len(file.changes)


class Shared(NamedTuple):
    """What of a bank's money a bill takes, and what is beyond what it lacks."""

    applied: FundAmounts
    suspense: FundAmounts


def share(money: FundAmounts, lacking: FundAmounts) -> Shared:
    """A bill takes what it lacks, fund by fund, as of a late answer; the rest is suspense (暂收款)."""
    assert min(money) >= 0 and min(lacking) >= 0, f"{money} for {lacking}"
    applied = FundAmounts(*(Fen(min(came, lacks)) for came, lacks in zip(money, lacking, strict=True)))
    return Shared(applied, money.minus(applied))
