"""The ratio of a small month to its floors does not fall back: held against the record, never against a time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from simulators.bench.growth import newest, records

RECORD = Path(__file__).with_name("results.jsonl")
UNITS = 20_000
LABEL = "after"
ALLOWED = 1.25
QUIET = 0.1
"""Where others use more of the machine than this, waiting is theirs as much as ours."""
TRIES = 3


def measured() -> dict[str, Any]:
    words = [sys.executable, "-m", "simulators.bench", "--units", str(UNITS), "--json"]
    run = subprocess.run(words, cwd=RECORD.parents[2], capture_output=True, check=False)
    assert run.returncode == 0, (run.stdout + run.stderr).decode(errors="replace")[-2000:]
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def falls_back(found: dict[str, Any], before: dict[str, Any]) -> str:
    """What fell back, or nothing. On a busy machine the processor's ratio is held, for it says nothing of waiting."""
    name = "ratio" if found["others_share"] <= QUIET else "cpu_ratio"
    if found[name] <= before[name] * ALLOWED:
        return ""
    return f"{name} {found[name]}, recorded {before[name]}; others used {found['others_share']:.0%} of the machine"


def test_the_ratio_of_a_small_month_is_the_recorded_one() -> None:
    before = dict(next(one for one in newest(records(RECORD), LABEL) if one["units"] == UNITS))
    said = []
    for _ in range(TRIES):  # one slow try may be the machine's; a hub that fell back is slow in all of them
        said.append(falls_back(measured(), before))
        if not said[-1]:
            return
    raise AssertionError("\n".join(said))
