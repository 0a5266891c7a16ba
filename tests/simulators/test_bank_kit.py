"""The bank to try things on, as a process of its own: it answers all profiles, errs as told, and conformance finds it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from connectors.formats import PROFILES
from hub.app import samples
from hub.app.conformance import examine
from simulators.answer_faults import FAULTS
from simulators.bank_kit import main
from tests.simulators.test_bank_server import connect_to

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 30.0
FOUND = {
    "out-of-order": "split",
    "swapped": "split",
    "more-than-asked": "code",
    "funds-sum": "sum",
    "full-without-money": "code",
    "money-without-success": "code",
    "part-of-whole": "code",
    "missing-line": "missing-line",
    "twice": "duplicate",
    "unknown-line": "unknown-line",
    "lines-swapped": "mismatch",
    "changed-unit": "mismatch",
    "changed-instruction": "mismatch",
    "changed-requested": "mismatch",
    "unknown-batch": "unknown-batch",
    "wrong-request": "mismatch",
    "wrong-count": "count",
    "wrong-sum": "control-total",
    "wrong-fund-sum": "control-total",
    "unknown-code": "code",
    "cut": "trailer-missing",
    "empty": "trailer-missing",
    "trailing": "record-type",
    "bom": "encoding",
    "crlf": "line-end",
    "utf8": "encoding",
    "wrong-name": "name",
    "no-ok": "digest",
    "wrong-ok": "digest",
    "changed-after-ok": "digest",
}
"""What each fault is found as; one that is not here is the hub's to find."""


