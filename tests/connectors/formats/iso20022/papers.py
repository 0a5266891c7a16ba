"""Requests and answers of the profile, as values and as bytes, for the tests of this folder."""

import io
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from hashlib import sha256

import polars as pl
from hypothesis import strategies as st

from connectors.formats import PROFILES
from hub.domain.bank_results import RequestedLine, check_answers
from hub.domain.bank_results_columns import answers_fit, lines_of
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import MAX_AMOUNT, Fen
from hub.ports import BatchHeader, Refused, RequestLine, ResultFile, WrittenTotals
from simulators.bank_iso20022 import read_request
from simulators.bank_program import print_result
from simulators.bank_work import Asked, Given, Request
from tests.connectors.formats.strategies import capitals, digits, names

PROFILE = PROFILES["iso20022"]
HEADER = BatchHeader("ICBC", "ICBC-20261202-0001", "2026-12", 1, date(2026, 12, 2))
DAY = date(2026, 12, 3)
NAME = "PAIN008_ICBC_20261202_0001.xml"
ANSWER = "PAIN002_ICBC_20261203_0001.xml"
REQUEST_COLUMNS: dict[str, type[pl.DataType]] = (
    {"line": pl.Int32}
    | dict.fromkeys(("instruction_no", "unit", "account", "account_name"), pl.String)
    | dict.fromkeys(FUND_NAMES, pl.Int64)
    | {"partial": pl.Boolean}
)


def line(place: int, *fen: int, partial: bool = True, name: str = "第一纺织厂", number: str = "") -> RequestLine:
    amounts = FundAmounts(*map(Fen, fen or (10000, 700, 250, 150)))
    return RequestLine(
        place,
        number or f"B-{place}-1",
        f"{110105000000 + place}",
        f"{200004109000000 + place:019d}",
        name,
        amounts,
        partial,
    )


LINES = [line(1), line(2, 880000, 20000, 39840, 0), line(3, partial=False, name="甲<乙>&\"丙'"), line(4, 1, 0, 0, 0)]


def frames_of(lines: Iterable[RequestLine], at_once: int = 3) -> Iterator[pl.DataFrame]:
    """Request lines as the columns they are written from."""
    rows = [(*each[:5], *each.amounts, each.partial) for each in lines]
    return pl.DataFrame(rows, schema=REQUEST_COLUMNS, orient="row").iter_slices(at_once)


def written(lines: Iterable[RequestLine], header: BatchHeader = HEADER) -> tuple[bytes, WrittenTotals]:
    out = io.BytesIO()
    totals = PROFILE.write_request(header, frames_of(lines), out)
    return out.getvalue(), totals


def read(content: bytes) -> tuple[BatchHeader, list[RequestLine]]:
    header, lines = PROFILE.read_request(io.BytesIO(content))
    return header, list(lines)


def at_the_bank(lines: Iterable[RequestLine]) -> Request:
    """What the bank reads of a request of ours."""
    content, _ = written(lines)
    return read_request(NAME, content, f"{sha256(content).hexdigest()} {len(content)}\n".encode())


def answered(lines: Iterable[RequestLine], decide: Callable[[Asked], Given]) -> bytes:
    """The bank's answer to a request of ours."""
    request = at_the_bank(lines)
    return print_result(request, [decide(asked) for asked in request.lines], DAY, 1).data


def one_of_each(asked: Asked) -> Given:
    """Part, if any line may be paid in part the second; nothing for the third; the others in full."""
    if asked.line == 2:
        return Given(asked, 890000, "01", "GH-0002")
    if asked.line == 3:
        return Given(asked, 0, "02", "R&D <3>")
    return Given(asked, sum(asked.wanted), "00", f"GH-{asked.line:04d}")


def parsed(content: bytes, name: str = ANSWER, bank: str = "ICBC") -> ResultFile | Refused:
    return PROFILE.parse_result(name, bank, io.BytesIO(content))


def asked_lines(lines: Iterable[RequestLine]) -> list[RequestedLine]:
    return [
        RequestedLine(each.line, InstructionNo(each.instruction_no), UnitNo(each.unit), each.amounts, each.partial)
        for each in lines
    ]


def taken_in(content: bytes, lines: list[RequestLine], name: str = ANSWER) -> bool:
    """Whether the hub would take an answer in: it passes, is to this batch and file, and fits every line asked."""
    file = parsed(content, name)
    if isinstance(file, Refused):
        return False
    if (file.bank, file.batch_no, file.request_name) != (HEADER.bank, HEADER.batch_no, NAME):
        return False
    columns = (part.drop("account", "account_name") for part in frames_of(lines))
    fits = answers_fit(columns, file.answers)
    assert fits is not any(check_answers(asked_lines(lines), lines_of(file.answers))), "the two checks disagree"
    return fits


fen = st.integers(0, MAX_AMOUNT // 4).map(Fen)
xml_names = names.map(lambda text: "".join(sign for sign in text if sign not in "\ufffe\uffff") or "名")
bills = st.text(capitals, min_size=1, max_size=34).filter(lambda bill: not (len(bill) == 34 and bill.endswith("-")))


@st.composite
def request_lines(draw: st.DrawFn) -> list[RequestLine]:
    numbers = draw(st.lists(bills, min_size=1, max_size=6, unique=True))
    return [
        RequestLine(
            place,
            f"{number}-{draw(st.sampled_from('12'))}",
            draw(st.text(digits, min_size=12, max_size=12)),
            draw(st.text(digits, min_size=10, max_size=32)),
            draw(xml_names),
            FundAmounts(draw(fen), draw(fen), draw(fen), Fen(draw(fen) + 1)),
            draw(st.booleans()),
        )
        for place, number in enumerate(numbers, start=1)
    ]
