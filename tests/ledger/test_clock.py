"""Business time never goes back, whoever's clock is behind."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from hub.domain.timetable import TZ
from hub.ledger import clock
from hub.ledger.database import engine


@pytest.fixture
def conn(database: str) -> Iterator[Connection]:
    app = engine(database, pool_size=1)
    with app.begin() as conn:
        yield conn
    app.dispose()


def test_the_systems_time_is_the_time_of_day_wherever_the_books_begin(conn: Connection) -> None:
    begin = datetime.now(TZ) + timedelta(days=1)
    clock.set_up(conn, "system", begin)
    assert clock.started_at(conn) == begin
    assert clock.now(conn) <= datetime.now(TZ)


def test_a_moment_that_has_come_has_come_for_a_clock_that_is_behind(conn: Connection) -> None:
    clock.set_up(conn, "system", None)
    ahead = datetime.now(TZ) + timedelta(seconds=30)
    clock.move_to(conn, ahead)
    assert clock.now(conn) == ahead
    clock.move_to(conn, ahead - timedelta(seconds=20))
    assert clock.now(conn) == ahead
