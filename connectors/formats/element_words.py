"""Elements of the messages of ISO 20022 in the words of those who build them; what each carries is told by the hub's own fields."""

from collections.abc import Mapping
from typing import Final

from hub.domain.field_words import FIELD_WORDS, FieldWords

_NOWHERE: Final = FieldWords("固定值", "constant; settled by agreement", "固定值，由协议约定")
_FUND: Final = FieldWords("基金种类", "the fund, four in statutory order", "险种，四项按法定顺序")
_FUND_AMOUNT: Final = FieldWords("基金金额", "the amount of that fund", "该项基金的金额")
_SUM: Final = FieldWords("总金额", "sum of all transactions", "全部明细金额之和")
_MESSAGE_NO: Final = FieldWords("报文标识号", "the bank's own number of the message", "银行自有报文号")
_MOMENT: Final = FieldWords("报文时间", "its day is that of the file's name", "其日期与文件名一致")

_OF_REQUEST: Final[Mapping[str, str | FieldWords]] = {
    "GrpHdr/MsgId": "batch no",
    "GrpHdr/CreDtTm": _MOMENT,
    "GrpHdr/NbOfTxs": "count",
    "GrpHdr/CtrlSum": _SUM,
    "GrpHdr/InitgPty/Nm": _NOWHERE,
    "PmtInf/PmtInfId": "batch no",
    "PmtInf/PmtMtd": FieldWords("支付方式", "direct debit", "直接借记"),
    "PmtInf/NbOfTxs": "count",
    "PmtInf/CtrlSum": _SUM,
    "PmtInf/PmtTpInf/CtgyPurp/Prtry": FieldWords("征缴期与扣款次数", "period and round", "征缴所属月份与第几次扣款"),
    "PmtInf/ReqdColltnDt": "date",
    "PmtInf/Cdtr/Nm": _NOWHERE,
    "PmtInf/CdtrAcct/Id/Othr/Id": _NOWHERE,
    "PmtInf/CdtrAgt/FinInstnId/Othr/Id": "bank",
    "DrctDbtTxInf/PmtId/InstrId": "line",
    "DrctDbtTxInf/PmtId/EndToEndId": "instruction id",
    "DrctDbtTxInf/InstdAmt": "total",
    "DrctDbtTxInf/DbtrAgt/FinInstnId/Othr/Id": "bank",
    "DrctDbtTxInf/Dbtr/Nm": "account name",
    "DrctDbtTxInf/Dbtr/Id/OrgId/Othr/Id": "unit",
    "DrctDbtTxInf/DbtrAcct/Id/Othr/Id": "account",
    "DrctDbtTxInf/InstrForCdtrAgt": FieldWords(
        "是否允许部分扣款", "PART part may be deducted, FULL all or nothing", "PART 允许部分扣款，FULL 全额或不扣"
    ),
    "DrctDbtTxInf/RmtInf/Strd/RfrdDocInf/LineDtls/Id/Nb": _FUND,
    "DrctDbtTxInf/RmtInf/Strd/RfrdDocInf/LineDtls/Amt/DuePyblAmt": _FUND_AMOUNT,
}

_OF_ANSWER: Final[Mapping[str, str | FieldWords]] = {
    "GrpHdr/MsgId": _MESSAGE_NO,
    "GrpHdr/CreDtTm": _MOMENT,
    "GrpHdr/CdtrAgt/FinInstnId/Othr/Id": "bank",
    "OrgnlGrpInfAndSts/OrgnlMsgId": "batch no",
    "OrgnlGrpInfAndSts/OrgnlMsgNmId": FieldWords("原报文类型", "constant", "固定值"),
    "OrgnlGrpInfAndSts/OrgnlNbOfTxs": "count",
    "OrgnlGrpInfAndSts/OrgnlCtrlSum": FieldWords("应扣总额", "sum of what was asked", "应扣金额合计"),
    "OrgnlGrpInfAndSts/StsRsnInf/AddtlInf": "request file name",
    "OrgnlGrpInfAndSts/NbOfTxsPerSts/DtldNbOfTxs": FieldWords("该状态笔数", "how many of this status", "该状态的行数"),
    "OrgnlGrpInfAndSts/NbOfTxsPerSts/DtldSts": FieldWords("状态", "each status that occurs, once", "每种状态一次"),
    "OrgnlGrpInfAndSts/NbOfTxsPerSts/DtldCtrlSum": FieldWords(
        "该状态实扣总额", "what was deducted, of this status", "该状态的实扣金额合计"
    ),
    "OrgnlPmtInfAndSts/OrgnlPmtInfId": "batch no",
    "TxInfAndSts/OrgnlInstrId": "line",
    "TxInfAndSts/OrgnlEndToEndId": "instruction id",
    "TxInfAndSts/TxSts": "code",
    "TxInfAndSts/StsRsnInf/Rsn/Cd": FieldWords(
        "原因码", "why nothing was deducted; with RJCT only", "未扣款原因，仅用于 RJCT"
    ),
    "TxInfAndSts/AcctSvcrRef": "bank reference",
    "TxInfAndSts/OrgnlTxRef/IntrBkSttlmAmt": "deducted",
    "TxInfAndSts/OrgnlTxRef/Amt/InstdAmt": "requested",
    "TxInfAndSts/OrgnlTxRef/RmtInf/Strd/RfrdDocInf/LineDtls/Id/Nb": _FUND,
    "TxInfAndSts/OrgnlTxRef/RmtInf/Strd/RfrdDocInf/LineDtls/Amt/RmtdAmt": _FUND_AMOUNT,
    "TxInfAndSts/OrgnlTxRef/Dbtr/Pty/Id/OrgId/Othr/Id": "unit",
}

