"""Books of our own: what must stand in every export, out of what the agencies filed and what the banks answered.

The oracle reads the very bytes that went in, knows the announced days, and does its own arithmetic. It follows business
time as the driver moves it: ``advance`` does what the calendar demands, ``deliver``/``polled`` what the banks do.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from simulators.agency import Paper
from simulators.amounts import NIL, Four, add, fen, four_of, in_order, less, over_zero, smaller
from simulators.bank_program import fields_of
from simulators.bank_work import Request
from simulators.incomes import IncomeBook
from simulators.sessions import booked_in, dates_of

ROUNDS: Final = (1, 2)
SORTS: Final = (
    *("returned_M_in_time", "returned_M_late", "returned_S", "returned_A", "returned_where_the_bank_paid_too"),
    *("changed_taken_back", "changed_after_all", "changed_to_more", "changed_to_less", "changed_twice"),
    *("changed_of_others", "changed_of_a_closed_period", "filed_again"),
)
"""What is counted as it happens: returned payments (退票) and changed answers (更正), and what was cancelled and filed again."""


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
    told: bool = False
    """True of a supplement or a repayment once a finance close has called it arrived or cancelled."""
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

    ``came`` is the bank's money per fund, None while unanswered: what the session's forms say. ``stands`` is what the bank
    says by now, ``applied`` what of that is on the bill, the rest being in suspense.
    """

    bill: Bill
    period: str
    round: int
    wanted: Four
    file: str = ""
    came: Four | None = None
    stands: int = 0
    applied: Four = NIL
    changed: int = 0
    told: bool = False
    """True once the answer stands in the session's forms; an answer after the month's close never does."""

    @property
    def id(self) -> str:
        return f"{self.bill.no}-{self.round}"


