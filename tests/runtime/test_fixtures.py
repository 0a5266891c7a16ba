"""The fixtures themselves: a database is fresh for each test, and a broker answers."""

import psycopg
from sqlalchemy import make_url

from hub.runtime.embedded.kafka import brokers_at


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def test_a_database_is_migrated_and_writable(database: str) -> None:
    with psycopg.connect(_plain(database)) as connection:
        connection.execute("insert into calendar_day values ('CITY', '2026-12-01', true, '')")


def test_a_database_holds_nothing_of_another_test(database: str) -> None:
    with psycopg.connect(_plain(database)) as connection:
        assert connection.execute("select count(*) from calendar_day").fetchone() == (0,)


def test_the_broker_answers(kafka_bootstrap: str) -> None:
    assert brokers_at(kafka_bootstrap) == 1
