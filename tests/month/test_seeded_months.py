"""Months from one seed through the real hub, every export held against the oracle to the fen.

The hub runs as its own processes, on its own Kafka and PostgreSQL, and is reached by its command line, its files and the
banks' servers only. To see a failure again, with everything it left behind:

    python -m simulators.month --seed SEED --periods 2026-09..2026-11 --units 120 --home FOLDER
"""

from pathlib import Path

from simulators.month import simulate
from simulators.plan import plan_of
from simulators.population import BANKS, DISTRICTS


def test_three_periods_agree_with_the_oracle(tmp_path: Path, seed: int) -> None:
    """Late banks in every period, money after the close, bills paid twice, refused files, October's holidays."""
    plan = plan_of(seed, ["2026-09", "2026-10", "2026-11"], 120, list(DISTRICTS)[:3], list(BANKS)[:4])
    stages: list[str] = []
    outcome = simulate(tmp_path / "m", plan, lambda title, number, of: stages.append(f"{number}/{of} {title}"))
    assert outcome.differences == [], f"seed {seed}, after {stages[-1] if stages else 'the start'}"
    assert outcome.compared > 120
    untried = [what for what, times in outcome.met.items() if times == 0]
    assert not untried, f"seed {seed} met none of these: {untried}"
