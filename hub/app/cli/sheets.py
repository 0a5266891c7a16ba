"""A form as text: CSV for programs and spreadsheets (fen), a table for people (yuan)."""

import csv
import io
from typing import Final

from rich import box
from rich.table import Table

from hub.domain.money import yuan
from hub.ledger.forms.form import MEASURE_FIELDS, Measure, Sheet
from hub.ledger.forms.on_paper import MEASURE_HEADS

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_ROWS_SHOWN: Final = 200
"""Rows of a table on the screen; JSON and CSV always hold all."""


def as_csv(sheet: Sheet) -> str:
    """Keys, then ``<measure>_<count|pension|…|total>``; status last where the form has one. Amounts are fen."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    columns = [f"{measure}_{field}" for measure in sheet.form.measures for field in MEASURE_FIELDS]
    with_status = "status" if sheet.form.has_status else None
    writer.writerow([*sheet.form.keys, *columns, *([with_status] if with_status else [])])
    for row in sheet.rows:
        amounts = [value for measure in row.measures for value in (*measure, measure.total)]
        writer.writerow([*map(harmless, row.keys), *amounts, *([row.status] if with_status else [])])
    return out.getvalue()


def harmless(cell: str) -> str:
    """A text that a spreadsheet would run as a formula gets an apostrophe before it: a bill id may begin with ``-``."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def as_table(sheet: Sheet) -> Table:
    """One block of columns a measure: count and total in yuan; the last line is the form's total."""
    title = f"{sheet.form.paper} {sheet.form.title}".strip()
    about = " · ".join(
        part
        for part in (
            sheet.period or "to date",
            f"round {sheet.round}" if sheet.round else "",
            f"as of {sheet.as_of}" if sheet.as_of else "",
            "yuan",
        )
        if part
    )
    table = Table(title=f"{title}\n{about}", box=box.SIMPLE_HEAD, show_footer=True)
    for at, key in enumerate(sheet.form.keys):
        table.add_column(key, footer="total" if at == 0 else "")
    for name, total in zip(sheet.form.measures, sheet.total, strict=True):
        count, money = _cells(total)
        table.add_column("n", footer=count, justify="right")
        table.add_column(f"{MEASURE_HEADS[name]} {name}", footer=money, justify="right")
    if sheet.form.has_status:
        table.add_column("status")
    for row in sheet.rows[:_ROWS_SHOWN]:
        cells = [cell for measure in row.measures for cell in _cells(measure)]
        table.add_row(*(key or "–" for key in row.keys), *cells, *([row.status] if row.status else []))
    if len(sheet.rows) > _ROWS_SHOWN:
        table.caption = f"{len(sheet.rows) - _ROWS_SHOWN:,} more rows: --format csv or --json holds them all"
    return table


def _cells(measure: Measure) -> tuple[str, str]:
    return f"{measure.count:,}", yuan(measure.total)
