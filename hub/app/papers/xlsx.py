"""A form as a workbook: a line a measure with its keys repeated, so that lists can be filtered and added up as they are.

Lines go to the disk as they come (constant memory). The same content gives the same bytes.
"""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, BinaryIO, Final
from unicodedata import east_asian_width

import xlsxwriter

from hub.app.papers.layout import NO_ROWS, UNIT_OF_MONEY, Line, Paper
from hub.domain.money import yuan
from hub.ledger.forms import on_paper

LINES_A_SHEET: Final = 1_000_000
"""A worksheet ends at 1,048,576 rows; what is more goes on the next one."""
EXACT_BELOW: Final = 10**15
"""Fen. Spreadsheets hold 15 digits; an amount of more stands as text, exact, instead of as a number that is not."""

_NO_TIME: Final = datetime(1980, 1, 1, tzinfo=UTC)
"""A workbook has to say when it was made; this is when none was."""
_HEAD_ROW: Final = 3
_WIDTHS: Final = (8, 60)
_A4: Final = 9


def write_xlsx(paper: Paper, out: BinaryIO) -> None:
    """Writes the workbook of one paper to a binary file that can be read back and sought."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": f"{paper.number} {paper.title}".strip(), "created": _NO_TIME})
    _Workbook(book, paper).fill()
    book.close()


class _Workbook:
    """One paper on its way into a workbook: where the next line goes, and how wide the columns have to be."""

    def __init__(self, book: Any, paper: Paper) -> None:
        self.book, self.paper = book, paper
        self.heads = paper.heads
        font = {"font_name": "SimSun", "font_size": 10, "valign": "vcenter"}
        cell = {**font, "border": 1}
        self.plain = book.add_format(font)
        self.right = book.add_format({**font, "align": "right"})
        self.title = book.add_format({**font, "bold": True, "font_size": 16, "align": "center"})
        self.head = book.add_format({**cell, "bold": True, "align": "center", "bg_color": "#EDEDED", "text_wrap": True})
        self.text = {bold: book.add_format({**cell, "bold": bold}) for bold in (False, True)}
        self.count = {bold: book.add_format({**cell, "bold": bold, "num_format": "#,##0"}) for bold in (False, True)}
        self.money = {
            bold: book.add_format({**cell, "bold": bold, "num_format": "#,##0.00", "align": "right"}) for bold in (False, True)
        }  # fmt: skip
        self.widths = [_width(head) for head in self.heads]
        self.sheets = 0
        self._begin_sheet()

    def fill(self) -> None:
        """All rows, the total, and what people sign."""
        for block in self.paper.blocks():
            if self.row + len(block.lines) > LINES_A_SHEET:
                self._end_sheet()
                self._begin_sheet()
            for line in block.lines:
                self._line(block.keys, line, block.status)
        if not self.paper.sheet.rows:
            self._text(self.row, 0, NO_ROWS, self.plain)
            self.row += 1
        last = self.row - 1
        keys = (on_paper.TOTAL, *("" for _ in self.paper.form.keys[1:]))
        for line in self.paper.total():
            self._line(keys, line, "", bold=True)
        self._end_sheet(last)
        self._foot()

    def _begin_sheet(self) -> None:
        self.sheets += 1
        name = self.paper.number or self.paper.form.name
        sheet = self.sheet = self.book.add_worksheet(name if self.sheets == 1 else f"{name} ({self.sheets})")
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        sheet.repeat_rows(0, _HEAD_ROW)
        sheet.freeze_panes(_HEAD_ROW + 1, 0)
        sheet.set_footer(f"&L内容校验 SHA-256 {self.paper.hash}&R第 &P 页　共 &N 页")
        last = len(self.heads) - 1
        sheet.set_row(0, 28)
        sheet.merge_range(0, 0, 0, last, "", self.title)
        self._text(0, 0, self.paper.title, self.title)
        self._text(1, 0, "　".join(part for part in (self.paper.number, self.paper.about) if part), self.plain)
        self._text(1, last, UNIT_OF_MONEY, self.right)
        parties = (("致：", self.paper.made_for), ("编制：", self.paper.made_by))
        self._text(2, 0, "　".join(f"{what}{who}" for what, who in parties if who), self.plain)
        for at, head in enumerate(self.heads):
            self._text(_HEAD_ROW, at, head, self.head)
        self.row = _HEAD_ROW + 1

    def _line(self, keys: tuple[str, ...], line: Line, status: str, *, bold: bool = False) -> None:
        texts = (*keys, line.measure)
        for at, text in enumerate(texts):
            self._text(self.row, at, text, self.text[bold], measured=True)
        at = len(texts)
        self.sheet.write_number(self.row, at, line.count, self.count[bold])
        for amount in line.amounts:
            at += 1
            self._amount(at, amount, bold=bold)
        if self.paper.form.has_status:
            self._text(self.row, at + 1, status, self.text[bold], measured=True)
        self.row += 1

    def _amount(self, at: int, fen: int, *, bold: bool) -> None:
        """The decimal text itself goes into the file: ``1234.50``, never the neighbour that a binary fraction has."""
        if abs(fen) < EXACT_BELOW:
            self.sheet.write_number(self.row, at, Decimal(fen).scaleb(-2), self.money[bold])
        else:
            self.sheet.write_string(self.row, at, yuan(fen), self.money[bold])
        self.widths[at] = max(self.widths[at], len(yuan(fen)) + 2)

    def _text(self, row: int, at: int, text: str, form: Any, *, measured: bool = False) -> None:
        written = self.sheet.write_string(row, at, text, form)
        assert written == 0, f"row {row}, column {at}: a text of {len(text)} characters did not fit"
        if measured:
            self.widths[at] = max(self.widths[at], _width(text))

    def _end_sheet(self, last: int | None = None) -> None:
        for at, width in enumerate(self.widths):
            self.sheet.set_column(at, at, min(max(width + 2, _WIDTHS[0]), _WIDTHS[1]))
        self.sheet.autofilter(_HEAD_ROW, 0, self.row - 1 if last is None else last, len(self.heads) - 1)

    def _foot(self) -> None:
        said = self.paper.form.on_paper
        for what, capitals, figures in self.paper.capitals():
            self.row += 1
            self._text(self.row, 0, f"{what}：{capitals}　{figures}", self.plain)
        if said.signatures:
            self.row += 2
            signed = "　　　　　　　　".join(f"{who}：" for who in (*said.signatures, "日期"))
            self._text(self.row, 0, signed, self.plain)
        if said.seal:
            self.row += 2
            self._text(self.row, 0, f"（{said.seal}）", self.plain)


def _width(text: str) -> int:
    """Columns of a text on a screen: a Chinese sign takes two."""
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in text)
