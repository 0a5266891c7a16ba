"""The record of work: a line for what is done, none for what fails, and nothing where no home is told."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.runtime.work_log import keep_work_log, work_log_of, working


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "log").mkdir()
    yield tmp_path
    for handler in list(logging.getLogger("hub.work").handlers):
        logging.getLogger("hub.work").removeHandler(handler)
        handler.close()


def told(home: Path) -> list[tuple[str, int]]:
    lines = work_log_of(home).read_text(encoding="utf-8").splitlines()
    return [(one["stage"], one["lines"]) for one in map(json.loads, lines)]


def test_a_piece_of_work_is_one_line_with_what_is_known_at_its_end(home: Path) -> None:
    keep_work_log(home)
    with working("deliver", 7):
        pass
    with working("check") as piece:
        piece.lines = 12
    assert told(home) == [("deliver", 7), ("check", 12)]


def test_what_fails_is_no_work_done(home: Path) -> None:
    keep_work_log(home)
    with pytest.raises(OSError), working("deliver"):
        raise OSError
    assert told(home) == []


def test_a_process_without_a_home_keeps_no_record(home: Path) -> None:
    with working("deliver", 7):
        pass
    assert not work_log_of(home).exists()


def test_a_long_record_is_set_aside_once(home: Path) -> None:
    work_log_of(home).write_bytes(b"\n" * (17 << 20))
    keep_work_log(home)
    keep_work_log(home)
    with working("fetch", 1):
        pass
    assert told(home) == [("fetch", 1)]
    assert work_log_of(home).with_suffix(".log.1").exists()
