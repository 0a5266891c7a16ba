"""Books of our own: what must stand in every export, out of what the agencies filed and what the banks answered.

The oracle reads the very bytes that went in, knows the announced days, and does its own arithmetic. It follows business
time as the driver moves it: ``advance`` does what the calendar demands, ``deliver``/``polled`` what the banks do.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from simulators.agency import Paper
from simulators.amounts import NIL, Four, add, fen, four_of, in_order, less, smaller
from simulators.bank_program import fields_of
from simulators.bank_work import Request
from simulators.incomes import IncomeBook
from simulators.sessions import booked_in, dates_of

ROUNDS: Final = (1, 2)


@dataclass(slots=True)
class Bill:
    """One bill and what became of it. Amounts in fen per fund; ``repaid`` is what repayments brought for a monthly one."""

    no: str
    agency: str
    period: str
    kind: str
    unit: str
    mode: str
    bank: str
    account: str
    account_name: str
    due: Four
    refers_to: str
    filed_at: datetime
    arrived: Four = NIL
    repaid: Four = NIL
    arrived_at: datetime | None = None
    cancelled_at: datetime | None = None
    asked_again: bool = False
    bank_ended: bool = False
    in_arrears: bool = False
    booked: dict[str, Four] = field(default_factory=dict)

    @property
    def missing(self) -> Four:
        return less(self.due, self.arrived)

    @property
    def covered(self) -> bool:
        return self.arrived == self.due

    @property
    def monthly(self) -> bool:
        return self.kind == "M"

    @property
    def outstanding(self) -> Four:
        """What is missing of a monthly bill when what was repaid of its arrears is taken off."""
        return less(self.missing, self.repaid)

    @property
    def settled_at(self) -> datetime | None:
        """When a supplement or a repayment came to its end."""
        return self.cancelled_at or self.arrived_at


@dataclass(slots=True)
class Line:
    """One bill asked of a bank in one session, whose period may be another than the bill's.

    ``came`` is the bank's money per fund, None while unanswered.
    """

    bill: Bill
    period: str
    round: int
    wanted: Four
    file: str = ""
    came: Four | None = None
    told: bool = False
    """True once the answer stands in the session's forms; an answer after the month's close never does."""

    @property
    def id(self) -> str:
        return f"{self.bill.no}-{self.round}"


@dataclass(frozen=True, slots=True)
class Shut:
    """What month end found (财表一): the bills' money then, never restated."""

    bill: Bill
    arrived: Four


@dataclass(frozen=True, slots=True)
class Fate:
    """What a finance close found of a supplement or a repayment: arrived, cancelled or pending."""

    bill: Bill
    became: str


