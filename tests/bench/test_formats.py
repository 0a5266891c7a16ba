"""The measurement of the formats reads what it wrote, and prints nothing when it does not."""

import json

import pytest

from connectors.formats import PROFILES
from tests.bench import formats


def test_every_profile_is_measured_step_by_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert formats.main(["--lines", "300", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["profile"], row["step"]) for row in rows] == [
        (name, step) for name in formats._DETAILS for step in formats.STEPS
    ]
    assert all(row["peak_rss_bytes"] > 1 << 20 and row["file_bytes"] > 300 * 100 for row in rows)


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_an_answer_that_does_not_fit_is_no_figure(
    profile: str, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("formats")
    words = ["--profile", profile, "--folder", str(folder)]
    assert formats.main(["--step", "write answer", "--lines", "30", *words]) == 0
    assert formats.main(["--step", "match", "--lines", "30", *words]) == 0
    [answer] = folder.iterdir()
    whole = answer.read_bytes()
    assert b"R" + b"0" * 19 in whole
    answer.write_bytes(whole.replace(b"110105000002", b"110105000099"))
    assert formats.main(["--step", "match", "--lines", "30", *words]) == 1
    assert formats.main(["--step", "read answer", "--lines", "31", *words]) == 1
    assert "no figure" in capsys.readouterr().err
