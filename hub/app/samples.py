"""Sample files, for a bank that builds its side: a request of every kind of line and an answer of every outcome, in any profile."""

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from connectors.formats.sample_answer import answer_name, print_answer
from hub.domain.bank_results import PAID_IN_FULL, PAID_IN_PART, AnswerLine
from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.ids import InstructionNo, UnitNo
from hub.domain.money import ZERO, Fen
from hub.domain.signatures import SIG_SUFFIX, statement
from hub.domain.splitting import split
from hub.ports import BankFormat, BatchHeader, Signer

BANK: Final = "SAMPLE"
DAY: Final = date(2026, 12, 2)
ANSWERED: Final = date(2026, 12, 3)
_LARGEST: Final = 99_999_999_999
"""Fen of one fund, for a sum that still has its place in every profile."""


class _Line(NamedTuple):
    says: str
    instruction_no: str
    account: str
    account_name: str
    amounts: tuple[int, int, int, int]
    partial: bool


_DUE: Final = (100_000, 10_000, 5_000, 3_000)
_LITTLE: Final = (100, 100, 100, 100)

LINES: Final = (
    _Line("four funds, part allowed", "S-0001-1", "0200000000000000001", "北京甲有限公司", _DUE, True),
    _Line("four funds, all or nothing", "S-0002-1", "0200000000000000002", "北京乙有限公司", _DUE, False),
    _Line("one fen", "S-0003-1", "0200000000000000003", "北京丙有限公司", (1, 0, 0, 0), True),
    _Line("only the last fund", "S-0004-1", "0200000000000000004", "北京丁有限公司", (0, 0, 0, 200), True),
    _Line("large amounts", "S-0005-1", "0200000000000000005", "北京戊有限公司", (_LARGEST, 0, 0, 0), True),
    _Line("shortest account", "S-0006-1", "0000000001", "己", _LITTLE, True),
    _Line("longest account", "S-0007-1", "0" * 31 + "1", "北京庚有限公司", _LITTLE, True),
    _Line("rare characters, two and four bytes", "S-0008-1", "0200000000000000008", "䶮𠮷商行", _LITTLE, True),
    _Line("letters, digits and signs", "S-0009-1", "0200000000000000009", "A&B <Trading> Co., Ltd. No.1", _LITTLE, True),
    _Line("longest instruction", "S" * 34 + "-1", "0200000000000000010", "北京壬有限公司", _LITTLE, True),
)  # fmt: skip


OUTCOMES: Final = ("01", "00", "00", "02", "03", "04", "05", "06", "99", "00")
"""The contract's code of each line's answer: every one of them, the first in part."""
HEADER: Final = BatchHeader(BANK, f"{BANK}-{DAY:%Y%m%d}-0001", "2026-12", 1, DAY)
_PART: Final = Fen(105_000)


class SampleFile(NamedTuple):
    """A file as it would lie in a directory."""

    name: str
    content: bytes


def request_file(profile: BankFormat, lines: int = len(LINES)) -> SampleFile:
    """A request of the first so many lines; of every kind when they are all."""
    out = BytesIO()
    profile.write_request(HEADER, [_frame(LINES[:lines])], out)
    return SampleFile(profile.request_name(BANK, DAY, 1), out.getvalue())


def answer_file(profile: BankFormat, lines: int = len(LINES)) -> SampleFile:
    """The answer to that request; with every outcome when all lines are answered."""
    answers = [_answer(number, line, OUTCOMES[number - 1]) for number, line in enumerate(LINES[:lines], start=1)]
    name = answer_name(profile, BANK, ANSWERED, 1)
    asked = profile.request_name(BANK, DAY, 1)
    return SampleFile(name, print_answer(profile, HEADER, asked, answers, ANSWERED, name))


def _answer(number: int, line: _Line, code: str) -> AnswerLine:
    asked = FundAmounts(*map(Fen, line.amounts))
    deducted = {PAID_IN_FULL: asked.total, PAID_IN_PART: _PART}.get(code, ZERO)
    reference = f"REF{number:04d}" if deducted else ""
    no, unit = InstructionNo(line.instruction_no), UnitNo(_unit(number))
    parts = split(deducted, asked)
    return AnswerLine(number + 1, number, no, unit, asked.total, deducted, parts, code, reference)


def ok_of(profile: BankFormat, file: SampleFile) -> SampleFile:
    """The ``.ok`` of a file."""
    return SampleFile(f"{file.name}.ok", profile.ok_text(sha256(file.content).hexdigest(), len(file.content)))


def write(profile: BankFormat, folder: Path, signer: Signer | None = None, *, answer: bool = False) -> dict[str, Path]:
    """Writes a request of every kind of line, and its ``.ok``, into a folder; the paths by what they are.

    ``answer``: and an answer with every outcome, and its ``.ok``. With a ``signer``, the request's ``.sig`` as well. The
    folder is made when it is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    request = request_file(profile)
    files = {"request": request, "ok": ok_of(profile, request)}
    if signer is not None:
        said = statement(request.name, len(request.content), sha256(request.content).hexdigest())
        files["signature"] = SampleFile(request.name + SIG_SUFFIX, signer.sign(said))
    if answer:
        answered = answer_file(profile)
        files |= {"answer": answered, "answer_ok": ok_of(profile, answered)}
    for file in files.values():
        (folder / file.name).write_bytes(file.content)
    return {what: folder / file.name for what, file in files.items()}


def _unit(number: int) -> str:
    return f"1101{number:08d}"


def _frame(lines: Sequence[_Line]) -> pl.DataFrame:
    columns = {
        "line": pl.Series(range(1, len(lines) + 1), dtype=pl.Int32),
        "instruction_no": [line.instruction_no for line in lines],
        "unit": [_unit(number) for number in range(1, len(lines) + 1)],
        "account": [line.account for line in lines],
        "account_name": [line.account_name for line in lines],
        **{fund: [line.amounts[place] for line in lines] for place, fund in enumerate(FUND_NAMES)},
        "partial": [line.partial for line in lines],
    }
    return pl.DataFrame(columns)