class Oracle:
    """The books. ``no_parts`` names the banks that deduct all or nothing."""

    def __init__(self, now: datetime, no_parts: Iterable[str] = ()) -> None:
        self.now = now
        self.no_parts = frozenset(no_parts)
        self.bills: dict[str, Bill] = {}
        self.lines: dict[tuple[str, int], list[Line]] = defaultdict(list)
        self.shut: dict[str, list[Shut]] = {}
        self.fates: dict[str, list[Fate]] = {}
        self._finances_closed: datetime | None = None
        self.done: set[tuple[str, str, int]] = set()
        self.batches: dict[tuple[str, str], list[Line]] = {}
        self.request_files: dict[tuple[str, int], list[str]] = defaultdict(list)
        self.suspense: dict[str, Four] = {}
        self.incomes = IncomeBook()
        self._by_unit: dict[tuple[str, str], Bill] = {}
        self._receipts: dict[str, tuple[str, Four]] = {}
        self._underway: list[tuple[str, bytes]] = []
        self._waiting: list[tuple[str, bytes]] = []
        self._periods: list[str] = []

    # -- what agencies file ---------------------------------------------------------------------------------------

    def dues(self, paper: Paper) -> tuple[int, int]:
        """An accepted dues file; answers how many bills it holds and their total in fen."""
        header, *rows = _records(paper.data, "utf-8")
        agency, period, kind = header[3:6]
        if period not in self._periods:
            self._periods.append(period)
        total = 0
        for row in (row for row in rows if row[0] == "D"):
            mode, bank, account, account_name = row[5:9]
            due = four_of(row[9:13])
            bill = Bill(row[2], agency, period, kind, row[3], mode, bank, account, account_name, due, row[14], self.now)
            self.bills[bill.no] = bill
            if bill.monthly:
                self._by_unit[period, bill.unit] = bill
            total += sum(bill.due)
        return sum(row[0] == "D" for row in rows), total

    def again(self, paper: Paper) -> None:
        """An accepted second collection: B asks again for what is missing, S ends the bank's part."""
        header, *rows = _records(paper.data, "utf-8")
        for row in (row for row in rows if row[0] == "D"):
            bill = self._by_unit[header[4], row[2]]
            bill.asked_again = row[3] == "B"
            bill.bank_ended = bill.bank_ended or row[3] == "S"

    def receipts(self, paper: Paper) -> None:
        """Accepted sporadic receipts: each pays its bill in full, booked now."""
        for row in (row for row in _records(paper.data, "utf-8") if row[0] == "D"):
            bill = self.bills[row[3]]
            if sum(bill.missing) != fen(row[6]):
                raise ValueError(f"receipt {row[2]} is not what is outstanding")
            if bill.cancelled_at is not None or not self.has_room(bill):
                raise ValueError(f"receipt {row[2]} is for a bill that takes none")
            self._receipts[row[2]] = (bill.period if bill.monthly else "", bill.missing)
            self._book(bill, bill.missing)

    # -- what banks do --------------------------------------------------------------------------------------------

    def request(self, request: Request) -> list[str]:
        """A request file as the bank read it; answers every way in which it is not what had to be asked."""
        expected = {line.id: line for line in self.lines[request.period, request.round] if not line.file}
        found = []
        batch = []
        for asked in request.lines:
            line = expected.get(asked.instruction)
            if line is None:
                found.append(f"{request.name} line {asked.line}: {asked.instruction} was not to be asked")
                continue
            bill = line.bill
            part = request.bank not in self.no_parts and bill.monthly
            wanted = (bill.bank, bill.unit, bill.account, bill.account_name, line.wanted, part)
            given = (request.bank, asked.unit, asked.account, asked.account_name, asked.wanted, asked.may_be_part)
            if wanted != given:
                found.append(f"{request.name} line {asked.line}: expected {wanted}, found {given}")
            line.file = request.name
            batch.append(line)
        if request.day != dates_of(request.period).session(request.round).batch.date():
            found.append(f"{request.name}: dated {request.day}")
        if (request.bank, request.batch) in self.batches:
            found.append(f"{request.name}: batch {request.batch} once more")
        self.batches[request.bank, request.batch] = batch
        self.request_files[request.period, request.round].append(request.name)
        return found

    def not_sent(self, period: str, number: int) -> list[str]:
        """Lines that had to be asked and are in no request file."""
        return [f"{line.id} was not asked of {line.bill.bank}" for line in self.lines[period, number] if not line.file]

    def deliver(self, bank: str, paper: Paper) -> None:
        """A good result lies in the bank's inbound directory."""
        self._underway.append((bank, paper.data))

    def polled(self, bank: str | None = None) -> None:
        """The hub has looked: what lay there is posted, or waits for its posting step."""
        seen = [one for one in self._underway if bank in (None, one[0])]
        self._underway = [one for one in self._underway if one not in seen]
        self._waiting += seen
        self._post_ready()

    def _post_ready(self) -> None:
        waiting, self._waiting = self._waiting, []
        for bank, data in waiting:
            header, *rows = fields_of(data)
            batch = self.batches[header[3], header[4]]
            first = batch[0]
            if ("posting", first.period, first.round) in self.done:
                self._post(batch, rows)
            else:
                self._waiting.append((bank, data))

    def _post(self, batch: list[Line], rows: list[list[str]]) -> None:
        by_id = {line.id: line for line in batch}
        for row in (row for row in rows if row[0] == "D"):
            line = by_id[row[2]]
            came = in_order(fen(row[5]), line.wanted)
            if came != four_of(row[6:10]):
                raise ValueError(f"the bank splits {line.id} otherwise than in order")
            line.came = came
            line.told = ("close", line.period, 0) not in self.done
            applied = self._applied(line.bill, came)
            if came != applied:
                self.suspense[line.id] = less(came, applied)
            self._book(line.bill, applied)

    def _applied(self, bill: Bill, came: Four) -> Four:
        """What of a bank's money a bill takes. One that is paid whole or not at all is cancelled when nothing comes."""
        if bill.monthly:
            return smaller(came, bill.outstanding)
        if bill.cancelled_at is not None or bill.covered:
            return NIL
        if not sum(came) or not self.has_room(bill):
            bill.cancelled_at = self.now
            return NIL
        return came

    def has_room(self, bill: Bill) -> bool:
        """Whether the arrears that a repayment repays can still take all of it; other bills repay none."""
        if bill.kind != "A":
            return True
        return smaller(bill.due, self._by_unit[bill.refers_to, bill.unit].outstanding) == bill.due

    def arrears_of(self, period: str, unit: str) -> Bill:
        """The monthly bill whose arrears a repayment names. Raises KeyError when there is none."""
        return self._by_unit[period, unit]

    def claimable(self, arrears: Bill) -> Four:
        """What a repayment may still claim of a monthly bill in arrears."""
        left = arrears.missing
        for bill in self.bills.values():
            if bill.kind == "A" and (bill.refers_to, bill.unit) == (arrears.period, arrears.unit):
                left = left if bill.cancelled_at is not None else less(left, bill.due)
        return left

    def _book(self, bill: Bill, amounts: Four) -> None:
        if sum(amounts):
            bill.arrived = add(bill.arrived, amounts)
            bill.arrived_at = self.now
            if bill.kind == "A":
                arrears = self._by_unit[bill.refers_to, bill.unit]
                arrears.repaid = add(arrears.repaid, amounts)
            self.incomes.settled(self.now, bill.no if bill.kind != "A" else arrears.no, amounts)
            period = booked_in(self.now)
            bill.booked[period] = add(bill.booked.get(period, NIL), amounts)

    # -- what the calendar demands --------------------------------------------------------------------------------

    def advance(self, to: datetime) -> None:
        """Business time moves: results that lie there first, then every step due, in order."""
        self.polled()
        for at, step, period, number in sorted(self._steps()):
            if self.now < at <= to:
                self.now = at
                self._carry_out(step, period, number)
        self.now = max(self.now, to)

    def _steps(self) -> Iterator[tuple[datetime, str, str, int]]:
        for period in self._periods:
            dates = dates_of(period)
            for session in (dates.first, dates.second):
                yield session.upload, "upload", period, session.round
                yield session.batch, "batch", period, session.round
                yield session.posting, "posting", period, session.round
            yield dates.finance_close, "finance", period, 0
            yield dates.month_close, "close", period, 0

    def _carry_out(self, step: str, period: str, number: int) -> None:
        if step == "upload":
            asked_before = {line.bill.no for line in self.lines[period, 1]}
            for bill in self._of(period):
                due_now = number == 1 or bill.no not in asked_before or bill.asked_again
                if bill.mode == "B" and due_now and not bill.bank_ended and not bill.covered:
                    self.lines[period, number].append(Line(bill, period, number, bill.missing))
            self._ask_for_others(period, number)
        self.done.add((step, period, number))
        if step == "posting":
            self._post_ready()
        if step == "finance":
            self._close_finances(period)
            self.incomes.close(period, self.now)
        if step == "close":
            self.shut[period] = [Shut(bill, bill.arrived) for bill in self._of(period)]
            for bill in self._of(period):
                bill.in_arrears = not bill.covered
                if bill.in_arrears:
                    self.incomes.opened(self.now, bill.no, bill.agency, bill.unit, period, bill.missing)

    def _of(self, period: str) -> list[Bill]:
        return [bill for bill in self.bills.values() if bill.period == period and bill.monthly]

    def _others(self) -> list[Bill]:
        return [bill for bill in self.bills.values() if not bill.monthly]

    def _ask_for_others(self, period: str, number: int) -> None:
        """Supplements and repayments that no bank was asked for yet and nobody has paid, whatever their own period."""
        asked = {line.bill.no for lines in self.lines.values() for line in lines}
        for bill in self._others():
            if bill.mode == "B" and bill.no not in asked and not bill.covered:
                self.lines[period, number].append(Line(bill, period, number, bill.due))

    def _close_finances(self, period: str) -> None:
        """What is sporadic and not paid is cancelled; what came since the last close, or was pending there, is told."""
        since = self._finances_closed
        told = [each for each in self._others() if since is None or each.settled_at is None or each.settled_at > since]
        for bill in told:
            if bill.mode == "S" and bill.settled_at is None:
                bill.cancelled_at = self.now
        self.fates[period] = [
            Fate(bill, "cancelled" if bill.cancelled_at else "arrived" if bill.arrived_at else "pending")
            for bill in told
        ]
        self._finances_closed = self.now

    # -- what the driver asks ------------------------------------------------------------------------------------

    def bill(self, period: str, unit: str) -> Bill | None:
        return self._by_unit.get((period, unit))

    def unanswered(self, period: str) -> set[str]:
        """Bills of ``period`` with a line no bank has answered."""
        return {line.bill.no for number in ROUNDS for line in self.lines[period, number] if line.came is None}

    def met(self) -> dict[str, int]:
        """How many of each thing these books have seen."""
        lines = [line for batch in self.lines.values() for line in batch]
        return {
            "bills": len(self.bills),
            "asked": len(lines),
            "in_part": sum(line.came is not None and 0 < sum(line.came) < sum(line.wanted) for line in lines),
            "unanswered": sum(line.came is None for line in lines),
            "too_late_to_tell": sum(line.came is not None and not line.told for line in lines),
            "suspense": len(self.suspense),
            "receipts": len(self._receipts),
            "arrears": sum(bill.in_arrears for bill in self.bills.values()),
            "arrears_settled": sum(bill.in_arrears and bill.covered for bill in self.bills.values()),
            "supplements": sum(bill.kind == "S" for bill in self.bills.values()),
            "repayments": sum(bill.kind == "A" for bill in self.bills.values()),
            **{
                became: sum(fate.became == became for told in self.fates.values() for fate in told)
                for became in ("arrived", "cancelled", "pending")
            },
            "repaid": sum(sum(bill.repaid) > 0 for bill in self.bills.values()),
            **self.incomes.met(),
        }

    def sporadic(self, period: str) -> Four:
        """All sporadic receipts on monthly bills of ``period``, per fund."""
        found = NIL
        for of_period, amounts in self._receipts.values():
            if of_period == period:
                found = add(found, amounts)
        return found


def _records(data: bytes, charset: str) -> list[list[str]]:
    return [line.split("|") for line in data.decode(charset).removesuffix("\n").split("\n")]
