"""Every topic of the hub, in the order in which money passes them."""

from typing import Final

from topics.agency import CHEQUE_RETURNED, DEDUCTION_DECLARED, DEDUCTION_REQUESTED, RECEIPT_RECORDED
from topics.arrears import ARREARS_OPENED, ARREARS_SETTLED, PERIOD_CLOSED
from topics.bank import BANK_FILE_SENT, FIRST_RESULT, SECOND_RESULT
from topics.city import ANSWER_CHANGED, ARRIVAL_NOTIFIED, DEDUCTION_BATCHED
from topics.definition import BUNDLE_LINES, Topic
from topics.funds import FUNDS_SPLIT
from topics.people import DEAD_LETTER, WORK_ITEM_RAISED

ALL: Final[tuple[Topic, ...]] = (
    DEDUCTION_REQUESTED,
    DEDUCTION_DECLARED,
    DEDUCTION_BATCHED,
    BANK_FILE_SENT,
    FIRST_RESULT,
    SECOND_RESULT,
    FUNDS_SPLIT,
    ARRIVAL_NOTIFIED,
    ANSWER_CHANGED,
    RECEIPT_RECORDED,
    CHEQUE_RETURNED,
    PERIOD_CLOSED,
    ARREARS_OPENED,
    ARREARS_SETTLED,
    WORK_ITEM_RAISED,
    DEAD_LETTER,
)

_BY_NAME: Final = {topic.name: topic for topic in ALL}


def by_name(name: str) -> Topic:
    """The topic of a full name, e.g. ``settle.first-result.v1``; KeyError when there is none."""
    return _BY_NAME[name]


def settled_by(consumer: str) -> tuple[Topic, ...]:
    """The topics of which ``consumer`` is a consumer of record."""
    return tuple(topic for topic in ALL if consumer in topic.settled_by)


__all__ = [
    "ALL",
    "ANSWER_CHANGED",
    "ARREARS_OPENED",
    "ARREARS_SETTLED",
    "ARRIVAL_NOTIFIED",
    "BANK_FILE_SENT",
    "BUNDLE_LINES",
    "CHEQUE_RETURNED",
    "DEAD_LETTER",
    "DEDUCTION_BATCHED",
    "DEDUCTION_DECLARED",
    "DEDUCTION_REQUESTED",
    "FIRST_RESULT",
    "FUNDS_SPLIT",
    "PERIOD_CLOSED",
    "RECEIPT_RECORDED",
    "SECOND_RESULT",
    "WORK_ITEM_RAISED",
    "Topic",
    "by_name",
    "settled_by",
]
