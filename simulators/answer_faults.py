"""What goes wrong in a bank's answers: one fault each, made into a good answer of any profile.

Some are in what the bank says it did, and the answer is printed and added up as usual, so that only the request shows
them; some are in the bytes; some are in how the files are laid down, which ``simulators.bank_kit`` does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulators.agency import Paper
from simulators.amounts import FUNDS, Four, fen, yuan
from simulators.bank_program import CHARSET, bytes_of_result, fields_of
from simulators.bank_work import Given, Request

Answer = tuple[Request, list[Given]]
"""What is answered, as the answer repeats it, and what each line got."""


class UnfitAnswerError(Exception):
    """The answer has no line that could bear the fault."""


# -- what the bank says it did ----------------------------------------------------------------------------------------


def _first(given: Sequence[Given], fits: Callable[[Given], bool], what: str) -> int:
    for place, one in enumerate(given):
        if fits(one):
            return place
    raise UnfitAnswerError(f"no line of the answer is {what}")


def _changed(answer: Answer, place: int, new: Given) -> Answer:
    request, given = answer
    return request, [*given[:place], new, *given[place + 1 :]]


def _in_full(one: Given) -> bool:
    return one.code == "00"


def _unpaid(one: Given) -> bool:
    return one.deducted == 0


def _shifted(split: Four, fen_moved: Mapping[int, int]) -> Four:
    pension, unemployment, injury, maternity = (part + fen_moved.get(place, 0) for place, part in enumerate(split))
    return pension, unemployment, injury, maternity


def out_of_order(answer: Answer) -> Answer:
    """A fen of what the first fund got goes to the last that was asked for: adds up, and is not the statutory split."""
    place = _first(answer[1], lambda one: one.deducted > 0 and sum(map(bool, one.asked.wanted)) > 1, "of two funds")
    one = answer[1][place]
    last = max(fund for fund, part in enumerate(one.asked.wanted) if part)
    return _changed(answer, place, one._replace(told=_shifted(one.split, {0: -1, last: 1})))


def swapped(answer: Answer) -> Answer:
    """Two funds' amounts in each other's place."""
    place = _first(answer[1], lambda one: one.split[0] != one.split[1], "of two amounts that differ")
    one = answer[1][place]
    pension, unemployment, injury, maternity = one.split
    return _changed(answer, place, one._replace(told=(unemployment, pension, injury, maternity)))


def more_than_asked(answer: Answer) -> Answer:
    """A fen more than was asked, told as paid in full."""
    place = _first(answer[1], _in_full, "paid in full")
    one = answer[1][place]
    return _changed(answer, place, one._replace(deducted=one.deducted + 1, told=_shifted(one.split, {3: 1})))


def funds_sum(answer: Answer) -> Answer:
    """Four funds that are a fen less than the amount deducted."""
    place = _first(answer[1], lambda one: one.deducted > 0, "paid")
    one = answer[1][place]
    last = max(fund for fund, part in enumerate(one.split) if part)
    return _changed(answer, place, one._replace(told=_shifted(one.split, {last: -1})))


def full_without_money(answer: Answer) -> Answer:
    """Told as paid in full, with nothing deducted."""
    place = _first(answer[1], _unpaid, "unpaid")
    return _changed(answer, place, answer[1][place]._replace(code="00"))


def money_without_success(answer: Answer) -> Answer:
    """Told as refused for insufficient funds, with the money deducted."""
    place = _first(answer[1], _in_full, "paid in full")
    return _changed(answer, place, answer[1][place]._replace(code="02"))


def part_of_whole(answer: Answer) -> Answer:
    """Part of what may be deducted only whole (F)."""
    place = _first(answer[1], lambda one: not one.asked.may_be_part and sum(one.asked.wanted) > 1, "all or nothing")
    one = answer[1][place]
    return _changed(answer, place, one._replace(deducted=sum(one.asked.wanted) - 1, code="01"))


def missing_line(answer: Answer) -> Answer:
    """The last answer left out; counts and sums are of those that are there."""
    request, given = answer
    if len(given) < 2:
        raise UnfitAnswerError("an answer of one line has none to leave out")
    return request, given[:-1]


def twice(answer: Answer) -> Answer:
    """The first answer once more at the end."""
    request, given = answer
    return request, [*given, given[0]]


def unknown_line(answer: Answer) -> Answer:
    """The last answer is one to a line that the request has not."""
    given = answer[1]
    asked = given[-1].asked
    new = asked._replace(line=max(one.asked.line for one in given) + 1)
    return _changed(answer, len(given) - 1, given[-1]._replace(asked=new))


def lines_swapped(answer: Answer) -> Answer:
    """The numbers of the first two lines exchanged."""
    request, given = answer
    if len(given) < 2:
        raise UnfitAnswerError("an answer of one line has no two to exchange")
    one, other = given[0].asked.line, given[1].asked.line
    first = given[0]._replace(asked=given[0].asked._replace(line=other))
    second = given[1]._replace(asked=given[1].asked._replace(line=one))
    return request, [first, second, *given[2:]]


def changed_unit(answer: Answer) -> Answer:
    """The next unit's number instead of the one asked for."""
    one = answer[1][0]
    unit = f"{(int(one.asked.unit) + 1) % 10**12:012d}"
    return _changed(answer, 0, one._replace(asked=one.asked._replace(unit=unit)))


