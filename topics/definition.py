"""What a topic is: a record for people first. Creating it at the broker is ``hub.runtime.topic_admin``'s work."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

PREFIX: Final = "settle."
BUNDLE_LINES: Final = 500
"""Lines that one event carries at most; a bundle is the lines of one batch for one key."""

SHARDED: Final = 8
"""Partitions of a topic keyed ``<agency>/<shard>``: big districts spread over them."""

PLAIN: Final = 4
"""Partitions of a topic keyed by agency or bank."""

SINGLE: Final = 1
"""Partitions of a topic that people read."""

IN_FLIGHT_LINES: Final = 75_000
"""Lines of a topic that are published and still awaited, at most: a hundred and fifty full bundles, about a second of work."""

IN_FLIGHT_AT_LEISURE: Final = 10_000
"""The same for what nobody waits for within the minute, so that it keeps nothing waiting itself."""

MONEY_DAYS: Final = timedelta(days=400)
"""A collection year and a month. Retention is comfort, not safety: the database can write every topic anew."""

PEOPLE_DAYS: Final = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic: its name at the broker, the record on it, who writes it, who reads it and why it is there.

    ``settled_by`` are the consumers of record: an event is in flight until each of them has it in its inbox. For a
    topic whose reader derives further events that is the consumer of the derived ones: only it leaves a trace.
    ``in_flight_lines`` bounds what is published and not yet in every inbox, see ``hub.ledger.outbox``.
    """

    name: str
    schema: str
    key: str
    partitions: int
    retention_ms: int
    cleanup: str
    writer: str
    readers: tuple[str, ...]
    settled_by: tuple[str, ...]
    why: str
    in_flight_lines: int = IN_FLIGHT_LINES

    @property
    def title(self) -> str:
        """The name without prefix and version: ``settle.first-result.v1`` is ``first-result``."""
        return self.name.removeprefix(PREFIX).rpartition(".v")[0]


def topic(
    title: str,
    record: str,
    *,
    key: str,
    partitions: int,
    writer: str,
    why: str,
    readers: tuple[str, ...] = (),
    settled_by: tuple[str, ...] = (),
    keep: timedelta = MONEY_DAYS,
    in_flight_lines: int = IN_FLIGHT_LINES,
) -> Topic:
    """A topic under our naming rules: ``settle.<title>.v1``, records deleted by age only, never compacted."""
    return Topic(
        name=f"{PREFIX}{title}.v1",
        schema=f"settle.{record}",
        key=key,
        partitions=partitions,
        retention_ms=keep // timedelta(milliseconds=1),
        cleanup="delete",
        writer=writer,
        readers=readers,
        settled_by=settled_by,
        why=why,
        in_flight_lines=in_flight_lines,
    )
