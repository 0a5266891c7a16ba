"""The rules that move money, with the articles they stand on, and our readings of them (解读) as dated data.

A change of a reading is a new row with the next version, never an edit of an old one; what happened before stays explained by
the version that was in force on its business day. Articles: **C** collection rules, **R** registration rules, 2004-12-01.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple


class Words(NamedTuple):
    """The same in Chinese and in English."""

    zh: str
    en: str


class Rule(StrEnum):
    """What puts money where it is. The value is the rule's id, in explanations and in ``docs/rules.md``."""

    DUES = "dues"
    REQUEST = "request"
    SPLIT_ORDER = "split-order"
    NOT_PAID_IN_FULL = "not-paid-in-full"
    ARRIVAL = "arrival"
    AGENCY_NOTICE = "agency-notice"
    MEMORANDUM = "memorandum"
    UNANSWERED = "unanswered"
    LATE_ANSWER = "late-answer"
    CHANGED_ANSWER = "changed-answer"
    SUSPENSE = "suspense"
    SPORADIC = "sporadic"
    RETURNED = "returned-payment"
    SECOND_DEDUCTION = "second-deduction"
    ARREARS = "arrears"
    IN_DOUBT = "arrears-in-doubt"
    REPAYMENT = "repayment"
    CANCELLATION = "cancellation"
    SHADOW = "shadow"
    ADDS_UP = "adds-up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a rule is carried out from a day on. ``ours``: the regulation leaves it open, and this is our reading.

    ``module``: where the rule stands in the code; ``articles`` may be empty where no article speaks.
    """

    rule: Rule
    version: int
    in_force_from: date
    articles: tuple[str, ...]
    ours: bool
    module: str
    says: Words


_FIRST_DAY: Final = date(2004, 12, 1)


def _first(rule: Rule, articles: str, module: str, says: Words, *, ours: bool = False) -> Reading:
    return Reading(
        rule=rule,
        version=1,
        in_force_from=_FIRST_DAY,
        articles=tuple(articles.split()),
        ours=ours,
        module=module,
        says=says,
    )


READINGS: Final[tuple[Reading, ...]] = (
    _first(
        Rule.DUES,
        "C8 C9-1",
        "hub.processors.take_in_dues",
        Words(
            "业务转财务的应收(表八、表五)记入应收备查",
            "what business hands to finance (表八, 表五) is due, on memorandum",
        ),
    ),
    _first(
        Rule.REQUEST,
        "C9-1 C9-5",
        "hub.processors.request_deductions",
        Words(
            "每次上传只请求尚未到位的金额, 每轮一次", "each upload asks for exactly what is outstanding, once a round"
        ),
        ours=True,
    ),
    _first(
        Rule.SPLIT_ORDER,
        "C4 C9-2",
        "hub.domain.splitting",
        Words(
            "按养老、失业、工伤、生育的顺序分账, 前一险种未足额, 后一险种不分",
            "money is split pension, unemployment, injury, maternity; a fund gets nothing while an earlier one is short",
        ),
        ours=True,
    ),
    _first(
        Rule.NOT_PAID_IN_FULL,
        "C9-3",
        "hub.domain.arrears",
        Words("部分扣款即为到账, 缺额为未到", "a part that came in is booked; what is missing is the unarrived item"),
        ours=True,
    ),
    _first(
        Rule.ARRIVAL,
        "C9-3",
        "hub.processors.post_arrivals",
        Words("银行到账, 市级回款入账", "what a bank deducted is booked at the city"),
    ),
    _first(
        Rule.AGENCY_NOTICE,
        "C3 C9-4",
        "hub.processors.book_at_agency",
        Words(
            "经办机构依表二十七入账, 与市中心往来核算",
            "the agency books by its notice (表二十七), against the city's clearing account",
        ),
    ),
    _first(
        Rule.MEMORANDUM,
        "C3",
        "hub.domain.posting",
        Words(
            "收付实现制: 应收、未到、欠缴只记备查", "cash basis: dues, unarrived and arrears are memorandum accounts"
        ),
        ours=True,
    ),
    _first(
        Rule.UNANSWERED,
        "C9-3",
        "hub.processors.watch_results",
        Words(
            "银行未返回的既非到位也非未到, 不再次请求",
            "what a bank has not answered is neither arrived nor unarrived, and not asked again",
        ),
        ours=True,
    ),
    _first(
        Rule.LATE_ANSWER,
        "C9-3",
        "hub.processors.release_results",
        Words(
            "迟到的结果随到随入账, 记入当前开放账期, 已出报表不重述",
            "a late answer is posted when it comes, into the open period; closed forms are not restated",
        ),
        ours=True,
    ),
    _first(
        Rule.CHANGED_ANSWER,
        "C9-3",
        "hub.processors.take_in_changes",
        Words(
            "银行更正: 原入账原样冲销, 新金额按迟到结果入账",
            "a bank's changed answer: what was booked is reversed exactly, the new amount is booked as a late answer",
        ),
        ours=True,
    ),
    _first(
        Rule.SUSPENSE,
        "",
        "hub.ledger.arrivals",
        Words(
            "超过缴费单未缴额的款项记暂收款, 由人处理",
            "money beyond what a bill lacks is suspense, for a person to decide",
        ),
        ours=True,
    ),
    _first(
        Rule.SPORADIC,
        "C3 C9-1 C9-5",
        "hub.processors.take_in_receipts",
        Words(
            "零星缴费(现金、支票、托收)上缴所属经办机构, 受理即入账",
            "cash, cheque and collection go to the agency and are booked on acceptance",
        ),
    ),
    _first(
        Rule.RETURNED,
        "C10 C11",
        "hub.domain.returned_payments",
        Words(
            "已入账的支票或托收被退: 整笔冲销, 记入当前开放账期",
            "a booked cheque or collection that comes back is reversed whole, in the open period",
        ),
        ours=True,
    ),
    _first(
        Rule.SECOND_DEDUCTION,
        "C9-5",
        "hub.domain.second_collection",
        Words(
            "未足额单位经催缴后重新确定收款方式, 第二次扣款只请求点名的单位",
            "after dunning the agency names the units; the second deduction asks only those named",
        ),
        ours=True,
    ),
    _first(
        Rule.ARREARS,
        "C9-6",
        "hub.processors.close_month",
        Words("月末未到位的月报金额转为欠缴", "what of a monthly bill has not arrived at month end becomes arrears"),
    ),
    _first(
        Rule.IN_DOUBT,
        "C9-6",
        "hub.ledger.arrears_book",
        Words(
            "月末银行仍未返回的月报金额转为欠缴, 标记存疑",
            "a monthly amount still unanswered at month end becomes arrears, in doubt",
        ),
        ours=True,
    ),
    _first(
        Rule.REPAYMENT,
        "C11",
        "hub.domain.repayments",
        Words("还欠须按表十足额到账, 冲减欠缴", "a repayment (表十) arrives whole and settles arrears"),
    ),
    _first(
        Rule.CANCELLATION,
        "C10 C11",
        "hub.ledger.cancellations",
        Words(
            "补缴、还欠不成功的注销, 须重新办理",
            "a supplement or repayment that fails is cancelled and has to be filed again",
        ),
    ),
    _first(
        Rule.SHADOW,
        "",
        "hub.ledger.shadow",
        Words(
            "并行试运行的银行由另一系统收缴, 本系统不记账",
            "of a bank in shadow another system collects; nothing is booked here",
        ),
        ours=True,
    ),
    _first(
        Rule.ADDS_UP,
        "",
        "hub.ledger.verification.bills",
        Words(
            "应缴 = 到位 + 未到 + 未返回, 月末应缴 = 到位 + 欠缴",
            "due = arrived + unarrived + unanswered; at month end due = arrived + arrears",
        ),
        ours=True,
    ),
)
"""In order of rule and version. A change is a new row, never an edit of an old one."""


def reading(rule: Rule, day: date) -> Reading:
    """The reading of a rule that is in force on a business day; before the first, the first."""
    versions = [each for each in READINGS if each.rule is rule]
    in_force = [each for each in versions if each.in_force_from <= day]
    return in_force[-1] if in_force else versions[0]
