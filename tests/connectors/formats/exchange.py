"""A request of ours and a bank's answer to it, in the form of any profile; the answer is the bank's own program's."""

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import polars as pl

from connectors.formats import PROFILES
from connectors.formats.line_profile import line_profiles
from hub.domain.bank_results import RequestedLine, check_answers
from hub.domain.bank_results_columns import lines_of
from hub.domain.faults import Fault, FaultCode
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import Fen
from hub.ports import BankFormat, BatchHeader, Refused, RequestLine
from simulators.amounts import fen, yuan
from simulators.bank_program import Given, Request, bytes_of_result, fields_of, print_result, read_request

BY_NAME = {profile.name: profile for profile in line_profiles()}
PIPE, FIXED, ISO = PROFILES["pipe-gb18030"], PROFILES["fixed-gb18030"], PROFILES["iso20022"]
HEADER = BatchHeader("ICBC", "ICBC-2026-12-1-001", "2026-12", 1, date(2026, 12, 2))
ANSWERED = date(2026, 12, 3)
REQUEST_COLUMNS: dict[str, type[pl.DataType]] = (
    {"line": pl.Int32}
    | dict.fromkeys(("instruction_no", "unit", "account", "account_name"), pl.String)
    | dict.fromkeys(FUND_NAMES, pl.Int64)
    | {"partial": pl.Boolean}
)


def line(number: int, name: str = "北京市朝阳区䶮山商贸有限公司", partial: bool = True, *funds: int) -> RequestLine:
    """A line of a request; ``funds`` are fen."""
    p, u, i, m = funds or (800_000 + number, 20_000, 4_000 + number, 160)
    amounts = FundAmounts(Fen(p), Fen(u), Fen(i), Fen(m))
    return RequestLine(
        number,
        f"CY2612-{number:06d}-1",
        f"{110105000000 + number}",
        f"02000041092006{number:06d}",
        name,
        amounts,
        partial,
    )


def parts_of(lines: Iterable[RequestLine], at_once: int = 3) -> Iterator[pl.DataFrame]:
    """Request lines as the columns they are written from."""
    rows = [(*each[:5], *each.amounts, each.partial) for each in lines]
    return pl.DataFrame(rows, schema=REQUEST_COLUMNS, orient="row").iter_slices(at_once)


def written(profile: BankFormat, lines: Sequence[RequestLine]) -> bytes:
    """The bytes of a request."""
    out = io.BytesIO()
    profile.write_request(HEADER, parts_of(lines), out)
    return out.getvalue()


@dataclass(frozen=True)
class Exchange:
    """One request and one good answer: line 1 paid in full, 2 in part, 3 not at all, 4 in full, in the order 3 1 4 2."""

    profile: BankFormat
    asked: tuple[RequestLine, ...]
    request: Request
    name: str
    result: bytes

    def faults(self, content: bytes, name: str | None = None) -> list[Fault]:
        """Every fault for which the hub would quarantine this answer; none when it would take it in."""
        parsed = self.profile.parse_result(name or self.name, "ICBC", io.BytesIO(content))
        if isinstance(parsed, Refused):
            return list(parsed.faults)
        found = []
        for field, expected, said in (
            ("batch no", HEADER.batch_no, parsed.batch_no), ("request file name", self.request.name, parsed.request_name),
        ):  # fmt: skip
            if said != expected:
                found.append(Fault(1, field, FaultCode.MISMATCH, expected, said))
        asked = [
            RequestedLine(each.line, InstructionNo(each.instruction_no), UnitNo(each.unit), each.amounts, each.partial)
            for each in self.asked
        ]
        return [*found, *check_answers(asked, lines_of(parsed.answers))]

    def is_taken(self, content: bytes) -> bool:
        return not self.faults(content)

    def rewritten(self, change: Callable[[list[list[str]]], object], *, trailer_corrected: bool = True) -> bytes:
        """The answer with its fields (the contract's form) changed, by the bank's own printer."""
        rows = fields_of(self.result)
        change(rows)
        if trailer_corrected:
            details = [row for row in rows if row[0] == "D"]
            sums = [yuan(sum(fen(row[place]) for row in details)) for place in range(4, 10)]
            rows[-1] = ["T", str(len(details)), str(sum(row[10] == "00" for row in details)), *sums]
        return bytes_of_result(rows, self.name)


def exchange(profile: BankFormat) -> Exchange:
    asked = (line(1), line(2, "𠮷田\ue81e鰘"), line(3, partial=False), line(4, "名", True, 99, 1, 0, 0))
    data = written(profile, asked)
    name = profile.request_name("ICBC", HEADER.business_date, 1)
    request = read_request(name, data, f"{sha256(data).hexdigest()} {len(data)}\n".encode())
    whole = [sum(each.wanted) for each in request.lines]
    first, second, third, fourth = request.lines
    given = [
        Given(third, 0, "99", ""), Given(first, whole[0], "00", "工行代扣回单20261203"), Given(fourth, whole[3], "00", "GH-4"),
        Given(second, 810_000, "01", "GH-2"),
    ]  # fmt: skip
    paper = print_result(request, given, ANSWERED, 1)
    return Exchange(profile, asked, request, paper.name, paper.data)
