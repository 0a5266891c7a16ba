"""Writes a topic anew from the outbox, after its data was lost; consumers know by their inbox what they have.

What a stream processor derives has no rows of its own: the topics it is derived from are sent again.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, text

import topics
from hub.ledger.outbox import CHANNEL
from topics import Topic


def sources_of(topic: Topic) -> tuple[Topic, ...]:
    """The topics whose outbox rows bring ``topic`` back: itself, and what its stream processor reads."""
    return (topic, *(other for other in topics.ALL if topic.writer in other.readers))


def rebuild(conn: Connection, wanted: Iterable[Topic] = topics.ALL) -> int:
    """Has the relay publish again every event of these topics; how many. The topics must exist at the broker."""
    names = sorted({source.name for topic in wanted for source in sources_of(topic)})
    again = conn.execute(
        text("update outbox set published_at = null where topic = any(cast(:names as text[]))"), {"names": names}
    ).rowcount
    conn.execute(text("select pg_notify(:channel, '')"), {"channel": CHANNEL})
    return again
