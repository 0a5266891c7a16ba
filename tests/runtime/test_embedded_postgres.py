"""The embedded database: made once, keeps its data over stop, kill and restart, and says what stands in its way."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hub.domain.errors import HubError, NotRunningError
from hub.runtime.embedded import ground, postgres
from hub.runtime.pid_files import gone, recall, write_whole


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("closed") / "home"
    home.parent.chmod(0o700)  # run by root, the server's own user may not pass here
    yield home
    postgres.stop_postgres(home)


def facts(url: str) -> int:
    with psycopg.connect(url) as connection:
        connection.execute("create table if not exists fact (n int)")
        found = connection.execute("select count(*) from fact").fetchone()
        connection.execute("insert into fact values (1)")
    assert found is not None
    return int(found[0])


def kill(home: Path) -> None:
    started = postgres.postgres_process(home)
    assert started is not None
    os.kill(started.pid, signal.SIGKILL)
    assert gone(started, 10)


def test_what_was_committed_survives_stop_and_kill(home: Path) -> None:
    url = postgres.ensure_postgres(home)
    assert postgres.postgres_health(home) == "up"
    assert facts(url) == 0
    assert postgres.ensure_postgres(home) == url, "a second start finds the first"
    assert postgres.stop_postgres(home)
    assert not postgres.stop_postgres(home), "stopping may be repeated"
    assert postgres.postgres_health(home) == "down"
    assert facts(postgres.ensure_postgres(home)) == 1
    in_use = psycopg.connect(url)  # a backend that the postmaster leaves behind
    in_use.execute("select 1")
    kill(home)
    assert postgres.postgres_health(home) == "down"
    assert facts(postgres.ensure_postgres(home)) == 2
    in_use.close()


def test_a_server_that_nobody_remembers_is_replaced(home: Path) -> None:
    before = facts(postgres.ensure_postgres(home))
    (home / "run" / "postgres.json").unlink()
    assert postgres.postgres_health(home) == "down"
    assert facts(postgres.ensure_postgres(home)) == before + 1


def test_a_pid_file_that_names_another_process_is_not_believed(home: Path) -> None:
    before = facts(postgres.ensure_postgres(home))
    kill(home)
    record = home / "run" / "postgres.json"
    port = recall(record)["port"]
    write_whole(record, f'{{"pid": {os.getpid()}, "mark": "another boot/1", "port": {port}}}')
    stale = home / "postgres" / "data" / "postmaster.pid"
    stale.write_text(f"{os.getpid()}\n" + "\n".join(stale.read_text(encoding="utf-8").splitlines()[1:]))
    assert facts(postgres.ensure_postgres(home)) == before + 1


def test_a_port_taken_meanwhile_moves_the_server(home: Path) -> None:
    url = postgres.ensure_postgres(home)
    before = facts(url)
    postgres.stop_postgres(home)
    port = int(url.rpartition(":")[2].partition("/")[0])
    with socket.create_server((ground.LOCALHOST, port)):
        moved = postgres.ensure_postgres(home)
        assert moved != url
        assert facts(moved) == before + 1


def test_settings_that_keep_money(home: Path) -> None:
    with psycopg.connect(postgres.ensure_postgres(home)) as connection:
        shown = {
            name: connection.execute(f"show {name}").fetchone()
            for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums", "server_encoding")
        }
    assert shown == {
        "fsync": ("on",),
        "synchronous_commit": ("on",),
        "full_page_writes": ("on",),
        "data_checksums": ("on",),
        "server_encoding": ("UTF8",),
    }


def test_only_who_has_the_home_has_the_password(home: Path) -> None:
    url = postgres.ensure_postgres(home)
    assert (home / "postgres" / "password").stat().st_mode & 0o077 == 0
    password = url.partition("hub:")[2].partition("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url.replace(password, "guess"))


def test_books_whose_files_are_gone_are_not_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "made").touch()
    with pytest.raises(HubError, match="missing") as caught:
        postgres.ensure_postgres(tmp_path)
    assert "backup" in caught.value.advice


def test_a_server_that_never_ran_has_no_address(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError):
        postgres.postgres_url(tmp_path)
    assert postgres.postgres_health(tmp_path) == "down"


def test_a_full_disk_is_told_before_it_hurts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "_ROOM_BYTES", 1 << 60)
    with pytest.raises(HubError, match="needs room"):
        postgres.ensure_postgres(tmp_path)
