"""``hub export``, ``hub verify`` and ``hub trace`` as a script sees them: standard output and exit code."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from connectors.archive.file_archive import FileArchive
from hub.app.cli.main import run
from hub.app.cli.trace import as_tree
from hub.ledger.database import engine
from hub.ledger.journey import Stop
from tests.ledger.little_month import LittleMonth
from tests.papers import pages

HUB_TOML = """
[hub]
home = "home"
[clock]
mode = "manual"
start = "2026-11-28T08:00"
[kafka]
bootstrap_servers = "127.0.0.1:9"
[database]
url = "{database}"
[web]
host = "127.0.0.1"
port = 8600
[[agencies]]
code = "110101"
name = "东城区"
[[agencies]]
code = "110105"
name = "朝阳区"
"""
BANK = """
[[banks]]
code = "{code}"
name = "{code}"
profile = "pipe-gb18030"
allow_partial = true
host = "127.0.0.1"
port = 22022
username = "hub"
private_key = "key"
host_keys = ["SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"]
outbound_dir = "outbound"
inbound_dir = "inbound"
done_dir = "done"
"""

Hub = Callable[..., tuple[int, str]]


@pytest.fixture
def hub(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hub:
    """Runs one command line on a hub that holds the little month: exit code and standard output."""
    config = tmp_path / "hub.toml"
    banks = "".join(BANK.format(code=code) for code in ("ICBC", "CCB"))
    config.write_text(HUB_TOML.format(database=database) + banks, encoding="utf-8")
    monkeypatch.setenv("HUB_CONFIG", str(config))
    owner = engine(database, role=None)
    with owner.begin() as conn:
        LittleMonth(conn, FileArchive(tmp_path / "home" / "archive")).happen()
    owner.dispose()

    def answer(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = run(arguments)
        return code, capsys.readouterr().out

    return answer


def test_json_is_the_envelope_and_nothing_else(hub: Hub) -> None:
    code, out = hub("export", "balances", "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["form"], document["period"], document["round"], document["unit"]) == (
        "balances",
        None,
        None,
        "fen",
    )
    assert document["total"]["collected"] == {
        "count": 6, "pension": 240000, "unemployment": 20500, "injury": 9000, "maternity": 5400, "total": 274900,
    }  # fmt: skip


def test_json_by_option_and_by_format_are_the_same(hub: Hub) -> None:
    asked = ("export", "f8", "--period", "2026-12", "--round", "1")
    assert hub(*asked, "--json") == hub(*asked, "--format", "json")


def test_csv_has_keys_then_measures_in_fen(hub: Hub) -> None:
    code, out = hub(
        "export",
        "t27",
        "--period",
        "2026-12",
        "--round",
        "1",
        "--agency",
        "110101",
        "--bank",
        "ICBC",
        "--format",
        "csv",
    )
    (row,) = csv.DictReader(io.StringIO(out))
    assert code == 0
    assert list(row)[:8] == [
        "agency", "bank", "requested_count", "requested_pension", "requested_unemployment", "requested_injury",
        "requested_maternity", "requested_total",
    ]  # fmt: skip
    assert (row["arrived_count"], row["arrived_pension"], row["arrived_total"]) == ("1", "30000", "32300")


def test_csv_cells_never_run_as_formulas(hub: Hub, database: str) -> None:
    """A bill id may begin with a minus sign (contract section 1)."""
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("update bill set bill_no = '-1-A' where bill_no = 'B-1'"))
    owner.dispose()
    _, out = hub("export", "unit", "--unit", "110101000001", "--period", "2027-01", "--format", "csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert (row["bill"], row["status"]) == ("'-1-A", "open")


def test_a_person_reads_yuan(hub: Hub) -> None:
    code, out = hub("export", "arrears")
    assert code == 0
    assert "1,499.00" in out  # all that is outstanding
    assert "欠缴余额" in out


def test_no_amount_on_the_screen_is_cut_short(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    _, out = hub("export", "f8", "--period", "2026-12")
    assert "…" not in out
    assert "2,242.00" in out  # all that is unanswered


@pytest.mark.parametrize(
    ("name", "begins"),
    [("form.csv", "agency,due_count"), ("form.json", "agency,due_count"), ("form.txt", "agency,due")],
)
def test_a_format_that_is_named_goes_into_a_file_of_any_name(hub: Hub, tmp_path: Path, name: str, begins: str) -> None:
    asked = ("export", "f1", "--period", "2026-12", "--format", "csv")
    assert hub(*asked, "-o", str(tmp_path / name)) == (0, "")
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(begins)


def test_no_file_is_written_that_is_not_what_its_name_says(hub: Hub, tmp_path: Path) -> None:
    for name in ("form.docx", "form.xls", "f1.2026-12"):
        assert hub("export", "f1", "--period", "2026-12", "-o", str(tmp_path / name))[0] == 64
        assert not (tmp_path / name).exists()


def test_the_tie_out_of_a_month_is_exported_by_day(hub: Hub, database: str) -> None:
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("update business_clock set now_at = '2027-02-01'"))
    owner.dispose()
    code, out = hub("export", "tieout", "--period", "2026-12", "--agency", "110101", "--format", "json")
    document = json.loads(out)
    assert {name: document[name] for name in ("form", "title", "period", "date", "unit")} == {
        "form": "tieout", "title": "日终核对", "period": "2026-12", "date": None, "unit": "fen",
    }  # fmt: skip
    assert document["ok"] == (not any(row["red"] for row in document["rows"]))
    assert code == 0, "of an open day nothing is final"
    assert {row["agency"] for row in document["rows"]} == {"110101"}
    assert all(day["state"] == "open" and day["waits_for"] for day in document["days"])
    receipts = [row for row in document["rows"] if (row["date"], row["movement"]) == ("2026-12-11", "receipts")]
    assert receipts[0]["received"] == {
        "count": 2, "pension": None, "unemployment": None, "injury": None, "maternity": None, "total": 165200,
    }  # fmt: skip
    _, listed = hub("export", "tieout", "--date", "2026-12-11", "--agency", "110101", "--format", "csv")
    all_rows = list(csv.DictReader(io.StringIO(listed)))
    rows = [row for row in all_rows if row["movement"] == "receipts"]
    assert [row["movement"] for row in all_rows if row not in rows] == ["city-balances"] * 6 + ["balances"] * 9
    assert [row["stage"] for row in rows] == ["in_files", "received", "funds", "agency_account", "agency_income"]
    assert {row["total"] for row in rows} == {"165200"}
    assert {row["colour"] for row in rows} == {"green"}
    _, screen = hub("export", "tieout", "--date", "2026-12-11")
    assert "1,652.00" in screen and "ties" in screen


@pytest.mark.parametrize(
    "words",
    [
        ("tieout", "--date", "11.12."), ("tieout", "--date", "2026-12-11", "--period", "2026-12"), ("f8", "--date", "2026-12-11"),
        ("tieout", "--round", "1"), ("tieout", "--unit", "110101000001"), ("tieout", "--agency", "999999"),
        ("tieout", "--format", "pdf"), ("tieout", "--period", "2026"), ("tieout", "--date", "2026-W46-5"),
    ],
)  # fmt: skip
def test_what_the_tie_out_cannot_be_asked_is_wrong_usage(hub: Hub, words: tuple[str, ...]) -> None:
    code, out = hub("export", *words)
    assert (code, out) == (64, "")


@pytest.mark.parametrize("name", ["form.json", "form.csv", "form"])
def test_an_export_goes_into_a_file(hub: Hub, tmp_path: Path, name: str) -> None:
    code, out = hub("export", "f1", "--period", "2026-12", "-o", str(tmp_path / name))
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert (code, out) == (0, "")
    assert written.startswith("agency,due_count" if name.endswith("csv") else '{"form": "f1"')


def test_notices_of_the_city_come_as_pages_with_the_hash_of_each_agencys_export(hub: Hub, tmp_path: Path) -> None:
    asked = ("export", "t27", "--period", "2026-12", "--round", "1")
    assert hub(*asked, "-o", str(tmp_path / "notices.pdf")) == (0, "")
    with pages.read((tmp_path / "notices.pdf").read_bytes()) as found:
        texts = [page.text for page in found]
    assert len(texts) == 6
    for at, (agency, name) in enumerate((("110101", "东城区"), ("110105", "朝阳区"))):
        _, exported = hub(*asked, "--agency", agency, "--json")
        for printed in texts[3 * at : 3 * at + 3]:
            assert f"致：{agency} {name} " in printed
            assert hashlib.sha256(exported.encode()).hexdigest()[:32] in printed


@pytest.mark.parametrize("ending", ["xlsx", "pdf"])
def test_papers_go_into_a_file_or_into_a_pipe_but_never_on_a_screen(
    hub: Hub, tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ["export", "f8", "--period", "2026-12"]
    assert hub(*asked, "-o", str(tmp_path / f"form.{ending}"), "--json") == (0, "")
    for is_screen, code in ((False, 0), (True, 64)):
        pipe = io.TextIOWrapper(io.BytesIO())
        monkeypatch.setattr(pipe, "isatty", lambda is_screen=is_screen: is_screen)
        monkeypatch.setattr("sys.stdout", pipe)
        assert run([*asked, "--format", ending]) == code
        pipe.flush()
        wanted = b"" if is_screen else (tmp_path / f"form.{ending}").read_bytes()
        assert pipe.buffer.getvalue() == wanted  # type: ignore[attr-defined]


WRONG = [
    ["f9", "--period", "2026-12"],
    ["f4"],
    ["f4", "--period", "2026-12", "--as-of", "2026-12-31"],
    ["late-fees", "--as-of", "2026-02-29"],
    ["t8"],
    ["t8", "--period", "2026-13"],
    ["t8", "--period", "2026-12", "--agency", "110199"],
    ["t8", "--period", "2026-12", "--bank", "BOC"],
    ["f8", "--period", "2026-12", "--round", "3"],
    ["unit"],
    ["unit", "--unit", "12"],
    ["balances", "--format", "yaml"],
    ["balances", "-o", "no/such/folder/balances.json"],
    ["balances", "-o", "no/such/folder/balances.pdf"],
    ["balances", "-o", "balances.csv"],  # --json says otherwise
]


def test_wrong_usage_is_64(hub: Hub) -> None:
    answers = {" ".join(arguments): hub("export", *arguments, "--json") for arguments in WRONG}
    assert {asked: code for asked, (code, _) in answers.items()} == dict.fromkeys(answers, 64)
    assert all(json.loads(out)["error"] for _, out in answers.values())


def test_a_step_not_reached_is_an_empty_form(hub: Hub) -> None:
    code, out = hub("export", "f1", "--period", "2027-01", "--json")
    assert (code, json.loads(out)["rows"]) == (0, [])


def test_verify_says_yes_check_by_check(hub: Hub) -> None:
    code, out = hub("verify", "--json")
    answer: dict[str, Any] = json.loads(out)
    assert code == 0, [check for check in answer["checks"] if not check["ok"]]
    assert answer["ok"] is True
    assert all(set(check) == {"name", "ok", "detail"} for check in answer["checks"])


def test_verify_says_no_and_names_the_culprit(hub: Hub, database: str) -> None:
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("update result_line set code = '00' where code = '02'"))
    owner.dispose()
    code, out = hub("verify", "--json")
    assert code == 1
    wrong = {check["name"]: check["detail"] for check in json.loads(out)["checks"] if not check["ok"]}
    assert "result_line ICBC-1 line 3" in wrong["answers-follow-the-order"]
    assert hub("verify")[0] == 1


def test_trace_tells_the_journey_to_scripts_and_people(hub: Hub) -> None:
    code, out = hub("trace", "A-2", "--json")
    assert code == 0
    (bill,) = json.loads(out)["found"]
    assert (bill["stop"], bill["name"]) == ("bill", "A-2")
    code, out = hub("trace", "A-2")
    assert code == 0
    assert "HD_ICBC_20261203_0001.txt" in out


def test_trace_says_why_to_scripts_and_people(hub: Hub) -> None:
    code, out = hub("trace", "A-2", "--json")
    (bill,) = json.loads(out)["found"]
    assert code == 0
    assert bill["account"]["due"]["total"] == sum(
        each["amounts"]["total"] for each in bill["why"] if each["part_of_due"]
    )
    assert [(each["place"], each["rule"], each["amounts"]["total"]) for each in bill["why"]] == [
        ("arrived", "split-order", 20500), ("arrears", "arrears", 3100),
    ]  # fmt: skip
    code, out = hub("trace", "A-2", "--fund", "unemployment")
    assert code == 0
    assert "why: due 20.00 = arrived 5.00 + arrears 15.00" in out
    assert "unemployment: asked 20.00, left 5.00, got 5.00, short by 15.00" in out
    assert hub("trace", "A-2", "--fund", "medical")[0] == 64


def test_trace_refuses_what_the_books_do_not_know(hub: Hub) -> None:
    code, out = hub("trace", "NOWHERE", "--json")
    assert code == 2
    assert "NOWHERE" in json.loads(out)["error"]
    assert hub("trace", "\udcff")[0] == 2


def test_nothing_in_a_file_acts_on_the_screen_of_a_trace(hub: Hub, database: str) -> None:
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("update bill set unit_name = '第\u202e二:skull:' where bill_no = 'A-2'"))
        conn.execute(text("update file_intake set name = E'HD\\u001b[2J' where name = 'HD_ICBC_20261203_0001.txt'"))
    owner.dispose()
    code, out = hub("trace", "A-2")
    assert code == 0
    assert "HD<U+001B>[2J" in out
    assert "\x1b" not in out and "\u202e" not in out


def test_a_line_of_a_file_is_shown_with_what_is_invisible_spelled_out() -> None:
    facts = {"text": "D|1|第\u202e二", "faults": [{"message": "found \x1b[2J"}]}
    label = str(as_tree(Stop("file", "HD\u200b", facts)).label)
    assert label.splitlines() == ["file HD<U+200B>  ", "D|1|第<U+202E>二", "found <U+001B>[2J"]


@pytest.mark.parametrize(("noun", "verb"), [("calendar", "show"), ("worklist", "list")])
def test_a_noun_alone_shows_what_there_is(hub: Hub, noun: str, verb: str) -> None:
    assert hub(noun, "--json") == hub(noun, verb, "--json")
    assert hub(noun)[0] == 0


def test_a_calendar_that_says_otherwise_than_before_names_the_days(hub: Hub, tmp_path: Path) -> None:
    year = tmp_path / "2031.txt"
    year.write_text("H|CALENDAR|1|2031|city\nD|2031-01-01|HOLIDAY|New Year\nT|1\n", encoding="utf-8")
    assert json.loads(hub("calendar", "import", str(year), "--json")[1])["changed"] == []
    assert json.loads(hub("calendar", "import", str(year), "--json")[1])["changed"] == []
    year.write_text(
        "H|CALENDAR|1|2031|city\nD|2031-01-02|HOLIDAY|New Year\nD|2031-01-04|WORKDAY|New Year\nT|2\n", encoding="utf-8"
    )
    told = hub("calendar", "import", str(year))[1]
    assert "3 of them were known otherwise: 2031-01-01, 2031-01-02, 2031-01-04" in " ".join(told.split())
