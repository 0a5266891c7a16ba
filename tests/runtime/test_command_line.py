"""The frame of the command line (contract section 6): exit codes, --json everywhere, errors as sentences."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.app.cli.main import COMMANDS, hoist, load_command
from tests.runtime.hub_home import ROOT, HubHome, new_hub


@pytest.fixture
def hub(tmp_path: Path) -> HubHome:
    return new_hub(tmp_path)


def test_help_names_every_command_and_loads_none_of_them() -> None:
    words = [sys.executable, "-X", "importtime", "-m", "hub.app.cli.main", "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0
    assert all(f" {name} " in done.stdout for name in COMMANDS)
    assert not [line for line in done.stderr.splitlines() if "sqlalchemy" in line or "aiokafka" in line]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    command = load_command(name)
    assert command.help


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["status", "--nonsense"],
        ["status", "too much"],
        ["export"],
        ["export", "no-such-form"],
        ["clock"],
        ["clock", "advance"],
        ["clock", "advance", "tomorrow"],
        ["--config"],
        ["bank", "delivery", "DK_ICBC_20261202_0001.txt", "--by", "Li"],
        ["bank", "delivery", "DK_ICBC_20261202_0001.txt", "--by", "Li", "--arrived", "--missing"],
    ],
)
def test_wrong_usage_is_64(hub: HubHome, words: list[str]) -> None:
    done = hub.run(*words)
    assert (done.returncode, "Traceback" in done.stderr) == (64, False), done.stderr


def test_wrong_usage_with_json_is_a_document(hub: HubHome) -> None:
    done = hub.run("statsu", "--json")
    assert done.returncode == 64
    assert "status" in json.loads(done.stdout)["error"]


@pytest.mark.parametrize("words", [["status", "--json"], ["--json", "status"]])
def test_json_is_accepted_everywhere(hub: HubHome, words: list[str]) -> None:
    done = hub.run(*words)
    assert done.returncode == 0
    assert list(json.loads(done.stdout)["services"].values()) == ["down"] * 6


def test_options_for_all_are_found_wherever_they_stand() -> None:
    assert hoist(["agency", "submit", "--json", "f", "--config", "c"]) == (
        ["--json", "--config", "c"],
        ["agency", "submit", "f"],
    )
    assert hoist(["agency", "submit", "--", "--json"]) == ([], ["agency", "submit", "--", "--json"])
    assert hoist(["export", "f8", "--format", "json"]) == ([], ["export", "f8", "--format", "json"])


def test_a_bad_configuration_is_told_with_file_and_line(hub: HubHome) -> None:
    hub.config.write_text(hub.config.read_text(encoding="utf-8").replace('"manual"', '"slow"'), encoding="utf-8")
    done = hub.run("up", "--detach")
    assert done.returncode == 1
    assert f"{hub.config}:4: clock.mode" in done.stderr
    assert "Traceback" not in done.stderr
    assert not hub.home.exists(), "nothing may be started"
    document = json.loads(hub.run("up", "--detach", "--json").stdout)
    assert [(fault["line"], fault["key"]) for fault in document["faults"]] == [(4, "clock.mode")]


def test_what_is_not_running_is_told_with_what_to_do(hub: HubHome) -> None:
    done = hub.run("worklist", "list")
    assert done.returncode == 1
    assert "hub up" in done.stderr
    assert "Traceback" not in done.stderr


def states(hub: HubHome) -> dict[str, str]:
    """What ``hub doctor`` says of the services; its exit code fits."""
    done = hub.run("doctor", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False), "the key of the bank is missing in any case"
    faults = [check for check in document["checks"] if check["state"] == "fault"]
    assert all(check["advice"] for check in faults)
    return {check["name"]: check["state"] for check in document["checks"] if check["name"] in SERVICES}


SERVICES = ("broker", "database", "calendar")


def test_a_hub_that_was_started_and_does_not_answer_is_a_fault_for_the_doctor(hub: HubHome) -> None:
    assert states(hub) == dict.fromkeys(SERVICES, "note"), "nobody has started it"
    assert "not started" in hub.run("status").stdout
    wanted = hub.home / "run" / "wanted"
    wanted.parent.mkdir(parents=True)
    wanted.touch()
    assert states(hub) == dict.fromkeys(SERVICES, "fault")
    seen = hub.run("status")
    assert seen.returncode == 0 and "broken" in seen.stdout and "hub up" in seen.stdout


def test_a_server_elsewhere_that_does_not_answer_is_a_fault_for_the_doctor(hub: HubHome) -> None:
    text = hub.config.read_text(encoding="utf-8")
    text = text.replace('bootstrap_servers = "embedded"', 'bootstrap_servers = "127.0.0.1:1"')
    hub.config.write_text(text.replace('url = "embedded"', 'url = "postgresql://hub:secret@127.0.0.1:1/hub"'), "utf-8")
    assert states(hub) == dict.fromkeys(SERVICES, "fault")
    assert "secret" not in hub.run("doctor").stdout


def test_no_colour_when_nobody_wants_it(hub: HubHome) -> None:
    words = hub.words("status")
    plain = subprocess.run(
        words, capture_output=True, check=False, cwd=ROOT, env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": ""}
    )
    assert b"\x1b[" not in plain.stdout


def test_who_reads_only_the_first_line_gets_no_complaint(hub: HubHome) -> None:
    reading = subprocess.Popen(hub.words("--help"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    assert reading.stdout is not None
    reading.stdout.close()
    _, complaint = reading.communicate(timeout=60)
    assert complaint == b""
