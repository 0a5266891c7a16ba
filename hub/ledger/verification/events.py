"""Nothing said goes unheard: every event of the outbox is taken by all its consumers of record, or still in flight."""

from sqlalchemy import Connection

import topics
from hub.ledger.verification.findings import Evidence, Outcome, compare_sets


def events_are_taken_or_in_flight(conn: Connection, _evidence: Evidence) -> Outcome:
    """Taken (expected, out of the inbox) = no longer awaited (found, out of the outbox), for each event."""
    of_record = [(topic.name, consumer) for topic in topics.ALL for consumer in topic.settled_by]
    query = """
        with of_record as (
            select * from unnest(cast(:topics as text[]), cast(:consumers as text[])) as r (topic, consumer)),
        owed as (select topic, count(*) as consumers from of_record group by topic),
        taken as (
            select o.event_id, count(*) as times
            from outbox o join of_record r using (topic)
            join inbox i on i.settles = o.event_id and i.consumer = r.consumer group by o.event_id)
        select 'outbox' as place, o.topic || ' ' || o.subject as key, array[coalesce(t.times, 0)] as expected,
            array[coalesce(w.consumers, 0) - o.awaiting] as found
        from outbox o left join owed w using (topic) left join taken t on t.event_id = o.event_id
    """
    bound = {"topics": [topic for topic, _ in of_record], "consumers": [consumer for _, consumer in of_record]}
    return compare_sets(conn, "events-are-taken-or-in-flight", "events", ("takers",), query, **bound)
