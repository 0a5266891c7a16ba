"""A process that gives itself up: alone it ends with its status, as a part of a hub it becomes a new one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.runtime.watchdog import STALLED, START_AGAIN

PROGRAM = """
import os, sys
from pathlib import Path
from hub.runtime.watchdog import give_up
lives = Path(sys.argv[1])
with lives.open("a") as out:
    print(os.getpid(), file=out)
if len(lives.read_text().split()) == 1:
    give_up("tired")
"""


@pytest.mark.parametrize(("of_a_hub", "status", "lives"), [(False, STALLED, 1), (True, 0, 2)])
def test_giving_up(tmp_path: Path, of_a_hub: bool, status: int, lives: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != START_AGAIN}
    environment |= {START_AGAIN: "1"} if of_a_hub else {}
    pids = tmp_path / "pids"
    ended = subprocess.run([sys.executable, "-c", PROGRAM, str(pids)], env=environment, timeout=60, check=False)
    assert ended.returncode == status
    assert len(pids.read_text().split()) == lives
    assert len(set(pids.read_text().split())) == 1, "a new process, under the same pid"
