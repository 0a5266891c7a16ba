"""The whole hub by its command: up, half dead, up again, down (contract section 6)."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import psycopg
import pytest

from hub.runtime import processes
from hub.runtime.embedded.kafka import brokers_at, kafka_process, stop_kafka
from hub.runtime.embedded.postgres import postgres_process, stop_postgres
from hub.runtime.pid_files import Started, gone
from tests.runtime.hub_home import ROOT, HubHome, new_hub

PARTS = {"kafka", "postgres", *processes.ROLES}
LIMIT = 90.0


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubHome]:
    hub = new_hub(tmp_path_factory.mktemp("hub"))
    yield hub
    processes.stop(hub.home, seconds=1)
    stop_kafka(hub.home)
    stop_postgres(hub.home)


def part(hub: HubHome, name: str) -> Started | None:
    special = {"kafka": kafka_process, "postgres": postgres_process}
    return special[name](hub.home) if name in special else processes.process_of(hub.home, name)


def living(hub: HubHome) -> dict[str, int]:
    found = {name: part(hub, name) for name in PARTS}
    return {name: started.pid for name, started in found.items() if started is not None}


def kill(hub: HubHome, *names: str) -> None:
    for name in names:
        started = part(hub, name)
        assert started is not None
        os.kill(started.pid, signal.SIGKILL)
        assert gone(started, 10)


def test_up_returns_when_all_is_healthy_and_holds_nothing_of_the_caller(hub: HubHome) -> None:
    status = hub.answer("up", "--detach")  # it would wait for ever if a part had kept the pipe
    assert status == hub.answer("status")
    assert status["services"] == dict.fromkeys(sorted(PARTS), "up")
    assert status["clock"] == "2026-11-28T08:00"
    assert (status["pipeline"], status["worklist"]) == ({"in_flight": 0}, {"open": 0})
    assert brokers_at(status["bootstrap_servers"]) == 1
    with psycopg.connect(status["database_url"]) as connection:
        assert connection.execute("select count(*) from bill").fetchone() == (0,)


def test_up_on_a_healthy_hub_touches_nothing(hub: HubHome) -> None:
    before = living(hub)
    assert set(before) == PARTS
    hub.answer("up", "--detach")
    assert living(hub) == before


def test_up_restores_the_dead_part_and_leaves_the_others_alone(hub: HubHome) -> None:
    before = living(hub)
    kill(hub, "connector", "web")
    seen = hub.answer("status")["services"]
    assert {name for name, state in seen.items() if state == "down"} == {"connector", "web"}
    assert set(hub.answer("up", "--detach")["services"].values()) == {"up"}
    after = living(hub)
    assert {name for name in PARTS if after[name] != before[name]} == {"connector", "web"}


def test_a_hub_killed_whole_comes_back_with_its_books(hub: HubHome) -> None:
    with psycopg.connect(hub.answer("status")["database_url"]) as connection:
        connection.execute("insert into calendar_day values ('KEPT', '2026-12-01', true, '')")
    kill(hub, *PARTS)
    doctor = json.loads(hub.run("doctor", "--json").stdout)
    assert {each["name"] for each in doctor["checks"] if not each["ok"]} == {"keys", "broker", "database", "calendar"}
    dead = hub.answer("status")
    assert set(dead["services"].values()) == {"down"}
    assert (dead["clock"], dead["pipeline"], dead["worklist"]) == (None, {"in_flight": None}, {"open": None})
    status = hub.answer("up", "--detach")
    assert set(status["services"].values()) == {"up"}
    with psycopg.connect(status["database_url"]) as connection:
        found = connection.execute("select count(*) from calendar_day where calendar = 'KEPT'").fetchone()
    assert found == (1,)


def test_doctor_finds_the_missing_key_and_nothing_else(hub: HubHome) -> None:
    done = hub.run("doctor", "--json")
    checks = {check["name"]: check["state"] for check in json.loads(done.stdout)["checks"]}
    assert checks.pop("calendar") in {"ok", "note"}  # how far the seed reaches depends on its release
    assert {name for name, state in checks.items() if state != "ok"} == {"keys"}
    assert done.returncode == 1


def test_down_stops_everything_and_may_be_repeated(hub: HubHome) -> None:
    assert set(hub.answer("down")["stopped"]) == PARTS
    assert living(hub) == {}
    assert hub.answer("down") == {"stopped": []}


def test_the_port_of_the_desk_is_checked_before_anything_starts(hub: HubHome) -> None:
    port = next(int(line.split("=")[1]) for line in hub.config.read_text().splitlines() if line.startswith("port = "))
    with socket.create_server(("127.0.0.1", port)):
        done = hub.run("up", "--detach")
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert living(hub) == {}


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_in_the_foreground_it_restores_what_dies_and_stops_all_at_a_signal(hub: HubHome, by: signal.Signals) -> None:
    staying = subprocess.Popen(hub.words("up"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until_all_are_up(hub, staying)
    if by is signal.SIGTERM:
        kill(hub, "processors")
        wait_until_all_are_up(hub, staying)
    staying.send_signal(by)
    _, told = staying.communicate(timeout=LIMIT)
    assert staying.returncode == 0, told
    assert "Traceback" not in told
    assert living(hub) == {}


def wait_until_all_are_up(hub: HubHome, staying: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + LIMIT
    wanted = hub.home / "run" / "wanted"
    while not wanted.exists() or {processes.health(hub.home, role) for role in processes.ROLES} != {"up"}:
        assert staying.poll() is None, staying.communicate()
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)
