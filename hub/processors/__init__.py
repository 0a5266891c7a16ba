"""The way of the money, step by step. A test holds this table to the files beside it and to the topics."""

from dataclasses import dataclass
from typing import Final

import topics
from topics import Topic


@dataclass(frozen=True, slots=True)
class FlowStep:
    """One step: its number on the way, the module that carries it out, what it reads and what it writes.

    ``consumer`` is its name in the inbox and as a consumer group; '' for steps that a file or the schedule sets off.
    """

    number: int
    module: str
    consumer: str
    reads: tuple[Topic, ...]
    writes: tuple[Topic, ...]
    says: str


FLOW: Final[tuple[FlowStep, ...]] = (
    FlowStep(1, "take_in_dues", "", (), (), "an agency's dues become bills (表八)"),
    FlowStep(1, "take_in_second_collection", "", (), (), "units named for the second deduction"),
    FlowStep(1, "take_in_members", "", (), (), "who supplements are for, adding up to them (表四)"),
    FlowStep(
        2, "request_deductions", "", (), (topics.DEDUCTION_REQUESTED, topics.DEDUCTION_DECLARED),
        "bills become deduction requests when an upload closes (财表六)",
    ),
    FlowStep(
        3, "collect_requests", "collect-requests", (topics.DEDUCTION_REQUESTED,), (), "the city takes in the requests"
    ),
    FlowStep(
        3, "collect_declarations", "collect-declarations", (topics.DEDUCTION_DECLARED,), (),
        "the city takes in the control totals",
    ),
    FlowStep(4, "close_city_batch", "", (), (topics.DEDUCTION_BATCHED,), "requests become bank files (表二十六, 财表七)"),
    FlowStep(
        5, "release_bank_file", "release-bank-file", (topics.DEDUCTION_BATCHED,), (), "the bank file is written and tied out"
    ),
    FlowStep(5, "deliver_bank_file", "", (), (topics.BANK_FILE_SENT,), "the bank file goes out over SFTP, with proof"),
    FlowStep(6, "watch_results", "", (), (), "an answer that does not come is late"),
    FlowStep(6, "read_bank_result", "", (), (), "every answered line is held against its request"),
    FlowStep(
        6, "release_results", "", (), (topics.FIRST_RESULT, topics.SECOND_RESULT), "answers go to posting (到位核对)"
    ),
    FlowStep(
        7, "split_funds", "split-funds", (topics.FIRST_RESULT, topics.SECOND_RESULT), (topics.FUNDS_SPLIT,),
        "money is split in statutory order",
    ),
    FlowStep(
        8, "post_arrivals", "post-arrivals", (topics.FUNDS_SPLIT,), (topics.ARRIVAL_NOTIFIED,),
        "money is posted and, batch by batch, notified (财表八, 表二十七)",
    ),
    FlowStep(10, "book_at_agency", "book-at-agency", (topics.ARRIVAL_NOTIFIED,), (), "the agency books its notice"),
    FlowStep(11, "take_in_receipts", "", (), (topics.RECEIPT_RECORDED,), "sporadic receipts are booked"),
    FlowStep(11, "take_in_returns", "", (), (topics.CHEQUE_RETURNED,), "receipts that come back are reversed (退票)"),
    FlowStep(11, "take_in_incomes", "", (), (), "other incomes and late fees are booked (其他项目收入, 滞纳金)"),
    FlowStep(11, "take_in_subsidies", "", (), (), "what unemployment finance adds for subsidised workers (补贴划转)"),
    FlowStep(11, "take_in_changes", "", (), (topics.ANSWER_CHANGED,), "banks' changed answers are booked anew (更正)"),
    FlowStep(11, "book_changes", "book-changes", (topics.ANSWER_CHANGED,), (), "the agency books what a bank changed"),
    FlowStep(
        11, "close_finances", "", (), (), "what is unpaid of supplements and repayments is cancelled (财表二, 财表三, 财表四)"
    ),
    FlowStep(12, "close_month", "", (), (topics.PERIOD_CLOSED,), "the month is closed (财表一)"),
    FlowStep(
        12, "open_arrears", "open-arrears", (topics.PERIOD_CLOSED,), (topics.ARREARS_OPENED,), "what is unpaid turns into arrears"
    ),
    FlowStep(12, "post_arrears", "post-arrears", (topics.ARREARS_OPENED,), (), "arrears are written and posted"),
    FlowStep(12, "certify_days", "", (), (), "what moved on a day is tied out once the day is over (日终核对)"),
)  # fmt: skip
"""Step 9 (notices) is carried out with step 8: the last line of a batch that is posted makes its notices."""
