"""The bench's banks tell and print files by columns as the banks' programs do line by line."""

from datetime import date
from hashlib import sha256
from io import BytesIO

import polars as pl
import pytest

from connectors.formats import PROFILES
from hub.ports import BatchHeader
from simulators import bank_iso20022
from simulators.amounts import FUNDS, yuan
from simulators.bank_program import fields_of, read_request
from simulators.bench.bank_forms import FORMS, Given
from simulators.bench.books import columns
from simulators.bench.papers import in_yuan
from tests.bench.formats import answered, asked

BANK, DAY, LINES = "ICBC", date(2026, 12, 2), 200


@pytest.fixture(params=sorted(FORMS))
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def request_of(form: str) -> bytes:
    out = BytesIO()
    PROFILES[form].write_request(BatchHeader(BANK, "ICBC-2026-12-1-001", "2026-12", 1, DAY), asked(LINES), out)
    return out.getvalue()


def test_a_request_is_told_as_line_by_line(form: str) -> None:
    data = request_of(form)
    name = PROFILES[form].request_name(BANK, DAY, 1)
    slowly = read_request(name, data, f"{sha256(data).hexdigest()} {len(data)}\n".encode())
    told = FORMS[form].told(data)
    assert told.head == (BANK, slowly.batch, slowly.period, str(slowly.round), str(slowly.day))
    rows = told.lines.select("line", "instruction", "unit", "account", "account_name", "part").rows()
    assert rows == [
        (str(each.line), each.instruction, each.unit, each.account, each.account_name, "P" if each.may_be_part else "F")
        for each in slowly.lines
    ]
    money = told.lines.select(*(f"text_{fund}" for fund in FUNDS), "text_total").rows()
    assert money == [(*map(yuan, each.wanted), yuan(sum(each.wanted))) for each in slowly.lines]
    fen = told.lines.with_columns(pl.Series(f"asked_{fund}", [each.wanted[n] for each in slowly.lines])
                                  for n, fund in enumerate(FUNDS))  # fmt: skip
    summed = fen.with_columns(pl.sum_horizontal(columns("asked_")).alias("asked"))
    assert told.totals == FORMS[form].totals(summed)
    assert told.totals != FORMS[form].totals(summed.head(LINES - 1))


@pytest.mark.parametrize("wrong", [b"<Nb>INJURY</Nb>", b"</Othr>", b"PENSION"])
def test_a_message_with_a_transaction_of_another_shape_is_not_told(wrong: bytes) -> None:
    head, first, lines = request_of("iso20022").partition(b"<DrctDbtTxInf>")
    told = FORMS["iso20022"].told(head + first + lines.replace(wrong, b"<Else/>", 1))
    assert told.lines["line"].null_count() == 1


def test_an_answer_is_printed_as_line_by_line(form: str) -> None:
    frame = pl.concat(answered(part) for part in asked(LINES)).rename(
        {"instruction_no": "instruction", "requested": "asked", "deducted": "money"}
        | dict(zip(FUNDS, columns("came_"), strict=True))
    )
    given = Given(BANK, "ICBC-2026-12-1-001", PROFILES[form].request_name(BANK, DAY, 1), DAY, 3, frame)
    data = FORMS[form].printed(given)
    rows = bank_iso20022.fields_of(data) if bank_iso20022.is_message(data) else fields_of(data)
    header, *details, trailer = rows
    assert header == ["H", "RESULT", "1", BANK, given.batch, given.request, str(DAY)]
    money = [in_yuan(pl.col(name)).alias(name) for name in ("asked", "money", *columns("came_"))]
    texts = frame.select(
        pl.lit("D"), pl.col("line").cast(pl.String), "instruction", "unit", *money, "code", "reference"
    )
    assert details == [list(row) for row in texts.rows()]
    assert trailer[1:3] == [str(LINES), str(LINES - LINES // 10)]
    read = PROFILES[form].parse_result(FORMS[form].answer_name(BANK, DAY, 3), BANK, BytesIO(data))
    assert len(read.answers) == LINES, read
