"""Faults in the words of those who mend them: what each code means, in Chinese and in English."""

from collections.abc import Mapping
from typing import Final

from hub.domain.fault_phrases import in_chinese
from hub.domain.faults import Fault, FaultCode

WORDS: Final[Mapping[FaultCode, tuple[str, str]]] = {
    FaultCode.ENCODING: ("字符编码不符", "not in the agreed encoding"),
    FaultCode.LINE_END: ("行结束符不符", "line end differs from the agreed one"),
    FaultCode.CONTROL_CHARACTER: ("含有控制字符", "control character"),
    FaultCode.TOO_LARGE: ("超过长度或大小限制", "larger than agreed"),
    FaultCode.NAME: ("文件名不符", "name of the file, or it differs from the header"),
    FaultCode.RECORD_TYPE: ("记录类型不符", "record type out of place"),
    FaultCode.COLUMNS: ("列数不符", "number of columns"),
    FaultCode.HEADER: ("文件头不符", "header"),
    FaultCode.TRAILER_MISSING: ("缺少文件尾", "trailer is missing"),
    FaultCode.GRAMMAR: ("字段格式不符", "form of the field"),
    FaultCode.AMOUNT: ("金额格式不符", "form of the amount"),
    FaultCode.DATE: ("日期不符", "date"),
    FaultCode.LINE_NUMBER: ("行号不符", "line number"),
    FaultCode.MODE: ("缴费方式不符", "mode of payment"),
    FaultCode.KIND: ("业务种类不符", "kind of bill"),
    FaultCode.METHOD: ("收款方式不符", "method of payment"),
    FaultCode.ITEM: ("收入项目不符", "item of income"),
    FaultCode.SUM: ("四项基金之和与合计不符", "four funds differ from their total"),
    FaultCode.COUNT: ("笔数不符", "count differs from the lines"),
    FaultCode.CONTROL_TOTAL: ("控制总额不符", "control total differs from the lines"),
    FaultCode.DIGEST: ("摘要不符", "digest differs from the content"),
    FaultCode.SIGNATURE: ("数字签名不符", "signature does not hold"),
    FaultCode.UNKNOWN_AGENCY: ("经办机构不存在", "unknown agency"),
    FaultCode.UNKNOWN_BANK: ("银行不存在", "unknown bank"),
    FaultCode.UNKNOWN_UNIT: ("缴费单位不存在", "unknown unit"),
    FaultCode.UNKNOWN_BILL: ("缴费单不存在", "unknown bill"),
    FaultCode.UNKNOWN_RECEIPT: ("收款凭证不存在", "unknown receipt"),
    FaultCode.UNKNOWN_BATCH: ("批次不存在", "unknown batch"),
    FaultCode.UNKNOWN_LINE: ("请求文件中没有此行", "no such line in the request"),
    FaultCode.DUPLICATE: ("重复", "twice"),
    FaultCode.IDENTITY_TAKEN: ("同一文件已用其他内容接收", "taken in already with another content"),
    FaultCode.PERIOD_CLOSED: ("征缴期已关闭", "period is closed"),
    FaultCode.SESSION_CLOSED: ("本次扣款已截止", "session is closed"),
    FaultCode.UNANSWERED: ("银行尚未返回", "the bank has not answered"),
    FaultCode.NO_ACCOUNT: ("没有银行账户", "no account"),
    FaultCode.NOT_OUTSTANDING: ("没有未缴金额", "nothing is outstanding"),
    FaultCode.OUTSTANDING: ("仍有未缴金额", "something is outstanding"),
    FaultCode.UNKNOWN_ARREARS: ("没有此项欠缴", "no such arrears"),
    FaultCode.PERIOD_OPEN: ("征缴期尚未关闭", "period is not closed"),
    FaultCode.CANCELLED: ("缴费单已注销", "bill is cancelled"),
    FaultCode.BANK_REQUESTS_ENDED: ("本月银行扣款已终止", "bank requests have ended for the month"),
    FaultCode.RETURNED: ("该收款已退票", "returned already"),
    FaultCode.IN_SHADOW: ("该银行处于并行试运行", "the bank is in shadow, another system collects"),
    FaultCode.NOT_SUPPORTED: ("暂不支持", "not supported yet"),
    FaultCode.NO_MEMBERS: ("没有表四-1人员明细", "no members are told for the bill"),
    FaultCode.NOT_ARRIVED: ("个人部分尚未到位", "the personal part has not arrived"),
    FaultCode.MISMATCH: ("与请求文件不一致", "differs from the request"),
    FaultCode.CODE: ("返回码与金额不符", "code does not fit the amounts"),
    FaultCode.SPLIT: ("未按规定顺序分配基金", "split is not in the statutory order"),
    FaultCode.MISSING_LINE: ("缺少应返回的行", "a requested line is not answered"),
    FaultCode.NOT_PROPOSED: ("没有待复核的申请", "nothing was proposed"),
    FaultCode.SAME_PERSON: ("经办与复核不得为同一人", "maker and checker are one person"),
    FaultCode.SETTLED: ("已经处理", "settled already"),
    FaultCode.MOVE: ("移交顺序不符", "not from where it stands"),
}
"""Chinese and English of every code; a test holds the table to the codes."""


def said(fault: Fault, chinese_name: str = "") -> tuple[str, str]:
    """The fault as a sentence in Chinese and in English: where, what, what was expected and what was found.

    ``chinese_name``: what the field is called in Chinese, when it has such a name.
    """
    chinese, english = WORDS[fault.code]
    place = "整个文件" if fault.line is None else f"第{fault.line}行"
    where = "file" if fault.line is None else f"line {fault.line}"
    found = fault.found or "nothing"
    field = f"{chinese_name}（{fault.field}）" if chinese_name else fault.field
    return (
        f"{place}, {field}: {chinese}; 应为 {in_chinese(fault.expected)}; 实为 {fault.found or '空'}",
        f"{where}, {fault.field}: {english}; expected {fault.expected}; found {found}",
    )
