"""What a fault expected, in Chinese: the grammars and rules that bank files are held to, phrase by phrase.

Names, amounts and codes stay as they are; so does a phrase that is not here.
"""

import re
from collections.abc import Sequence
from typing import Final

_PHRASES: Final[Sequence[tuple[str, str]]] = (
    # forms of fields
    (r"yuan with two decimals, 0\.00 to 9999999999\.99", "元，两位小数，0.00 至 9999999999.99"),
    (r"yuan with two decimals, at most 14 digits before the point", "元，两位小数，小数点前最多 14 位"),
    (r'(.+); (Ccy="[A-Z]{3}")', r"\1；\2"),
    (r"whole fen in (\d+) digits", r"整数分，\1 位数字，前补零"),
    (r"a whole number in (\d+) digits", r"整数，\1 位数字，前补零"),
    (r"a whole number without leading zeros", "整数，无前导零"),
    (r"a line number, from 1, in (\d+) digits", r"行号，从 1 起，\1 位数字，前补零"),
    (r"a line number, from 1", "行号，从 1 起"),
    (r"a month, YYYY-MM", "月份，YYYY-MM"),
    (r"a real date, YYYY-MM-DD", "真实日期，YYYY-MM-DD"),
    (
        r"a real date and time, (\S+), of \+08:00 where it names a zone",
        r"真实日期和时间，\1，若写时区须为 +08:00",
    ),
    (r"the day, at T00:00:00", "当日，T00:00:00"),
    (r"(\d+) to (\d+) of A-Z, 0-9 and -", r"\1 至 \2 个字符，大写字母、数字和 -"),
    (r"a bank, 2 to 12 of A-Z and 0-9", "银行代码，2 至 12 个大写字母或数字"),
    (r"a unit, 12 digits", "单位编号，12 位数字"),
    (r"an account, 10 to 32 digits", "账号，10 至 32 位数字"),
    (r"(\d+) digits", r"\1 位数字"),
    (r"(.+)<(\d+) digits>(.+)", r"\1<\2 位数字>\3"),
    (r"(\d+) to (\d+) characters, no control character", r"\1 至 \2 个字符，不含控制字符"),
    (r"at most (\d+) characters, no control character", r"最多 \1 个字符，不含控制字符"),
    (r"a text without control characters", "不含控制字符的文本"),
    (r"a reason of ISO's list, such as AM04", "ISO 原因码，如 AM04"),
    (r"whole characters of (\S+) in (\d+) bytes", r"\2 字节内完整的 \1 字符"),
    # the file
    (r"(\S+) with a real date", r"\1，日期真实"),
    (r"the name of a result of (\S+)", r"\1 的回盘文件名"),
    (r"(\S+\.ok) holding (.+) and LF", r"\1，内容为 \2 加换行符 LF"),
    (r"([0-9a-f]{64} \d+) and LF", r"\1 加换行符 LF"),
    (r"LF after the last line too", "最后一行也以 LF 结束"),
    (r"no byte order mark", "不含字节顺序标记"),
    (r"(\S+) without a byte order mark", r"\1，不含字节顺序标记"),
    (r"valid (\S+)", r"有效的 \1"),
    (r"an H line first", "第一行为 H 行"),
    (r"a T line at the end", "最后一行为 T 行"),
    (r"nothing after the T line", "T 行之后无内容"),
    (r"(\d+) columns", r"\1 列"),
    (r"a line of (\d+) bytes", r"每行 \1 字节"),
    (r"at most (\d+) faults", r"最多 \1 处错误"),
    (r"at most (\d+) bytes a line", r"每行最多 \1 字节"),
    (r"at most (\d+) bytes a tag", r"每个标签最多 \1 字节"),
    (r"whole fen, at most (\d+) digits; sums at most (\d+) digits", r"整数分，最多 \1 位，总额最多 \2 位数字"),
    (r"fields of fixed width, in bytes", "定长字段，按字节计"),
    (r"fields split by (\S)", r"以 \1 分隔的字段"),
    (r"messages of ISO 20022, elements in the order of the schema", "ISO 20022 报文，元素按规范顺序"),
    (r"at most (\d+) elements", r"最多 \1 个元素"),
    (r"at most (\d+) characters of text", r"文本最多 \1 个字符"),
    (r"at most (\d+)", r"最多 \1 个"),
    # messages
    (r"well-formed XML", "格式良好的 XML"),
    (r"</Document> at the end", "以 </Document> 结束"),
    (r"nothing after </Document>", "</Document> 之后无内容"),
    (r"no document type declaration, so no entities", "不含文档类型声明和实体"),
    (r"no comments", "不含注释"),
    (r"no processing instructions", "不含处理指令"),
    (r"no CDATA sections", "不含 CDATA"),
    (r"no attributes", "不含属性"),
    (r"no NUL", "不含 NUL"),
    (r"the order of the schema", "按报文规范的顺序"),
    (r"elements, no text between them", "元素之间不含文本"),
    (r"an? (\S+) in (\S+)", r"\2 中的 \1"),
    (r"Document of (\S+)", r"命名空间 \1 的 Document"),
    (r"each status once", "每种状态一次"),
    (r"the reason of (\S+)", r"\1 的原因码"),
    (r"no reason with (\S+)", r"\1 不带原因码"),
    (r"(\S+) of ([A-Z]{4})", r"\2 的 \1"),
    # against the request
    (r"more than (\S+) and less than (\S+) with code (\S+)", r"返回码 \3 时大于 \1 且小于 \2"),
    (r"(\S+) with code (\S+)", r"返回码 \2 时为 \1"),
    (r"all or nothing \(F\)", "全额或不扣（F）"),
    (r"(\S+), the sum of its funds", r"\1，即四项基金之和"),
    (r"(\S+) as in the file name", r"\1，与文件名一致"),
    (r"an answer to line (\d+)", r"对第 \1 行的返回"),
    (r"a line of the request", "请求文件中的行"),
    (r"a request line not answered in line (\d+) already", r"第 \1 行未曾返回过的请求行"),
    (r"one answer a line", "每行返回一次"),
)

_COMPILED: Final = tuple((re.compile(phrase), chinese) for phrase, chinese in _PHRASES)


def in_chinese(expected: str) -> str:
    """What was expected, in Chinese; what has no words of ours (a name, an amount, a code) as it is."""
    for phrase, chinese in _COMPILED:
        found = phrase.fullmatch(expected)
        if found is not None:
            told = found.expand(chinese)
            # A form with a condition behind it: the form itself has words too.
            return told if "；" not in told else "；".join(in_chinese(part) for part in told.split("；"))
    return expected.replace(" or ", " 或 ")
