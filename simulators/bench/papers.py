"""The agencies' files out of columns: dues, second collections, sporadic receipts (contract, section 2)."""

from datetime import date
from hashlib import sha256
from io import BytesIO

import polars as pl

from simulators import agency
from simulators.agency import Paper
from simulators.amounts import FUNDS, Four, yuan
from simulators.bench.crowd import PERIOD


def in_yuan(fen: pl.Expr) -> pl.Expr:
    """The text of an amount in a file: 123456 fen is ``1234.56``."""
    return (fen // 100).cast(pl.String) + "." + (fen % 100).cast(pl.String).str.zfill(2)


def printed(lines: pl.DataFrame) -> bytes:
    """Columns as the lines of a file, in UTF-8."""
    out = BytesIO()
    lines.write_csv(out, separator="|", include_header=False, quote_style="never")
    return out.getvalue()


def four_sums(frame: pl.DataFrame, prefix: str = "") -> Four:
    """The four funds of a frame added up."""
    pension, unemployment, injury, maternity = (int(frame[prefix + fund].sum()) for fund in FUNDS)
    return (pension, unemployment, injury, maternity)


def _money(prefix: str = "") -> list[pl.Expr]:
    funds = [pl.col(prefix + fund) for fund in FUNDS]
    return [*(in_yuan(fund) for fund in funds), in_yuan(pl.sum_horizontal(funds)).alias("total")]


def _numbered() -> list[pl.Expr]:
    return [pl.lit("D").alias("record"), pl.int_range(1, pl.len() + 1).cast(pl.String).alias("line")]


def _sealed(header: str, body: bytes, controls: str, count: int, total: str) -> bytes:
    data = f"{header}\n".encode() + body + controls.encode()
    return data + f"T|{count}|{total}|{sha256(data).hexdigest()}\n".encode()


def dues(code: str, day: date, bills: pl.DataFrame) -> Paper:
    """The month's bills of one agency, all by bank deduction."""
    lines = bills.select(
        *_numbered(), "bill_no", "unit", "unit_name", pl.lit("B").alias("mode"), "bank", "account", "account_name",
        *_money(), pl.lit("").alias("refers_to"),
    )  # fmt: skip
    controls = "".join(
        f"C|B|{bank}|{of_bank.height}|{agency.money(four_sums(of_bank))}\n"
        for (bank,), of_bank in sorted(bills.group_by("bank"), key=lambda group: str(group[0][0]))
    )
    header = f"H|DUES|1|{code}|{PERIOD}|M|0001|{day}"
    total = yuan(sum(four_sums(bills)))
    return Paper(f"DUES_{code}_{PERIOD}_M_0001.txt", _sealed(header, printed(lines), controls, bills.height, total))


def again(code: str, day: date, pay_on: date, units: pl.DataFrame) -> Paper:
    """The units of one agency that are to be asked a second time."""
    lines = units.select(*_numbered(), "unit", pl.lit("B").alias("mode"), pl.lit(str(pay_on)).alias("pay_on"))
    header = f"H|AGAIN|1|{code}|{PERIOD}|0001|{day}"
    return Paper(f"AGAIN_{code}_{PERIOD}_0001.txt", _sealed(header, printed(lines), "", units.height, ""))


def receipts(code: str, day: date, number: int, paid: pl.DataFrame) -> Paper:
    """Cash at the counter of one agency; ``amount`` is all that is outstanding on a bill."""
    taken = pl.lit(f"RC-{code}-{day:%Y%m%d}-{number:04d}-") + pl.int_range(1, pl.len() + 1).cast(pl.String)
    lines = paid.select(
        *_numbered(), taken.alias("receipt"), "bill_no", pl.lit("CASH").alias("method"), pl.lit("").alias("cheque"),
        in_yuan(pl.col("amount")), pl.lit(str(day)).alias("received_on"),
    )  # fmt: skip
    header = f"H|RECEIPTS|1|{code}|{day}|{number:04d}"
    data = _sealed(header, printed(lines), "", paid.height, yuan(int(paid["amount"].sum())))
    return Paper(f"RCPT_{code}_{day:%Y%m%d}_{number:04d}.txt", data)
