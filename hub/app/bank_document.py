"""The document of a profile for banks: what they get, what they answer, what is checked; all of it out of the profile itself."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from connectors.formats.description import Description, RecordTable, describe
from hub.app import samples
from hub.domain.fault_phrases import in_chinese
from hub.domain.fault_words import WORDS
from hub.domain.faults import FaultCode
from hub.domain.parties import MAX_LINES_DEFAULT
from hub.ports import BankFormat

EXAMPLE_LINES: Final = 2

OUTCOMES: Final[dict[str, tuple[str, str]]] = {
    "00": ("全额扣款成功", "paid in full"),
    "01": ("部分扣款成功", "paid in part"),
    "02": ("余额不足", "insufficient funds; nothing deducted"),
    "03": ("账户不存在", "no such account; nothing deducted"),
    "04": ("账户冻结", "account frozen; nothing deducted"),
    "05": ("户名不符", "name differs; nothing deducted"),
    "06": ("无委托协议", "no mandate; nothing deducted"),
    "99": ("其他原因", "any other reason; nothing deducted"),
}
"""What each of the contract's codes says (section 4); a test holds the table to them."""

FAULTS: Final = (
    FaultCode.ENCODING,
    FaultCode.LINE_END,
    FaultCode.CONTROL_CHARACTER,
    FaultCode.TOO_LARGE,
    FaultCode.NAME,
    FaultCode.RECORD_TYPE,
    FaultCode.COLUMNS,
    FaultCode.HEADER,
    FaultCode.TRAILER_MISSING,
    FaultCode.GRAMMAR,
    FaultCode.AMOUNT,
    FaultCode.DATE,
    FaultCode.LINE_NUMBER,
    FaultCode.SUM,
    FaultCode.COUNT,
    FaultCode.CONTROL_TOTAL,
    FaultCode.DIGEST,
    FaultCode.UNKNOWN_BATCH,
    FaultCode.UNKNOWN_LINE,
    FaultCode.DUPLICATE,
    FaultCode.IDENTITY_TAKEN,
    FaultCode.MISMATCH,
    FaultCode.CODE,
    FaultCode.SPLIT,
    FaultCode.MISSING_LINE,
)
"""What an answer can be quarantined for, in order of precedence."""

_FILES: Final = {
    "request": ("请求文件", "Request, hub to bank"),
    "result": ("回盘文件", "Result, bank to hub"),
    "change": ("更正文件", "Changed answers, bank to hub"),
    "returns": ("退回通知", "Returns after success, bank to hub"),
}
_CHANGES: Final = {
    "change": "对已回盘并入账的结果作更正：写明原扣款金额与现扣款金额；全部指令须已入账，否则文件在银行目录中等待。/ Changes"
    " answers that were booked: the amount before and the amount now. Until all of them are booked, the file waits where it is.",
    "returns": "扣款成功后全额退回：原回盘结果更正为未扣款。/ What had been deducted is given back whole: the answer becomes one of"
    " nothing deducted.",
}
_RECORDS: Final = {
    "header": ("文件头", "header, one line"),
    "detail": ("明细", "detail, a line each"),
    "trailer": ("文件尾", "trailer, one line"),
}

_DELIVERY: Final = (
    (
        "中心以 SFTP 登录银行服务器，只使用密钥，并核对主机密钥",
        "The hub logs in to the bank's server by SFTP, by key only, and checks the pinned host key",
    ),
    (
        "请求文件先以临时名 `.<文件名>.<16 位十六进制>.part` 写入，核对后改为正式名，最后写入 `<文件名>.ok`",
        "A request is written under a temporary name, proven, renamed, and then `<name>.ok` is written",
    ),
    (
        "`.ok` 的内容为：文件的 SHA-256（64 位小写十六进制）、一个空格、文件字节数、LF",
        "The `.ok` holds the file's SHA-256 (64 lower-case hexadecimal digits), a space, its size in bytes, LF",
    ),
    (
        "银行见到 `.ok` 且与文件一致后才读取，处理后自行清理发出目录",
        "The bank reads a request once its `.ok` is there and agrees, and clears that directory itself",
    ),
    (
        "银行先完整写入回盘文件，再写入其 `.ok`；没有 `.ok` 的文件不会被读取",
        "The bank writes the whole result first, then its `.ok`; without one nothing is read",
    ),
    (
        "中心取走后将文件及 `.ok` 移入完成目录（同名时加 `.2`、`.3` …）",
        "What the hub has taken it moves, with its `.ok`, to the done directory (a name taken there gets `.2`, `.3` …)",
    ),
    (
        "相同内容再次送达无影响；同一批次的不同内容将被拒绝",
        "The same bytes again change nothing; other bytes for a batch that is answered are refused",
    ),
)
"""How files come and go, in order, in Chinese and English (contract, sections 3 and 4)."""

