"""A month's supplements with their members (表四), ordinary ones and those of subsidised flexible workers, told by one agency.

What the hub must answer and show is worked out here; the bills themselves go through the oracle as all bills do.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from simulators import agency
from simulators.agency import Paper, Receipt, Returned
from simulators.amounts import NIL, Four
from simulators.chance import draw
from simulators.forms import Export, measure
from simulators.members import Member, Moved, Told, citizen_no, members, subsidies, sums
from simulators.oracle import Oracle
from simulators.population import Unit
from simulators.sessions import previous
from simulators.stage import HubDoors

PAID, RETURNED, UNPAID = "paid", "returned", "unpaid"
FATES: Final = (PAID, RETURNED, UNPAID)


class Worker(NamedTuple):
    """A subsidised worker's bill: the personal part, what unemployment finance adds, and what becomes of it."""

    told: Told
    fate: str

    @property
    def due(self) -> dict[str, tuple[int, int, int]]:
        """By movement: unit parts of pension and unemployment, medical subsidy."""
        _, unit = sums(self.told)
        return {"UNIT": (*(unit or (0, 0)), 0), "MEDICAL": (0, 0, (self.told.medical or (0, 0))[1])}


class FlexibleWork:
    """The desks of one agency on one day. ``accept`` and ``refuse`` hand files in and find what is answered otherwise."""

    def __init__(
        self, seed: int, period: str, units: Sequence[Unit], oracle: Oracle, hub: HubDoors,
        accept: Callable[[Paper, int, int], None], refuse: Callable[[Paper], None],
    ) -> None:  # fmt: skip
        self._seed, self._period, self._units = seed, period, units
        self._oracle, self._hub, self._accept, self._refuse = oracle, hub, accept, refuse
        self._agency, self._day = units[0].agency, oracle.now.date()
        self._number = 0

    def happen(self) -> list[str]:
        """The day; every place where the hub's exports and work items differ from what was done."""
        self._ordinary()
        workers = [Worker(self._subsidised(place), fate) for place, fate in enumerate(FATES)]
        self._tell([worker.told for worker in workers], "1")
        self._file([worker.told for worker in workers])
        self._refuse(self._moved(workers[:1], ""))  # nothing has arrived yet
        paid = [worker for worker in workers if worker.fate is not UNPAID]
        self._pay([worker.told for worker in paid])
        self._book(paid, "")
        back = [worker for worker in workers if worker.fate is RETURNED]
        self._return([worker.told for worker in back])
        found = list(self._items(workers, {worker.told.bill for worker in back}))
        found += self._differences(workers, {PAID: "booked", RETURNED: "to-bring-back", UNPAID: "waiting"})
        self._book(back, "-BACK")
        found += self._items(workers, set())
        return [*found, *self._differences(workers, {PAID: "booked", RETURNED: "brought-back", UNPAID: "waiting"})]

    # -- papers ---------------------------------------------------------------------------------------------------

    def _ordinary(self) -> None:
        """One 表四 comes before its bill; another after it, refused first, since it is a fen short."""
        before, after = self._told(10, 3), self._told(11, 2)
        self._tell([before], "")
        self._file([before, after])
        first, *others = after.members
        short = first._replace(due=(first.due[0] - 1, *first.due[1:]))
        self._refuse(members(self._agency, self._period, 9999, self._day, [after._replace(members=[short, *others])]))
        self._tell([after], "")

    def _told(self, place: int, people: int) -> Told:
        """``people`` members of a unit, two months each."""
        month = previous(self._period)
        luck = draw(self._seed, "members", self._period, place)
        due: Four = (10_000 + luck % 9_999, 300 + luck % 97, 90 + luck % 31, 50 + luck % 17)
        return Told(
            f"SF{self._period.replace('-', '')}-{self._agency}-{place}",
            [
                Member(
                    citizen_no(date(1970 + one, 5, 1 + place), luck + one), f"参保人{one}", previous(month), month, due
                )
                for one in range(people)
            ],
        )

    def _subsidised(self, place: int) -> Told:
        told = self._told(place, 1 + place)
        people = [
            one._replace(due=(one.due[0], one.due[1], 0, 0), unit=(one.due[0] * 5 // 2, one.due[1] * 3))
            for one in told.members
        ]
        return told._replace(members=people, medical=(1_500 + place, 4_500 + place))

    def _file(self, of: Sequence[Told]) -> None:
        """The units' supplements, to be paid at the counter."""
        month, bills = previous(self._period), []
        for place, told in enumerate(of):
            unit = self._units[place % len(self._units)]
            due, _ = sums(told)
            bills.append(agency.Bill(told.bill, unit.no, unit.name, "S", "", "", "", due, month))
        self._number += 1
        paper = agency.dues(self._agency, self._period, 7000 + self._number, self._day, bills, "S")
        self._accept(paper, *self._oracle.dues(paper))

    def _tell(self, of: Sequence[Told], variant: str) -> None:
        self._number += 1
        paper = members(self._agency, self._period, 7000 + self._number, self._day, of, variant)
        self._accept(paper, sum(len(told.members) for told in of), sum(sum(sums(told)[0]) for told in of))

    def _pay(self, of: Sequence[Told]) -> None:
        taken = [Receipt(f"RF-{told.bill}", told.bill, "CHEQUE", "70001", sum(sums(told)[0]), self._day) for told in of]
        paper = agency.receipts(self._agency, self._day, 7001, taken)
        self._accept(paper, len(taken), sum(one.amount for one in taken))
        self._oracle.receipts(paper)

    def _return(self, of: Sequence[Told]) -> None:
        """The cheques come back, and with them the bills are cancelled."""
        back = [
            Returned(f"TF-{told.bill}", f"RF-{told.bill}", sum(sums(told)[0]), "存款不足", self._day) for told in of
        ]
        paper = agency.returns(self._agency, self._day, 7001, back)
        self._accept(paper, len(back), sum(one.amount for one in back))
        self._oracle.returns(paper)

    def _moved(self, workers: Sequence[Worker], back: str) -> Paper:
        self._number += 1
        moved = [
            Moved(f"SU-{worker.told.bill}-{movement}{back}", worker.told.bill, movement + back, amounts, self._day)
            for worker in workers
            for movement, amounts in worker.due.items()
        ]
        return subsidies(self._agency, self._day, 7000 + self._number, moved)

    def _book(self, workers: Sequence[Worker], back: str) -> None:
        total = sum(sum(amounts) for worker in workers for amounts in worker.due.values())
        self._accept(self._moved(workers, back), 2 * len(workers), total)

    # -- looking --------------------------------------------------------------------------------------------------

    def _items(self, workers: Sequence[Worker], bills: set[str]) -> Iterator[str]:
        """One open work item for each of the day's bills whose subsidies have to come back, and for none of the others."""
        said = [item["summary"] for item in self._hub.worklist() if item["queue"] == "subsidy"]
        for bill in (worker.told.bill for worker in workers):
            if sum(f"bill {bill} " in one for one in said) != int(bill in bills):
                yield f"work items of subsidies: expected one for each of {sorted(bills)}, found {said}"

    def _differences(self, workers: Sequence[Worker], status: dict[str, str]) -> Iterator[str]:
        """``hub export subsidies`` and ``t5`` of this day's bills."""
        expected: dict[tuple[str, str], dict[str, Any]] = {}
        for worker in workers:
            for movement, amounts in worker.due.items():
                stands = status[worker.fate] in {"booked", "to-bring-back"}
                due: Four = (amounts[0], amounts[1] + amounts[2], 0, 0)
                expected[worker.told.bill, movement] = {
                    "agency": self._agency, "bill": worker.told.bill, "movement": movement, "due": measure(1, due),
                    "booked": measure(int(stands), due if stands else NIL), "status": status[worker.fate],
                }  # fmt: skip
        answer = self._hub.export(Export("subsidies", self._period))
        found = {(row["bill"], row["movement"]): row for row in answer["rows"]}
        for key in sorted(expected.keys() | found.keys()):
            if expected.get(key) != found.get(key):
                yield f"subsidies {key}: expected {expected.get(key)}, found {found.get(key)}"
        listed = {row["bill"]: row for row in self._hub.export(Export("t5", self._period))["rows"]}
        for worker in workers:
            due, _ = sums(worker.told)
            told = (measure(1, due), measure(len(worker.told.members), due))
            row = listed.get(worker.told.bill, {})
            if (row.get("filed"), row.get("members")) != told:
                yield f"t5 {worker.told.bill}: expected {told}, found {row}"
