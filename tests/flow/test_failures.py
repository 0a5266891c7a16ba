"""Which failures are tried again, what is told of them, and what a stalled process does."""

import os
import subprocess
import sys
import threading

import psycopg
import pytest
import sqlalchemy.exc
from aiokafka.errors import KafkaConnectionError
from sqlalchemy import text

from hub.domain.errors import ConfigurationError, RetriableError
from hub.runtime.failpoints import KILLED
from hub.runtime.failures import LONGEST_PAUSE, is_retriable, pauses, reason_of
from hub.runtime.watchdog import STALLED, Watchdog
from tests.flow.conftest import ROOT, Books


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (psycopg.errors.SerializationFailure(), True),
        (psycopg.errors.DeadlockDetected(), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.LockNotAvailable(), True),
        (psycopg.errors.DiskFull(), True),
        (psycopg.errors.UniqueViolation(), False),
        (psycopg.errors.CheckViolation(), False),
        (psycopg.errors.ProgramLimitExceeded(), False),
        (sqlalchemy.exc.OperationalError("", {}, psycopg.OperationalError("server closed the connection")), True),
        (sqlalchemy.exc.IntegrityError("", {}, psycopg.errors.UniqueViolation()), False),
        (sqlalchemy.exc.TimeoutError(), True),
        (KafkaConnectionError(), True),
        (ConnectionResetError(), True),
        (RetriableError(), True),
        (ConfigurationError(), False),
        (AssertionError(), False),
        (KeyError(), False),
    ],
)
def test_only_what_time_may_heal_is_tried_again(error: Exception, again: bool) -> None:
    assert is_retriable(error) == again


def test_pauses_grow_and_have_an_end() -> None:
    waiting = pauses()
    taken = [waiting.take() for _ in range(12)]

    assert taken == sorted(taken)
    assert taken[-1] == LONGEST_PAUSE


def test_a_databases_failure_is_told_without_the_row_it_was_about(books: Books) -> None:
    account = "6222020200012345678"
    with pytest.raises(sqlalchemy.exc.IntegrityError) as raised, books.app.begin() as conn:
        for _ in range(2):
            conn.execute(
                text("insert into bank_file_seen (bank, name, fingerprint) values ('ICBC', :name, '')"),
                {"name": account},
            )

    assert account in str(raised.value)
    assert account not in reason_of(raised.value)
    assert "bank_file_seen_pkey" in reason_of(raised.value)


def test_a_loop_that_no_longer_turns_is_noticed_even_when_the_loop_is_blocked() -> None:
    noticed = threading.Event()
    watchdog = Watchdog(limit=0.05, on_stall=lambda _reason: noticed.set())
    watchdog.start()
    watchdog.turned("a loop")

    assert noticed.wait(10)
    watchdog.stop()


def test_a_loop_that_has_ended_is_not_missed() -> None:
    noticed = threading.Event()
    watchdog = Watchdog(limit=0.02, on_stall=lambda _reason: noticed.set())
    watchdog.turned("a loop")
    watchdog.ended("a loop")
    watchdog.start()

    assert not noticed.wait(0.1)
    watchdog.stop()


def ended(program: str, **more: str) -> int:
    return subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT), **more}, check=False
    ).returncode


def test_giving_up_ends_the_process_with_a_status_of_its_own() -> None:
    assert ended("from hub.runtime.watchdog import give_up; give_up('a test')") == STALLED


@pytest.mark.parametrize(("failpoint", "status"), [("here", KILLED), ("here:2", KILLED), ("here:3", 0), ("", 0)])
def test_a_failpoint_kills_where_and_when_it_is_told(failpoint: str, status: int) -> None:
    program = "from hub.runtime.failpoints import reach; reach('here'); reach('there'); reach('here')"

    assert ended(program, HUB_FAILPOINT=failpoint) == status
