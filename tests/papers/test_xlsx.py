"""The workbook, read back by another library: exact amounts, texts that never run, and a print set-up for A4."""

import io
import re
import tracemalloc
import zipfile
from dataclasses import replace
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.app.papers import xlsx
from hub.app.papers.layout import NO_ROWS, Names, whole
from hub.app.papers.xlsx import EXACT_BELOW, write_xlsx
from hub.domain.capital_amounts import capital_rmb
from hub.domain.money import Fen, yuan
from hub.ledger.forms import FORMS, Measure, Sheet, SheetRow
from tests.papers.sheets import DECEMBER, NAMES, sheet

HEAD = 4
"""The row of the heads, counted from one."""


def written(filled: Sheet, names: Names = NAMES) -> bytes:
    out = io.BytesIO()
    write_xlsx(whole(filled, DECEMBER, names), out)
    return out.getvalue()


def opened(content: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content)).worksheets[0]


def expected(filled: Sheet) -> list[list[object]]:
    """The lines under the head: keys in words, the measure, count and amounts in yuan, the status."""
    paper = whole(filled, DECEMBER, NAMES)
    blank = ("",) * (len(filled.form.keys) - 1)
    blocks = [(block.keys, block.lines, block.status) for block in paper.blocks()]
    return [
        [*keys, line.measure, line.count, *(Decimal(fen).scaleb(-2) for fen in line.amounts)]
        + ([status] if filled.form.has_status else [])
        for keys, lines, status in [*blocks, (("合计", *blank), paper.total(), "")]
        for line in lines
    ]


def lines(found: Any, count: int) -> list[list[object]]:
    rows = found.iter_rows(min_row=HEAD + 1, max_row=HEAD + count)
    return [[_value(cell) for cell in row] for row in rows]


def _value(cell: Any) -> object:
    return Decimal(repr(cell.value)) if cell.data_type == "n" and cell.value is not None else cell.value or ""


@pytest.mark.parametrize("name", FORMS)
def test_the_workbook_holds_every_line_to_the_fen(name: str) -> None:
    filled = sheet(name, 40, most=10**12)
    wanted = expected(filled)
    found = opened(written(filled))
    assert [cell.value for cell in found[HEAD]] == list(whole(filled, DECEMBER, NAMES).heads)
    assert lines(found, len(wanted)) == wanted


def column_of(amount: int) -> tuple[str, Any]:
    """How an amount of pension stands in the file, and the cell read back."""
    row = SheetRow(("110105",), (Measure(1, amount, 0, 0, 0),))
    content = written(Sheet(form=FORMS["balances"], period=None, round=None, rows=(row,)))
    xml = zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml").decode()
    found = re.search(rf'<c r="D{HEAD + 1}"[^>]*>(?:<v>|<is><t>)([^<]*)<', xml)
    assert found
    return found[1], opened(content)[f"D{HEAD + 1}"]


@settings(max_examples=60, deadline=None)
@given(st.integers(min_value=-EXACT_BELOW + 1, max_value=EXACT_BELOW - 1))
def test_an_amount_in_the_file_is_its_decimal_text(amount: int) -> None:
    """No ``1234.5000000001``, and the number that a spreadsheet makes of it prints as the same fen."""
    text, cell = column_of(amount)
    assert text == yuan(amount).replace(",", "")
    assert cell.data_type == "n"
    assert Decimal(repr(cell.value)) * 100 == amount


@pytest.mark.parametrize("amount", [EXACT_BELOW, 9_007_199_254_740_993, 9_999_999_999_999_999])
def test_an_amount_beyond_fifteen_digits_is_an_exact_text(amount: int) -> None:
    text, cell = column_of(amount)
    assert text == cell.value == yuan(amount)
    assert cell.data_type != "n"


def test_total_capitals_and_signatures_stand_at_the_foot() -> None:
    filled = sheet("t27", 6)
    found = opened(written(filled))
    texts = [str(cell.value) for row in found.iter_rows() for cell in row if cell.value is not None]
    total = filled.total[1].total
    assert f"到位金额合计（大写）：{capital_rmb(Fen(total))}　￥{yuan(total)}" in texts
    assert texts[0] == "市社保中心社会保险费银行扣款到位通知单"
    assert "表二十七　所属期：2026年12月　第一次扣款" in texts
    assert "单位：元" in texts
    assert any(text.startswith("制表：") for text in texts)
    assert texts[-1] == "（市社保中心收缴业务章）"


def test_it_prints_on_a4_across_with_its_heads_on_every_page() -> None:
    filled = sheet("f8", 6)
    found = opened(written(filled))
    assert (found.page_setup.orientation, int(found.page_setup.paperSize)) == ("landscape", 9)
    assert (int(found.page_setup.fitToWidth or 1), int(found.page_setup.fitToHeight)) == (1, 0)
    assert found.sheet_properties.pageSetUpPr.fitToPage
    assert found.print_title_rows == f"$1:${HEAD}"
    assert found.freeze_panes == f"A{HEAD + 1}"
    assert found.auto_filter.ref == f"A{HEAD}:J{HEAD + 24}"
    assert filled.content_hash()[:32] in found.oddFooter.left.text
    assert found.oddFooter.right.text == "第 &P 页　共 &N 页"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "{=1}", "https://x/", "=cmd|'/c calc'!A0"])
def test_texts_never_run(text: str) -> None:
    """A bill id may begin with a minus sign (contract section 1), a name with anything."""
    names = Names(agencies={"110105": text}, banks={"CCB": text})
    filled = sheet("unit", 1)
    odd = replace(filled, rows=(filled.rows[0]._replace(keys=("2026-12", "M", text)),))
    bill = opened(written(odd))[f"C{HEAD + 1}"]
    assert (bill.value, bill.data_type, bill.hyperlink) == (text, "s", None)
    for form in ("f8", "t27"):
        content = written(sheet(form, 4), names)
        assert b"<f>" not in zipfile.ZipFile(io.BytesIO(content)).read("xl/worksheets/sheet1.xml")


def test_a_form_without_rows_says_so() -> None:
    found = opened(written(sheet("f8", 0)))
    assert found[f"A{HEAD + 1}"].value == NO_ROWS
    assert found[f"A{HEAD + 2}"].value == "合计"


def test_what_is_too_long_for_a_worksheet_goes_on_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "LINES_A_SHEET", 20)
    filled = sheet("unit", 11)
    sheets = openpyxl.load_workbook(io.BytesIO(written(filled))).worksheets
    assert [each.title for each in sheets] == ["unit", "unit (2)", "unit (3)"]
    bills = [each.cell(row, 3).value for each in sheets for row in range(HEAD + 1, 21, 3) if each.cell(row, 3).value]
    assert bills == [row.keys[2] for row in filled.rows]
    assert all(each[f"A{HEAD}"].value == "所属期" for each in sheets)


def test_the_same_content_is_the_same_bytes() -> None:
    content = written(sheet("f8", 6))
    assert content == written(sheet("f8", 6))
    assert b"1980-01-01T00:00:00Z" in zipfile.ZipFile(io.BytesIO(content)).read("docProps/core.xml")


def test_a_long_list_takes_no_more_memory_than_a_short_one() -> None:
    """Lines leave for the disk as they are written; what stays in memory is the packed workbook."""

    def most(rows: int) -> int:
        paper = whole(sheet("arrears", rows), DECEMBER, NAMES)
        tracemalloc.start()
        write_xlsx(paper, io.BytesIO())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    short, long = most(300), most(6000)
    assert (
        long - short < 5700 * 250
    )  # kept as Python objects, a line is over a thousand bytes; packed, it is some eighty
