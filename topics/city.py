"""What the city centre (市中心) says."""

from typing import Final

from topics.definition import PLAIN, Topic, topic

DEDUCTION_BATCHED: Final[Topic] = topic(
    "deduction-batched",
    "DeductionBatched",
    key="<bank>",
    partitions=PLAIN,
    writer="close-city-batch",
    readers=("release-bank-file",),
    settled_by=("release-bank-file",),
    why="Day 2: a batch for a bank is closed (表二十六, 财表七) and its file may leave.",
)
ANSWER_CHANGED: Final[Topic] = topic(
    "answer-changed",
    "AnswerChanged",
    key="<agency>",
    partitions=PLAIN,
    writer="take-in-changes",
    readers=("book-changes",),
    settled_by=("book-changes",),
    why="A bank changed answers that were booked (更正): what is taken back and what takes its place; the agency books by it.",
)
ARRIVAL_NOTIFIED: Final[Topic] = topic(
    "arrival-notified",
    "ArrivalNotified",
    key="<agency>",
    partitions=PLAIN,
    writer="post-arrivals",
    readers=("book-at-agency",),
    settled_by=("book-at-agency",),
    why="Days 4 and 21: what arrived for an agency (表二十七, 财表八); the agency books by it.",
)
