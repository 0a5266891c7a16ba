"""财表三 补缴到位汇总表: supplementary payments, as they stood at the finance close."""

from hub.domain.dues import Kind
from hub.ledger.forms import finances

FORM = finances.form("f3", "财表三", "补缴到位汇总表", Kind.SUPPLEMENT, "北京市社会保险费补缴到位汇总表")