_CHECKS: Final = """\
回盘文件整体接收或整体隔离。以下任何一项不符，整个文件被隔离，不记任何账，由中心人员联系银行更正；更正后的文件可用同一文件名重新送达。

A result is taken whole or not at all. Any of these quarantines the whole file, books nothing and is laid before a person with \
line, field, what was expected and what was found; a corrected file may follow under the same name.
"""

_RULES: Final = """\
- 每个请求行返回且仅返回一次，顺序不限；行号、指令号、单位编号、应扣金额原样返回。
  Every requested line is answered once, in any order, and repeats line, instruction, unit and the amount asked.
- 实扣金额不超过应扣金额；`F` 行全额或不扣。返回码与金额一致。
  Never more than was asked; all or nothing where the request says so. The code says what the amount says.
- 实扣金额按养老、失业、工伤、生育的顺序分配，前一项未足额时后一项为零（办法第四条）。
  What was deducted is split pension, unemployment, injury, maternity: a fund gets nothing while an earlier one is short (C4).
- 笔数与各项总额等于明细之和。
  Counts and sums equal the lines.
- 一次扣款一个批次。单个请求文件的行数有上限，超过时分为多个文件，各为一个批次。
  One request is one batch. Beyond the most lines of a file there are several, each a batch of its own.
"""


_ABOUT_EXAMPLES: Final = """\
完整的示例由 `hub bank sample` 生成：请求包含每一种行，`--answer` 的回盘包含每一种结果。报文为便于阅读在元素之间换行。
Two lines of what `hub bank sample` writes (with `--answer` the results too), as files of their own; messages are shown \
with line breaks between elements.
"""


def as_document(profile: BankFormat) -> dict[str, Any]:
    """The description as JSON: field tables, codes, faults, examples as text."""
    told = describe(profile)
    return {
        "profile": told.name,
        "version": told.version,
        "kind": told.kind,
        "encoding": told.encoding,
        "names": dict(told.names),
        "amounts": list(told.amounts),
        "max_lines": told.max_lines,
        "limits": list(told.limits),
        "deducts_parts": told.deducts_parts,
        "records": [
            {"file": table.file, "record": table.record, "fields": [_field(row) for row in table.rows]}
            for table in told.tables
        ],
        "codes": [
            {"code": each.code, "ours": each.ours, "chinese": OUTCOMES[each.ours][0], "english": OUTCOMES[each.ours][1]}
            for each in told.codes
        ],
        "faults": [{"code": code.value, "chinese": WORDS[code][0], "english": WORDS[code][1]} for code in FAULTS],
        "examples": {name: content.decode(profile.encoding) for name, content in _examples(profile)},
    }


def _field(row: Any) -> dict[str, Any]:
    chinese, meaning, meaning_chinese = row.words
    return {
        "place": row.place, "width": row.width, "name": row.name, "chinese": chinese, "form": row.form,
        "meaning": meaning, "meaning_chinese": meaning_chinese,
    }  # fmt: skip


def _examples(profile: BankFormat) -> tuple[samples.SampleFile, ...]:
    files = (samples.request_file(profile, EXAMPLE_LINES), samples.answer_file(profile, EXAMPLE_LINES))
    return tuple(each for file in files for each in (file, samples.ok_of(profile, file)))


def as_markdown(profile: BankFormat) -> str:
    """The document for people, in Chinese and English side by side."""
    told = describe(profile)
    parts = [
        f"# 银行文件接口 `{told.name}` / Bank files of profile `{told.name}`\n",
        _origin(told),
        "## 1. 文件交换 / Delivery\n\n" + _table(("步骤", "Step"), _DELIVERY),
        _form_of_files(told),
        *(_file_section(number, kind, told) for number, kind in enumerate(told.names, start=3)),
        _codes(told, 3 + len(told.names)),
        _checks(4 + len(told.names)),
        _examples_section(profile, 5 + len(told.names)),
        _trying(told, 6 + len(told.names)),
    ]
    return "\n".join(parts)


def _origin(told: Description) -> str:
    return (
        f"由 `hub bank profile {told.name}` 生成，请勿手工修改。版本 {told.version}。\n"
        f"Generated by `hub bank profile {told.name}`; not written by hand. Version {told.version}.\n"
    )


def _lines_agreed(most: int) -> str:
    """What holds unless hub.toml says otherwise, and what the form has room for."""
    if most <= MAX_LINES_DEFAULT:
        return str(most)
    return (
        f"未约定时 {MAX_LINES_DEFAULT}，格式上限 {most} / {MAX_LINES_DEFAULT} by default; the form has room for {most}"
    )