_OF_RETURNS: Final[Mapping[str, str | FieldWords]] = {
    "GrpHdr/MsgId": _MESSAGE_NO,
    "GrpHdr/CreDtTm": _MOMENT,
    "Ntfctn/Id": FieldWords("通知标识号", "the bank's own number of the notification", "银行自有通知号"),
    "Ntfctn/Acct/Id/Othr/Id": FieldWords("账户", "the city's account at the bank", "市中心在银行的账户"),
    "Ntfctn/Acct/Svcr/FinInstnId/Othr/Id": "bank",
    "Ntfctn/TxsSummry/TtlDbtNtries/NbOfNtries": "count",
    "Ntfctn/TxsSummry/TtlDbtNtries/Sum": _SUM,
    "Ntry/Amt": FieldWords("退回金额", "the amount given back", "退回的金额"),
    "Ntry/CdtDbtInd": FieldWords("借贷标志", "constant", "固定值"),
    "Ntry/RvslInd": FieldWords("冲正标志", "a reversal", "冲正"),
    "Ntry/Sts/Cd": FieldWords("记账状态", "booked", "已记账"),
    "Ntry/BookgDt/Dt": FieldWords("记账日期", "when it was booked", "记账日期"),
    "Ntry/AcctSvcrRef": "bank reference",
    "Ntry/BkTxCd/Prtry/Cd": FieldWords("业务代码", "a direct debit given back", "直接借记退回"),
    "Ntry/NtryDtls/TxDtls/Refs/MsgId": "batch no",
    "Ntry/NtryDtls/TxDtls/Refs/EndToEndId": "instruction id",
    "Ntry/NtryDtls/TxDtls/RmtInf/Strd/RfrdDocInf/LineDtls/Id/Nb": _FUND,
    "Ntry/NtryDtls/TxDtls/RmtInf/Strd/RfrdDocInf/LineDtls/Amt/RmtdAmt": _FUND_AMOUNT,
    "Ntry/NtryDtls/TxDtls/RtrInf/Rsn/Cd": FieldWords("退回原因码", "why it was given back", "退回原因"),
}

_FIELDS: Final = {"request": _OF_REQUEST, "result": _OF_ANSWER, "returns": _OF_RETURNS}

ELEMENT_WORDS: Final[Mapping[str, Mapping[str, FieldWords]]] = {
    kind: {path: FIELD_WORDS[told] if isinstance(told, str) else told for path, told in table.items()}
    for kind, table in _FIELDS.items()
}
"""Words of each leaf by its path, by kind of message; a test holds the tables to the trees."""

_FUND_LINE: Final = "TxInfAndSts/OrgnlTxRef/RmtInf/Strd/RfrdDocInf/LineDtls"
ELEMENT_OF_FIELD: Final[Mapping[str, str]] = {
    **{told: path for path, told in reversed(list(_OF_ANSWER.items())) if isinstance(told, str)},
    **{
        fund: f"{_FUND_LINE}[{n}]/Amt/RmtdAmt"
        for n, fund in enumerate(("pension", "unemployment", "injury", "maternity"), 1)
    },
}
"""Where an answer carries what the hub calls a field: the element that a bank has to look at."""
