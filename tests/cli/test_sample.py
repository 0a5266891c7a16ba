"""``hub bank sample``: a request of every kind of line, in every profile, that reads back as it was meant."""

import hashlib
import json
from pathlib import Path

import pytest

from connectors.formats import PROFILES
from hub.app.cli.main import run
from hub.app.samples import LINES
from simulators.bank_signing import exchange_keys


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_sample_reads_back_line_by_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bank", "sample", "--profile", name, "--into", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    request = Path(document["request"])
    content = request.read_bytes()
    with request.open("rb") as data:
        _, lines = PROFILES[name].read_request(data)
        found = list(lines)
    assert len(found) == len(LINES) == len(document["lines"])
    for line, meant in zip(found, LINES, strict=True):
        assert tuple(line.amounts) == meant.amounts
        assert (line.instruction_no, line.account, line.partial) == (meant.instruction_no, meant.account, meant.partial)
        assert line.account_name == PROFILES[name].carried_name(meant.account_name)
    ok = Path(document["ok"]).read_bytes()
    assert PROFILES[name].ok_agrees(ok, hashlib.sha256(content).hexdigest(), len(content))


@pytest.mark.parametrize("scheme", ["ed25519", "openpgp"])
def test_a_sample_may_be_signed(scheme: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By the key of the city centre, which the bank of this sample believes."""
    signing, _ = exchange_keys(scheme, tmp_path / "keys", "sample")
    key = str(tmp_path / "keys" / "sample-hub")
    words = ["bank", "sample", "--profile", "pipe-gb18030", "--into", str(tmp_path), "--scheme", scheme]
    assert run([*words, "--signing-key", key, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    request, signature = Path(document["request"]), Path(document["signature"])
    assert signature.name == f"{request.name}.sig"
    signing.check(request.name, request.read_bytes(), signature.read_bytes())


def test_a_sample_has_lines_of_both_modes_and_of_one_fund() -> None:
    assert {line.partial for line in LINES} == {True, False}
    assert any(sum(amount > 0 for amount in line.amounts) == 1 for line in LINES)
    assert len({line.instruction_no for line in LINES}) == len(LINES)
