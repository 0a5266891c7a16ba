"""Months from one seed through the real hub, every export held against the oracle to the fen.

The hub runs as its own processes, on its own Kafka and PostgreSQL, and is reached by its command line, its files and the
banks' servers only. To see a failure again, with everything it left behind:

    python -m simulators.month --seed SEED --periods 2026-09..2026-11 --units 120 --home FOLDER
"""

from dataclasses import replace
from pathlib import Path

from simulators.month import simulate
from simulators.plan import plan_of
from simulators.population import BANKS, DISTRICTS

RARE = {"returned_A", "returned_where_the_bank_paid_too", "changed_twice", "changed_after_all"}
"""Met a few times among 120 units, so now and then not at all; many seeds of ``tests.month.seeds`` must meet them."""


def test_three_periods_agree_with_the_oracle(tmp_path: Path, seed: int) -> None:
    """Late banks in every period, money after the close, bills paid twice, refused files, October's holidays."""
    plan = plan_of(seed, ["2026-09", "2026-10", "2026-11"], 120, list(DISTRICTS)[:3], list(BANKS)[:4])
    stages: list[str] = []
    outcome = simulate(tmp_path / "m", plan, lambda title, number, of: stages.append(f"{number}/{of} {title}"))
    assert outcome.differences == [], f"seed {seed}, after {stages[-1] if stages else 'the start'}"
    assert outcome.compared > 120
    untried = [what for what, times in outcome.met.items() if times == 0 and what not in RARE]
    assert not untried, f"seed {seed} met none of these: {untried}"


def test_banks_of_every_profile_settle_a_month_side_by_side(tmp_path: Path, seed: int) -> None:
    """Swapping the profile of a bank is all it takes: the same month, the same oracle, other files."""
    plan = plan_of(seed, ["2026-12"], 60, list(DISTRICTS)[:2], list(BANKS)[:3])
    plan = replace(plan, profiles={plan.banks[0]: "iso20022", plan.banks[1]: "fixed-gb18030"}, quiet=True)
    outcome = simulate(tmp_path / "m", plan, lambda *_: None)
    assert outcome.differences == [], f"seed {seed}"
    assert outcome.compared > 30
    names = {file.name.partition("_")[0] for file in (tmp_path / "m" / "banks").glob("*/sent/*")}
    assert names == {"PAIN002", "HF", "HD"}
