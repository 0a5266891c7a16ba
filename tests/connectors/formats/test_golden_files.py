"""Golden files: a good one is taken, a bad one is refused with exactly the faults listed beside it."""

import hashlib
import io
import json
from pathlib import Path

import pytest

from connectors.formats import PROFILES, agency_files
from hub.ports import Refused

GOLDEN = Path(__file__).parents[2] / "golden"
BANK = "ICBC"
PROFILE = PROFILES["pipe-gb18030"]


def data_files(door: str, *, good: bool) -> list[Path]:
    """The files of a door that come in, without the requests we sent and the .ok files."""
    folders = [folder for folder in sorted((GOLDEN / door).iterdir()) if (folder.name == "good") is good]
    files = [file for folder in folders for file in sorted(folder.iterdir())]
    return [file for file in files if file.suffix in {".txt", ".TXT"} and not file.name.startswith("DK_")]


def parse(file: Path) -> object:
    data = io.BytesIO(file.read_bytes())
    if file.parents[1].name == "agency":
        return agency_files.parse(file.name, data)
    return PROFILE.parse_result(file.name, BANK, data)


def label(file: Path) -> str:
    return f"{file.parents[1].name}/{file.parent.name}/{file.name}"


@pytest.mark.parametrize("file", [*data_files("agency", good=True), *data_files("bank", good=True)], ids=label)
def test_a_good_file_is_taken(file: Path) -> None:
    parsed = parse(file)
    assert not isinstance(parsed, Refused), parsed.faults


@pytest.mark.parametrize("file", [*data_files("agency", good=False), *data_files("bank", good=False)], ids=label)
def test_a_bad_file_is_refused_with_exactly_its_faults(file: Path) -> None:
    parsed = parse(file)
    assert isinstance(parsed, Refused)
    found = [(fault.line, fault.field, fault.code.value) for fault in parsed.faults]
    listed = json.loads((file.parent / "faults.json").read_text())
    assert sorted(map(str, found)) == sorted(str((each["line"], each["field"], each["code"])) for each in listed)


def test_faults_come_in_the_order_of_the_file() -> None:
    for file in [*data_files("agency", good=False), *data_files("bank", good=False)]:
        parsed = parse(file)
        assert isinstance(parsed, Refused)
        lines = [fault.line or 0 for fault in parsed.faults]
        assert lines == sorted(lines), file


@pytest.mark.parametrize("file", sorted((GOLDEN / "bank" / "good").glob("*.ok")), ids=lambda file: file.name)
def test_the_ok_file_holds_digest_and_size(file: Path) -> None:
    content = file.with_suffix("").read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    assert PROFILE.ok_text(sha256, len(content)) == file.read_bytes()
    assert PROFILE.ok_agrees(file.read_bytes(), sha256, len(content))
    assert not PROFILE.ok_agrees(file.read_bytes(), sha256, len(content) + 1)
    assert not PROFILE.ok_agrees(file.read_bytes().rstrip(b"\n"), sha256, len(content))
    assert not PROFILE.ok_agrees(b"", sha256, len(content))
