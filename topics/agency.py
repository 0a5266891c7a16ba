"""What the district agencies (经办机构) say."""

from typing import Final

from topics.definition import PLAIN, SHARDED, Topic, topic

DEDUCTION_REQUESTED: Final[Topic] = topic(
    "deduction-requested",
    "DeductionRequested",
    key="<agency>/<shard>",
    partitions=SHARDED,
    writer="request-deductions",
    readers=("collect-requests",),
    settled_by=("collect-requests",),
    why="Day 1: what an agency asks the banks to deduct (委托扣款), line by line.",
)
DEDUCTION_DECLARED: Final[Topic] = topic(
    "deduction-declared",
    "DeductionDeclared",
    key="<agency>",
    partitions=PLAIN,
    writer="request-deductions",
    readers=("collect-declarations",),
    settled_by=("collect-declarations",),
    why="Day 1: the control totals (财表六) against which the city holds the lines it received.",
)
RECEIPT_RECORDED: Final[Topic] = topic(
    "receipt-recorded",
    "ReceiptRecorded",
    key="<agency>",
    partitions=PLAIN,
    writer="take-in-receipts",
    why="A sporadic receipt (零星收款) was booked; for the desk and for readers outside.",
)
CHEQUE_RETURNED: Final[Topic] = topic(
    "cheque-returned",
    "ChequeReturned",
    key="<agency>",
    partitions=PLAIN,
    writer="take-in-returns",
    why="A receipt came back unpaid (退票) and was reversed exactly; for the desk and for readers outside.",
)
