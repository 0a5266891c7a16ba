"""What goes to the banks and what they answer."""

from typing import Final

from topics.definition import PLAIN, SHARDED, Topic, topic

BANK_FILE_SENT: Final[Topic] = topic(
    "bank-file-sent",
    "BankFileSent",
    key="<bank>",
    partitions=PLAIN,
    writer="deliver-bank-file",
    why="A bank file was delivered and read back from the bank's server; for the desk and for readers outside.",
)


def _result(title: str, day: str) -> Topic:
    return topic(
        title,
        "BankResult",
        key="<agency>/<shard>",
        partitions=SHARDED,
        writer="release-results",
        readers=("split-funds",),
        settled_by=("post-arrivals",),
        why=f"{day}: a bank's answers, each held against its request, released for posting.",
    )


FIRST_RESULT: Final[Topic] = _result("first-result", "Day 3")
SECOND_RESULT: Final[Topic] = _result("second-result", "Day 20")
