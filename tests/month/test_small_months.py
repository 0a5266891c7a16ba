"""Small months of a few seeds in one process, with returned payments and changed answers; many more by one command:

python -m tests.month.seeds --seeds 200
"""

from argparse import Namespace

import pytest

from simulators.month import Outcome
from tests.month import seeds
from tests.month.in_one_process import prepare

SEEDS = 3
PERIODS = ("2026-09", "2026-10", "2026-11")
WANTED = Namespace(seeds=2, periods="2026-09..2026-11", units=12)


def test_small_months_agree_with_the_oracle(postgres_url: str, seed: int) -> None:
    server = seeds.Server(postgres_url, prepare(postgres_url, "template_small_months"))
    outcomes = [seeds.play(server, seeds.small_plan(seed + number, PERIODS)) for number in range(SEEDS)]
    for outcome in outcomes:
        assert outcome.differences == [], seeds.again(outcome.seed, WANTED)
    met = seeds.added_up(outcomes, 0).met
    assert met["returned_M_in_time"] > 0
    assert met["changed_taken_back"] > 0
    assert met["refused_return_never_received"] > 0
    assert sum(outcome.compared for outcome in outcomes) > 200 * SEEDS


def test_a_seed_that_differs_fails_the_run_and_can_be_played_again() -> None:
    good, bad = Outcome(1, 5, {"bills": 3}), Outcome(2, 5, {"bills": 4}, ["f1 differs"])
    found = seeds.added_up([good, bad], 1)
    assert not found.holds
    assert seeds.added_up([good], 1).holds
    said = seeds.summary(found, WANTED)
    assert "python -m tests.month.seeds --seeds 1 --first 2 --periods 2026-09..2026-11 --units 12" in said


@pytest.mark.parametrize(("how_many", "holds"), [(seeds.ENOUGH - 1, True), (seeds.ENOUGH, False)])
def test_what_none_of_many_seeds_met_fails_the_run(how_many: int, holds: bool) -> None:
    assert seeds.added_up([Outcome(n, 1, {"returned_A": 0}) for n in range(how_many)], 1).holds is holds


def test_what_stops_a_seed_is_a_difference(postgres_url: str, seed: int) -> None:
    nowhere = seeds.Server(postgres_url, "no_such_template")
    (difference,) = seeds.play(nowhere, seeds.small_plan(seed, PERIODS)).differences
    assert difference.startswith("stopped: InvalidCatalogName")
