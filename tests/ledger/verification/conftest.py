"""The little month with its archive, in a database of its own, as the checks see it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Connection

from connectors.formats import PROFILES
from connectors.formats.dues import parse_dues
from connectors.formats.incomes import parse_incomes
from connectors.formats.receipts import parse_receipts
from connectors.formats.returns import parse_returns
from hub.ledger.database import engine
from hub.ledger.verification import CHECKS, Evidence, Outcome, prepare
from tests.ledger.little_month import FolderArchive, LittleMonth


@dataclass
class Books:
    """The books, and what all checks say of them."""

    conn: Connection
    archive: FolderArchive

    def outcomes(self) -> dict[str, Outcome]:
        evidence = Evidence(
            archive=self.archive,
            read_dues=parse_dues,
            read_receipts=parse_receipts,
            read_returns=parse_returns,
            read_incomes=parse_incomes,
            format_of=lambda _bank: PROFILES["pipe-gb18030"],
        )
        return {outcome.name: outcome for outcome in (check(self.conn, evidence) for check in CHECKS)}


@pytest.fixture
def books(database: str, tmp_path: Path) -> Iterator[Books]:
    archive = FolderArchive(tmp_path)
    owner = engine(database, role=None)
    with owner.connect() as conn:
        LittleMonth(conn, archive).happen()
        prepare(conn)
        yield Books(conn, archive)
        conn.rollback()
    owner.dispose()
