"""A form as pages that a desk would stamp: A4 across, heads on every page, the total in figures and capitals, room for
signatures and the seal, and at the foot the content's hash. The same content gives the same bytes: no time, no chance.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from itertools import accumulate, groupby, islice
from typing import Final

from fpdf import FPDF

from hub.app.papers import fonts
from hub.app.papers.layout import NO_ROWS, UNIT_OF_MONEY, Block, Line, Paper
from hub.app.papers.table import LETTERS_PT, Table
from hub.domain.money import yuan
from hub.ledger.forms import on_paper

LEFT: Final = 14.0
RIGHT: Final = 283.0
TOP: Final = 12.0
BOTTOM: Final = 198.0
"""The edges of what is printed (mm of 297 × 210)."""
TABLE_TOP: Final = 39.0
HEAD_HEIGHT: Final = 7.0
TABLE_BOTTOM: Final = 192.0
SEAL_WIDTH: Final = 46.0
SEAL_HEIGHT: Final = 34.0
"""Room for a round seal; one of 42 mm reaches a little beyond, as seals do."""

_CAPITALS_HEIGHT: Final = 8.0
_SIGNATURES_HEIGHT: Final = 10.0
_SEAL_LABEL: Final = 5.5
_SMALL_PT: Final = 7.5
_TEXT_PT: Final = 10.0
_TITLE_PT: Final = 18.0
_THIN: Final = 0.15
_THICK: Final = 0.45
_MM_A_PT: Final = 25.4 / 72
_OUTLINE: Final = 0.01
"""Millimetres of outline that make a letter bold, for each point of its size."""
_MIDDLE: Final = 0.36
"""The middle of a letter above its base line, as a part of its size."""
_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""A PDF of this library has to say when it was made; this is when none was."""


def write_pdf(papers: Iterable[Paper]) -> bytes:
    """All papers one after the other, each with page numbers of its own. FontMissingError without the pinned font."""
    pdf = FPDF(orientation="landscape", unit="mm", format="A4")
    pdf.set_auto_page_break(auto=False)
    pdf.set_creation_date(_NO_TIME)
    pdf.set_lang("zh-CN")
    pdf.add_font(fonts.FAMILY, fname=fonts.font_file())
    pdf.set_font(fonts.FAMILY, size=_TEXT_PT)
    pen = _Pen(pdf)
    for at, paper in enumerate(papers):
        if at == 0:
            pdf.set_title(pen.readable(f"{paper.number} {paper.title}".strip()))
        _PaperOnPages(pen, paper).draw()
    return bytes(pdf.output())


class _Pen:
    """Letters and lines on the page at hand, in millimetres from its upper left corner."""

    def __init__(self, pdf: FPDF) -> None:
        self.pdf = pdf
        self.readable = fonts.Letters(pdf.fonts[fonts.FAMILY.lower()].cmap).readable  # type: ignore[union-attr]
        self._sign_width = lru_cache(maxsize=None)(self._measure)

    def width(self, text: str, size_pt: float = LETTERS_PT) -> float:
        """Millimetres of a text as it will be printed."""
        return sum(map(self._sign_width, self.readable(text))) * size_pt

    def _measure(self, sign: str) -> float:
        """Millimetres of one sign at one point."""
        self.pdf.set_font_size(100)
        return self.pdf.get_string_width(sign) / 100

    def write(self, text: str, x: float, middle: float, size_pt: float, *, bold: bool = False) -> None:
        """The text from x on, with its middle at the height given. Bold is drawn with its outline: one font is enough."""
        if not text:
            return
        self.pdf.set_font_size(size_pt)
        base = middle + size_pt * _MM_A_PT * _MIDDLE
        if not bold:
            self.pdf.text(x, base, self.readable(text))
            return
        with self.pdf.local_context(text_mode="FILL_STROKE", line_width=size_pt * _OUTLINE):
            self.pdf.text(x, base, self.readable(text))

    def write_right(self, text: str, x: float, middle: float, size_pt: float, *, bold: bool = False) -> None:
        self.write(text, x - self.width(text, size_pt), middle, size_pt, bold=bold)

    def write_centred(
        self, text: str, left: float, right: float, middle: float, size_pt: float, *, bold: bool = False
    ) -> None:
        self.write(text, (left + right - self.width(text, size_pt)) / 2, middle, size_pt, bold=bold)

    def fitted(self, text: str, room: float, size_pt: float) -> float:
        """The size at which the text fits the room: the one given, or a smaller one."""
        needed = self.width(text, size_pt)
        return size_pt if needed <= room else size_pt * room / needed

    def line(self, x1: float, y1: float, x2: float, y2: float, width: float = _THIN) -> None:
        self.pdf.set_line_width(width)
        self.pdf.line(x1, y1, x2, y2)


