"""``hub bank list`` as a script and a person see it: how each bank of hub.toml stands."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hub.app import schedule
from hub.app.cli.main import run
from hub.app.quarantine import correct, propose_correction
from hub.ledger.database import engine
from hub.ledger.quarantine import held
from simulators.agency import Paper
from simulators.amounts import Four
from tests.fakes import Trouble
from tests.processors.city import City, bill, open_city
from tests.runtime.hub_home import ROOT

DUE: Four = (10000, 1000, 500, 300)
COLUMNS = 100
Board = Callable[[], dict[str, dict[str, Any]]]


@pytest.fixture
def city(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[City]:
    """3 November, 10:00: ICBC and CCB have a file each, CCB has answered wrongly, BOC takes none, ABC is asked nothing."""
    folder = tmp_path / "city"
    found = open_city(database, folder, banks=("ICBC", "CCB", "BOC", "ABC"))
    monkeypatch.setattr(schedule, "drain", lambda _hub: found.pump.drain())
    monkeypatch.setenv("HUB_CONFIG", str(folder / "hub.toml"))
    found.servers["BOC"].trouble = Trouble.READ_ONLY
    found.accept(found.dues(*(bill(f"A-{n}", n, DUE, bank=bank) for n, bank in enumerate(("ICBC", "CCB", "BOC")))))
    found.advance("11-02T09:10")
    found.advance("11-03T10:00")
    (request,) = found.requests("CCB")
    paper = found.result(request)
    found.put("CCB", Paper(paper.name, paper.data.replace(b"|00|", b"|77|")))
    assert found.poll("CCB") == ["quarantined"]
    yield found
    found.close()


@pytest.fixture
def board(city: City, capsys: pytest.CaptureFixture[str]) -> Board:
    """Asks for the board: its rows by bank."""

    def ask() -> dict[str, dict[str, Any]]:
        capsys.readouterr()
        assert run(["bank", "list", "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert [row["bank"] for row in rows] == ["ICBC", "CCB", "BOC", "ABC"]
        return {row["bank"]: row for row in rows}

    return ask


def test_what_went_out_and_what_came_in_last(board: Board) -> None:
    banks = board()
    assert banks["ICBC"]["last_out"] == {
        "file": "DK_ICBC_20261102_0001.txt", "at": "2026-11-02T09:00:00+08:00", "proven": True, "outcome": "delivered",
    }  # fmt: skip
    assert banks["BOC"]["last_out"] == {
        "file": "DK_BOC_20261102_0001.txt",
        "at": None,
        "proven": False,
        "outcome": "refused",
    }
    assert banks["CCB"]["last_in"] == {
        "file": "HD_CCB_20261103_0001.txt", "at": "2026-11-03T10:00:00+08:00", "outcome": "quarantined",
    }  # fmt: skip
    assert (banks["ICBC"]["last_in"], banks["ABC"]["last_out"], banks["ABC"]["last_in"]) == (None, None, None)
    assert {row["profile"] for row in banks.values()} == {"pipe-gb18030"}


@pytest.mark.parametrize("right", [False, True], ids=["refused", "taken in"])
def test_what_persons_hand_in_did_not_come_from_the_bank(city: City, board: Board, tmp_path: Path, right: bool) -> None:
    before = board()["CCB"]["last_in"]
    (request,) = city.requests("CCB")
    good = city.result(request)
    path = tmp_path / good.name
    path.write_bytes(good.data if right else b"no answer\n")
    with city.hub.engine.connect() as conn:
        (case,) = held(conn, "CCB")
    assert propose_correction(city.hub, case, path, "Wang", "").awaits_second_person is right
    if right:
        assert correct(city.hub, case, path, "Li", "").let_in
    assert board()["CCB"]["last_in"] == before


def test_what_is_due_next(city: City, board: Board) -> None:
    due = {"period": "2026-11", "round": 1, "step": "results-due", "due_at": "2026-11-03T20:00:00+08:00"}
    assert [row["next"] for row in board().values()] == [due] * 4
    city.advance("11-05T10:00")
    assert board()["ICBC"]["next"] == {
        "period": "2026-11", "round": 2, "step": "upload-close", "due_at": "2026-11-20T12:00:00+08:00",
    }  # fmt: skip


def test_what_is_awaited_since_when_and_whether_it_is_overdue(city: City, board: Board) -> None:
    banks = board()
    answer = {
        "what": "result", "period": "2026-11", "round": 1, "batch_no": "ICBC-20261102-0001",
        "file": "DK_ICBC_20261102_0001.txt", "since": "2026-11-02T09:00:00+08:00",
        "due_at": "2026-11-03T20:00:00+08:00", "state": "expected",
    }  # fmt: skip
    assert banks["ICBC"]["awaited"] == [answer]
    (delivery,) = banks["BOC"]["awaited"]
    assert (delivery["what"], delivery["due_at"], delivery["state"]) == (
        "delivery", "2026-11-02T10:00:00+08:00", "overdue",
    )  # fmt: skip
    assert banks["ABC"]["awaited"] == []
    city.advance("11-03T20:00")
    assert board()["ICBC"]["awaited"] == [answer | {"state": "overdue"}]
    city.answer("ICBC")
    city.poll("ICBC")
    assert board()["ICBC"]["awaited"] == []


def test_what_waits_for_a_person_and_what_does_not_get_through(city: City, board: Board) -> None:
    banks = board()
    assert banks["CCB"]["work_items"] == {"open": 1, "queues": {"quarantine": 1}}
    assert banks["BOC"]["work_items"] == {"open": 2, "queues": {"missing": 1, "unsent": 1}}
    assert (banks["ICBC"]["work_items"], banks["ICBC"]["paused"]) == ({"open": 0, "queues": {}}, None)
    assert banks["BOC"]["paused"]["since"] == "2026-11-02T09:00:00+08:00"
    assert banks["BOC"]["paused"]["why"] == city.value("select trouble from batch where bank = 'BOC'") != ""
    city.servers["BOC"].trouble = None
    city.advance("11-03T10:30")
    assert (board()["BOC"]["paused"], board()["BOC"]["work_items"]["open"]) == (None, 0)


def test_the_board_fits_one_screen_and_nothing_on_it_is_cut_short(
    city: City, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    assert run(["bank", "list"]) == 0
    shown = capsys.readouterr().out
    assert all(len(line) <= COLUMNS for line in shown.splitlines())
    assert len(shown.splitlines()) < 30
    for word in (
        "DK_ICBC_20261102_0001.txt", "11-02 09:00 proven", "HD_CCB_20261103_0001.txt", "11-03 10:00 quarantined",
        "not proven", "results-due 1", "11-03 20:00", "delivery, 1 overdue", "BOC: deliveries do not get through since",
    ):  # fmt: skip
        assert word in shown


def test_what_a_bank_has_said_is_shown_and_never_obeyed(
    city: City, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    city.put("ICBC", Paper("HD_[bold].txt", b""))
    assert city.poll("ICBC") == ["quarantined"]
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("update batch set trouble = :said where bank = 'BOC'"), {"said": "the server said \x1b[2J"})
    owner.dispose()
    capsys.readouterr()
    run(["bank", "list"])
    shown = capsys.readouterr().out
    assert "HD_[bold].txt" in shown
    assert "said \N{REPLACEMENT CHARACTER}[2J" in shown
    assert "\x1b[2J" not in shown


def test_the_board_needs_no_right_but_to_read(city: City, database: str, board: Board) -> None:
    owner = engine(database, role=None)
    with owner.begin() as conn:
        conn.execute(text("revoke all on all tables in schema public from hub_app"))
    owner.dispose()
    assert board()["ICBC"]["last_out"]


def test_the_board_needs_no_columns_no_banks_and_no_broker(city: City) -> None:
    """What makes a command slow to start is not imported by one that only looks."""
    words = [sys.executable, "-X", "importtime", "-m", "hub.app.cli.main", "bank", "list", "--json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    heavy = {"polars", "paramiko", "aiokafka", "faust", "alembic", "fastapi", "cramjam"}
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert imported & heavy == set()
