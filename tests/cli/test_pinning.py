"""``hub bank pin`` and ``hub bank check``: two people, append-only, and what a person is shown of a bank's keys."""

import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from hub.app.cli.main import run
from hub.app.settings import load
from hub.app.wiring import Hub
from hub.domain.timetable import TZ
from hub.ledger import clock
from hub.ledger.database import engine
from tests.cli.test_looking_commands import BANK, HUB_TOML
from tests.sshd import Sshd, sshd

__all__ = ["sshd"]

NEW = "SHA256:" + "B" * 43
TODAY = "2026-12-01"
Answer = Callable[..., tuple[int, Any]]


@pytest.fixture
def config(sshd: Sshd, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A hub whose books stand on the 1st of December 2026, and whose bank ICBC is a real server."""
    bank = BANK.format(code="ICBC").replace("22022", str(sshd.port)).replace('"hub"', f'"{sshd.user}"')
    bank = bank.replace('"key"', f'"{sshd.client_key}"').replace("SHA256:" + "A" * 43, sshd.pins[0])
    path = tmp_path / "hub.toml"
    path.write_text(HUB_TOML.format(database=database) + bank, "utf-8")
    monkeypatch.setenv("HUB_CONFIG", str(path))
    with engine(database, role=None).begin() as conn:
        clock.set_up(conn, "manual", datetime(2026, 11, 28, 8, tzinfo=TZ))
        conn.execute(text("update business_clock set now_at = :at"), {"at": f"{TODAY}T09:00+08:00"})
    return path


@pytest.fixture
def hub(config: Path, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs ``hub bank … --json``: exit code and document."""

    def answer(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        code = run(["bank", *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return answer


@pytest.fixture
def books(config: Path) -> Iterator[Hub]:
    opened = Hub(load(config, {}))
    yield opened
    opened.engine.dispose()


def test_one_proposes_and_another_approves(hub: Answer, books: Hub) -> None:
    code, proposed = hub("pin", "ICBC", NEW, "--from", TODAY, "--until", "2027-01-31", "--by", "李华")
    assert (code, proposed["accepted"], proposed["state"], proposed["repeat"]) == (3, True, "waiting", False)
    assert NEW not in books.trust("ICBC").look().keys
    assert hub("pin", "ICBC", NEW, "--from", TODAY, "--until", "2027-01-31", "--by", "李华")[1]["repeat"] is True
    days = ("--from", TODAY, "--until", "2027-01-31")
    code, refused = hub("pin", "ICBC", NEW, *days, "--approve", "--by", " 李华 ")
    assert (code, refused["accepted"], [fault["code"] for fault in refused["faults"]]) == (2, False, ["same-person"])
    assert NEW not in books.trust("ICBC").look().keys
    code, refused = hub("pin", "ICBC", NEW, "--approve", "--by", "王芳")
    assert (code, [fault["field"] for fault in refused["faults"]]) == (2, ["from", "until"])
    code, approved = hub("pin", "ICBC", NEW, *days, "--approve", "--by", "王芳")
    assert (code, approved["state"], approved["proposed_by"], approved["approved_by"]) == (
        0,
        "approved",
        "李华",
        "王芳",
    )
    assert (approved["from"], approved["until"]) == (TODAY, "2027-01-31")
    assert NEW in books.trust("ICBC").look().keys
    assert hub("pin", "ICBC", NEW, *days, "--approve", "--by", "王芳") == (0, {**approved, "repeat": True})
    assert "CCB" not in {row.bank for row in _rows(books, "select bank from host_key_proposal")}


def test_a_pin_is_ended_by_a_date_and_its_history_stays(hub: Answer, books: Hub) -> None:
    for last in ("2027-06-30", "2026-11-30"):
        assert hub("pin", "ICBC", NEW, "--until", last, "--by", "Li Hua")[0] == 3
        assert hub("pin", "ICBC", NEW, "--until", last, "--approve", "--by", "Wang Fang")[0] == 0
    assert NEW not in books.trust("ICBC").look().keys
    kept = _rows(
        books,
        "select p.last_day, a.approved_by from host_key_proposal p join host_key_approval a on a.proposal_id = p.id order by p.id",
    )
    assert [tuple(row) for row in kept] == [(date(2027, 6, 30), "Wang Fang"), (date(2026, 11, 30), "Wang Fang")]


def test_what_waits_does_not_take_away_what_was_approved(hub: Answer, books: Hub) -> None:
    hub("pin", "ICBC", NEW, "--by", "Li Hua")
    hub("pin", "ICBC", NEW, "--approve", "--by", "Wang Fang")
    assert hub("pin", "ICBC", NEW, "--until", "2026-01-01", "--by", "Li Hua")[0] == 3
    assert NEW in books.trust("ICBC").look().keys


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        (("MD5:aa", "--by", "Li Hua"), ["grammar"]),
        ((NEW, "--from", "2026-12-02", "--until", "2026-12-01", "--by", ""), ["date", "grammar"]),
        ((NEW, "--approve", "--by", "Li Hua"), ["not-proposed"]),
    ],
)
def test_every_fault_of_a_pin_is_told_and_nothing_is_kept(
    hub: Answer, books: Hub, words: tuple[str, ...], codes: list[str]
) -> None:
    code, refused = hub("pin", "ICBC", *words)
    assert (code, [fault["code"] for fault in refused["faults"]]) == (2, codes)
    assert _rows(books, "select id from host_key_proposal") == []


def test_usage_that_is_wrong_is_said_so(hub: Answer) -> None:
    assert run(["bank", "pin", "ICBC", NEW]) == 64
    assert run(["bank", "pin", "ICBC", NEW, "--from", "tomorrow", "--by", "Li Hua"]) == 64
    assert run(["bank", "pin", "NOBANK", NEW, "--by", "Li Hua"]) == 1


def test_the_hubs_role_neither_changes_nor_deletes_a_pin(hub: Answer, books: Hub) -> None:
    hub("pin", "ICBC", NEW, "--by", "Li Hua")
    hub("pin", "ICBC", NEW, "--approve", "--by", "Wang Fang")
    for statement in (
        "update host_key_proposal set last_day = null",
        "delete from host_key_proposal",
        "update host_key_approval set approved_by = 'x'",
        "delete from host_key_approval",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), books.engine.begin() as conn:
            conn.execute(text(statement))


def test_the_table_itself_wants_two_people(hub: Answer, books: Hub) -> None:
    hub("pin", "ICBC", NEW, "--by", "Li Hua")
    approval = "insert into host_key_approval select id, {by}, {approver}, now() from host_key_proposal"
    for by, approver in (("proposed_by", "'LI HUA'"), ("'Zhao'", "'Wang Fang'")):
        with pytest.raises(IntegrityError), books.engine.begin() as conn:
            conn.execute(text(approval.format(by=by, approver=approver)))


def test_check_shows_the_key_met_and_what_the_pins_are_worth(hub: Answer, sshd: Sshd, config: Path) -> None:
    key = sshd.pins[0]
    dated = f'{{ key = "{key}", until = "2026-12-20" }}, {{ key = "{NEW}", from = "2026-12-10" }}'
    config.write_text(config.read_text("utf-8").replace(f'"{key}"', dated), "utf-8")
    hub("pin", "ICBC", "SHA256:" + "C" * 43, "--by", "Li Hua")
    code, told = hub("check", "ICBC")
    assert (code, told["ok"], told["host_key"], told["day"]) == (0, True, key, TODAY)
    assert [(pin["key"], pin["state"], pin["origin"]) for pin in told["pins"]] == [
        (key, "valid", "hub.toml"), (NEW, "not-yet", "hub.toml"),
    ]  # fmt: skip
    assert [each["proposed_by"] for each in told["waiting"]] == ["Li Hua"]
    assert len(told["warnings"]) == 1 and "2026-12-20" in told["warnings"][0]


def test_check_shows_the_key_met_where_none_is_valid(hub: Answer, sshd: Sshd, config: Path, books: Hub) -> None:
    key = sshd.pins[0]
    dated = f'{{ key = "{key}", until = "2026-11-30" }}'
    config.write_text(config.read_text("utf-8").replace(f'"{key}"', dated), "utf-8")
    code, told = hub("check", "ICBC")
    assert (code, told["ok"]) == (1, False)
    assert key in told["host_keys_shown"][0] and told["pins"][0]["state"] == "ended"
    assert "No pin is valid" in told["warnings"][0] and told["advice"]
    assert "Accepted" not in sshd.log
    assert [row.bank for row in _rows(books, "select bank from work_item where queue = 'host-key'")] == ["ICBC"]


def test_check_works_while_the_hub_does_not_run(
    sshd: Sshd, hub: Answer, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = config.read_text("utf-8")
    url = next(line for line in written.splitlines() if line.startswith("url"))
    config.write_text(written.replace(url, 'url = "embedded"'), "utf-8")
    code, told = hub("check", "ICBC")
    assert (code, told["host_key"], told["day"]) == (0, sshd.pins[0], "2026-11-28")


def _rows(books: Hub, query: str) -> list[Any]:
    with books.engine.connect() as conn:
        return list(conn.execute(text(query)))
