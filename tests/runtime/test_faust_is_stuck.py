"""When Faust counts as stuck: an event came after the last one it took, and waits for longer than it should."""

import uuid

import pytest
from sqlalchemy import text

import topics
from hub.ledger.database import engine
from hub.runtime.streams import _passed_over

READ = topics.FIRST_RESULT.name


@pytest.mark.parametrize(
    ("topic", "awaiting", "published_seconds_ago", "silent_seconds", "stuck"),
    [
        (READ, 1, 30, 60, True),
        (READ, 1, 30, 25, False),  # something was taken after it came: it waits further down the way
        (READ, 1, 5, 60, False),  # it has only just come
        (READ, 0, 30, 60, False),  # nobody waits for it any more
        (topics.DEDUCTION_BATCHED.name, 1, 30, 60, False),  # not Faust's to take
    ],
)
def test_passed_over(
    database: str, topic: str, awaiting: int, published_seconds_ago: int, silent_seconds: float, stuck: bool
) -> None:
    books = engine(database)
    try:
        with books.begin() as conn:
            conn.execute(
                text("""
                    insert into outbox (event_id, topic, key, payload, subject, lines, occurred_at, awaiting, published_at)
                    values (:id, :topic, 'k', '', 's', 1, now(), :awaiting, now() - make_interval(secs => :ago))
                """),
                {"id": uuid.uuid4(), "topic": topic, "awaiting": awaiting, "ago": published_seconds_ago},
            )
        assert _passed_over(books, [READ], silent_seconds) is stuck
    finally:
        books.dispose()
