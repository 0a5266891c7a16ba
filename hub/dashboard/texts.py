"""The desk's words in Chinese and English. A word the table does not know is shown as it is."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hub.dashboard.numerals import FEN_PER_MILLION, FEN_PER_WAN, million, wan, yuan


class Language(StrEnum):
    """Chinese is what the desk speaks unless asked otherwise."""

    CHINESE = "zh"
    ENGLISH = "en"


_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("社保基金银行结算枢纽", "Social-insurance settlement hub"),
    "desk": ("结算台", "Settlement desk"),
    "skip": ("跳到主要内容", "Skip to content"),
    "other": ("English", "中文"),
    "switch": ("Switch to English", "切换到中文"),
    "locale": ("zh-CN", "en"),
    # header
    "clock.manual": ("业务时钟 · 手动", "Business clock, manual"),
    "clock.system": ("业务时钟 · 系统", "Business clock, system"),
    "period": ("所属期", "Period"),
    "period.show": ("查看", "Show"),
    "period.follow": ("跟随当期", "Follow current"),
    "period.closed": ("已月结", "closed"),
    "period.collecting": ("征缴中", "collecting"),
    "live": ("实时", "Live"),
    "live.lost": ("连接中断，正在重连", "Connection lost, reconnecting"),
    "books.away": ("数据库暂时连不上：画面停在最后一次读数，恢复后自动继续。",
                   "The database cannot be reached: the figures are the last ones read and go on by themselves."),
    "books.unopened": ("账本尚未建立，请先运行 hub up。", "The books have not been opened yet; run hub up."),
    # timeline
    "timeline": ("本期场次", "Sessions of the period"),
    "step.upload-close": ("上传截止", "Upload closes"),
    "step.city-batch": ("汇总送盘", "City batch"),
    "step.results-due": ("回盘截止", "Results due"),
    "step.posting": ("回款入账", "Posting"),
    "step.finance-close": ("财务结账", "Finance close"),
    "step.month-close": ("月末结账", "Month close"),
    "paper.upload-close": ("财表六", "财表六"),
    "paper.city-batch": ("表二十六 · 财表七", "表二十六 · 财表七"),
    "paper.results-due": ("到位核对", "answers"),
    "paper.posting": ("财表八 · 表二十七", "财表八 · 表二十七"),
    "paper.finance-close": ("财表二 三 四", "财表二 三 四"),
    "paper.month-close": ("财表一 · 欠缴", "财表一 · arrears"),
    "round.0": ("月末", "Closes"),
    "round.1": ("首次扣款", "First deduction"),
    "round.2": ("二次扣款", "Second deduction"),
    "round.short.1": ("首次", "1st"),
    "round.short.2": ("二次", "2nd"),
    "progress.done": ("已完成", "done"),
    "progress.done.upload-close": ("已截止", "closed"),
    "progress.done.results-due": ("已截止", "hour passed"),
    "progress.due": ("办理中", "in hand"),
    "progress.next": ("下一步", "next"),
    "progress.waiting": ("待办", "waiting"),
    "progress.passed-over": ("不办理", "not carried out"),
    "progress.undated": ("日历未定", "no calendar yet"),
    "countdown": ("还有", "in"),
    "banks.done": ("家银行", "banks"),
    # figures
    "figures": ("本期资金", "Money of the period"),
    "figure.due": ("应收", "Due"),
    "figure.due.note": ("本期账单", "bills of the period"),
    "figure.requested": ("送盘", "Requested"),
    "figure.collected": ("到位", "Collected"),
    "figure.collected.note": ("银行扣款与零星收款", "bank deductions and receipts"),
    "figure.open": ("未到", "Open"),
    "figure.open.note": ("应收减到位", "due less collected"),
    "figure.suspense": ("暂收款", "Suspense"),
    "figure.suspense.note": ("超出应收的款项", "beyond what was outstanding"),
    "figure.arrears": ("欠缴", "Arrears"),
    "figure.arrears.note": ("月末转入（财表一）", "opened at month end (财表一)"),
    "yuan": ("元", "yuan"),
    "large": ("万元", "m yuan"),
    "bills": ("笔", "bills"),
    "lines": ("笔", "lines"),
    # tables
    "banks": ("银行 × 场次", "Banks by round"),
    "agencies": ("经办机构", "Agencies"),
    "funds": ("四险进度", "Funds in statutory order"),
    "files": ("最近文件", "Last files"),
    "bank": ("银行", "Bank"),
    "agency": ("机构", "Agency"),
    "round": ("场次", "Round"),
    "state": ("状态", "State"),
    "requested": ("送盘", "Requested"),
    "arrived": ("到位", "Arrived"),
    "unarrived": ("未到", "Not arrived"),
    "unanswered": ("待入账", "Awaited"),
    "share": ("到位率", "Share"),
    "due": ("应收", "Due"),
    "collected": ("扣款到位", "By banks"),
    "received": ("零星收款", "Receipts"),
    "open": ("未到", "Open"),
    "suspense": ("暂收", "Suspense"),
    "arrears": ("欠缴", "Arrears"),
    "total": ("合计", "Total"),
    "direction.out": ("送盘", "out"),
    "direction.in": ("回盘", "in"),
    "none": ("—", "—"),
    "files.none": ("尚无", "none yet"),
    "batch.none": ("未送", "not yet"),
    "batch.BATCHED": ("待送盘", "to be sent"),
    "batch.SENDING": ("送盘中", "sending"),
    "batch.SENT": ("已送盘", "sent"),
    "batch.ANSWERED": ("已回盘", "answered"),
    "batch.POSTING": ("入账中", "posting"),
    "batch.POSTED": ("已入账", "posted"),
    "batch.late": ("迟到", "late"),
    "batch.trouble": ("送盘受阻", "delivery trouble"),
    "outcome.accepted": ("已接收", "accepted"),
    "outcome.refused": ("已拒收", "refused"),
    "outcome.quarantined": ("已隔离", "quarantined"),
    "outcome.repeat": ("重复", "repeat"),
    "fund.pension": ("养老", "Pension"),
    "fund.unemployment": ("失业", "Unemployment"),
    "fund.injury": ("工伤", "Work injury"),
    "fund.maternity": ("生育", "Maternity"),
    # flow
    "flow": ("消息流", "On the topics"),
    "flow.starting": ("正在连接消息总线", "Connecting to the broker"),
    "flow.up": ("消息总线正常", "Broker connected"),
    "flow.away": ("消息总线暂时连不上，其余画面照常", "Broker away; the rest of the page goes on"),
    "flow.in_flight": ("在途", "in flight"),
    "flow.unpublished": ("待发布", "to publish"),
    "flow.parked": ("搁置", "parked"),
    "flow.bundles": ("批", "bundles"),
    "topic.deduction-requested": ("扣款请求", "Requested"),
    "topic.deduction-declared": ("财表六申报", "Declared"),
    "topic.deduction-batched": ("财表七成批", "Batched"),
    "topic.bank-file-sent": ("银行送盘", "File sent"),
    "topic.first-result": ("首次回盘", "First result"),
    "topic.second-result": ("二次回盘", "Second result"),
    "topic.funds-split": ("分险种", "Funds split"),
    "topic.arrival-notified": ("到位通知", "Arrival notified"),
    "topic.receipt-recorded": ("零星收款", "Receipt recorded"),
    "topic.cheque-returned": ("退票", "Cheque returned"),
    "topic.answer-changed": ("更正回盘", "Answer changed"),
    "topic.period-closed": ("月末结账", "Period closed"),
    "topic.arrears-opened": ("转欠缴", "Arrears opened"),
    "topic.arrears-settled": ("欠缴到账", "Arrears settled"),
    "topic.work-item-raised": ("待办提出", "Work item raised"),
    "topic.dead-letter": ("死信", "Dead letter"),
    # work and feed
    "work": ("待办事项", "Work items"),
    "work.none": ("没有待办，一切正常。", "Nothing waits for a person."),
    "work.more": ("较早的未列出", "older ones not listed"),
    "work.age": ("已等", "open for"),
    "line": ("第 {} 行", "line {}"),
    "queue.quarantine": ("回盘隔离", "quarantine"),
    "queue.late": ("回盘逾期", "late"),
    "queue.missing": ("送盘缺失", "missing"),
    "queue.early": ("回盘早到", "early"),
    "queue.empty": ("空回盘", "empty"),
    "queue.sequence": ("回盘序号", "sequence"),
    "queue.unsent": ("送盘受阻", "unsent"),
    "queue.host-key": ("主机密钥不符", "host key"),
    "queue.unreachable": ("银行无法连接", "unreachable"),
    "queue.suspense": ("暂收款", "suspense"),
    "queue.control-totals": ("控制数不符", "control totals"),
    "queue.calendar": ("工作日历", "calendar"),
    "queue.dunning": ("催缴", "dunning"),
    "queue.shadow": ("并行试运行", "shadow"),
    "queue.dead-letter": ("死信", "dead letter"),
    "feed": ("动态", "Activity"),
    "feed.none": ("还没有动静。", "Nothing yet."),
    "feed.sent": ("送盘", "sent to"),
    "feed.taken": ("收到", "from"),
    "feed.work": ("待办", "work item"),
    "foot": ("只读画面 · 金额单位：元 · 时间：北京时间", "Read-only · amounts in yuan · times Asia/Shanghai"),
}  # fmt: skip

UNITS: Final[Mapping[Language, tuple[str, str, str]]] = {
    Language.CHINESE: ("天", "时", "分"),
    Language.ENGLISH: ("d", "h", "min"),
}


class Words:
    """One language of the table."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._column = 0 if language is Language.CHINESE else 1

    def __call__(self, *key: object) -> str:
        """The words of a key, its parts joined by dots; the last part itself when the table does not know it."""
        found = _WORDS.get(".".join(str(part) for part in key))
        return str(key[-1]) if found is None else found[self._column]

    def first(self, *keys: tuple[object, ...]) -> str:
        """The words of the first key that the table knows."""
        return next((self(*key) for key in keys if ".".join(map(str, key)) in _WORDS), str(keys[-1][-1]))

    def large(self, fen: int) -> str:
        """A sum in the unit it is told in: 万元, or millions in English; yuan when it is less than one of these."""
        if abs(fen) < self._large_unit:
            return yuan(fen)
        return wan(fen) if self.language is Language.CHINESE else million(fen)

    def unit(self, fen: int) -> str:
        """The unit that ``large`` tells a sum in."""
        return self("yuan") if abs(fen) < self._large_unit else self("large")

    def told(self, fen: int) -> str:
        return f"{self.large(fen)} {self.unit(fen)}"

    @property
    def _large_unit(self) -> int:
        return FEN_PER_WAN if self.language is Language.CHINESE else FEN_PER_MILLION


def language_of(text: str) -> Language:
    """The language asked for; Chinese for anything the desk does not speak."""
    return Language.ENGLISH if text == Language.ENGLISH.value else Language.CHINESE
