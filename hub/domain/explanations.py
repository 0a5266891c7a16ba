"""Why money is where it is: each way in which it is put somewhere, with its rule and its sentence in Chinese and English.

Three tables: the ways of money on a bill, the reasons why some is missing, and the accounts of the journal. Whoever adds a
way, or a kind of entry, adds its row here; tests hold the tables to what the books hold.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from hub.domain.lifecycle import Cancelled
from hub.domain.posting import Account, EntryKind
from hub.domain.readings import Reading, Rule, Words, reading


class Place(StrEnum):
    """Where fen of a bill are. All but SUSPENSE are parts of what is due, and add up to it."""

    ARRIVED = "arrived"  # on the bill 到位
    REPAID = "repaid"  # by repayments of its arrears 还欠
    ON_ITS_WAY = "on-its-way"  # the bank has answered, not posted yet
    UNANSWERED = "unanswered"  # 未返回
    UNARRIVED = "unarrived"  # 未到
    ARREARS = "arrears"  # 欠缴
    CANCELLED = "cancelled"  # 注销
    ELSEWHERE = "elsewhere"  # another system's, its bank is in shadow
    DISAGREES = "disagrees"  # what the books contradict themselves in; never, in good books
    SUSPENSE = "suspense"  # 暂收款: beyond what is due


class Way(StrEnum):
    """How fen of a bill came to be where they are."""

    BANK = "bank"
    LATE = "late"
    RECEIPT = "receipt"
    RECEIPT_BACK = "receipt-back"
    ANSWER_BACK = "answer-back"
    ANSWER_ANEW = "answer-anew"
    REPAID = "repaid"
    REPAID_BACK = "repaid-back"
    WAITS = "waits"
    POSTING = "posting"
    UNANSWERED = "unanswered"
    UNARRIVED = "unarrived"
    OPENING = "opening"
    ARREARS = "arrears"
    IN_DOUBT = "in-doubt"
    ARREARS_AGAIN = "arrears-again"
    CANCELLED = "cancelled"
    ELSEWHERE = "elsewhere"
    DISAGREES = "disagrees"
    BEYOND = "beyond"
    BEYOND_BACK = "beyond-back"
    BEYOND_ANEW = "beyond-anew"


class Because(StrEnum):
    """Why some of a bill is missing."""

    SHORT_IN_TURN = "short-in-turn"
    NOTHING_DEDUCTED = "nothing-deducted"
    TAKEN_BACK = "taken-back"
    SPORADIC = "sporadic"
    NOT_ASKED_YET = "not-asked-yet"
    NOT_ASKED = "not-asked"
    NOT_IN_SHADOW = "not-in-shadow"
    NAMED = "named"
    MAY_BE_NAMED = "may-be-named"
    NOT_NAMED = "not-named"
    NOTHING_LEFT = "nothing-left"
    ENDED = "ended"
    STILL_UNANSWERED = "still-unanswered"
    CANCELLED_FAILED = f"cancelled-{Cancelled.FAILED}"
    CANCELLED_UNPAID = f"cancelled-{Cancelled.UNPAID}"
    CANCELLED_RETURNED = f"cancelled-{Cancelled.RETURNED}"
    CANCELLED_SETTLED = f"cancelled-{Cancelled.SETTLED}"


class Explained(NamedTuple):
    """A row of the tables: the rule, and the sentence with places for values."""

    rule: Rule
    says: Words


class Said(NamedTuple):
    """A sentence that is said: what it stands on, as it was read on a day, and its words."""

    what: str
    reading: Reading
    says: Words


def _row(rule: Rule, zh: str, en: str) -> Explained:
    return Explained(rule, Words(zh, en))


WAYS: Final[Mapping[Way, tuple[Place, Explained]]] = {
    Way.BANK: (
        Place.ARRIVED,
        _row(
            Rule.SPLIT_ORDER,
            "{bank} 第{round}次扣款: 请求 {asked}, 扣到 {deducted}, 按险种顺序分账",
            "{bank} deducted {deducted} of {asked} in round {round}, split in statutory order",
        ),
    ),
    Way.LATE: (
        Place.ARRIVED,
        _row(
            Rule.LATE_ANSWER,
            "{bank} 第{round}次扣款迟到返回: 请求 {asked}, 扣到 {deducted}, 返回时入账",
            "{bank} answered round {round} late: {deducted} of {asked}, posted when it came",
        ),
    ),
    Way.RECEIPT: (
        Place.ARRIVED,
        _row(
            Rule.SPORADIC,
            "零星缴费 {receipt} ({method}), 收于 {received_on}",
            "receipt {receipt} ({method}) of {received_on}",
        ),
    ),
    Way.RECEIPT_BACK: (
        Place.ARRIVED,
        _row(
            Rule.RETURNED,
            "退票 {return_no}: 冲销 {receipt}, 原因: {reason}",
            "{return_no} returned {receipt}, reversed whole: {reason}",
        ),
    ),
    Way.ANSWER_BACK: (
        Place.ARRIVED,
        _row(
            Rule.CHANGED_ANSWER,
            "{bank} 更正(第{version}次), 原入账冲销: {reason}",
            "{bank} changed its answer (version {version}): what was booked is reversed: {reason}",
        ),
    ),
    Way.ANSWER_ANEW: (
        Place.ARRIVED,
        _row(
            Rule.CHANGED_ANSWER,
            "{bank} 更正(第{version}次)后扣到 {deducted}, 请求 {asked}, 按险种顺序分账",
            "{bank} changed its answer (version {version}) to {deducted} of {asked}, split in statutory order",
        ),
    ),
    Way.REPAID: (
        Place.REPAID,
        _row(Rule.REPAYMENT, "还欠 {repayment} 冲减欠缴", "repayment {repayment} settled arrears"),
    ),
    Way.REPAID_BACK: (
        Place.REPAID,
        _row(
            Rule.REPAYMENT,
            "还欠 {repayment} 的款项退回, 欠缴恢复",
            "the money of repayment {repayment} went back, the arrears stand again",
        ),
    ),
    Way.WAITS: (
        Place.ON_ITS_WAY,
        _row(
            Rule.ARRIVAL,
            "{bank} 第{round}次扣款已返回 {deducted}, 等待入账时点",
            "{bank} answered {deducted} in round {round}; it waits for the hour of posting",
        ),
    ),
    Way.POSTING: (
        Place.ON_ITS_WAY,
        _row(
            Rule.ARRIVAL,
            "{bank} 第{round}次扣款已返回 {deducted}, 正在入账",
            "{bank} answered {deducted} in round {round}; it is being posted",
        ),
    ),
    Way.UNANSWERED: (
        Place.UNANSWERED,
        _row(
            Rule.UNANSWERED,
            "{bank} 第{round}次扣款请求 {asked}, 银行尚未返回",
            "{bank} was asked for {asked} in round {round} and has not answered",
        ),
    ),
    Way.UNARRIVED: (
        Place.UNARRIVED,
        _row(Rule.NOT_PAID_IN_FULL, "应缴 {due}, 尚缺 {missing}", "{missing} of the {due} due has not come"),
    ),
    Way.OPENING: (
        Place.ARREARS,
        _row(
            Rule.ARREARS,
            "{period} 月末已结账, 欠缴正在登记",
            "the month {period} has closed; its arrears are being opened",
        ),
    ),
    Way.ARREARS: (
        Place.ARREARS,
        _row(
            Rule.ARREARS,
            "{opened_on} 月末未到位 {opened} 转为欠缴, 现余 {left}",
            "{opened} had not arrived at the month end {opened_on}; {left} is left",
        ),
    ),
    Way.IN_DOUBT: (
        Place.ARREARS,
        _row(
            Rule.IN_DOUBT,
            "{opened_on} 月末银行未返回, {opened} 转为存疑欠缴, 现余 {left}",
            "the bank had not answered at the month end {opened_on}: {opened} opened in doubt; {left} is left",
        ),
    ),
    Way.ARREARS_AGAIN: (
        Place.ARREARS,
        _row(
            Rule.RETURNED,
            "{period} 月末后款项退回, {opened_on} 起为欠缴, 现余 {left}",
            "money of {period} went back after its month end: arrears from {opened_on}; {left} is left",
        ),
    ),
    Way.CANCELLED: (
        Place.CANCELLED,
        _row(
            Rule.CANCELLATION,
            "{cancelled_at} 注销, 须重新办理",
            "cancelled on {cancelled_at}; it has to be filed again",
        ),
    ),
    Way.ELSEWHERE: (
        Place.ELSEWHERE,
        _row(
            Rule.SHADOW,
            "{bank} 在 {period} 并行试运行, 由另一系统收缴",
            "{bank} was in shadow in {period}; another system collects this",
        ),
    ),
    Way.DISAGREES: (
        Place.DISAGREES,
        _row(Rule.ADDS_UP, "账簿自相矛盾, 请运行 hub verify", "the books contradict themselves here: run hub verify"),
    ),
    Way.BEYOND: (
        Place.SUSPENSE,
        _row(
            Rule.SUSPENSE,
            "{bank} 第{round}次扣款 {deducted} 超过缴费单未缴额的部分记暂收款",
            "of {deducted} that {bank} deducted in round {round}, what the bill did not lack",
        ),
    ),
    Way.BEYOND_BACK: (
        Place.SUSPENSE,
        _row(
            Rule.CHANGED_ANSWER,
            "{bank} 更正(第{version}次), 暂收款冲销: {reason}",
            "{bank} changed its answer (version {version}): its suspense is reversed: {reason}",
        ),
    ),
    Way.BEYOND_ANEW: (
        Place.SUSPENSE,
        _row(
            Rule.SUSPENSE,
            "{bank} 更正(第{version}次)后 {deducted} 超过缴费单未缴额的部分记暂收款",
            "of {deducted} after {bank} changed its answer (version {version}), what the bill did not lack",
        ),
    ),
}

REASONS: Final[Mapping[Because, Explained]] = {
    Because.SHORT_IN_TURN: _row(
        Rule.SPLIT_ORDER,
        "第{round}次扣款: 轮到{fund}时只剩 {left}, 请求 {asked}, 缺 {short}; 其后险种不分",
        "round {round}: when {fund_en} had its turn {left} was left of {asked} asked, short by {short}, so later funds got 0",
    ),
    Because.NOTHING_DEDUCTED: _row(
        Rule.NOT_PAID_IN_FULL,
        "第{round}次扣款未扣到: {code} {reason_zh}",
        "round {round} deducted nothing: {code} {reason_en}",
    ),
    Because.TAKEN_BACK: _row(Rule.RETURNED, "到位后又退回或更正 {amount}", "{amount} had come and was taken back"),
    Because.SPORADIC: _row(
        Rule.SPORADIC, "零星缴费: 单位尚未向经办机构缴清", "sporadic: the unit has not paid its agency"
    ),
    Because.NOT_ASKED_YET: _row(
        Rule.REQUEST, "尚未请求银行: 随下次上传", "no bank was asked yet: it goes with the next upload"
    ),
    Because.NOT_ASKED: _row(Rule.REQUEST, "本月没有请求银行", "no bank was asked in its month"),
    Because.NOT_IN_SHADOW: _row(
        Rule.SHADOW,
        "第二次上传时银行在并行试运行, 不请求",
        "the bank was in shadow at the second upload, so it was not asked",
    ),
    Because.NAMED: _row(
        Rule.SECOND_DEDUCTION,
        "已点名第二次扣款, 随第二次上传请求缺额",
        "named for the second deduction: its upload asks for what is missing",
    ),
    Because.MAY_BE_NAMED: _row(
        Rule.SECOND_DEDUCTION,
        "未点名则不再请求: 可在第二次上传前点名",
        "not asked again unless the agency names the unit before the second upload",
    ),
    Because.NOT_NAMED: _row(
        Rule.SECOND_DEDUCTION,
        "第二次上传前没有点名该单位, 未再请求",
        "not asked again: no second collection named the unit before the second upload",
    ),
    Because.NOTHING_LEFT: _row(
        Rule.REQUEST,
        "第二次上传时没有未缴金额, 未再请求",
        "named, but nothing was outstanding at the second upload, so not asked again",
    ),
    Because.ENDED: _row(
        Rule.SECOND_DEDUCTION,
        "催缴后改为零星缴费, 本月不再请求银行",
        "not asked again: the unit pays its agency directly (mode S), final for the month",
    ),
    Because.STILL_UNANSWERED: _row(
        Rule.UNANSWERED, "银行未返回的不再次请求", "not asked again while an earlier request is unanswered"
    ),
    Because.CANCELLED_FAILED: _row(Rule.CANCELLATION, "银行扣款未成功", "the bank deducted nothing"),
    Because.CANCELLED_UNPAID: _row(Rule.CANCELLATION, "财务结账前未缴", "sporadic, and not paid by the finance close"),
    Because.CANCELLED_RETURNED: _row(Rule.RETURNED, "已入账款项退回", "the money that had paid it went back"),
    Because.CANCELLED_SETTLED: _row(
        Rule.REPAYMENT,
        "所还欠缴已由其他款项结清, 还欠不足额不入",
        "its arrears were settled otherwise before its money came",
    ),
}

CODES_ZH: Final[Mapping[str, str]] = {
    "02": "余额不足",
    "03": "账户不存在",
    "04": "账户冻结",
    "05": "户名不符",
    "06": "无委托协议",
    "99": "其他",
}

_SIDES: Final[Mapping[Account, Words]] = {
    Account.INCOME_ACCOUNT: Words("收入户存款", "fund income account"),
    Account.CITY_CLEARING: Words("与市中心往来", "clearing with the city"),
    Account.SUSPENSE: Words("暂收款", "suspense"),
    Account.FUND_INCOME: Words("保险费收入", "fund income"),
    Account.MEMO_DUES: Words("应收备查", "memorandum of dues"),
    Account.MEMO_ARREARS: Words("欠缴备查", "memorandum of arrears"),
    Account.MEMO_CONTRA: Words("备查对应", "memorandum contra"),
}
_KINDS: Final[Mapping[EntryKind, Words]] = {
    EntryKind.DUES_TAKEN_IN: Words("接收应收", "dues taken in"),
    EntryKind.BANK_ARRIVAL: Words("市级回款", "a bank's money at the city"),
    EntryKind.AGENCY_ARRIVAL: Words("经办机构依表二十七入账", "the same money at the agency, by its notice"),
    EntryKind.RECEIPT: Words("零星缴费入账", "sporadic receipts"),
    EntryKind.RECEIPT_RETURNED: Words("退票冲销", "returned receipts reversed"),
    EntryKind.ANSWER_REVERSED: Words("市级更正冲销", "changed answers reversed at the city"),
    EntryKind.ANSWER_CHANGED: Words("市级更正入账", "changed answers booked anew at the city"),
    EntryKind.AGENCY_ANSWER_REVERSED: Words("经办机构更正冲销", "changed answers reversed at the agency"),
    EntryKind.AGENCY_ANSWER_CHANGED: Words("经办机构更正入账", "changed answers booked anew at the agency"),
    EntryKind.ARREARS_OPENED: Words("月末转欠缴", "arrears opened at month end"),
    EntryKind.CANCELLATION: Words("补缴注销", "supplements cancelled"),
}

_AT_AGENCY: Final[Mapping[Account, Rule]] = {
    Account.CITY_CLEARING: Rule.AGENCY_NOTICE,
    Account.FUND_INCOME: Rule.AGENCY_NOTICE,
    Account.SUSPENSE: Rule.SUSPENSE,
    Account.MEMO_CONTRA: Rule.MEMORANDUM,
    Account.MEMO_DUES: Rule.MEMORANDUM,
    Account.MEMO_ARREARS: Rule.ARREARS,
}
BOOKED: Final[Mapping[EntryKind, Mapping[Account, Rule]]] = {
    EntryKind.DUES_TAKEN_IN: {Account.MEMO_DUES: Rule.DUES, Account.MEMO_CONTRA: Rule.MEMORANDUM},
    EntryKind.BANK_ARRIVAL: {
        Account.INCOME_ACCOUNT: Rule.ARRIVAL,
        Account.FUND_INCOME: Rule.SPLIT_ORDER,
        Account.SUSPENSE: Rule.SUSPENSE,
    },
    EntryKind.AGENCY_ARRIVAL: _AT_AGENCY,
    EntryKind.RECEIPT: {
        Account.INCOME_ACCOUNT: Rule.SPORADIC,
        Account.FUND_INCOME: Rule.SPORADIC,
        Account.MEMO_CONTRA: Rule.MEMORANDUM,
        Account.MEMO_DUES: Rule.MEMORANDUM,
        Account.MEMO_ARREARS: Rule.REPAYMENT,
    },
    EntryKind.RECEIPT_RETURNED: {
        Account.INCOME_ACCOUNT: Rule.RETURNED,
        Account.FUND_INCOME: Rule.RETURNED,
        Account.MEMO_CONTRA: Rule.MEMORANDUM,
        Account.MEMO_DUES: Rule.MEMORANDUM,
        Account.MEMO_ARREARS: Rule.RETURNED,
    },
    EntryKind.ANSWER_REVERSED: dict.fromkeys(
        (Account.INCOME_ACCOUNT, Account.FUND_INCOME, Account.SUSPENSE), Rule.CHANGED_ANSWER
    ),
    EntryKind.ANSWER_CHANGED: {
        Account.INCOME_ACCOUNT: Rule.CHANGED_ANSWER,
        Account.FUND_INCOME: Rule.SPLIT_ORDER,
        Account.SUSPENSE: Rule.SUSPENSE,
    },
    EntryKind.AGENCY_ANSWER_REVERSED: {
        **dict.fromkeys(_AT_AGENCY, Rule.CHANGED_ANSWER),
        Account.MEMO_CONTRA: Rule.MEMORANDUM,
    },
    EntryKind.AGENCY_ANSWER_CHANGED: {
        **dict.fromkeys(_AT_AGENCY, Rule.CHANGED_ANSWER),
        Account.MEMO_CONTRA: Rule.MEMORANDUM,
    },
    EntryKind.ARREARS_OPENED: {Account.MEMO_DUES: Rule.ARREARS, Account.MEMO_ARREARS: Rule.ARREARS},
    EntryKind.CANCELLATION: {Account.MEMO_DUES: Rule.CANCELLATION, Account.MEMO_CONTRA: Rule.MEMORANDUM},
}
"""Which rule puts money on an account, by what the entry books."""


class Part(StrEnum):
    """What of a bill stands behind an entry."""

    DUES = "dues"  # money for a bill in its month, or the dues themselves
    ARREARS = "arrears"  # money that settles, or taken back opens, arrears
    OPENED = "opened"  # dues that become arrears
    SUSPENSE = "suspense"


_MONEY: Final = frozenset({Part.DUES, Part.ARREARS})
HOLDS: Final[Mapping[Account, frozenset[Part]]] = {
    Account.INCOME_ACCOUNT: _MONEY | {Part.SUSPENSE},
    Account.CITY_CLEARING: _MONEY | {Part.SUSPENSE},
    Account.FUND_INCOME: _MONEY,
    Account.MEMO_CONTRA: _MONEY,
    Account.SUSPENSE: frozenset({Part.SUSPENSE}),
    Account.MEMO_DUES: frozenset({Part.DUES, Part.OPENED}),
    Account.MEMO_ARREARS: frozenset({Part.ARREARS, Part.OPENED}),
}
"""Which parts of the bills behind an entry an account of it adds up."""


def say(what: Way | Because, day: date, values: Mapping[str, str]) -> Said:
    """The sentence of a way or a reason, by the reading in force on ``day``; amounts come in as yuan text."""
    rule, says = WAYS[what][1] if isinstance(what, Way) else REASONS[what]
    return Said(what.value, reading(rule, day), Words(*(each.format(**values) for each in says)))


def say_posting(what: EntryKind, account: Account, day: date) -> Said:
    """Why an entry has this account, by the reading in force on its business day."""
    rule = BOOKED[what][account]
    words = Words(*(f"{kind} → {side}" for kind, side in zip(_KINDS[what], _SIDES[account], strict=True)))
    return Said(account.value, reading(rule, day), words)
