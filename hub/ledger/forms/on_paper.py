"""What a form says on paper beyond its rows: official title, from whom to whom, seal, signatures, copies; and the words
for keys, measures and their values, which every form shares. JSON and CSV need none of it; XLSX and PDF need no more.
"""

from dataclasses import dataclass
from typing import Final

from hub.domain.dues import Kind, Mode
from hub.domain.late_fees import FeeStatus
from hub.domain.lifecycle import BillStatus
from hub.domain.other_incomes import ITEM_WORDS
from hub.domain.subsidies import Movement, SubsidyState

KEY_HEADS: Final = {
    "agency": "经(代)办机构",
    "bank": "银行",
    "kind": "类别",
    "mode": "收款方式",
    "file": "银行文件",
    "unit": "参保单位",
    "period": "所属期",
    "bill": "单据编号",
    "item": "项目收入",
    "days": "滞纳天数",
    "movement": "划转事项",
}
MEASURE_HEADS: Final = {
    "due": "应缴",
    "requested": "申请扣款",
    "arrived": "到位",
    "unarrived": "未到",
    "unanswered": "未回",
    "arrears": "欠缴",
    "collected": "已收",
    "outstanding": "欠缴余额",
    "filed": "申报",
    "cancelled": "注销",
    "pending": "待收",
    "booked": "入账",
    "accrued": "应计滞纳金",
    "paid": "已收滞纳金",
    "unpaid": "未收滞纳金",
    "members": "人员明细",
}
FIELD_HEADS: Final = {
    "count": "笔数",
    "pension": "养老保险",
    "unemployment": "失业保险",
    "injury": "工伤保险",
    "maternity": "生育保险",
    "total": "合计",
}
"""The fields of a measure, as ``MEASURE_FIELDS`` names them."""
MEASURE_COLUMN: Final = "项目"
STATUS_COLUMN: Final = "状态"
TOTAL: Final = "合计"

KEY_VALUES: Final[dict[str, dict[str, str]]] = {
    "kind": {Kind.MONTHLY: "月报", Kind.SUPPLEMENT: "补缴", Kind.REPAYMENT: "还欠"},
    "mode": {Mode.BANK: "银行扣款", Mode.SPORADIC: "零星缴费"},
    "item": {item.value: words for item, words in ITEM_WORDS.items()},
    "movement": {Movement.UNIT: "单位缴费部分", Movement.MEDICAL: "医疗补助"},
}
"""Words for the values of a key; a value without one stands as it is."""
STATUS_WORDS: Final[dict[str, str]] = {
    BillStatus.OPEN: "待缴",
    BillStatus.ARRIVED: "足额到位",
    BillStatus.PART: "部分到位",
    BillStatus.CANCELLED: "已注销",
    BillStatus.ARREARS: "欠缴",
    FeeStatus.OWED: "未结清",
    FeeStatus.SETTLED: "已结清",
    SubsidyState.WAITING: "待个人部分到位",
    SubsidyState.DUE: "应划转",
    SubsidyState.BOOKED: "已划转",
    SubsidyState.TO_BRING_BACK: "应退回",
    SubsidyState.BROUGHT_BACK: "已退回",
    SubsidyState.LAPSED: "不再划转",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnPaper:
    """One form's paper. What is left out is not printed, so that a plain list of the books needs nothing of this."""

    title: str = ""
    """The regulation's full title; empty: the form's own."""
    made_by: str = ""
    made_for: str = ""
    """The desks of the regulation: who draws the paper up, who gets it."""
    signatures: tuple[str, ...] = ()
    """Who signs, e.g. 制表, 复核, 负责人: a line each, and one for the date, which is written by hand."""
    seal: str = ""
    """The seal (章) that belongs on it; room is left for it."""
    copies: tuple[str, ...] = ()
    """One paper each (一式几份), marked 第一联, 第二联 … with these words; empty: one unmarked paper."""
    capitals: tuple[str, ...] = ()
    """Measures whose totals stand in capital RMB (大写) as well: on receipts and notices."""
    by_agency: bool = False
    """Each agency gets a paper of its own; the form's first key is the agency."""


DESK_SIGNATURES: Final = ("制表", "复核", "负责人")
"""Who signs a desk's paper: drawn up by one, checked by another, answered for by the head."""
