"""Money that is taken back, made up: what comes back to an agency (退票), and which answers a bank changes (更正).

What can come back and what cannot, the oracle's books say; which of it does, the seed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from simulators import agency
from simulators.agency import Paper, Returned
from simulators.bank_program import FAILURES
from simulators.bank_work import Asked, Changed, Request
from simulators.chance import draw
from simulators.oracle import Line, Oracle, Paid
from simulators.plan import Plan

REASONS = ("存款不足", "印鉴不符", "账户已销", "超过提示付款期")
RETURNED_IN_HUNDRED = 18
RETURNED_OF_FEW_IN_HUNDRED = 50
"""Of those whose bill the bank has paid too, or is no monthly one: there are few."""
CHANGED_IN_HUNDRED = 4
CHANGED_OTHERS_IN_HUNDRED = 6
CHANGED_PARTS_IN_HUNDRED = 20
"""Of supplements and repayments, and of parts, of which there are few."""


SORTS_OF_BAD = (
    "never_received", "twice_in_a_file", "returned_before", "of_another_agency", "in_cash", "another_amount"
)  # fmt: skip


class Bad(NamedTuple):
    """Returns that must be refused: the file, what must be told (line of the file, field), and the sorts in it."""

    paper: Paper
    faults: frozenset[tuple[int, str]]
    sorts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Returns:
    """The returned payments of one agency on one day."""

    plan: Plan
    oracle: Oracle
    agency: str
    day: date

    def good(self, period: str) -> list[Returned]:
        """What comes back of the receipts that may: those for bills of ``period``, whatever their kind."""
        in_suspense = {instruction[:-2] for instruction in self.oracle.suspense}
        back = []
        for paid in self._mine():
            if paid.method == "CASH" or paid.returned or paid.bill.period != period:
                continue
            is_one_of_few = not paid.bill.monthly or paid.bill.no in in_suspense
            in_hundred = RETURNED_OF_FEW_IN_HUNDRED if is_one_of_few else RETURNED_IN_HUNDRED
            if self.plan.happens(in_hundred, "returned", paid.no, self.day):
                back.append(self._return(paid))
        return back

    def bad(self, no: int, good: Iterable[Returned]) -> Bad:
        """One file with the good ones and every sort of bad one that these books can offer; every line of these is at fault."""
        lines = list(good)
        faults, sorts = set[tuple[int, str]](), []
        for sort, one in self._wrong(lines):
            lines.append(one)
            sorts.append(sort)
            fields = {"receipt id"} if sort == "twice_in_a_file" else set[str]()
            at = len(lines) + 1  # the header is line 1
            faults |= {
                (at, name) for name in fields | self.oracle.why_no_return(self.agency, one.no, one.receipt, one.amount)
            }
        return Bad(agency.returns(self.agency, self.day, no, lines), frozenset(faults), tuple(sorts))

    def _wrong(self, good: list[Returned]) -> Iterator[tuple[str, Returned]]:
        named = {one.receipt for one in good}
        others = [paid for paid in self.oracle.receipts_of.values() if paid.agency != self.agency and not paid.returned]
        free = [paid for paid in self._mine() if paid.no not in named]
        yield "never_received", Returned(f"RT-{self.agency}-NONE", "RC-NONE", 1, REASONS[0], self.day)
        if good:
            yield "twice_in_a_file", good[0]._replace(no=f"{good[0].no}-2")
        for sort, fits in (
            ("returned_before", [paid for paid in free if paid.returned]),
            ("of_another_agency", others),
            ("in_cash", [paid for paid in free if paid.method == "CASH" and not paid.returned]),
        ):
            if fits:
                yield sort, self._return(fits[draw(self.plan.seed, sort, self.day) % len(fits)])
        other = [paid for paid in free if not paid.returned][-1:]
        for paid in other:
            more = self._return(paid)
            yield "another_amount", more._replace(no=f"{more.no}-3", amount=more.amount + 1)

    def _mine(self) -> list[Paid]:
        return [paid for paid in self.oracle.receipts_of.values() if paid.agency == self.agency]

    def _return(self, paid: Paid) -> Returned:
        reason = REASONS[draw(self.plan.seed, "reason", paid.no) % len(REASONS)]
        return Returned(f"RT{paid.no[2:]}", paid.no, sum(paid.amounts), reason, self.day)


def changes(
    plan: Plan, lines: Iterable[Line], requests: Mapping[str, tuple[Request, Asked]], day: date
) -> list[Changed]:
    """Which of a bank's answered lines it changes, and to what. ``requests``: by instruction, where it was asked."""
    made = []
    for line in lines:
        if line.came is None or line.id not in requests:
            continue
        in_hundred = CHANGED_IN_HUNDRED if line.bill.monthly else CHANGED_OTHERS_IN_HUNDRED
        if 0 < line.stands < sum(line.wanted):
            in_hundred = CHANGED_PARTS_IN_HUNDRED
        if plan.happens(in_hundred, "changed", line.id, day):
            request, asked = requests[line.id]
            now = _changed_to(plan, line, asked, day)
            whole = sum(asked.wanted)
            code = (
                "00"
                if now == whole
                else "01"
                if now
                else FAILURES[draw(plan.seed, "why", line.id, day) % len(FAILURES)]
            )
            made.append(Changed(request.batch, asked, line.stands, now, code))
    return made


def _changed_to(plan: Plan, line: Line, asked: Asked, day: date) -> int:
    """Another amount than stands: all, nothing, or a part where the bank may deduct one."""
    whole, stands = sum(asked.wanted), line.stands
    parts = (stands // 2, stands + (whole - stands) // 2, asked.wanted[0], whole - 1) if asked.may_be_part else ()
    others = [now for now in (0, whole, *parts) if now != stands]
    chosen: int = others[draw(plan.seed, "changed to", line.id, day) % len(others)]
    return chosen


def misremembered(changed: Changed) -> Changed:
    """The same change from an amount that never stood."""
    return changed._replace(before=changed.before + 1)
