"""``hub bank profile``: the documents for banks are made of the profiles, and those in ``docs/banks`` are these."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from connectors.formats import PROFILES
from connectors.formats.description import describe, terms_of, words_of
from connectors.formats.element_words import ELEMENT_WORDS
from connectors.formats.iso20022 import answer
from connectors.formats.line_profile import LineProfile, line_profiles
from connectors.formats.profile_file import FieldName
from hub.app import samples
from hub.app.bank_document import FAULTS, OUTCOMES, as_document, as_markdown
from hub.app.cli.main import run
from hub.app.conformance import examine
from hub.domain.bank_results import CODES
from hub.domain.fault_phrases import in_chinese
from hub.domain.faults import FaultCode
from hub.domain.field_words import FIELD_WORDS
from tests.golden.answers.seeded import expected

DOCUMENTS = Path(__file__).parents[2] / "docs" / "banks"
EVERY = pytest.mark.parametrize("name", sorted(PROFILES))
CHINESE = re.compile("[\u4e00-\u9fff]")


@EVERY
def test_the_document_is_the_profiles_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bank", "profile", name]) == 0
    told = capsys.readouterr().out
    kept = (DOCUMENTS / f"{name}.md").read_text(encoding="utf-8")
    assert kept == told, f"hub bank profile {name} > docs/banks/{name}.md"


def test_every_profile_has_its_document_and_no_other_is_there() -> None:
    assert {path.stem for path in DOCUMENTS.iterdir()} == {*PROFILES, "signatures"}


@pytest.mark.parametrize("name", [profile.name for profile in line_profiles()])
def test_the_tables_hold_every_field_of_every_record_in_its_place(name: str) -> None:
    profile = PROFILES[name]
    assert isinstance(profile, LineProfile)
    document = as_document(profile)
    for table in document["records"]:
        specs = profile.profile.fields_at(f"{table['file']}.{table['record']}")
        assert [field["name"] for field in table["fields"]] == ["record type", *(spec.title for spec in specs)]
        if profile.profile.fixed:
            assert [field["width"] for field in table["fields"]] == ["1", *(str(spec.width) for spec in specs)]
            ends = [re.split("–", field["place"]) for field in table["fields"]]
            assert all(int(after[0]) == int(before[-1]) + 1 for before, after in pairwise(ends))


def test_the_tables_of_messages_hold_every_leaf() -> None:
    for table in describe(PROFILES["iso20022"]).tables:
        assert {row.name for row in table.rows} == set(ELEMENT_WORDS[table.file])
        by_name = {row.name: row.place for row in table.rows}
        funds = [place for path, place in by_name.items() if "LineDtls" in path]
        assert funds == ["4", "4"]
    result = {row.name: row.place for row in describe(PROFILES["iso20022"]).tables[1].rows}
    assert result["TxInfAndSts/AcctSvcrRef"] == "0–1"
    assert result["OrgnlGrpInfAndSts/NbOfTxsPerSts/DtldSts"] == "1–4"


@EVERY
def test_a_changed_profile_is_another_document(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = as_markdown(PROFILES[name])
    if name == "iso20022":
        monkeypatch.setitem(answer.REASONS, "AM05", "99")
        assert "RJCT AM05" in as_markdown(PROFILES[name])
    else:
        profile = PROFILES[name]
        assert isinstance(profile, LineProfile)
        monkeypatch.setattr(profile, "max_lines", 77)
    assert as_markdown(PROFILES[name]) != before


@EVERY
def test_codes_and_faults_are_told_in_both_languages(name: str) -> None:
    document = as_document(PROFILES[name])
    assert {each["ours"] for each in document["codes"]} == set(CODES) == set(OUTCOMES)
    for each in [*document["codes"], *document["faults"]]:
        assert CHINESE.search(each["chinese"])
        assert each["english"].isascii()
    for table in document["records"]:
        for field in table["fields"]:
            assert CHINESE.search(field["chinese"]) and CHINESE.search(field["meaning_chinese"]), field
            form = field["form"]
            plain = re.fullmatch(r"[A-Z0-9][\w.<> -]*|<period>-<round>|pain[.0-9]+|true or 1", form)
            assert CHINESE.search(in_chinese(form)) or plain, form


@EVERY
def test_every_fault_of_the_golden_answers_is_in_the_document(name: str) -> None:
    seeded = {FaultCode(fault["code"]) for faults in expected(name).values() for fault in faults}
    assert seeded <= set(FAULTS)
    fields = {fault["field"] for faults in expected(name).values() for fault in faults}
    nameless = {field for field in fields if words_of(PROFILES[name], field) is None}
    assert all(field == "Document" or not field.endswith(tuple(_leaf_names(name))) for field in nameless), nameless


def _leaf_names(name: str) -> list[str]:
    return [row.name for table in describe(PROFILES[name]).tables if table.file == "result" for row in table.rows]


def test_every_field_has_its_words() -> None:
    assert set(get_args(FieldName)) - {"constant"} <= set(FIELD_WORDS)
    assert all(CHINESE.search(words.chinese) for name, words in FIELD_WORDS.items() if len(name) > 1)


def test_terms_are_the_banks_own() -> None:
    assert terms_of(PROFILES["fixed-gb18030"]).codes["05"] == "15"
    assert terms_of(PROFILES["iso20022"]).codes == {
        "00": "ACSC", "01": "PART", **dict.fromkeys(("02", "03", "04", "05", "06", "99"), "RJCT"),
    }  # fmt: skip


@EVERY
def test_the_sample_answer_conforms_and_has_every_outcome(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "not" / "there"
    assert run(["bank", "sample", "--profile", name, "--into", str(folder), "--answer", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert examine(PROFILES[name], Path(told["request"]), Path(told["answer"])) == ()
    assert set(samples.OUTCOMES) == set(CODES)
    assert len(samples.OUTCOMES) == len(samples.LINES)


@EVERY
def test_the_examples_of_the_document_conform(name: str, tmp_path: Path) -> None:
    examples = as_document(PROFILES[name])["examples"]
    for file, text in examples.items():
        (tmp_path / file).write_bytes(text.encode(PROFILES[name].encoding))
    request, _, response, _ = examples
    assert examine(PROFILES[name], tmp_path / request, tmp_path / response) == ()


def test_json_for_programs_and_a_profile_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bank", "profile", "iso20022", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["names"]["result"] == "PAIN002_<bank>_<YYYYMMDD>_<seq>.xml"
    assert run(["bank", "profile", "morse"]) != 0
