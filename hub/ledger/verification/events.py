"""Nothing said goes unheard: events of the outbox are taken or in flight, answers of the banks are released in time."""

from sqlalchemy import Connection

import topics
from hub.domain.lifecycle import BatchState
from hub.domain.timetable import Step
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


def answers_are_released(conn: Connection, _evidence: Evidence) -> Outcome:
    """Once the posting step of a session was carried out for a bank, no answer of it waits to be posted (C9-3)."""
    query = """
        select 'batch' as place, b.batch_no as key, array[0] as expected, array[(b.state = :answered)::int] as found
        from batch b join step_done s on s.period = b.period and s.round = b.round and s.bank = b.bank and s.step = :posting
    """
    bound = {"answered": BatchState.ANSWERED.value, "posting": Step.POSTING.value}
    return compare_sets(conn, "answers-are-released", "batches", ("waiting",), query, **bound)