def changed_instruction(answer: Answer) -> Answer:
    """The instruction of the other round."""
    one = answer[1][0]
    said = one.asked.instruction
    other = said[:-1] + ("1" if said.endswith("2") else "2")
    return _changed(answer, 0, one._replace(asked=one.asked._replace(instruction=other)))


def changed_requested(answer: Answer) -> Answer:
    """A line that got nothing is told as asked for a fen more."""
    place = _first(answer[1], _unpaid, "unpaid")
    one = answer[1][place]
    return _changed(answer, place, one._replace(asked=one.asked._replace(wanted=_shifted(one.asked.wanted, {0: 1}))))


def unknown_batch(answer: Answer) -> Answer:
    """Another batch than the request's."""
    return replace(answer[0], batch=f"{answer[0].bank}-20000101-9999"), answer[1]


def wrong_request(answer: Answer) -> Answer:
    """The name of another request of the day."""
    found = re.fullmatch(r"(.*_)([0-9]{4})(\.[a-z]+)", answer[0].name)
    if found is None:
        raise UnfitAnswerError(f"{answer[0].name} has no number")
    return replace(answer[0], name=f"{found[1]}{(int(found[2]) % 9999) + 1:04d}{found[3]}"), answer[1]


def chinese_references(answer: Answer) -> Answer:
    """No fault: references with characters, without which two charsets may be the same bytes."""
    request, given = answer
    return request, [one._replace(reference=f"银行代扣成功回单{one.asked.line}") for one in given]


# -- the bytes --------------------------------------------------------------------------------------------------------


def _is_xml(paper: Paper) -> bool:
    return paper.name.endswith(".xml")


def _one_more(paper: Paper, element: str, place: int) -> Paper:
    """A number a fen, or a line, too high: of an element of a message, else of a field of the trailer."""
    if _is_xml(paper):
        text = paper.data.decode()

        def more(found: re.Match[str]) -> str:
            return f"<{element}>{_more(found[1])}</{element}>"

        return Paper(paper.name, re.sub(f"<{element}>([0-9.]+)</{element}>", more, text, count=1).encode())
    rows = fields_of(paper.data)
    rows[-1][place] = _more(rows[-1][place])
    return Paper(paper.name, bytes_of_result(rows, paper.name))


def _more(number: str) -> str:
    return yuan(fen(number) + 1) if "." in number else str(int(number) + 1)


def wrong_count(paper: Paper) -> Paper:
    """A line more than there are, in the trailer or the head."""
    return _one_more(paper, "OrgnlNbOfTxs", 1)


def wrong_sum(paper: Paper) -> Paper:
    """A fen more deducted than the lines add up to, in the trailer or, of the first status, in the head."""
    return _one_more(paper, "DtldCtrlSum", 4)


def wrong_fund_sum(paper: Paper) -> Paper:
    """A fen more of maternity than the lines add up to; a message has no such sum, but one of what was asked."""
    return _one_more(paper, "OrgnlCtrlSum", 5 + len(FUNDS) - 1)


def unknown_code(paper: Paper) -> Paper:
    """A code that the profile has not, in the first line."""
    if _is_xml(paper):
        text = re.sub(r"<TxSts>[A-Z]+</TxSts>", "<TxSts>DONE</TxSts>", paper.data.decode(), count=1)
        return Paper(paper.name, text.encode())
    rows = fields_of(paper.data)
    rows[1][10] = "77"
    return Paper(paper.name, bytes_of_result(rows, paper.name))


