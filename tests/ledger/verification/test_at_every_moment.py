"""The proof holds at every moment: while events wait, come twice, out of order, or their consumer dies."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from connectors.formats.dues import parse_dues
from connectors.formats.incomes import parse_incomes
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from hub.app import schedule
from hub.ledger.verification import Evidence, verify
from simulators.amounts import Four
from tests.processors.city import HAIDIAN, City, bill, open_city, unit_of
from tests.processors.pump import Temper

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)


class ProvenCity:
    """A city whose books are proven after every turn of its pump."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.proofs = 0
        self._turn = city.pump.turn
        self._evidence = Evidence(
            archive=city.hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
            read_incomes=parse_incomes, format_of=city.hub.formats.get,
        )  # fmt: skip

    def turn(self) -> None:
        self._turn()
        self.prove()

    def prove(self) -> None:
        wrong = [outcome for outcome in verify(self.city.hub.engine, self._evidence) if not outcome.ok]
        assert wrong == []
        self.proofs += 1


@pytest.fixture
def proven(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> Iterator[ProvenCity]:
    temper = Temper(chance=Random(seed), shuffles=True, repeats=20, dies=10, together=2)
    city = open_city(database, tmp_path / "city", temper=temper, max_lines=3)
    proven = ProvenCity(city)
    monkeypatch.setattr(city.pump, "turn", proven.turn)
    for waiting in ("drain", "settle"):
        monkeypatch.setattr(schedule, waiting, lambda _hub: city.pump.drain())
    yield proven
    city.close()


def test_a_month_with_everything_in_it(proven: ProvenCity) -> None:
    """Part payment, second collection, receipt, an unpaid sporadic bill, late money for arrears and beyond what is owed."""
    city = proven.city
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 6)), bill("A-9", 9, DUE, bank="")))
    city.accept(city.dues(bill("B-1", 1, DUE, bank="CCB", agency_code=HAIDIAN), agency_code=HAIDIAN))
    city.accept(city.dues(bill("C-1", 11, DUE, bank="CCB"), bill("C-2", 12, DUE, bank="CCB")))
    city.first_deduction(ICBC={"A-2": 10400, "A-3": "02", "A-4": 1})
    city.accept(city.again((unit_of(2), "B"), (unit_of(3), "S"), (unit_of(4), "B")))
    city.accept(city.receipts(("R-1", "A-3", WHOLE), ("R-2", "C-1", WHOLE)))
    city.second_deduction(ICBC={"A-4": "06"})
    city.advance("12-01T08:00")
    city.answer("CCB", {"B-1": "02"})
    city.poll("CCB")
    city.pump.drain()
    proven.prove()
    assert city.total("arrears", "outstanding") == (3, (WHOLE - 1) + WHOLE + WHOLE)
    assert city.rows("select b.bill_no from suspense join bill b on b.id = bill_id") == [("C-1",)]
    assert proven.proofs > 20


def test_cheques_come_back_before_and_after_month_end(proven: ProvenCity) -> None:
    """Beside a bank's money under way, in the open month and after it; what is opened again is asked, paid or in arrears."""
    city = proven.city
    city.accept(city.dues(*(bill(f"A-{n}", n, DUE) for n in range(1, 4)), bill("A-9", 9, DUE, bank="")))
    city.accept(city.dues(bill("C-1", 11, DUE, bank="CCB"), bill("C-2", 12, DUE, bank="CCB")))
    city.first_deduction(ICBC={"A-1": "02", "A-2": 10400})
    city.accept(city.cheques(("R-1", "A-1", WHOLE), ("R-2", "A-2", WHOLE - 10400), ("R-9", "A-9", WHOLE)))
    city.accept(city.cheques(("R-11", "C-1", WHOLE), ("R-12", "C-2", WHOLE)))
    city.answer("CCB", {"C-2": "02"})
    city.poll("CCB")
    city.time_passes("11-06T09:00")
    city.accept(city.returns(("T-1", "R-1", WHOLE), ("T-2", "R-2", WHOLE - 10400), ("T-11", "R-11", WHOLE)))
    proven.prove()
    city.accept(city.again((unit_of(1), "B"), (unit_of(2), "B")))
    city.second_deduction(ICBC={"A-2": 5})
    city.time_passes("11-30T23:10")
    city.accept(city.returns(("T-12", "R-12", WHOLE)))
    city.advance("12-02T10:00")
    city.accept(city.returns(("T-9", "R-9", WHOLE)))
    proven.prove()
    arrears = {row["unit"]: row["outstanding"]["total"] for row in city.form("arrears")["rows"]}
    assert arrears == {unit_of(2): WHOLE - 10405, unit_of(9): WHOLE, unit_of(11): WHOLE, unit_of(12): WHOLE}
    assert proven.proofs > 20


def test_a_receipt_overtakes_money_that_was_released(proven: ProvenCity) -> None:
    """The bank's part is released and not posted yet when the agency takes the rest in cash."""
    city = proven.city
    city.accept(city.dues(bill("A-1", 1, DUE), bill("A-2", 2, DUE)))
    city.advance("11-05T10:00")
    city.answer("ICBC", {"A-1": 10400})
    city.poll("ICBC")
    proven.prove()
    city.accept(city.receipts(("R-1", "A-1", WHOLE - 10400)))
    proven.prove()
    city.pump.drain()
    assert city.collected("A-1") == DUE
