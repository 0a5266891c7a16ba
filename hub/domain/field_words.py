"""Fields of bank files in the words of those who build and mend them: names and meanings in Chinese and in English."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class FieldWords(NamedTuple):
    """A field: its Chinese name, and its meaning in both languages."""

    chinese: str
    meaning: str
    meaning_chinese: str


FIELD_WORDS: Final[Mapping[str, FieldWords]] = {
    # the header
    "record type": FieldWords("记录类型", "H header, D detail, T trailer", "H 文件头，D 明细，T 文件尾"),
    "file type": FieldWords("文件类型", "constant", "固定值"),
    "version": FieldWords("版本", "constant", "固定值"),
    "currency": FieldWords("币种", "constant", "固定值"),
    "bank": FieldWords("银行代码", "the bank's code as agreed", "约定的银行代码"),
    "batch no": FieldWords(
        "批次号", "identity of the batch; the result repeats it", "批次的唯一标识，回盘文件原样返回"
    ),
    "period": FieldWords("征缴期", "the month whose first day opens its collection", "征缴所属月份"),
    "round": FieldWords("扣款次数", "1 first deduction, 2 second", "1 首次扣款，2 二次扣款"),
    "date": FieldWords("日期", "the same day as in the file's name", "与文件名中的日期一致"),
    "request file name": FieldWords("请求文件名", "the request that this answers", "所回复的请求文件名"),
    # a line
    "line": FieldWords(
        "行号", "number of the line in the request; the result repeats it", "请求文件中的行号，回盘原样返回"
    ),
    "instruction id": FieldWords(
        "扣款指令号", "identity of the deduction; the result repeats it", "扣款指令的唯一标识，回盘原样返回"
    ),
    "unit": FieldWords("缴费单位编号", "the paying unit; the result repeats it", "参保单位登记号，回盘原样返回"),
    "account": FieldWords("账号", "the unit's account, which is debited", "被扣款的缴费专户账号"),
    "account name": FieldWords("户名", "the account's name", "缴费专户户名"),
    "partial": FieldWords(
        "是否允许部分扣款", "P part may be deducted, F all or nothing", "P 允许部分扣款，F 全额或不扣"
    ),
    "requested": FieldWords("应扣金额", "the total asked, repeated", "请求的金额合计，原样返回"),
    "deducted": FieldWords("实扣金额", "what was deducted; never more than asked", "实际扣款金额，不得超过应扣金额"),
    "pension": FieldWords("养老保险金额", "first fund in statutory order (C4)", "法定顺序第一"),
    "unemployment": FieldWords("失业保险金额", "second fund in statutory order (C4)", "法定顺序第二"),
    "injury": FieldWords("工伤保险金额", "third fund in statutory order (C4)", "法定顺序第三"),
    "maternity": FieldWords("生育保险金额", "fourth fund in statutory order (C4)", "法定顺序第四"),
    "total": FieldWords("合计金额", "the four funds together", "四项基金之和"),
    "code": FieldWords("返回码", "outcome of the deduction", "扣款结果"),
    "bank reference": FieldWords("银行流水号", "the bank's own reference; may be empty", "银行自有参考号，可为空"),
    # a changed answer
    "request line": FieldWords("请求行号", "number of the line in the request", "请求文件中的行号"),
    "deducted before": FieldWords("原扣款金额", "what was answered before this change", "更正前回盘的扣款金额"),
    "reason": FieldWords("更正原因", "why the answer changed; may be empty", "更正的原因，可为空"),
    # the trailer
    "count": FieldWords("总笔数", "how many detail lines there are", "明细行数"),
    "count paid in full": FieldWords("全额成功笔数", "how many lines are paid in full", "全额扣款成功的行数"),
    "hash total": FieldWords(
        "账号校验和",
        "the last ten digits of each account, added up, modulo 10^12",
        "各账号后十位之和，对 10^12 取模",
    ),
    # of the file as a whole
    "file name": FieldWords("文件名", "", ""),
    ".ok": FieldWords("完成标志文件", "", ""),
    "encoding": FieldWords("字符编码", "", ""),
    "line end": FieldWords("行结束符", "", ""),
    "header": FieldWords("文件头", "", ""),
    "trailer": FieldWords("文件尾", "", ""),
    "H": FieldWords("文件头记录", "", ""),
    "D": FieldWords("明细记录", "", ""),
    "T": FieldWords("文件尾记录", "", ""),
}
"""Every name of a field that faults of bank files bear; a test holds the table to the profiles."""
