"""The simulated day of members and subsidies, against the hub in one process: its own sums agree with the hub's."""

from typing import Any, cast

from hub.ledger import work_items
from simulators.agency import Paper
from simulators.flexible_work import FlexibleWork
from simulators.forms import Export
from simulators.hub_command import HubCommand
from simulators.oracle import Oracle
from simulators.population import Population
from tests.processors.city import CHAOYANG, PERIOD, City
from tests.processors.test_members_and_subsidies import proven


class HubOfTheCity:
    """What the simulators ask of the hub's command line, answered by the hub in this process."""

    def __init__(self, city: City) -> None:
        self._city = city

    def export(self, export: Export) -> dict[str, Any]:
        return self._city.form(export.form, period=export.period)

    def worklist(self) -> list[dict[str, Any]]:
        with self._city.hub.engine.connect() as conn:
            return work_items.rows(conn)


def test_the_simulated_day_agrees_with_the_hub(city: City, seed: int) -> None:
    city.advance("11-12T11:00")
    met: list[str] = []

    def accept(paper: Paper, bills: int, total: int) -> None:
        answer = city.accept(paper)
        assert (answer.bills, answer.total) == (bills, total), paper.name

    def refuse(paper: Paper) -> None:
        answer = city.submit(paper)
        assert not answer.accepted
        met.extend(fault.code.value for fault in answer.faults)

    oracle = Oracle(city.moment("11-12T11:00").replace(tzinfo=None), ())
    units = Population(seed, [CHAOYANG], ["ICBC"], 10).of_agency(CHAOYANG)
    hub = cast(HubCommand, HubOfTheCity(city))
    assert FlexibleWork(seed, PERIOD, units, oracle, hub, accept, refuse).happen() == []
    assert set(met) == {"control-total", "not-arrived"}
    assert {bill.no: bill.arrived for bill in oracle.bills.values()} == {
        no: city.collected(no) for (no,) in city.rows("select bill_no from bill")
    }
    assert proven(city) == []
