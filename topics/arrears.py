"""Month end and arrears (欠缴)."""

from typing import Final

from topics.definition import IN_FLIGHT_AT_LEISURE, PLAIN, SHARDED, Topic, topic

PERIOD_CLOSED: Final[Topic] = topic(
    "period-closed",
    "PeriodClosed",
    key="<agency>/<shard>",
    partitions=SHARDED,
    writer="close-month",
    readers=("open-arrears",),
    settled_by=("post-arrears",),
    why="Month end: bills on which money is still outstanding.",
    in_flight_lines=IN_FLIGHT_AT_LEISURE,
)
ARREARS_OPENED: Final[Topic] = topic(
    "arrears-opened",
    "ArrearsOpened",
    key="<agency>/<shard>",
    partitions=SHARDED,
    writer="open-arrears",
    readers=("post-arrears",),
    settled_by=("post-arrears",),
    why="Unarrived becomes arrears (C9-6), one event per period-closed event, derived, so not in the outbox; and, with its"
    " cause, what a return or a changed answer opens of a closed month, or of what a repayment had settled.",
)
ARREARS_SETTLED: Final[Topic] = topic(
    "arrears-settled",
    "ArrearsSettled",
    key="<agency>",
    partitions=PLAIN,
    writer="settlements",
    why="Money of a later month, a bank's, a changed answer's or a counter's, settled arrears; for the desk and readers outside.",
)
