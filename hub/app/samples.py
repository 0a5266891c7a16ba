"""Sample request files, for a bank that builds its side: every kind of line that a request can hold, in any profile."""

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from hub.domain.funds import FUND_NAMES
from hub.domain.signatures import SIG_SUFFIX, statement
from hub.ports import BankFormat, BatchHeader, Signer

BANK: Final = "SAMPLE"
DAY: Final = date(2026, 12, 2)
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


def write(profile: BankFormat, folder: Path, signer: Signer | None = None) -> tuple[Path, ...]:
    """Writes a request of every kind of line, and its ``.ok``, into a folder; the paths, the request first.

    With a ``signer``, its ``.sig`` as well, which is the last of the paths.
    """
    header = BatchHeader(BANK, f"{BANK}-{DAY:%Y%m%d}-0001", "2026-12", 1, DAY)
    path = folder / profile.request_name(BANK, DAY, 1)
    with path.open("wb") as out:
        profile.write_request(header, [_frame()], out)
    content = path.read_bytes()
    beside = path.with_name(f"{path.name}.ok")
    digest = sha256(content).hexdigest()
    beside.write_bytes(profile.ok_text(digest, len(content)))
    if signer is None:
        return path, beside
    signature = path.with_name(path.name + SIG_SUFFIX)
    signature.write_bytes(signer.sign(statement(path.name, len(content), digest)))
    return path, beside, signature


def _frame() -> pl.DataFrame:
    columns = {
        "line": pl.Series(range(1, len(LINES) + 1), dtype=pl.Int32),
        "instruction_no": [line.instruction_no for line in LINES],
        "unit": [f"1101{number:08d}" for number in range(1, len(LINES) + 1)],
        "account": [line.account for line in LINES],
        "account_name": [line.account_name for line in LINES],
        **{fund: [line.amounts[place] for line in LINES] for place, fund in enumerate(FUND_NAMES)},
        "partial": [line.partial for line in LINES],
    }
    return pl.DataFrame(columns)
