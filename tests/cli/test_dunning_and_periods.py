"""``hub dunning`` and ``hub period`` as a script and a desk see them."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hub.app import schedule
from hub.app.cli import dunning_list
from hub.app.cli.main import run
from hub.app.cli.output import Context
from hub.app.cli.period import _per_mille
from hub.ledger.database import engine
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, PERIOD, City, bill, open_city, unit_of

DUE: Four = (10000, 1000, 500, 300)
WHOLE = sum(DUE)
Ask = Callable[..., tuple[int, Any]]
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def city(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    """13 November: A-1 paid, A-2 refused, A-3 unanswered, A-4 paid in part."""
    folder = tmp_path / "city"
    found = open_city(database, folder)
    for waiting in ("drain", "settle"):
        monkeypatch.setattr(schedule, waiting, lambda _hub: found.pump.drain())
    monkeypatch.setenv("HUB_CONFIG", str(folder / "hub.toml"))
    monkeypatch.setenv("COLUMNS", "100")
    found.accept(
        found.dues(
            bill("A-1", 1, DUE), bill("A-2", 2, DUE), bill("A-3", 3, DUE, bank="CCB"), bill("A-4", 4, DUE),
        )
    )  # fmt: skip
    found.first_deduction(ICBC={"A-2": "02", "A-4": 10400})
    found.advance("11-13T10:00")
    yield found
    found.close()


@pytest.fixture
def say(city: City, capsys: pytest.CaptureFixture[str]) -> Say:
    """Runs a command line: exit code and standard output."""

    def run_it(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(words)
        return code, capsys.readouterr().out

    return run_it


@pytest.fixture
def ask(say: Say) -> Ask:
    """The same with ``--json``: one document on one line."""

    def run_it(*words: str) -> tuple[int, Any]:
        code, out = say(*words, "--json")
        assert out.count("\n") == 1
        return code, json.loads(out)

    return run_it


# ── dunning ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_for_programs(ask: Ask) -> None:
    code, document = ask("dunning", "list")
    assert code == 0
    assert (document["period"], document["unit"], document["posted"]) == (PERIOD, "fen", ["CCB", "ICBC"])
    assert document["rows"][-1] == {
        "agency": CHAOYANG, "unit": unit_of(4), "unit_name": "第4纺织厂", "bill": "A-4", "mode": "B", "bank": "ICBC",
        "due": {"pension": 10000, "unemployment": 1000, "injury": 500, "maternity": 300, "total": WHOLE},
        "arrived": {"pension": 10000, "unemployment": 400, "injury": 0, "maternity": 0, "total": 10400},
        "missing": {"pension": 0, "unemployment": 600, "injury": 500, "maternity": 300, "total": 1400},
        "code": "01", "state": "to-dun", "named": None, "desk": "agency", "handed_on": None,
    }  # fmt: skip
    assert {state: total["count"] for state, total in document["total"].items()} == {
        "to-dun": 2, "named": 0, "unanswered": 1, "not-asked": 0,
    }  # fmt: skip


def test_the_list_as_csv_and_for_people_says_the_same(say: Say, ask: Ask) -> None:
    rows = ask("dunning", "list")[1]["rows"]
    code, out = say("dunning", "list", "--format", "csv")
    found = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["unit"], row["missing_total"], row["state"], row["code"]) for row in found] == [
        (row["unit"], str(row["missing"]["total"]), row["state"], row["code"] or "") for row in rows
    ]
    code, shown = say("dunning", "list")
    assert code == 0 and "…" not in shown
    for words in ("118.00", "14.00", "第2纺织厂", "unanswered", "2 units"):
        assert words in shown


def test_a_long_list_is_cut_for_people_and_counted_whole(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dunning_list, "SHOWN", 1)
    _, shown = say("dunning", "list")
    assert "2 more units" in shown and unit_of(3) not in shown


def test_nothing_in_a_name_acts_on_the_screen(say: Say, database: str) -> None:
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("update bill set unit_name = '第\u202e二:skull:' where bill_no = 'A-2'"))
    owner.dispose()
    _, shown = say("dunning", "list")
    assert "第<U+202E>二:skull:" in shown and "\u202e" not in shown


def test_what_people_read_has_no_names_of_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    context = Context()
    context.screen.print("a:skull:b")
    context.remarks.print("a:skull:b")
    assert capsys.readouterr() == ("a:skull:b\n", "a:skull:b\n")


def test_a_change_too_small_for_a_per_mille_is_none_and_not_unknown() -> None:
    assert [_per_mille(before, now) for before, now in ((10_000, 10_001), (0, 5), (1000, 999))] == ["0", "–", "-1"]


def test_a_file_is_made_and_handed_in(ask: Ask, city: City, tmp_path: Path) -> None:
    words = ("--agency", CHAOYANG, "--mode", "B", "--pay-on", "2026-11-20", "--into", str(tmp_path))
    code, made = ask("dunning", "file", *words)
    assert (code, made) == (
        0, {"accepted": True, "file": str(tmp_path / f"AGAIN_{CHAOYANG}_{PERIOD}_0001.txt"), "units": 2},
    )  # fmt: skip
    assert ask("agency", "submit", made["file"])[1]["accepted"]
    _, document = ask("dunning", "list")
    assert [row["named"] for row in document["rows"] if row["state"] == "named"] == [
        {"mode": "B", "pay_on": "2026-11-20", "ended": False}
    ] * 2
    code, refused = ask("dunning", "file", *words, "--unit", unit_of(3))
    assert (code, refused["accepted"], refused["faults"][0]["code"]) == (2, False, "unanswered")


@pytest.mark.parametrize(
    "words",
    [
        ("dunning", "list", "--agency", "110199"),
        ("dunning", "list", "--period", "2026-13"),
        ("dunning", "list", "--format", "pdf"),
        ("dunning", "file", "--agency", CHAOYANG, "--mode", "X", "--pay-on", "2026-11-20"),
        ("dunning", "file", "--agency", CHAOYANG, "--mode", "B", "--pay-on", "soon"),
        ("dunning", "file", "--agency", CHAOYANG, "--mode", "B", "--pay-on", "2026-11-20", "--unit", "12"),
        ("dunning", "hand-over", "--unit", unit_of(1), "--to", "police", "--on", "2026-11-20", "--by", "Li"),
        ("dunning", "list", "--format", "csv", "--json"),
        ("dunning", "must-declare", "--period", "garbage"),
        ("period", "show", "November"),
        ("period", "preview", PERIOD, "--largest", "10001"),
    ],
)
def test_wrong_usage(say: Say, words: tuple[str, ...]) -> None:
    assert say(*words)[0] == 64


def test_a_unit_in_arrears_is_handed_over_and_its_journey_tells(city: City, ask: Ask, say: Say) -> None:
    city.advance("12-08T10:00")
    words = ("dunning", "hand-over", "--unit", unit_of(2), "--to", "inspection", "--on", "2026-12-08", "--by", "王芳")
    code, done = ask(*words, "--note", "催缴无果")
    assert (code, done["accepted"], done["repeat"], done["outstanding"]) == (0, True, False, WHOLE)
    assert ask(*words, "--note", "催缴无果")[1]["repeat"]
    code, refused = ask(*words)
    assert (code, [fault["code"] for fault in refused["faults"]]) == (2, ["move"])
    _, cases = ask("dunning", "handed-over")
    assert [(row["unit"], row["to"], row["owes"], row["settled"]) for row in cases["rows"]] == [
        (unit_of(2), "inspection", WHOLE, False)
    ]
    _, journey = ask("trace", unit_of(2))
    assert [stop["by_whom"] for stop in journey["found"][0]["then"] if stop["stop"] == "hand-over"] == ["王芳"]
    assert "118.00" in say("dunning", "handed-over")[1]


def test_who_has_to_declare_himself(city: City, ask: Ask, say: Say) -> None:
    assert ask("dunning", "must-declare") == (0, {"period": "2026-10", "unit": "fen", "rows": []})
    city.accept(city.dues(bill("D-2", 2, DUE, bank=""), period="2026-12"))
    city.advance("2027-01-04T10:00")
    _, document = ask("dunning", "must-declare")
    assert document == {
        "period": "2026-12", "unit": "fen",
        "rows": [{
            "agency": CHAOYANG, "unit": unit_of(2), "months": [PERIOD, "2026-12"],
            "outstanding": {"pension": 20000, "unemployment": 2000, "injury": 1000, "maternity": 600, "total": 2 * WHOLE},
        }],
    }  # fmt: skip
    assert "236.00" in say("dunning", "must-declare")[1]


# ── periods ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_periods(ask: Ask, say: Say) -> None:
    code, document = ask("period", "list")
    assert code == 0
    assert [(row["period"], row["state"], row["takes_postings"]) for row in document["rows"]] == [
        ("2026-10", "closed", False), (PERIOD, "open", True),
    ]  # fmt: skip
    assert document["rows"][1]["next"] == {
        "step": "upload-close", "round": 2, "bank": None, "due_at": "2026-11-20T12:00:00+08:00",
    }  # fmt: skip
    assert "2026-11-20 12:00" in say("period", "list")[1]


def test_one_period(ask: Ask, say: Say) -> None:
    code, document = ask("period", "show", PERIOD)
    assert (code, document["state"]) == (0, "open")
    assert document["open"]["batches"] == [
        {"bank": "CCB", "round": 1, "file": "DK_CCB_20261102_0001.txt", "lines": 1, "state": "SENT"}
    ]
    assert (document["totals"]["due"]["total"], document["totals"]["arrears"]["total"]) == (4 * WHOLE, 2 * WHOLE + 1400)
    assert document["steps"][0]["done_at"] is not None and document["steps"][-1]["done_at"] is None
    assert "DK_CCB_20261102_0001.txt" in say("period", "show", PERIOD)[1]
    assert ask("period", "show", "2031-01")[0] == 2
    assert ask("period", "preview", "2031-01")[0] == 2


def test_the_preview_and_the_close(city: City, ask: Ask, say: Say) -> None:
    code, document = ask("period", "preview", PERIOD, "--largest", "1")
    assert (code, document["before"], document["total"]["difference"]) == (0, None, None)
    (row,) = document["rows"]
    shown = {name: row[name] for name in ("due", "arrived", "arrears")}
    assert (row["in_doubt"]["total"], [each["bill"] for each in document["largest"]]) == (WHOLE, ["A-2"])
    assert "118.00" in say("period", "preview", PERIOD)[1]
    city.advance("12-01T10:00")
    assert shown == {name: ask("export", "f1", "--period", PERIOD)[1]["total"][name] for name in shown}
    code, refused = ask("period", "preview", PERIOD)
    assert (code, refused["advice"]) == (2, f"hub export f1 --period {PERIOD}")
    city.accept(city.dues(bill("D-1", 1, DUE, bank=""), bill("D-2", 2, DUE, bank=""), period="2026-12"))
    _, document = ask("period", "preview", "2026-12")
    (row,) = document["rows"]
    assert (document["before"], row["before"]["due"]["count"], row["due"]["count"]) == (PERIOD, 4, 2)
    assert (row["difference"]["due"]["total"], row["per_mille"]["due"]["total"]) == (-2 * WHOLE, -500)
    assert row["per_mille"]["arrived"]["maternity"] == -1000


def test_looking_needs_no_right_but_to_read(city: City, database: str, ask: Ask) -> None:
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("revoke all on all tables in schema public from hub_app"))
    owner.dispose()
    for words in (
        ("dunning", "list"), ("dunning", "must-declare"), ("dunning", "handed-over"), ("period", "list"),
        ("period", "show", PERIOD), ("period", "preview", PERIOD),
    ):  # fmt: skip
        assert ask(*words)[0] == 0, words
