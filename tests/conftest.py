"""Real services for the tests that need them, one of each a session; a service that fails to start is a failure."""

import os
import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog

from hub.ledger.database import migrate
from hub.runtime.embedded.kafka import ensure_kafka, stop_kafka
from hub.runtime.embedded.postgres import ensure_postgres, stop_postgres

SEED = int(os.environ.get("HUB_TEST_SEED") or secrets.randbits(32))
os.environ["HUB_TEST_SEED"] = str(SEED)  # the workers of a parallel run start from the same seed


LONGEST = ("tests/month/", "tests/flow/", "tests/runtime/", "tests/dashboard/", "tests/processors/test_any_order.py")
"""Begun first, so that a parallel run does not end with one worker on the longest file."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return next((at for at, part in enumerate(LONGEST) if part in item.nodeid), len(LONGEST))

    items.sort(key=place)


def pytest_report_header() -> str:
    return f"HUB_TEST_SEED={SEED}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line(f"The same chances again: HUB_TEST_SEED={SEED}")


@pytest.fixture(autouse=True)
def logs_as_they_come() -> None:
    """A command run in this process sets up its logs; the next test does not inherit that."""
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def seed() -> int:
    """What every random choice of a test starts from; shown when one fails."""
    return SEED


@pytest.fixture(scope="session")
def services_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of this session's services."""
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="session")
def kafka_bootstrap(services_home: Path) -> Iterator[str]:
    """A real broker, ``host:port``."""
    try:
        yield ensure_kafka(services_home)
    finally:
        stop_kafka(services_home)


@pytest.fixture(scope="session")
def postgres_url(services_home: Path) -> Iterator[str]:
    """A real server; the URL names its owner and the database ``hub``, which is empty."""
    try:
        yield ensure_postgres(services_home)
    finally:
        stop_postgres(services_home)


def _other_database(url: str, name: str) -> str:
    return f"{url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def migrated_template(postgres_url: str) -> str:
    """Name of a database with the schema of this version and nothing in it; cloned, never written."""
    name = "template_migrated"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"create database {name}")
    migrate(_other_database(postgres_url, name))
    return name


@pytest.fixture
def database(postgres_url: str, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database of this test alone, as SQLAlchemy URL of the owner."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url, autocommit=True) as owner:
        owner.execute(f"create database {name} template {migrated_template}")
    try:
        yield _other_database(postgres_url, name).replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute(f"drop database {name} with (force)")
