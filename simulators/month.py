"""Simulated months from one seed: every party does its part through its own door, and after each stage the hub's
exports are held against the oracle, to the fen.

    python -m simulators.month --seed 7 --periods 2026-09..2026-11 --units 200
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from simulators import agency
from simulators.agency import Again, Paper, Receipt, Returned
from simulators.amounts import add, in_order
from simulators.bank import BankServerError
from simulators.bank_program import CHANGES, decide, garbled, numbered, print_changes
from simulators.bank_work import Request, UnusableRequestError
from simulators.chance import draw
from simulators.faults import DUES_FAULTS
from simulators.flexible_work import FlexibleWork
from simulators.forms import Export, differences, status_of
from simulators.hub_command import HubAnswerError
from simulators.oracle import ROUNDS, Bill, Oracle
from simulators.plan import Comes, Plan, plan_of
from simulators.population import BANKS, DISTRICTS, Population, Unit
from simulators.scene import add_profile_argument, set_scene, strike
from simulators.sessions import Dates, dates_of, following, periods_between, previous
from simulators.stage import Stage
from simulators.taken_back import SORTS_OF_BAD, Bad, Returns, changes, misremembered

EXPORTS_AT_ONCE: Final = 2
CONTRACTS_PROFILE: Final = "pipe-gb18030"
TRIED: Final = (
    *(f"refused_return_{sort}" for sort in SORTS_OF_BAD),
    "quarantined_changes",
)
"""What the parties try and must not get through."""
METHODS: Final = ("CASH", "CHEQUE", "COLLECTION")


@dataclass(frozen=True, slots=True)
class Appointment:
    """Something a party does at ``at``, and the exports that are compared afterwards."""

    at: datetime
    title: str
    act: Callable[[], None]
    exports: Callable[[], Iterable[Export]] = tuple


@dataclass(slots=True)
class Outcome:
    """What a run found. ``differences`` is empty when hub and oracle agree; ``met`` counts what it had to deal with."""

    seed: int
    compared: int = 0
    met: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    hub_seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds that the hub's commands took, without what banks, agencies and the oracle did meanwhile."""