class _PaperOnPages:
    """One paper: its table laid out, then page after page."""

    def __init__(self, pen: _Pen, paper: Paper) -> None:
        self.pen, self.paper, self.said = pen, paper, paper.form.on_paper
        self.table = Table(paper, LEFT, RIGHT - LEFT, pen.width)
        self.totals = paper.total()
        self.capitals = paper.capitals()

    def draw(self) -> None:
        room = TABLE_BOTTOM - TABLE_TOP - HEAD_HEIGHT
        counts = self.table.pages(room, self._foot_height())
        blocks = self.paper.blocks()
        for page, count in enumerate(counts, start=1):
            self.pen.pdf.add_page()
            self._heading()
            self._footer(page, len(counts))
            at = self._rows(islice(blocks, count), last=page == len(counts))
            if page == len(counts):
                self._foot(at)

    def _heading(self) -> None:
        pen, paper = self.pen, self.paper
        pen.write(paper.number, LEFT, TOP + 3, _TEXT_PT)
        pen.write_right(paper.copy, RIGHT, TOP + 3, _TEXT_PT)
        size = pen.fitted(paper.title, RIGHT - LEFT - 60, _TITLE_PT)
        pen.write_centred(paper.title, LEFT, RIGHT, TOP + 8, size, bold=True)
        made_for = f"致：{paper.made_for}" if paper.made_for else ""
        made_by = f"编制：{paper.made_by}" if paper.made_by else ""
        room = RIGHT - LEFT - pen.width(made_by, _TEXT_PT) - 6
        pen.write(made_for, LEFT, TABLE_TOP - 9.5, pen.fitted(made_for, room, _TEXT_PT))
        pen.write_right(made_by, RIGHT, TABLE_TOP - 9.5, _TEXT_PT)
        room = RIGHT - LEFT - pen.width(UNIT_OF_MONEY, _TEXT_PT) - 6
        pen.write(paper.about, LEFT, TABLE_TOP - 3.6, pen.fitted(paper.about, room, _TEXT_PT))
        pen.write_right(UNIT_OF_MONEY, RIGHT, TABLE_TOP - 3.6, _TEXT_PT)

    def _footer(self, page: int, pages: int) -> None:
        middle = BOTTOM - 2
        self.pen.write(f"内容校验 SHA-256 {self.paper.hash}", LEFT, middle, _SMALL_PT)
        self.pen.write_centred(f"第 {page} 页　共 {pages} 页", LEFT, RIGHT, middle, _SMALL_PT)
        self.pen.write_right(" ".join(p for p in (self.paper.number, self.paper.copy) if p), RIGHT, middle, _SMALL_PT)

    def _rows(self, blocks: Iterator[Block], *, last: bool) -> float:
        """Head, rows, on the last page the total; then the lines between the columns. Answers where the table ends."""
        table, pen, top = self.table, self.pen, TABLE_TOP
        for column in table.columns:
            size = pen.fitted(column.head, column.width - table.padding, table.letters_pt)
            pen.write_centred(column.head, column.left, column.right, top + HEAD_HEIGHT / 2, size, bold=True)
        begin = at = top + HEAD_HEIGHT
        if self.paper.sheet.rows:
            at = self._blocks(list(blocks), begin)
        else:
            begin += table.line_height  # no column goes through what says that there is nothing
            pen.write_centred(NO_ROWS, LEFT, RIGHT, (at + begin) / 2, table.letters_pt)
            pen.line(LEFT, at, RIGHT, at)
            at = begin
            pen.line(LEFT, at, RIGHT, at)
        keys_end = at
        if last:
            at = self._totals(at)
        for index, column in enumerate(table.columns[:-1], start=1):
            pen.line(column.right, top, column.right, top + HEAD_HEIGHT)
            pen.line(column.right, begin, column.right, keys_end if index < table.keys else at)
        self._frame(top, at)
        return at

    def _frame(self, top: float, bottom: float) -> None:
        for y in (top, bottom):
            self.pen.line(LEFT, y, RIGHT, y, _THICK)
        for x in (LEFT, RIGHT):
            self.pen.line(x, top, x, bottom, _THICK)

    def _blocks(self, blocks: list[Block], top: float) -> float:
        """The rows of a page. A key that repeats, with all before it, stands once in the middle of its rows."""
        table, pen = self.table, self.pen
        edges = list(accumulate((table.height(block) for block in blocks), initial=top))
        pen.line(LEFT, top, RIGHT, top)
        for at, column in enumerate(table.columns[: table.keys]):
            for _, same in groupby(range(len(blocks)), key=lambda row: blocks[row].keys[: at + 1]):
                first, *others = same
                end = edges[(others[-1] if others else first) + 1]
                lines = table.wrapped(blocks[first].keys[at], column)
                self._cell(lines, column.left + table.padding, (edges[first] + end) / 2)
                pen.line(column.left, end, column.right, end)
        for block, begin, end in zip(blocks, edges, edges[1:], strict=False):
            if block.status:
                column = table.columns[-1]
                self._cell(table.wrapped(block.status, column), column.left + table.padding, (begin + end) / 2)
            self._lines(block.lines, begin, (end - begin) / len(block.lines))
            pen.line(table.columns[table.keys].left, end, RIGHT, end)
        return edges[-1]

    def _cell(self, lines: list[str], x: float, middle: float) -> None:
        first = middle - (len(lines) - 1) * self.table.line_height / 2
        for at, line in enumerate(lines):
            self.pen.write(line, x, first + at * self.table.line_height, self.table.letters_pt)

    def _lines(self, lines: tuple[Line, ...], top: float, height: float, *, bold: bool = False) -> None:
        table, pen, size = self.table, self.pen, self.table.letters_pt
        measure, *figures = table.columns[table.keys : table.keys + 7]
        for at, line in enumerate(lines):
            middle = top + (at + 0.5) * height
            pen.write(line.measure, measure.left + table.padding, middle, size, bold=bold)
            texts = (f"{line.count:,}", *map(yuan, line.amounts))
            for text, column in zip(texts, figures, strict=True):
                pen.write_right(text, column.right - table.padding, middle, size, bold=bold)
            if at:
                pen.line(measure.left, top + at * height, figures[-1].right, top + at * height)

    def _totals(self, top: float) -> float:
        table = self.table
        height = len(self.totals) * table.line_height
        keys = table.columns[table.keys - 1].right
        self.pen.write_centred(on_paper.TOTAL, LEFT, keys, top + height / 2, table.letters_pt, bold=True)
        self._lines(self.totals, top, table.line_height, bold=True)
        return top + height

    def _foot_height(self) -> float:
        foot = len(self.totals) * self.table.line_height + len(self.capitals) * _CAPITALS_HEIGHT
        if self.said.seal:
            return foot + _SEAL_LABEL + SEAL_HEIGHT
        return foot + (_SIGNATURES_HEIGHT if self.said.signatures else 0.0)

    def _foot(self, at: float) -> None:
        """Below the table: the total in capitals, who signs, and the room for the seal."""
        pen = self.pen
        for what, capitals, figures in self.capitals:
            middle = at + _CAPITALS_HEIGHT / 2
            pen.write(what, LEFT + 2, middle, _TEXT_PT)
            pen.write_right(figures, RIGHT - 2, middle, _TEXT_PT, bold=True)
            begin = LEFT + 2 + pen.width(what, _TEXT_PT) + 6
            room = RIGHT - 2 - pen.width(figures, _TEXT_PT) - 6 - begin
            pen.write(capitals, begin, middle, pen.fitted(capitals, room, _TEXT_PT), bold=True)
            self._frame(at, at + _CAPITALS_HEIGHT)
            pen.line(begin - 3, at, begin - 3, at + _CAPITALS_HEIGHT)
            at += _CAPITALS_HEIGHT
        if self.said.seal:
            left, top = RIGHT - SEAL_WIDTH, at + _SEAL_LABEL
            pen.write_right(f"盖章处（{self.said.seal}）", RIGHT, at + _SEAL_LABEL / 2 + 0.5, _SMALL_PT)
            with pen.pdf.local_context(draw_color=150):
                pen.pdf.set_dash_pattern(dash=1.2, gap=1.2)
                pen.pdf.set_line_width(_THIN)
                pen.pdf.rect(left, top, SEAL_WIDTH, SEAL_HEIGHT)
        if self.said.signatures:
            self._signatures(at)

    def _signatures(self, at: float) -> None:
        pen = self.pen
        end = RIGHT - (SEAL_WIDTH + 10 if self.said.seal else 0)
        middle = at + (_SEAL_LABEL + SEAL_HEIGHT / 2 if self.said.seal else _SIGNATURES_HEIGHT / 2 + 1)
        date = "日期：　　　　年　　　月　　　日"
        pen.write_right(date, end, middle, _TEXT_PT)
        room = (end - pen.width(date, _TEXT_PT) - 6 - LEFT) / len(self.said.signatures)
        for index, who in enumerate(self.said.signatures):
            left = LEFT + index * room
            pen.write(f"{who}：", left, middle, _TEXT_PT)
            begin = left + pen.width(f"{who}：", _TEXT_PT)
            pen.line(begin, middle + 2.4, left + room - 6, middle + 2.4)
