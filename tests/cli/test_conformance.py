"""``hub bank conformance``: a bank holds its answer against the request at its own desk, without a hub."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.app.cli.bank import FAULTS_SHOWN
from hub.app.cli.main import run
from hub.domain.fault_words import WORDS
from hub.domain.faults import FaultCode
from simulators.bank_signing import exchange_keys

GOLDEN = Path(__file__).parents[1] / "golden" / "bank"
REQUEST = GOLDEN / "good" / "DK_ICBC_20261202_0001.txt"
ANSWER = GOLDEN / "good" / "HD_ICBC_20261203_0001.txt"
BAD = sorted(folder for folder in GOLDEN.iterdir() if folder.name != "good")
Examine = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def examine(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Holds an answer against the golden request, in a folder without a hub; its ``.ok`` is made to fit."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HUB_CONFIG", raising=False)

    def ask(answer: Path, data: bytes | None = None) -> tuple[int, dict[str, Any]]:
        content = answer.read_bytes() if data is None else data
        copy = tmp_path / answer.name
        copy.write_bytes(content)
        (tmp_path / f"{copy.name}.ok").write_text(f"{hashlib.sha256(content).hexdigest()} {len(content)}\n")
        capsys.readouterr()
        code = run(["bank", "conformance", "--profile", "pipe-gb18030", str(REQUEST), str(copy), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


def told(document: dict[str, Any]) -> set[tuple[int | None, str, str]]:
    return {(fault["line"], fault["field"], fault["code"]) for fault in document["faults"]}


def test_a_right_answer_conforms(examine: Examine) -> None:
    assert examine(ANSWER) == (0, {"accepted": True, "file": ANSWER.name, "faults": []})


@pytest.mark.parametrize("folder", BAD, ids=lambda folder: folder.name)
def test_each_seeded_fault_is_found_and_worded_in_both_languages(folder: Path, examine: Examine) -> None:
    (answer,) = (file for file in folder.iterdir() if file.suffix in {".txt", ".TXT"})
    code, document = examine(answer)
    seeded = json.loads((folder / "faults.json").read_text())
    assert code == 2
    assert {(each["line"], each["field"], each["code"]) for each in seeded} <= told(document)
    for fault in document["faults"]:
        for language, words in zip(("chinese", "english"), WORDS[FaultCode(fault["code"])], strict=True):
            assert words in fault[language]
            assert fault["field"] in fault[language]
        assert fault["expected"] in fault["english"]


def test_every_line_that_is_not_answered_as_asked_is_named(examine: Examine) -> None:
    lines = ANSWER.read_bytes().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines, start=1) if line.startswith(b"D|1|"))
    fields = lines[number - 1].split(b"|")
    fields[3] = b"999999999999"
    lines[number - 1] = b"|".join(fields)
    code, document = examine(ANSWER, b"".join(lines))
    assert code == 2
    assert told(document) == {(number, "unit", "mismatch")}


@pytest.mark.parametrize("scheme", ["ed25519", "openpgp"])
def test_a_signature_is_checked_when_a_key_is_named(
    scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signing, _ = exchange_keys(scheme, tmp_path / "keys", "icbc")
    key = str(tmp_path / "keys" / "icbc-bank.pub")
    copy = tmp_path / ANSWER.name
    shutil.copyfile(ANSWER, copy)
    data = copy.read_bytes()
    (tmp_path / f"{copy.name}.ok").write_text(f"{hashlib.sha256(data).hexdigest()} {len(data)}\n")
    words = ["bank", "conformance", "--profile", "pipe-gb18030", str(REQUEST), str(copy), "--json"]
    signature = tmp_path / f"{copy.name}.sig"
    found = {}
    for state, written in (
        ("missing", None), ("of another file", signing.sign("HD_ICBC_20261203_0002.txt", data)),
        ("right", signing.sign(copy.name, data)),
    ):  # fmt: skip
        if written is not None:
            signature.write_bytes(written)
        code = run([*words, "--verify-key", key, "--scheme", scheme])
        found[state] = (code, told(json.loads(capsys.readouterr().out)))
    wrong = (2, {(None, ".sig", "signature")})
    assert found == {"missing": wrong, "of another file": wrong, "right": (0, set())}


@pytest.mark.parametrize("place", ["request", "response", "key"])
@pytest.mark.parametrize("kind", ["fifo", "folder", "nothing"])
def test_what_is_no_regular_file_is_wrong_usage_and_not_waited_on(
    place: str, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    strange = tmp_path / "strange"
    if kind != "nothing":
        os.mkfifo(strange) if kind == "fifo" else strange.mkdir()
    files = [strange if place == each else known for each, known in (("request", REQUEST), ("response", ANSWER))]
    key = ["--verify-key", str(strange)] if place == "key" else []
    assert run(["bank", "conformance", "--profile", "pipe-gb18030", *map(str, files), *key]) == 64
    assert str(strange) in capsys.readouterr().err


def test_what_is_wrong_with_the_request_or_a_key_is_said_to_a_bank(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bank has no hub, no archive and no hub.toml."""
    other = tmp_path / REQUEST.name
    other.write_bytes(REQUEST.read_bytes().replace(b"|CNY", b"|USD"))
    key = tmp_path / "key.pub"
    key.write_text("no key")
    for request, more in ((other, []), (REQUEST, ["--verify-key", str(key)])):
        assert run(["bank", "conformance", "--profile", "pipe-gb18030", str(request), str(ANSWER), *more]) == 1
        said = capsys.readouterr().err
        assert "hub.toml" not in said and "hub verify" not in said and "archive" not in said
        assert "profile" in said or "--verify-key" in said


def test_people_are_shown_some_faults_and_programs_all(
    examine: Examine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = ANSWER.read_bytes().splitlines(keepends=True)[0]
    many = head + b"D|x\n" * (FAULTS_SHOWN + 300)
    code, document = examine(ANSWER, many)
    assert code == 2 and len(document["faults"]) > FAULTS_SHOWN + 300
    copy = tmp_path / ANSWER.name
    assert run(["bank", "conformance", "--profile", "pipe-gb18030", str(REQUEST), str(copy)]) == 2
    said = capsys.readouterr().out
    assert said.count("expected") == FAULTS_SHOWN
    assert f"{len(document['faults']) - FAULTS_SHOWN} more; --json" in said
    assert f"{len(document['faults'])} 处不符" in said


def test_a_name_cannot_write_on_the_screen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "HD_\x1b[2J[red]\n.txt"
    shutil.copyfile(ANSWER, copy)
    assert run(["bank", "conformance", "--profile", "pipe-gb18030", str(REQUEST), str(copy)]) == 2
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert said.startswith("HD_<U+001B>[2J[red]<U+000A>.txt: ")


def test_an_answer_without_its_ok_is_never_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / ANSWER.name
    shutil.copyfile(ANSWER, copy)
    assert run(["bank", "conformance", "--profile", "pipe-gb18030", str(REQUEST), str(copy), "--json"]) == 2
    assert told(json.loads(capsys.readouterr().out)) == {(None, ".ok", "digest")}


def test_an_unknown_profile_is_told_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bank", "conformance", "--profile", "morse", str(REQUEST), str(ANSWER), "--json"]) != 0
    assert "pipe-gb18030" in capsys.readouterr().out


def test_every_fault_has_its_words() -> None:
    assert set(WORDS) == set(FaultCode)
    assert all(chinese and english for chinese, english in WORDS.values())
    assert len(set(WORDS.values())) == len(WORDS)
