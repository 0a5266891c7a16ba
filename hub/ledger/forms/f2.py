"""财表二 还款到位汇总表: repayments of arrears, as they stood at the finance close."""

from hub.domain.dues import Kind
from hub.ledger.forms import finances

FORM = finances.form("f2", "财表二", "还款到位汇总表", Kind.REPAYMENT, "北京市社会保险费欠缴单位还款到位汇总表")