@dataclass(slots=True)
class Paid:
    """A sporadic receipt (零星收款): ``returned`` once it has come back unpaid (退票)."""

    no: str
    agency: str
    bill: Bill
    method: str
    amounts: Four
    received_on: date
    returned: bool = False


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
        self.done: set[tuple[str, str, int]] = set()
        self.batches: dict[tuple[str, str], list[Line]] = {}
        self.request_files: dict[tuple[str, int], list[str]] = defaultdict(list)
        self.suspense: dict[str, Four] = {}
        self.incomes = IncomeBook()
        self._by_unit: dict[tuple[str, str], Bill] = {}
        self.receipts_of: dict[str, Paid] = {}
        self._returns: set[str] = set()
        self._met: Counter[str] = Counter()
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
            self._met["filed_again"] += any(
                each.cancelled_at is not None
                and (each.kind, each.unit, each.refers_to) == (kind, bill.unit, bill.refers_to)
                for each in self.bills.values()
            )
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
        header, *rows = _records(paper.data, "utf-8")
        for row in (row for row in rows if row[0] == "D"):
            bill = self.bills[row[3]]
            if sum(bill.missing) != fen(row[6]):
                raise ValueError(f"receipt {row[2]} is not what is outstanding")
            if bill.cancelled_at is not None or not self.has_room(bill):
                raise ValueError(f"receipt {row[2]} is for a bill that takes none")
            received_on = date.fromisoformat(row[7])
            self.receipts_of[row[2]] = Paid(row[2], header[3], bill, row[4], bill.missing, received_on)
            missing = bill.missing
            self._book(bill, missing)
            self._costs(bill, missing, self.now.date())

    def returns(self, paper: Paper) -> None:
        """Accepted returned payments (退票, rules section 6): each takes its whole receipt off the bill again, in the open period.

        Of a closed month the arrears are opened. A supplement or a repayment is cancelled, and what it had repaid stands again.
        """
        for row in (row for row in _records(paper.data, "utf-8") if row[0] == "D"):
            receipt = self.receipts_of[row[3]]
            if why_not := self.why_no_return(header_agency(paper), row[2], receipt.no, fen(row[4])):
                raise ValueError(f"return {row[2]} has to be refused: {why_not}")
            receipt.returned = True
            self._returns.add(row[2])
            self._count_return(receipt.bill)
            self._costs(receipt.bill, less(NIL, receipt.amounts), self._taken_off_from(receipt.bill))
            self._take_off(receipt.bill, receipt.amounts)

    def why_no_return(self, agency: str, no: str, receipt: str, amount: int) -> set[str]:
        """The fields of a return's line that are at fault; none when it must be accepted."""
        paid, wrong = self.receipts_of.get(receipt), set[str]()
        if no in self._returns:
            wrong.add("return id")
        if paid is None or paid.agency != agency or paid.returned or paid.method == "CASH":
            wrong.add("receipt id")
        if paid is not None and paid.agency == agency and not paid.returned and amount != sum(paid.amounts):
            wrong.add("amount")
        return wrong

    def _count_return(self, bill: Bill) -> None:
        closed = bill.monthly and ("close", bill.period, 0) in self.done
        self._met[
            f"returned_{bill.kind}_{'late' if closed else 'in_time'}" if bill.monthly else f"returned_{bill.kind}"
        ] += 1
        if any(line.bill is bill and line.id in self.suspense for lines in self.lines.values() for line in lines):
            self._met["returned_where_the_bank_paid_too"] += 1

    def _take_off(self, bill: Bill, amounts: Four) -> None:
        """Money on a bill goes back; what is not monthly goes with it (C10, C11)."""
        self._book(bill, less(NIL, amounts))
        if not bill.monthly:
            bill.cancelled_at = self.now
        elif ("close", bill.period, 0) in self.done:
            bill.in_arrears = True

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
            self._put_on(line, came, applied)
            self._costs(line.bill, applied, self.now.date())

    def _put_on(self, line: Line, came: Four, applied: Four) -> None:
        """The bank's money: ``applied`` is for the bill, what is beyond it for suspense (暂收款)."""
        line.stands, line.applied = sum(came), applied
        self.suspense.pop(line.id, None)
        if came != applied:
            self.suspense[line.id] = less(came, applied)
        self._book(line.bill, applied)

    def changes(self, paper: Paper) -> None:
        """A bank's file of changed answers (更正) that was taken: what stood is taken back, the new amount comes as late money.

        The forms of the session stand. What was not monthly and loses its money is cancelled; a bill that is cancelled, or
        paid by other money, takes nothing of the new amount.
        """
        lines = {line.id: line for batch in self.lines.values() for line in batch}
        new: list[tuple[Line, Four, Four, date]] = []
        for row in (row for row in fields_of(paper.data) if row[0] == "D"):
            line, before, now = lines[row[3]], fen(row[5]), fen(row[6])
            if line.came is None or line.stands != before:
                raise ValueError(f"{paper.name} changes {line.id} from {row[5]}, which is not what stood")
            came = in_order(now, line.wanted)
            if came != four_of(row[7:11]):
                raise ValueError(f"the bank splits {line.id} otherwise than in order")
            self._count_change(line, now)
            line.changed += 1
            new.append((line, came, line.applied, self._taken_off_from(line.bill)))
            if sum(line.applied):
                self._take_off(line.bill, line.applied)
        for (
            line,
            came,
            stood,
            day,
        ) in new:  # one file is one fact: both rounds of a bill are off it before either comes back
            self._put_on(line, came, self._takes_of_change(line.bill, came))
            more = less(line.applied, stood)
            self._costs(line.bill, more, day if sum(more) < 0 else self.now.date())

    def _takes_of_change(self, bill: Bill, came: Four) -> Four:
        if bill.monthly:
            return smaller(came, over_zero(bill.outstanding))
        return NIL if bill.cancelled_at is not None or bill.covered else came

    def _count_change(self, line: Line, now: int) -> None:
        before, bill = line.stands, line.bill
        sort = "taken_back" if not now else "after_all" if not before else "to_more" if now > before else "to_less"
        self._met[f"changed_{sort}"] += 1
        self._met["changed_twice"] += bool(line.changed)
        self._met["changed_of_others"] += not bill.monthly
        self._met["changed_of_a_closed_period"] += bill.monthly and ("close", bill.period, 0) in self.done

    def _applied(self, bill: Bill, came: Four) -> Four:
        """What of a bank's money a bill takes. One that is paid whole or not at all is cancelled when nothing comes."""
        if bill.monthly:
            return smaller(came, over_zero(bill.outstanding))
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
        """What a repayment may still claim of a monthly bill in arrears: never less than nothing."""
        left = arrears.missing
        for bill in self.bills.values():
            if bill.kind == "A" and (bill.refers_to, bill.unit) == (arrears.period, arrears.unit):
                left = left if bill.cancelled_at is not None else less(left, bill.due)
        return over_zero(left)

    def _book(self, bill: Bill, amounts: Four) -> None:
        if sum(amounts):
            bill.arrived = add(bill.arrived, amounts)
            bill.arrived_at = self.now if sum(bill.arrived) else None
            if bill.kind == "A":
                arrears = self._by_unit[bill.refers_to, bill.unit]
                arrears.repaid = add(arrears.repaid, amounts)
            period = booked_in(self.now)
            bill.booked[period] = add(bill.booked.get(period, NIL), amounts)

    def _costs(self, bill: Bill, amounts: Four, day: date) -> None:
        """From ``day`` on, the arrears that a bill stands for cost late fees on so much less."""
        if bill.kind != "S":
            self.incomes.settled(day, bill.no if bill.monthly else self._by_unit[bill.refers_to, bill.unit].no, amounts)

    def _taken_off_from(self, bill: Bill) -> date:
        """From when what is taken off a bill now costs: tomorrow; a repayment that comes back was never there (rules, 6)."""
        if bill.kind == "A" and bill.arrived_at is not None:
            return bill.arrived_at.date()
        return self.now.date() + timedelta(days=1)

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
            unanswered = self.unanswered(period)  # what has not been answered is not asked again (rules, section 3)
            for bill in self._of(period):
                due_now = number == 1 or bill.no not in asked_before or bill.asked_again
                asked = due_now and bill.no not in unanswered and not bill.bank_ended
                if bill.mode == "B" and asked and not bill.covered:
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
                self.incomes.opened(self.now, bill.no, bill.agency, bill.unit, period, bill.missing)

    def _of(self, period: str) -> list[Bill]:
        return [bill for bill in self.bills.values() if bill.period == period and bill.monthly]

    def _others(self) -> list[Bill]:
        return [bill for bill in self.bills.values() if not bill.monthly]

    def _ask_for_others(self, period: str, number: int) -> None:
        """Supplements and repayments that no bank was asked for yet and nobody has paid, whatever their own period."""
        asked = {line.bill.no for lines in self.lines.values() for line in lines}
        for bill in self._others():
            if bill.mode == "B" and bill.no not in asked and not bill.covered and bill.cancelled_at is None:
                self.lines[period, number].append(Line(bill, period, number, bill.due))

    def _close_finances(self, period: str) -> None:
        """What is sporadic and not paid is cancelled; what was filed since the last close, or was pending there, is told."""
        told = [bill for bill in self._others() if not bill.told]
        for bill in told:
            if bill.mode == "S" and bill.settled_at is None:
                bill.cancelled_at = self.now
            bill.told = bill.settled_at is not None
        self.fates[period] = [
            Fate(bill, "cancelled" if bill.cancelled_at else "arrived" if bill.arrived_at else "pending")
            for bill in told
        ]

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
            "receipts": len(self.receipts_of),
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
            **{sort: self._met[sort] for sort in SORTS},
        }

    def sporadic(self, period: str) -> Four:
        """All sporadic receipts on monthly bills of ``period`` that have not come back, per fund."""
        found = NIL
        for paid in self.receipts_of.values():
            if paid.bill.monthly and paid.bill.period == period and not paid.returned:
                found = add(found, paid.amounts)
        return found


def header_agency(paper: Paper) -> str:
    """The agency that an agency's file names in its first line."""
    return _records(paper.data, "utf-8")[0][3]


def _records(data: bytes, charset: str) -> list[list[str]]:
    return [line.split("|") for line in data.decode(charset).removesuffix("\n").split("\n")]