def cut(paper: Paper) -> Paper:
    """The first two thirds of the bytes."""
    return Paper(paper.name, paper.data[: len(paper.data) * 2 // 3])


def empty(paper: Paper) -> Paper:
    return Paper(paper.name, b"")


def trailing(paper: Paper) -> Paper:
    """A byte behind the end, as some editors leave it (Ctrl-Z)."""
    return Paper(paper.name, paper.data + b"\x1a")


def byte_order_mark(paper: Paper) -> Paper:
    return Paper(paper.name, b"\xef\xbb\xbf" + paper.data)


def crlf(paper: Paper) -> Paper:
    """Line ends of Windows; in a message, where they mean nothing, such ends behind it."""
    if _is_xml(paper):
        return Paper(paper.name, paper.data + b"\r\n")
    return Paper(paper.name, paper.data.replace(b"\n", b"\r\n"))


def other_charset(paper: Paper) -> Paper:
    """UTF-8 where GB18030 is agreed, and the other way round; fields of fixed width keep it."""
    if _is_xml(paper):
        return Paper(paper.name, paper.data.decode().encode(CHARSET))
    lines = []
    for line in paper.data.removesuffix(b"\n").split(b"\n"):
        other = line.decode(CHARSET).encode()
        wider = len(other) - len(line)
        padded = paper.name.startswith("HF_") and wider > 0 and other.endswith(b" " * wider)
        lines.append(other[:-wider] if padded else other)
    return Paper(paper.name, b"".join(line + b"\n" for line in lines))


def wrong_name(paper: Paper) -> Paper:
    """The name without the bank's code."""
    kind, _, day, rest = paper.name.split("_")
    return Paper(f"{kind}_{day}_{rest}", paper.data)


# -- the list ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFault:
    """A fault by its name. ``found_by``: ``conformance``, or ``hub`` where only a hub that knows what came before can tell.

    Those of neither ``saying`` nor ``printing`` are in how the files are laid down.
    """

    name: str
    chinese: str
    english: str
    saying: Callable[[Answer], Answer] | None = None
    printing: Callable[[Paper], Paper] | None = None
    found_by: str = "conformance"


def _saying(name: str, chinese: str, english: str, change: Callable[[Answer], Answer]) -> AnswerFault:
    return AnswerFault(name=name, chinese=chinese, english=english, saying=change)


def _printing(name: str, chinese: str, english: str, change: Callable[[Paper], Paper]) -> AnswerFault:
    return AnswerFault(name=name, chinese=chinese, english=english, printing=change)


def _laying(name: str, chinese: str, english: str, found_by: str = "conformance") -> AnswerFault:
    return AnswerFault(name=name, chinese=chinese, english=english, found_by=found_by)


FAULTS: Final[Mapping[str, AnswerFault]] = {
    fault.name: fault
    for fault in (
        _saying(
            "out-of-order", "未按规定顺序分配基金", "a fund gets money while an earlier one is short", out_of_order
        ),
        _saying("swapped", "两项基金金额互换", "two funds' amounts exchanged", swapped),
        _saying("more-than-asked", "实扣超过应扣", "a fen more than was asked", more_than_asked),
        _saying("funds-sum", "四项基金之和与实扣不符", "four funds differ from the amount deducted", funds_sum),
        _saying(
            "full-without-money", "返回全额成功但未扣款", "paid in full, with nothing deducted", full_without_money
        ),
        _saying("money-without-success", "返回失败但已扣款", "refused, with money deducted", money_without_success),
        _saying("part-of-whole", "全额扣款的行部分扣款", "part of a line that is all or nothing", part_of_whole),
        _saying("missing-line", "缺少应返回的行", "a line is not answered", missing_line),
        _saying("twice", "同一行返回两次", "a line is answered twice", twice),
        _saying("unknown-line", "请求文件中没有此行", "an answer to a line that was not asked", unknown_line),
        _saying("lines-swapped", "两行行号互换", "two lines' numbers exchanged", lines_swapped),
        _saying("changed-unit", "缴费单位被更改", "another unit than was asked", changed_unit),
        _saying("changed-instruction", "指令号被更改", "another instruction than was asked", changed_instruction),
        _saying("changed-requested", "应扣金额被更改", "another amount asked", changed_requested),
        _saying("unknown-batch", "批次不存在", "another batch", unknown_batch),
        _saying("wrong-request", "请求文件名不符", "the name of another request", wrong_request),
        _printing("wrong-count", "笔数不符", "count differs from the lines", wrong_count),
        _printing("wrong-sum", "实扣总额不符", "sum deducted differs from the lines", wrong_sum),
        _printing("wrong-fund-sum", "基金总额不符", "another sum differs from the lines", wrong_fund_sum),
        _printing("unknown-code", "返回码不存在", "a code that is not agreed", unknown_code),
        _printing("cut", "文件被截断", "the file is cut", cut),
        _printing("empty", "空文件", "an empty file", empty),
        _printing("trailing", "文件尾后有多余字节", "a byte behind the end", trailing),
        _printing("bom", "含有字节顺序标记", "a byte order mark", byte_order_mark),
        _printing("crlf", "行结束符为回车换行", "line ends CR LF", crlf),
        AnswerFault(
            name="utf8",
            chinese="字符编码不符（GB18030 与 UTF-8 互换）",
            english="the other charset: UTF-8 for GB18030, GB18030 for UTF-8",
            saying=chinese_references,
            printing=other_charset,
        ),
        _printing("wrong-name", "文件名不符", "a name that is not agreed", wrong_name),
        _laying("no-ok", "没有 .ok 文件", "no .ok beside the answer"),
        _laying("wrong-ok", ".ok 摘要不符", "an .ok of another digest"),
        _laying("changed-after-ok", ".ok 之后文件又被更改", "the answer replaced after its .ok was written"),
        _laying("late", "迟到的回盘", "the answer comes only after --late seconds", found_by="hub"),
        _laying("again", "同一文件再次送达", "the same bytes once more, when the first are taken", found_by="hub"),
        _laying(
            "other-bytes-same-name",
            "同名不同内容",
            "another content under the same name, when the first is taken",
            found_by="hub",
        ),
    )
}
"""Every fault by its name, in the order in which they are listed."""
