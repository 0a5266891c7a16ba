"""The hub's own processes: seen as they are, ended in good order, never mixed up with somebody else's."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.domain.errors import HubError
from hub.runtime import processes
from hub.runtime.pid_files import Started, end, gone, mark_of, remember, running

OBEDIENT = """
import signal, sys, threading
from pathlib import Path
from hub.runtime.processes import ready
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
with ready(Path(sys.argv[1]), sys.argv[2]):
    done.wait()
print("ended in good order", flush=True)
"""
STUBBORN = """
import signal, sys, time
from pathlib import Path
from hub.runtime.processes import Readiness
signal.signal(signal.SIGTERM, signal.SIG_IGN)
Readiness(Path(sys.argv[1]), sys.argv[2]).announce()
while True: time.sleep(1)
"""
DYING = "import sys; print('no such table', file=sys.stderr); sys.exit(1)"
MUTE = "import time; time.sleep(600)"

ROLE = "web"
LIMIT = 20.0


def until(condition: Callable[[], bool]) -> None:
    end_at = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end_at, "waited too long"
        time.sleep(0.01)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    processes.stop(tmp_path, seconds=0)


def begin(home: Path, program: str, role: str = ROLE) -> Started:
    return processes.start(home, role, [sys.executable, "-c", program, str(home), role])


def test_a_role_starts_announces_itself_and_ends_in_good_order(home: Path) -> None:
    started = begin(home, OBEDIENT)
    processes.await_health(home, [ROLE], LIMIT)
    assert processes.health(home, ROLE) == "up"
    assert begin(home, OBEDIENT) == started, "a second start finds the first"
    assert processes.stop(home, [ROLE]) == [ROLE]
    assert processes.stop(home, [ROLE]) == [], "stopping may be repeated"
    assert processes.health(home, ROLE) == "down"
    assert "good order" in processes.log_of(home, ROLE).read_text()


def test_several_end_at_the_same_time_the_last_started_first(home: Path) -> None:
    for role in processes.ROLES:
        begin(home, OBEDIENT, role)
    processes.await_health(home, processes.ROLES, LIMIT)
    assert processes.stop(home) == list(reversed(processes.ROLES))


def test_a_killed_role_is_down_and_can_be_started_again(home: Path) -> None:
    started = begin(home, OBEDIENT)
    processes.await_health(home, [ROLE], LIMIT)
    os.kill(started.pid, signal.SIGKILL)
    assert gone(started, LIMIT)
    assert processes.health(home, ROLE) == "down", "its old ready file deceives nobody"
    assert begin(home, OBEDIENT) != started
    processes.await_health(home, [ROLE], LIMIT)


def test_who_does_not_end_is_killed(home: Path) -> None:
    begin(home, STUBBORN)
    processes.await_health(home, [ROLE], LIMIT)
    assert processes.stop(home, [ROLE], seconds=0.1) == [ROLE]
    assert processes.process_of(home, ROLE) is None


def test_a_role_that_dies_while_starting_is_named_with_the_end_of_its_log(home: Path) -> None:
    begin(home, DYING)
    with pytest.raises(HubError, match="no such table") as caught:
        processes.await_health(home, [ROLE], LIMIT)
    assert str(processes.log_of(home, ROLE)) in caught.value.advice


def test_a_role_that_never_gets_ready_is_named(home: Path) -> None:
    begin(home, MUTE)
    assert processes.health(home, ROLE) == "starting"
    with pytest.raises(HubError, match="not ready"):
        processes.await_health(home, [ROLE], 0.1)


def test_a_role_holds_nothing_of_its_starter(home: Path) -> None:
    """Who reads the starter's output sees its end while the role goes on (contract section 6, --detach)."""
    starter = (
        "import sys; from pathlib import Path; from hub.runtime import processes\n"
        f"processes.start(Path(sys.argv[1]), {ROLE!r}, [sys.executable, '-c', sys.argv[2], sys.argv[1], {ROLE!r}])\n"
        f"processes.await_health(Path(sys.argv[1]), [{ROLE!r}], {LIMIT})"
    )
    out, inherited = os.pipe()
    os.set_inheritable(inherited, True)
    words = [sys.executable, "-c", starter, str(home), OBEDIENT]
    done = subprocess.run(words, capture_output=True, timeout=LIMIT, close_fds=False, check=True)
    os.close(inherited)
    assert done.stderr == b""
    assert os.read(out, 1) == b"", "the role must not keep a pipe of the caller open"
    os.close(out)
    started = processes.process_of(home, ROLE)
    assert started is not None
    assert os.getsid(started.pid) == started.pid


def test_a_recycled_number_is_not_taken_for_ours(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", MUTE])
    try:
        record = tmp_path / "x.json"
        ours = Started(other.pid, "another boot/1")
        record.write_text(f'{{"pid": {ours.pid}, "mark": "{ours.mark}"}}')
        assert running(record) is None
        assert end(ours, seconds=0)
        assert other.poll() is None, "it must not be touched"
    finally:
        other.kill()
        other.wait()


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    until(lambda: mark_of(child.pid) is None)
    child.wait()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": "1"}', '{"pid": 1}', '{"pid": 1, "mark": null}'])
def test_a_broken_record_means_not_running(tmp_path: Path, text: str) -> None:
    record = tmp_path / "x.json"
    record.write_text(text)
    assert running(record) is None


def test_a_record_names_this_process(tmp_path: Path) -> None:
    remember(tmp_path / "run" / "x.json", os.getpid())
    found = running(tmp_path / "run" / "x.json")
    assert found is not None
    assert found.pid == os.getpid()


def test_a_role_heals_the_record_its_starter_did_not_write(home: Path) -> None:
    begin(home, OBEDIENT)
    (home / "run" / f"{ROLE}.json").unlink(missing_ok=True)
    until(lambda: processes.health(home, ROLE) == "up")