def _form_of_files(told: Description) -> str:
    parts = "是，除非另有约定 / yes, unless agreed otherwise" if told.deducts_parts else "否 / no"
    rows = [
        ("字符编码", "Encoding", told.encoding),
        ("形式", "Form", f"{in_chinese(told.kind)} / {told.kind}"),
        *(("文件名（" + _FILES[kind][0] + "）", f"Name, {kind}", f"`{name}`") for kind, name in told.names.items()),
        *(("金额", "Amounts", f"{in_chinese(form)} / {form}") for form in told.amounts),
        (
            "每个请求文件最多行数，按银行约定，超出则分为多个文件",
            "Most lines of a request, agreed with each bank; more go in several files",
            _lines_agreed(told.max_lines),
        ),
        *(("要求", "Must", f"{in_chinese(limit)} / {limit}") for limit in told.limits),
        ("是否可部分扣款", "Parts may be deducted", parts),
    ]  # fmt: skip
    return "## 2. 文件形式 / Form\n\n" + _table(("项目", "Item", "内容 Value"), rows)


def _file_section(number: int, kind: str, told: Description) -> str:
    chinese, english = _FILES[kind]
    tables = [table for table in told.tables if table.file == kind]
    lines = [f"## {number}. {chinese} `{told.names[kind]}` / {english}\n"]
    if kind in _CHANGES:
        lines.append(f"{_CHANGES[kind]}\n")
    for table in tables:
        record, meaning = _RECORDS.get(table.record, (table.record, "message; paths begin below its root element"))
        lines.append(f"### {record} / {table.record}: {meaning}\n")
        lines.append(_elements(table) if told.of_messages else _fields_by_place(table))
    return "\n".join(lines)


def _fields_by_place(table: RecordTable) -> str:
    fixed = any(row.width for row in table.rows)
    head = ("位置 Place", *(("宽度 Width",) if fixed else ()), "字段 Field", "名称", "格式 Form", "含义 Meaning")
    rows = [
        (row.place, *((row.width,) if fixed else ()), row.name, row.words.chinese, _form(row.form), _meaning(row.words))
        for row in table.rows
    ]
    return _table(head, rows)


def _elements(table: RecordTable) -> str:
    head = ("元素 Element", "次数 Times", "名称", "格式 Form", "含义 Meaning")
    rows = [(f"`{row.name}`", row.place, row.words.chinese, _form(row.form), _meaning(row.words)) for row in table.rows]
    return _table(head, rows)


def _form(form: str) -> str:
    chinese = in_chinese(form)
    if "<" in form:  # a page would take it for an element of its own
        return f"`{form}`"
    return f"`{form}`" if chinese == form else f"{chinese}<br>{form}"


def _meaning(words: Any) -> str:
    return f"{words.meaning_chinese}<br>{words.meaning}"


def _codes(told: Description, number: int) -> str:
    rows = [(f"`{each.code}`", *OUTCOMES[each.ours]) for each in told.codes]
    return f"## {number}. 返回码 / Codes\n\n" + _table(("返回码 Code", "含义", "Meaning"), rows)


def _checks(number: int) -> str:
    rows = [(f"`{code.value}`", *WORDS[code]) for code in FAULTS]
    head = f"## {number}. 检查与隔离 / What is checked\n\n{_RULES}\n{_CHECKS}\n"
    return head + _table(("代码 Code", "错误", "Fault"), rows)


def _examples_section(profile: BankFormat, number: int) -> str:
    lines = [f"## {number}. 示例 / Examples\n", _ABOUT_EXAMPLES]
    for name, content in _examples(profile):
        text = content.decode(profile.encoding)
        shown = "\n".join(_broken(text)) if name.endswith(".xml") else text.removesuffix("\n")
        lines.append(f"`{name}`\n\n```\n{shown}\n```\n")
    return "\n".join(lines)


def _broken(message: str) -> Iterator[str]:
    """A message with a line for each element, without the depth, so that it can be read beside the table."""
    for line in message.replace("><", ">\n<").splitlines():
        if line.strip():
            yield line.strip()


def _trying(told: Description, number: int) -> str:
    return f"""\
## {number}. 自测 / Trying it out

银行可在本机运行以下命令，不需要中心的系统。/ A bank runs these at its own desk, without a hub.

```
hub bank sample --profile {told.name} --into bank/outbound        # 示例请求 a request with every kind of line
python -m simulators.bank_kit bank --once                         # 模拟银行 a bank that answers; --fault NAME errs, --faults lists
python -m simulators.bank_kit --check FILE                        # 检查请求 is this a request, as a bank reads it
hub bank conformance --profile {told.name} REQUEST RESPONSE       # 检查回盘 every fault of an answer, in Chinese and English
```

错误中的行号：{"文件头为第 1 行，第 n 笔为第 n + 1 行" if told.of_messages else "文件中的行，从 1 起"}。
Lines in faults: {"the head is line 1, the nth transaction line n + 1" if told.of_messages else "those of the file, from 1"}.
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a cell's own bars are escaped, since one ends the cell."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
