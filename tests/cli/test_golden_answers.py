"""Every fault seeded into the golden bad answers is found: line, field, what was expected, what was found, in two languages."""

import json
import re
from pathlib import Path

import pytest

from connectors.formats import PROFILES
from hub.app.cli.main import run
from hub.domain.fault_phrases import in_chinese
from hub.domain.fault_words import WORDS
from hub.domain.faults import FaultCode
from tests.golden.answers.seeded import FOLDER, Case, cases, expected, files, good

CASES = [(profile, case) for profile in sorted(PROFILES) for case in cases(profile)]
LEAST = {"pipe-gb18030": 50, "fixed-gb18030": 50, "iso20022": 60}
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_files_are_what_their_seeds_make(profile: str) -> None:
    made = files(profile)
    table = FOLDER / profile / "faults.json"
    there = {path for path in (FOLDER / profile).rglob("*") if path.is_file()} - {table}
    assert there == set(made), "python -m tests.golden.answers.seeded writes them; take away what it does not"
    assert [path for path, data in made.items() if path.read_bytes() != data] == []
    assert list(expected(profile)) == [case.name for case in cases(profile)]
    assert len(cases(profile)) >= LEAST[profile]


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_good_answer_conforms(profile: str, capsys: pytest.CaptureFixture[str]) -> None:
    start = good(profile)
    folder = FOLDER / profile / "good"
    words = [
        "bank",
        "conformance",
        "--profile",
        profile,
        str(folder / start.request_name),
        str(folder / start.paper.name),
    ]
    assert run(words) == 0
    assert "符合 conforms" in capsys.readouterr().out


@pytest.mark.parametrize(("profile", "case"), CASES, ids=[f"{profile}-{case.name}" for profile, case in CASES])
def test_the_seeded_fault_is_found(profile: str, case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    start = good(profile)
    request, answer = FOLDER / profile / "good" / start.request_name, FOLDER / profile / case.name / case.paper.name
    assert run(["bank", "conformance", "--profile", profile, str(request), str(answer), "--json"]) == 2
    document = json.loads(capsys.readouterr().out)
    found = [
        {key: fault[key] for key in ("line", "field", "code", "expected", "found")} for fault in document["faults"]
    ]
    assert [(fault["line"], fault["field"], fault["code"]) for fault in found] == list(case.faults)
    assert found == expected(profile)[case.name]
    for fault in document["faults"]:
        chinese, english = WORDS[FaultCode(fault["code"])]
        line = fault["line"]
        where_chinese, where = ("整个文件", "file") if line is None else (f"第{line}行", f"line {line}")
        said = (
            f"{where}, {fault['field']}: {english}; expected {fault['expected']}; found {fault['found'] or 'nothing'}"
        )
        assert fault["english"] == said
        assert fault["chinese"].startswith(f"{where_chinese}, ")
        assert f": {chinese}; 应为 " in fault["chinese"]
        assert fault["field"] in fault["chinese"]
        assert fault["chinese"].endswith(f"; 实为 {fault['found'] or '空'}")


VERBATIM = re.compile(r"[a-z]{4}[.0-9]+|[A-Z0-9][\w.<>\"=:/-]*(?:(?:, | 或 )[A-Z0-9]\w*)*|</?\w+>")
"""What is the same in both languages: names, amounts, codes, and lists of them."""


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_what_was_expected_is_said_in_chinese_too(profile: str) -> None:
    texts = {fault["expected"] for faults in expected(profile).values() for fault in faults}
    told = {text: in_chinese(text) for text in texts}
    english = {text: said for text, said in told.items() if not CHINESE.search(said) and not VERBATIM.fullmatch(said)}
    assert english == {}


def test_a_fault_that_looks_like_markup_is_shown_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = good("pipe-gb18030")
    data = start.paper.data.replace(b"|13185.16|13185.16|", b"|13185.16|[red]1[/x]|")
    (tmp_path / start.paper.name).write_bytes(data)
    request = FOLDER / "pipe-gb18030" / "good" / start.request_name
    assert (
        run(["bank", "conformance", "--profile", "pipe-gb18030", str(request), str(tmp_path / start.paper.name)]) == 2
    )
    assert "[red]1[/x]" in capsys.readouterr().out
