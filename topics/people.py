"""What waits for a person."""

from typing import Final

from topics.definition import PEOPLE_DAYS, SINGLE, Topic, topic

WORK_ITEM_RAISED: Final[Topic] = topic(
    "work-item-raised",
    "WorkItemRaised",
    key="<queue>",
    partitions=SINGLE,
    writer="work-items",
    keep=PEOPLE_DAYS,
    why="Something waits for a person; the database holds the item itself.",
)
DEAD_LETTER: Final[Topic] = topic(
    "dead-letter",
    "DeadLetter",
    key="<consumer>",
    partitions=SINGLE,
    writer="dead-letters",
    keep=PEOPLE_DAYS,
    why="A record was parked; its bytes stay in the database, never on this topic.",
)
