"""Money on its way into the four funds."""

from typing import Final

from topics.definition import SHARDED, Topic, topic

FUNDS_SPLIT: Final[Topic] = topic(
    "funds-split",
    "FundsSplit",
    key="<agency>/<shard>",
    partitions=SHARDED,
    writer="split-funds",
    readers=("post-arrivals",),
    settled_by=("post-arrivals",),
    why="Deducted amounts in statutory order (C9-2), one event per result event; derived, so never in the outbox.",
)