def kit(*words: object) -> tuple[int, list[dict[str, Any]]]:
    """One run of the program; its exit code and what it said."""
    done = subprocess.run(
        [sys.executable, "-m", "simulators.bank_kit", *map(str, words), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def asked(bank: Path, requests: Path) -> dict[str, Path]:
    """A sample request of each profile, in the bank's outbound directory and kept aside; by profile where it is kept."""
    outbound = bank / "outbound"
    outbound.mkdir(parents=True, exist_ok=True)
    requests.mkdir(exist_ok=True)
    kept = {}
    for name, profile in PROFILES.items():
        for path in samples.write(profile, outbound).values():
            (requests / path.name).write_bytes(path.read_bytes())
        kept[name] = requests / profile.request_name(samples.BANK, samples.DAY, 1)
    return kept


def answers(said: list[dict[str, Any]], bank: Path, request: Path) -> list[Path]:
    """Where the answers to a request lie."""
    names = [each["answer"] for each in said if each["event"] == "answered" and each["file"] == request.name]
    return [bank / "inbound" / name for name in names]


def test_every_fault_is_the_hubs_to_find_or_conformances() -> None:
    assert {name for name, fault in FAULTS.items() if fault.found_by == "conformance"} == set(FOUND)
    assert {name for name, fault in FAULTS.items() if fault.found_by == "hub"} == {
        "late",
        "again",
        "other-bytes-same-name",
    }


@pytest.mark.parametrize("seed", [7, 11])
def test_without_a_fault_its_answers_conform(tmp_path: Path, seed: int) -> None:
    bank = tmp_path / "bank"
    kept = asked(bank, tmp_path / "requests")
    code, said = kit(bank, "--once", "--seed", seed)
    assert code == 0
    for name, request in kept.items():
        (answer,) = answers(said, bank, request)
        assert examine(PROFILES[name], request, answer) == ()
    assert list((bank / "outbound").iterdir()) == []


@pytest.mark.parametrize("fault", sorted(FOUND))
def test_conformance_finds_what_it_does_wrong(fault: str, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    kept = asked(bank, tmp_path / "requests")
    code, said = kit(bank, "--once", "--insufficient", 20, "--fault", fault)
    assert code == 0
    for name, request in kept.items():
        (answer,) = answers(said, bank, request)
        codes = {found.code.value for found in examine(PROFILES[name], request, answer)}
        assert codes & {FOUND[fault], *IN_OTHER_WORDS.get((name, fault), ())}, (name, codes)


IN_OTHER_WORDS = {
    ("pipe-gb18030", "cut"): ("line-end",),
    ("fixed-gb18030", "cut"): ("line-end",),
    ("iso20022", "crlf"): ("record-type",),
}
"""Where a form shows a fault first as another."""


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    made: list[dict[str, bytes]] = []
    for run in ("one", "two"):
        asked(tmp_path / run, tmp_path / "requests")
        assert kit(tmp_path / run, "--once", "--seed", 3)[0] == 0
        made.append({path.name: path.read_bytes() for path in (tmp_path / run / "inbound").iterdir()})
    assert made[0] == made[1]
    assert len(made[0]) == 2 * len(PROFILES)


def test_shares_are_kept(tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    kept = asked(bank, tmp_path / "requests")
    assert kit(bank, "--once", "--insufficient", 100)[0] == 0
    (answer,) = (bank / "inbound").glob("HD_*.txt")
    rows = [line.split(b"|") for line in answer.read_bytes().splitlines()]
    assert {row[10] for row in rows if row[0] == b"D"} == {b"02"}
    assert examine(PROFILES["pipe-gb18030"], kept["pipe-gb18030"], answer) == ()
    other = tmp_path / "other"
    asked(other, tmp_path / "requests")
    _, said = kit(other, "--once", "--unanswered", 100)
    assert {each["event"] for each in said} == {"took", "unanswered"}
    assert list((other / "inbound").iterdir()) == []


def test_a_late_answer_is_kept_back_until_its_hour(tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    kept = asked(bank, tmp_path / "requests")
    kit(bank, "--once", "--fault", "late", "--late", 3600)
    assert list((bank / "inbound").iterdir()) == []
    for paper in (bank / "later").iterdir():
        os.utime(paper, (0, 0))  # its hour has come
    _, said = kit(bank, "--once")
    assert {each["event"] for each in said} == {"laid"}
    (answer,) = (bank / "inbound").glob("HD_*.txt")
    assert examine(PROFILES["pipe-gb18030"], kept["pipe-gb18030"], answer) == ()


@pytest.mark.parametrize(("fault", "same"), [("again", True), ("other-bytes-same-name", False)])
def test_what_comes_again_waits_until_the_first_is_taken(fault: str, same: bool, tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    kept = asked(bank, tmp_path / "requests")
    kit(bank, "--once", "--fault", fault)
    (answer,) = (bank / "inbound").glob("HD_*.txt")
    first = answer.read_bytes()
    assert kit(bank, "--once")[1] == [], "the first still lies there"
    for path in answer, answer.with_name(f"{answer.name}.ok"):
        path.rename(bank / "done" / path.name)  # as the hub does
    _, said = kit(bank, "--once")
    assert [each["answer"] for each in said] == [answer.name]
    assert (answer.read_bytes() == first) is same
    assert examine(PROFILES["pipe-gb18030"], kept["pipe-gb18030"], answer) == (), "only who knows the first can tell"


def test_check_reads_requests_as_a_bank_does(tmp_path: Path) -> None:
    kept = asked(tmp_path / "bank", tmp_path / "requests")
    code, said = kit("--check", *kept.values())
    assert code == 0
    assert [(each["event"], each["lines"]) for each in said] == [("fits", len(samples.LINES))] * len(PROFILES)
    for request in kept.values():
        whole = request.read_bytes()
        request.write_bytes(whole[:-2])
        code, (told,) = kit("--check", request)
        assert (code, told["event"]) == (2, "refused")
        assert request.name in told["why"]
        request.write_bytes(whole)
        request.with_name(f"{request.name}.ok").unlink()
        assert kit("--check", request)[0] == 2


def test_a_request_that_does_not_fit_is_put_aside_and_the_others_answered(tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    kept = asked(bank, tmp_path / "requests")
    spoiled = bank / "outbound" / kept["pipe-gb18030"].name
    spoiled.write_bytes(spoiled.read_bytes() + b"x")
    (bank / "outbound" / "DK_SAMPLE_20261202_0009.txt.ok").write_text("of no file\n")
    code, said = kit(bank, "--once")
    assert code == 2
    assert [each["event"] for each in said].count("answered") == len(PROFILES) - 1
    assert {path.name for path in (bank / "refused").iterdir()} == {
        spoiled.name,
        f"{spoiled.name}.ok",
        "DK_SAMPLE_20261202_0009.txt.ok",
    }
    assert kit(bank, "--once", "--bank", "CCB") == (0, []), "nothing is left"


def test_faults_are_listed_and_wrong_usage_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed and fault.chinese in listed for name, fault in FAULTS.items())
    for words in (["bank", "--fault", "no-such"], [], ["bank", "--partial", "101"]):
        assert main(words) == 64


# -- behind a server of its own ---------------------------------------------------------------------------------------


@contextmanager
def served(bank: Path) -> Iterator[dict[str, Any]]:
    """The kit behind its server; what it said of itself."""
    words = [sys.executable, "-m", "simulators.bank_kit", str(bank), "--port", "0", "--json"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_SECONDS) == 0
    finally:
        process.kill()
        process.wait()


def test_it_serves_a_hub_over_sftp_and_keeps_its_keys(tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    kept = asked(tmp_path / "elsewhere", tmp_path / "requests")["iso20022"]
    answer = "PAIN002_SAMPLE_20261203_0001.xml"
    with served(bank) as first:
        with connect_to(first["port"], first["user"], Path(first["key"])) as client:
            door = client.open_sftp()
            for name in (kept.name, f"{kept.name}.ok"):
                door.put(str(kept.with_name(name)), f"outbound/{name}")
            limit = time.monotonic() + LIMIT_SECONDS
            while f"{answer}.ok" not in door.listdir("inbound"):
                assert time.monotonic() < limit, "no answer"
                time.sleep(0.05)
            for name in (answer, f"{answer}.ok"):
                door.get(f"inbound/{name}", str(tmp_path / name))
        assert examine(PROFILES["iso20022"], kept, tmp_path / answer) == ()
    with served(bank) as second:
        assert second["host_key"] == first["host_key"]
        connect_to(second["port"], second["user"], Path(first["key"])).close()


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with served(tmp_path / "bank") as first:
        code, (told,) = kit(tmp_path / "other", "--port", first["port"])
        assert (code, told["event"]) == (1, "failed")
        assert str(first["port"]) in told["why"]


@pytest.mark.parametrize(
    ("option", "value"),
    [("--port", 99999), ("--port", -1), ("--port", "ssh"), ("--every", 0), ("--late", -5), ("--bank", "../x")],
)
def test_a_value_that_cannot_be_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: object
) -> None:
    assert main([str(tmp_path / "bank"), "--once", f"{option}={value}"]) == 64
    assert str(value) in capsys.readouterr().err
    assert not (tmp_path / "bank").exists()


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "bank").write_text("a file")
    for words in (["--once"], ["--port", "0"]):
        code, (told,) = kit(tmp_path / "bank", *words)
        assert (code, told["event"]) == (1, "failed")
        assert str(tmp_path / "bank") in told["why"]


@pytest.mark.parametrize("lines", [0, 1], ids=["before the first word", "after it"])
def test_a_reader_that_goes_away_takes_the_server_with_it(tmp_path: Path, lines: int) -> None:
    """As `| head` does: the kit has nobody to talk to, so it ends, and leaves no server behind."""
    bank = tmp_path / "bank"
    words = [sys.executable, "-m", "simulators.bank_kit", str(bank), "--port", "0", "--json"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stderr is not None
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        if lines:
            asked(bank, bank / "outbound")
        assert process.wait(LIMIT_SECONDS) == 0
        assert process.stderr.read() == ""
        assert not (bank / "ssh" / "sshd.pid").exists(), "its sshd is gone, and took its number with it"
    finally:
        process.kill()
        process.wait()


def test_the_commands_of_the_readme_do_what_it_says(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## For banks\n")[1].split("\n## ")[0]
    commands = re.findall(r"^\.venv/bin/(hub|python) (.+)$", section, re.MULTILINE)
    assert [words.split()[:2] for _, words in commands] == [
        ["bank", "sample"], ["-m", "simulators.bank_kit"], ["bank", "conformance"], ["-m", "simulators.bank_kit"],
    ]  # fmt: skip
    codes, printed = [], []
    for program, words in commands:
        python = [sys.executable] if program == "python" else [sys.executable, "-m", "hub.app.cli.main"]
        done = subprocess.run(
            [*python, *words.split()],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=LIMIT_SECONDS,
            check=False,
        )
        codes.append(done.returncode)
        printed.append(done.stdout)
    assert codes == [0, 0, 2, 0], printed
    assert "实扣金额（deducted）" in printed[2] and "control total" in printed[2]
