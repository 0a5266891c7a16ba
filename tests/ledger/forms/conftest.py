"""The little month, in a database of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from hub.ledger.database import engine
from tests.ledger.little_month import FolderArchive, LittleMonth


@pytest.fixture
def books(database: str, tmp_path: Path) -> Iterator[Connection]:
    """A connection that sees the little month; nothing of it is kept."""
    owner = engine(database, role=None)
    with owner.connect() as conn:
        LittleMonth(conn, FolderArchive(tmp_path)).happen()
        yield conn
        conn.rollback()
    owner.dispose()