class Month:
    """One run over a scene. ``tell`` hears the title of each stage, its number and how many there are."""

    def __init__(self, scene: Stage, plan: Plan, tell: Callable[[str, int, int], object] = lambda *_: None) -> None:
        self.scene = scene
        self.plan = plan
        self.hub = scene.hub
        self.oracle = Oracle(plan.start, scene.no_parts)
        self.population = Population(plan.seed, plan.agencies, plan.banks, plan.units)
        self.outcome = Outcome(plan.seed)
        self.held: list[tuple[Request, Comes]] = []
        self.seen: dict[Export, dict[str, Any]] = {}
        self.requests: defaultdict[tuple[str, int], list[Request]] = defaultdict(list)
        self.answers: defaultdict[tuple[str, int], list[Paper]] = defaultdict(list)
        self.tell = tell
        self.tried: Counter[str] = Counter(dict.fromkeys(TRIED, 0))
        self._numbers: Counter[tuple[str, ...]] = Counter()
        self._refiled: set[str] = set()

    def run(self) -> Outcome:
        """Keep every appointment in order of time."""
        kept = [(period, one) for period in self.plan.periods for one in self._agenda(dates_of(period))]
        agenda = sorted(kept, key=lambda one: one[1].at)
        for number, (period, appointment) in enumerate(agenda, 1):
            began = time.monotonic()
            self.tell(appointment.title, number, len(agenda))
            if appointment.at > self.oracle.now:
                self.hub.advance(appointment.at)
                self.oracle.advance(appointment.at)
            appointment.act()
            self._compare(appointment.title, self._all(period) if self.plan.thorough else appointment.exports())
            self.outcome.seconds[appointment.title] = round(time.monotonic() - began, 2)
            self.outcome.met = {**self.oracle.met(), **self.tried}
            self.outcome.hub_seconds = {command: round(spent, 2) for command, spent in self.hub.spent.items()}
        return self.outcome

    def _agenda(self, dates: Dates) -> Iterator[Appointment]:
        """The appointments of one period."""
        period = dates.period
        handed_in = datetime.fromisoformat(f"{previous(period)}-28T09:00")
        yield Appointment(handed_in, f"{period} dues (表七, 表八)", lambda: self._dues(dates), lambda: self._t8(period))
        yield Appointment(dates.day(1, 7, 30), f"{period} dues of the 1st", lambda: self._more_dues(dates))
        yield Appointment(
            dates.day(1, 7, 45),
            f"{period} supplements (表五) and repayments (表十)",
            lambda: self._others(dates, "first"),
            lambda: self._t8(period),
        )
        yield from self._deduction(dates, 1)
        yield from self._late_answers(dates, dates.day(12, 10), Comes.LATE, 1)
        if not self.plan.quiet:
            at = dates.day(12, 11)
            yield Appointment(at, f"{period} members (表四) and subsidies", lambda: self._flexible_work(period))
        yield from self._taken_back(dates, dates.day(12, 15), changed=True)
        yield Appointment(dates.day(13, 10), f"{period} second collection", lambda: self._again(dates))
        yield Appointment(
            dates.day(13, 11),
            f"{period} more supplements and repayments",
            lambda: self._others(dates, "second"),
            lambda: [Export("arrears"), *self._not_yet(Export("f3", period))],
        )
        yield Appointment(
            dates.day(15, 10),
            f"{period} sporadic receipts (零星收款)",
            lambda: self._counter(dates.day(15, 10).date(), period, "middle"),
            lambda: (*self._t8(period), Export("balances", period)),
        )
        yield from self._taken_back(dates, dates.day(16, 10), returned=True)
        yield Appointment(
            dates.day(16, 11),
            f"{period} other incomes and late fees (其他项目收入)",
            self._other_incomes,
            lambda: self._not_yet(Export("f4", period)),
        )
        yield from self._deduction(dates, 2)
        yield from self._late_answers(dates, dates.day(25, 10), Comes.LATE, 2)
        yield Appointment(
            dates.day(25, 11),
            f"{period} last receipts",
            lambda: self._counter(dates.day(25, 11).date(), period, "end"),
            lambda: [Export("balances", period), *self._not_yet(Export("f1", period))],
        )
        yield from self._taken_back(dates, dates.day(26, 10), changed=True, returned=True)
        yield Appointment(
            dates.day(26, 11), f"{period} incomes after the close", self._other_incomes, lambda: [Export("f4", period)]
        )
        yield Appointment(
            dates.month_close.replace(minute=30),
            f"{period} month end (财表一)",
            self._verify,
            lambda: self._at_month_end(period),
        )
        later = datetime.fromisoformat(f"{following(period)}-06T10:00")
        for number in ROUNDS:
            yield from self._late_answers(dates, later, Comes.AFTER_CLOSE, number)
        yield from self._taken_back(dates, later.replace(day=7), changed=True, returned=True)

    def _deduction(self, dates: Dates, number: int) -> Iterator[Appointment]:
        """One deduction: upload, files to the banks, their answers, posting."""
        period, session = dates.period, dates.session(number)
        yield Appointment(
            session.upload,
            f"{period} upload {number} (财表六)",
            lambda: None,
            lambda: [Export("f6", period, number), *self._not_yet(Export("t26", period, number))],
        )
        yield Appointment(
            session.batch.replace(minute=10),
            f"{period} bank files {number} (财表七)",
            lambda: self._banks_take(period, number),
            lambda: [
                *(Export(form, period, number) for form in ("t26", "f7")),
                *self._not_yet(Export("f8", period, number)),
            ],
        )
        if number == 1 and not self.plan.quiet:
            early = session.results.replace(hour=10)
            yield Appointment(early, f"{period} paid twice", lambda: self._counter(early.date(), period, "twice"))
        yield Appointment(
            session.results.replace(hour=19),
            f"{period} bank answers {number}",
            lambda: self._banks_answer(period, number, session.results.date()),
        )
        yield Appointment(
            session.posting.replace(minute=5),
            f"{period} posting {number} (财表八, 表二十七)",
            lambda: None,
            lambda: [Export("f8", period, number), Export("t27", period, number), Export("balances", period)],
        )

    def _late_answers(self, dates: Dates, at: datetime, comes: Comes, number: int) -> Iterator[Appointment]:
        period = dates.period
        if any(self.plan.comes(period, number, bank) is comes for bank in self.plan.banks):
            yield Appointment(
                at,
                f"{period} {comes.value} answers {number}",
                lambda: self._banks_answer_late(period, number, comes, at.date()),
                lambda: self._told_late(period, number, comes),
            )

    def _taken_back(
        self, dates: Dates, at: datetime, *, changed: bool = False, returned: bool = False
    ) -> Iterator[Appointment]:
        """Banks change answers (更正), payments come back (退票); after month end those of the period that has closed."""
        if self.plan.quiet:
            return
        period = dates.period

        def act() -> None:
            if changed:
                self._banks_change(period, at.date())
            if returned:
                self._payments_come_back(period, at.date())
            if at > dates.month_close:
                self._verify()

        titles = ["changed answers"] * changed + ["returned payments"] * returned
        comes = Comes.LATE if at < dates.month_close else Comes.AFTER_CLOSE
        yield Appointment(at, f"{period} {' and '.join(titles)}", act, lambda: self._told_late(period, 1, comes))

    # -- comparing ------------------------------------------------------------------------------------------------

    def _compare(self, title: str, exports: Iterable[Export]) -> None:
        wanted = list(exports)
        with ThreadPoolExecutor(EXPORTS_AT_ONCE) as pool:
            answers = list(pool.map(self.hub.export, wanted))
        for export, answer in zip(wanted, answers, strict=True):
            self.outcome.compared += 1
            self.seen[export] = answer
            self._find(title, differences(self.oracle, export, answer))

    def _find(self, title: str, found: Iterable[str]) -> None:
        self.outcome.differences += [f"{title}: {one}" for one in found]

    def _not_yet(self, export: Export) -> list[Export]:
        """An export whose step is not reached: no rows. Once is enough, so in the first period only."""
        return [export] if export.period == self.plan.periods[0] else []

    def _told_late(self, period: str, number: int, comes: Comes) -> list[Export]:
        """What a late answer moves; one after the close must leave the closed forms alone."""
        moved = [Export("f8", period, number), Export("t27", period, number), Export("balances", period)]
        if comes is Comes.LATE:
            return moved
        closed = [Export(form, period) for form in ("f1", "f2", "f3")]
        books = [Export("balances", following(period)), Export("arrears"), Export("balances")]
        return [*moved, *closed, *books, *self._units(period)]

    def _t8(self, period: str) -> list[Export]:
        return [Export("t8", period)]

    def _all(self, period: str) -> list[Export]:
        """Every export of a closed period."""
        rounds = [Export(form, period, number) for form in ("f6", "t26", "f7", "f8", "t27") for number in ROUNDS]
        whole = [Export(form, period) for form in ("t8", "t9", "f1", "f2", "f3", "f4", "balances", "arrears")]
        return [*rounds, *whole, Export("balances"), Export("arrears"), *self._units(period)]

    def _at_month_end(self, period: str) -> list[Export]:
        """All but what was asked of the banks, which was compared when it was asked and cannot move."""
        return [export for export in self._all(period) if export.form not in {"f6", "t26", "f7"}]

    def _units(self, period: str) -> list[Export]:
        """A few telling units: one per state of its bill, and one of a bill that money came for twice."""
        chosen: dict[object, str] = {}
        for bill in self.oracle.bills.values():
            if bill.period == period:
                chosen.setdefault((status_of(bill), bill.kind, sum(bill.repaid) > 0), bill.unit)
        for instruction in self.oracle.suspense:
            bill = self.oracle.bills[instruction[:-2]]
            if bill.period == period:
                chosen.setdefault("suspense", bill.unit)
        return [Export("unit", None, None, unit) for unit in sorted(set(chosen.values()))]

    def _verify(self) -> None:
        """The hub's own proof, and a work item for each line whose money is in suspense (暂收款), no more and no fewer."""
        items = sum(item["queue"] == "suspense" for item in self.hub.worklist())
        if items != len(self.oracle.suspense):
            self._find("worklist", [f"expected {len(self.oracle.suspense)} items of suspense, found {items}"])
        self._find("verify", [f"{one['name']}: {one['detail']}" for one in self.hub.verify() if not one["ok"]])

    # -- agencies -------------------------------------------------------------------------------------------------

    def _bills(self, code: str, period: str, wanted: Callable[[Unit, str], bool]) -> list[agency.Bill]:
        """The wanted bills of an agency; newcomers have none in the first of several periods."""
        return [
            agency.bill_of(self.population, unit, period)
            for unit in self.population.of_agency(code)
            if wanted(unit, period) and not (unit.newcomer and period in self.plan.periods[:-1][:1])
        ]

    def _on_the_28th(self, unit: Unit, period: str) -> bool:
        return not self.population.is_late(unit, period) and not self._leftover(unit, period)

    def _on_the_first(self, unit: Unit, period: str) -> bool:
        return not self.population.is_late(unit, period) and self._leftover(unit, period)

    def _leftover(self, unit: Unit, period: str) -> bool:
        return draw(self.plan.seed, "first", unit.no, period) % 10 == 0

    def _dues(self, dates: Dates) -> None:
        """The 28th: most bills. One agency hands in a faulty file first, the right one twice, and other bytes after."""
        period, day = dates.period, self.oracle.now.date()
        filed = {code: self._bills(code, period, self._on_the_28th) for code in self.plan.agencies}
        filed = {code: bills for code, bills in filed.items() if len(bills) > 1}
        papers = {code: self._dues_paper(code, dates, bills, day) for code, bills in filed.items()}
        code = sorted(papers)[draw(self.plan.seed, "tried", period) % len(papers)]
        fault = DUES_FAULTS[draw(self.plan.seed, "fault", period) % len(DUES_FAULTS)]
        self._must_refuse(fault(papers[code]))
        self._hand_in_dues(list(papers.values()))
        for paper, answer in self._submit([papers[code]]):
            if not answer["repeat"]:
                self._find(paper.name, ["the same bytes again are not answered as a repeat"])
        self._must_refuse(agency.dues(code, period, 1, day, filed[code][:-1]))

    def _more_dues(self, dates: Dates) -> None:
        """The 1st, before the upload: the rest of those whose report was ready."""
        self._hand_in(dates, self._on_the_first)

    def _hand_in(self, dates: Dates, wanted: Callable[[Unit, str], bool]) -> None:
        day = self.oracle.now.date()
        filed = {code: self._bills(code, dates.period, wanted) for code in self.plan.agencies}
        self._hand_in_dues([self._dues_paper(code, dates, bills, day) for code, bills in filed.items() if bills])

    def _dues_paper(self, code: str, dates: Dates, bills: Sequence[agency.Bill], day: date) -> Paper:
        return agency.dues(code, dates.period, self._next("dues", code, dates.period), day, bills)

    def _hand_in_dues(self, papers: Sequence[Paper]) -> None:
        for paper, answer in self._submit(papers):
            bills, total = self.oracle.dues(paper)
            self._must_accept(paper, answer, bills, total)

    def _submit(self, papers: Sequence[Paper]) -> list[tuple[Paper, dict[str, Any]]]:
        """Hand good files in, all at once; each with its answer."""
        answers = self.hub.submit([self.scene.file(paper) for paper in papers]) if papers else []
        return list(zip(papers, answers, strict=True))

    def _must_accept(self, paper: Paper, answer: dict[str, object], *sums: int) -> None:
        expected = {"accepted": True, "repeat": False, **dict(zip(("bills", "total"), sums, strict=False))}
        found = {name: answer.get(name) for name in expected}
        if found != expected:
            self._find(paper.name, [f"answered {answer}, expected {expected}"])

    def _must_refuse(self, *papers: Paper) -> None:
        answers = self.hub.submit([self.scene.file(paper, "refused") for paper in papers], refused=True)
        for paper, answer in zip(papers, answers, strict=True):
            faults = answer.get("faults")
            if answer.get("accepted") is not False or not isinstance(faults, list) or not faults:
                self._find(paper.name, [f"not refused as it must be: {answer}"])

    def _next(self, *what: str) -> int:
        self._numbers[what] += 1
        return self._numbers[what]

    def _others(self, dates: Dates, occasion: str) -> None:
        """Units file supplements and repay arrears. A repayment of a fen more than is outstanding is tried, and refused."""
        period, day, papers = dates.period, self.oracle.now.date(), list[Paper]()
        for code in self.plan.agencies:
            for kind, bills in (
                ("S", self._supplements(code, period, occasion)),
                ("A", self._repayments(code, period)),
            ):
                if not bills:
                    continue
                if kind == "A" and not any("_A_" in paper.name for paper in papers):
                    first = bills[0]
                    over = first._replace(
                        due=add(
                            self.oracle.claimable(self.oracle.arrears_of(first.refers_to, first.unit)), (0, 0, 0, 1)
                        )
                    )
                    self._must_refuse(agency.dues(code, period, 9999, day, [over, *bills[1:]], kind))
                number = self._next("dues", code, period, kind)
                papers.append(agency.dues(code, period, number, day, bills, kind))
        self._hand_in_dues(papers)

    def _flexible_work(self, period: str) -> None:
        """An agency tells the members of supplements; unemployment finance books for its subsidised workers."""

        def accept(paper: Paper, *sums: int) -> None:
            for each, answer in self._submit([paper]):
                self._must_accept(each, answer, *sums)

        units = self.population.of_agency(self.plan.agencies[0])
        work = FlexibleWork(self.plan.seed, period, units, self.oracle, self.hub, accept, self._must_refuse)
        self._find(f"{period} members (表四) and subsidies", work.happen())

    def _supplements(self, code: str, period: str, occasion: str) -> list[agency.Bill]:
        """A few units pay what they had left out of an earlier month, known to the hub or not."""
        made: list[agency.Bill] = []
        for unit in self.population.of_agency(code):
            luck = draw(self.plan.seed, "supplement's month", unit.no, period, occasion)
            if self.plan.happens(7, "supplement", unit.no, period, occasion):
                month = previous(previous(period) if luck % 2 else period)
                bill = agency.bill_of(self.population, unit, period)
                number = f"S{period.replace('-', '')}-{unit.no}-{self._next('supplement', unit.no, period)}"
                due = bill.due[0] // 3 + 1, bill.due[1] // 3, bill.due[2] // 3, bill.due[3] // 3
                made.append(bill._replace(no=number, due=due, refers_to=month))
        return [*made, *self._filed_again(code, period)]

    def _filed_again(self, code: str, period: str) -> list[agency.Bill]:
        """Supplements that were cancelled (注销) must be filed again, under a number of their own; most are."""
        made: list[agency.Bill] = []
        units = {unit.no: unit for unit in self.population.of_agency(code)}
        for old in list(self.oracle.bills.values()):
            if old.kind != "S" or old.agency != code or old.cancelled_at is None or old.no in self._refiled:
                continue
            if self.plan.happens(60, "filed again", old.no):
                self._refiled.add(old.no)
                number = f"S{period.replace('-', '')}-{old.unit}-{self._next('supplement', old.unit, period)}"
                bill = agency.bill_of(self.population, units[old.unit], period)
                made.append(bill._replace(no=number, due=old.due, refers_to=old.refers_to))
        return made

    def _repayments(self, code: str, period: str) -> list[agency.Bill]:
        """Some units in arrears repay them, whole or half, by their bank or at the counter."""
        made: list[agency.Bill] = []
        units = {unit.no: unit for unit in self.population.of_agency(code)}
        for arrears in [bill for bill in self.oracle.bills.values() if bill.in_arrears and bill.agency == code]:
            left = self.oracle.claimable(arrears)
            luck = draw(self.plan.seed, "repayment", arrears.no, period, self.oracle.now)
            if sum(left) < 2 or luck % 100 >= 45:
                continue
            due = left if luck % 2 else in_order(sum(left) // 2, left)
            bill = agency.bill_of(self.population, units[arrears.unit], period)
            number = f"A{period.replace('-', '')}-{arrears.unit}-{self._next('repayment', arrears.unit, period)}"
            made.append(bill._replace(no=number, due=due, refers_to=arrears.period))
        return made

    def _again(self, dates: Dates) -> None:
        """Late bills come in; who was not paid in full is asked again, sent to the counter, or passed over."""
        self._hand_in(dates, self.population.is_late)
        period, day = dates.period, self.oracle.now.date()
        unanswered = self.oracle.unanswered(period)
        wrong, right = [], []
        for code in self.plan.agencies:
            asked = [
                each.bill for each in self.oracle.lines[period, 1] if each.bill.agency == code and each.bill.monthly
            ]
            chosen = self._second_chances(asked, dates)
            unknown = Again(f"{code}999999", "B", day)
            waiting = [Again(bill.unit, "B", day) for bill in asked if bill.no in unanswered][:1]
            wrong.append(agency.again(code, period, 1, day, [*chosen, unknown, *waiting]))
            if chosen:
                paid = [Again(bill.unit, "B", dates.second.batch.date()) for bill in asked if bill.covered][:2]
                right.append(agency.again(code, period, self._next("again", code, period), day, [*chosen, *paid]))
        self._must_refuse(*wrong)
        for paper, answer in self._submit(right):
            self._must_accept(paper, answer)
            self.oracle.again(paper)

    def _second_chances(self, asked: Sequence[Bill], dates: Dates) -> list[Again]:
        """What the agency decides on those the bank answered and did not pay in full."""
        waiting = self.oracle.unanswered(dates.period)
        decided = [
            (bill, self.plan.second_chance(bill.no)) for bill in asked if not bill.covered and bill.no not in waiting
        ]
        return [Again(bill.unit, mode, dates.second.batch.date()) for bill, mode in decided if mode]

    def _other_incomes(self) -> None:
        """Other incomes come in, and late fees of some arrears. One with a fen more than has accrued must be refused."""
        day = self.oracle.now.date()
        told = [self.oracle.incomes.papers(self.plan.seed, code, day, 1) for code in self.plan.agencies]
        beyond = [paper for _, paper in told if paper is not None]
        if beyond:
            self._must_refuse(beyond[0])
        for paper, answer in self._submit([good for good, _ in told]):
            self._must_accept(paper, answer, *self.oracle.incomes.take(self.oracle.now, paper))

    # -- the counter ----------------------------------------------------------------------------------------------

    def _counter(self, day: date, period: str, occasion: str) -> None:
        """Units pay in full at their agency. Once a month a receipt of another amount is tried, and must be refused."""
        open_answers = self.oracle.unanswered(period)
        papers: list[Paper] = []
        for code in self.plan.agencies:
            paying = [
                bill
                for bill in self.oracle.bills.values()
                if bill.period == period and bill.agency == code and not bill.covered
                if bill.cancelled_at is None and self.oracle.has_room(bill)
                if self.plan.pays_at_counter(bill.no, occasion, self._inclination(bill, occasion, open_answers))
            ]
            # Two repayments of the same arrears need not fit both any more: one a day.
            one_each = {bill.no if bill.monthly else (bill.kind, bill.unit, bill.refers_to): bill for bill in paying}
            taken = [self._receipt(code, day, bill) for bill in one_each.values()]
            if taken and not papers and occasion == "middle":
                too_much = taken[0]._replace(amount=taken[0].amount + 1)
                self._must_refuse(agency.receipts(code, day, 1, [too_much, *taken[1:]]))
            if taken:
                papers.append(agency.receipts(code, day, self._next("receipts", code, str(day)), taken))
        for paper, answer in self._submit(papers):
            self._must_accept(paper, answer)
            self.oracle.receipts(paper)

    def _inclination(self, bill: Bill, occasion: str, open_answers: set[str]) -> int:
        """Of a hundred such bills, how many are paid on this occasion; more of those of which there are few."""
        if bill.mode == "S" or bill.bank_ended:
            return {"twice": 0, "middle": 65, "end": 40}[occasion]
        if bill.no in open_answers:  # its bank may still pay: money that comes twice goes to suspense
            times = 1 if bill.monthly else 3
            return 0 if self.plan.quiet else times * {"twice": 2, "middle": 12, "end": 10}[occasion]
        return {"twice": 0, "middle": 6, "end": 25}[occasion]

    def _receipt(self, code: str, day: date, bill: Bill) -> Receipt:
        methods = METHODS[:2] if bill.kind == "A" else METHODS  # arrears are not repaid by collection
        method = methods[draw(self.plan.seed, "method", bill.no) % len(methods)]
        number = self._next("receipt", code)
        cheque = f"{number:08d}" if method == "CHEQUE" else ""
        return Receipt(f"RC-{code}-{day:%Y%m%d}-{number:05d}", bill.no, method, cheque, sum(bill.missing), day)

    def _payments_come_back(self, period: str, day: date) -> None:
        """Cheques and collections come back unpaid. One agency names some that cannot have, and must be told of every one."""
        papers, came, back = list[Paper](), dict[str, list[Returned]](), list[Bill]()
        careless = self.plan.agencies[draw(self.plan.seed, "careless", day) % len(self.plan.agencies)]
        for code in self.plan.agencies:
            returns = Returns(self.plan, self.oracle, code, day)
            good = returns.good(period)
            if code == careless:
                self._must_refuse_every(returns.bad(1, good))
            if good:
                papers.append(agency.returns(code, day, 1, good))
                came[papers[-1].name] = good
        for paper, answer in self._submit(papers):
            self._must_accept(paper, answer)
            self.oracle.returns(paper)
            back += [self.oracle.receipts_of[one.receipt].bill for one in came[paper.name]]
        self._ask_again_for(back, period, day)
        for paper, answer in self._submit(papers[:1]):
            if not answer["repeat"]:
                self._find(paper.name, ["the same bytes again are not answered as a repeat"])

    def _ask_again_for(self, back: Sequence[Bill], period: str, day: date) -> None:
        """What has come back before the second upload is asked of the bank again, where it has answered."""
        dates, waiting = dates_of(period), self.oracle.unanswered(period)
        asked = {line.bill.no for line in self.oracle.lines[period, 1]} - waiting
        if self.oracle.now >= dates.second.upload:
            return
        right = []
        for code in self.plan.agencies:
            units = [
                Again(bill.unit, "B", dates.second.batch.date())
                for bill in back
                if bill.monthly and bill.agency == code and bill.no in asked and not bill.bank_ended
            ]
            if units:
                right.append(agency.again(code, period, self._next("again", code, period), day, units))
        for paper, answer in self._submit(right):
            self._must_accept(paper, answer)
            self.oracle.again(paper)
            self.tried["asked_again_after_a_return"] += 1

    def _must_refuse_every(self, bad: Bad) -> None:
        """Refused, with each of its faults and no other."""
        (answer,) = self.hub.submit([self.scene.file(bad.paper, "refused")], refused=True)
        found = {(fault["line"], fault["field"]) for fault in answer["faults"]}
        if found != bad.faults:
            self._find(bad.paper.name, [f"expected faults {sorted(bad.faults)}, found {sorted(found)}"])
        self.tried.update(f"refused_return_{sort}" for sort in bad.sorts)

    # -- banks ----------------------------------------------------------------------------------------------------

    def _banks_take(self, period: str, number: int) -> None:
        """Every bank reads its request files; they must ask exactly what the agencies filed."""
        for program in self.scene.programs.values():
            for request in program.receive():
                self.requests[request.period, request.round].append(request)
                self._find(f"{period} bank files {number}", self.oracle.request(request))
                comes = self.plan.comes(period, number, program.code)
                if comes is not Comes.PROMPT:
                    self.held.append((request, comes))
        self._find(f"{period} bank files {number}", self.oracle.not_sent(period, number))

    def _banks_answer(self, period: str, number: int, day: date) -> None:
        """The prompt ones answer. One garbles its first answer; one is polled at once and sends the same twice."""
        held = {request.name for request, _ in self.held}
        for program in self.scene.programs.values():
            requests = [one for one in program.on_desk() if one.name not in held]
            careless = number == 1 and program.code == self.plan.garbler(period)
            for request in requests:
                if careless and any(decide(self.plan.seed, asked).deducted for asked in request.lines):
                    self._garble(program.code, request, day)
                self._answer(program.code, request, day)
            if careless and requests:
                self._poll(program.code, ["taken"] * len(requests))
                copy = self.answers[period, number][-1]
                program.deliver(Paper(numbered(copy.name, program.next_number(day)), copy.data))
                self._poll(program.code, ["repeat"])

    def _answer(self, bank: str, request: Request, day: date) -> None:
        paper = self.scene.programs[bank].answer(request, day)
        self.answers[request.period, request.round].append(paper)
        self.oracle.deliver(bank, paper)

    def _garble(self, bank: str, request: Request, day: date) -> None:
        """A wrong answer must be quarantined, and a work item must name file, line and field."""
        self._must_quarantine(bank, garbled(self.scene.programs[bank].result(request, day)))

    def _must_quarantine(self, bank: str, paper: Paper) -> None:
        self.scene.programs[bank].deliver(paper)
        self._poll(bank, ["quarantined"])
        items = [item for item in self.hub.worklist() if item["file"] == paper.name]
        if not any(item["line"] and item["field"] and item["bank"] == bank for item in items):
            self._find(paper.name, [f"no work item names its line and field: {items}"])

    def _banks_change(self, period: str, day: date) -> None:
        """Banks change what they answered (更正). One misremembers first what it had answered, and sends the right file twice."""
        asked = {
            one.instruction: (request, one)
            for (of_period, _), requests in self.requests.items()
            for request in requests
            for one in request.lines
            if of_period == period
        }
        for code, program in self.scene.programs.items():
            if self.plan.profiles.get(code, CONTRACTS_PROFILE) != CONTRACTS_PROFILE:
                continue  # files of changes of other forms are not made up yet
            lines = [line for n in ROUNDS for line in self.oracle.lines[period, n] if line.bill.bank == code]
            made = changes(self.plan, lines, asked, day)
            if not made:
                continue
            paper = print_changes(code, made, day, program.next_number(day, CHANGES))
            if code == self.plan.garbler(period):
                wrong = print_changes(code, [*made[:-1], misremembered(made[-1])], day, int(paper.name[-8:-4]))
                self._must_quarantine(code, wrong)
                self.tried["quarantined_changes"] += 1
            program.deliver(paper)
            self._poll(code, ["taken"])
            self.oracle.changes(paper)
            if code == self.plan.garbler(period):
                program.deliver(paper)
                self._poll(code, ["repeat"])

    def _poll(self, bank: str, expected: Sequence[str]) -> None:
        found = [one["outcome"] for one in self.hub.poll(bank)]
        if found != list(expected):
            self._find(f"bank poll {bank}", [f"expected {expected}, found {found}"])
        self.oracle.polled(bank)

    def _banks_answer_late(self, period: str, number: int, comes: Comes, day: date) -> None:
        for request, when in list(self.held):
            if (request.period, request.round, when) == (period, number, comes):
                self.held.remove((request, when))
                self._answer(request.bank, request, day)
                self._poll(request.bank, ["taken"])


def simulate(home: Path, plan: Plan, tell: Callable[[str, int, int], object]) -> Outcome:
    """Set the scene under ``home``, run it, strike it. A failure on the way is a difference like any other."""
    scene = set_scene(home, plan.seed, plan.start, plan.agencies, plan.banks, profiles=plan.profiles)
    month = Month(scene, plan, tell)
    try:
        scene.open()
        month.run()
    except (HubAnswerError, BankServerError, UnusableRequestError, ValueError, KeyError) as failure:
        month.outcome.differences.append(f"stopped: {type(failure).__name__}: {failure}")
    finally:
        strike(home)
    return month.outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="simulators.month", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--periods", default="2026-09..2026-11", help="FIRST..LAST, months of 2026")
    parser.add_argument("--units", type=int, default=200)
    parser.add_argument("--agencies", type=int, default=3, choices=range(1, len(DISTRICTS) + 1))
    parser.add_argument("--banks", type=int, default=4, choices=range(1, len(BANKS) + 1))
    parser.add_argument(
        "--home", type=Path, help="keep everything there; without it a new folder is removed at the end"
    )
    add_profile_argument(parser)
    parser.add_argument("--thorough", action="store_true", help="every export of the period after every stage")
    parser.add_argument("--json", action="store_true")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run months by hand; 1 when hub and oracle differ, and the seed to see it again."""
    wanted = _parser().parse_args(arguments)
    first, _, last = wanted.periods.partition("..")
    plan = plan_of(
        wanted.seed,
        periods_between(first, last or first),
        wanted.units,
        list(DISTRICTS)[: wanted.agencies],
        list(BANKS)[: wanted.banks],
    )
    plan = replace(plan, thorough=wanted.thorough, profiles=dict(wanted.profile))
    home = wanted.home or Path(tempfile.mkdtemp(prefix="month-"))
    began = time.monotonic()

    def tell(title: str, number: int, of: int) -> None:
        print(f"{time.monotonic() - began:5.0f} s {number:3d}/{of} {title}", file=sys.stderr, flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the scene is struck all the same
    outcome = simulate(home, plan, tell)
    if wanted.home is None and not outcome.differences:
        shutil.rmtree(home, ignore_errors=True)
    if wanted.json:
        print(json.dumps(asdict(outcome), ensure_ascii=False))
    else:
        print("\n".join(outcome.differences[:200]))
        print(f"seed {plan.seed}: {outcome.compared} exports compared in {time.monotonic() - began:.0f} s, ", end="")
        print(f"{len(outcome.differences)} differences" + (f"; everything is in {home}" if outcome.differences else ""))
    return 1 if outcome.differences else 0


if __name__ == "__main__":
    raise SystemExit(main())
