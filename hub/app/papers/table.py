"""The table of a paper in millimetres: how wide each column is, how texts wrap in it, which rows go on which page.

Nothing is cut: what does not fit wraps where it may, and else the whole table is set in smaller letters.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from hub.app.papers.layout import Block, Paper
from hub.domain.money import yuan

LETTERS_PT: Final = 8.5
"""Size of the table's letters where everything fits."""
_PADDING: Final = 1.5
_LINE: Final = 4.8
_LEAST_SIGNS: Final = 9
"""A column of names may wrap, but not under this many Chinese signs."""

TextWidth = Callable[[str], float]
"""Millimetres of a text at LETTERS_PT."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head, where it begins and how wide it is (mm), and whether it holds figures, which stand right."""

    head: str
    left: float
    width: float
    figures: bool

    @property
    def right(self) -> float:
        return self.left + self.width


class Table:
    """The columns of a paper on pages of ``width`` mm, beginning at ``left``."""

    def __init__(self, paper: Paper, left: float, width: float, text_width: TextWidth) -> None:
        self.paper = paper
        self._text_width = text_width
        self.keys = len(paper.form.keys)
        wanted = self._wanted()
        wraps = [key in ("agency", "bank") for key in paper.form.keys] + [False] * (len(wanted) - self.keys)
        least = [
            min(want, text_width("国" * _LEAST_SIGNS) + 2 * _PADDING) if wrap else want
            for want, wrap in zip(wanted, wraps, strict=True)
        ]
        self.scale = min(1.0, width / sum(least))
        self._widths = _shared_out([each * self.scale for each in wanted], [each * self.scale for each in least], width)
        self._left = left

    @property
    def line_height(self) -> float:
        """Millimetres of one line of text in the table."""
        return _LINE * self.scale

    @property
    def letters_pt(self) -> float:
        return LETTERS_PT * self.scale

    @property
    def padding(self) -> float:
        return _PADDING * self.scale

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        made, at = [], self._left
        for index, (head, width) in enumerate(zip(self.paper.heads, self._widths, strict=True)):
            figures = self.keys < index <= self.keys + 6
            made.append(Column(head, at, width, figures))
            at += width
        return tuple(made)

    def wrapped(self, text: str, column: Column) -> list[str]:
        """The text in lines that fit the column: broken at its spaces, and within a word where that is too long."""
        room = (column.width - 2 * self.padding) / self.scale + 0.01
        if self._text_width(text) <= room:
            return [text]
        lines = [""]
        for word in text.split(" "):
            longer = f"{lines[-1]} {word}".strip()
            if self._text_width(longer) <= room:
                lines[-1] = longer
                continue
            if lines[-1]:
                lines.append("")
            for sign in word:
                if lines[-1] and self._text_width(lines[-1] + sign) > room:
                    lines.append("")
                lines[-1] += sign
        return lines

    def height(self, block: Block) -> float:
        """Millimetres of a row of the form."""
        texts = (*block.keys, *((block.status,) if block.status else ()))
        columns = (*self.columns[: self.keys], *self.columns[len(self.columns) - len(texts) + self.keys :])
        most = max(len(self.wrapped(text, column)) for text, column in zip(texts, columns, strict=True))
        return max(most, len(block.lines)) * self.line_height

    def pages(self, room: float, foot: float) -> list[int]:
        """How many rows go on each page of ``room`` mm, so that ``foot`` mm are left on the last, with a row above."""
        counts, used = [0], 0.0
        height = 0.0
        for block in self.paper.blocks():
            height = self.height(block)
            if used + height > room and counts[-1]:
                counts.append(0)
                used = 0.0
            counts[-1] += 1
            used += height
        if used + foot > room:
            carried = 1 if counts[-1] > 1 else 0
            counts[-1] -= carried
            counts.append(carried)
        return counts

    def _wanted(self) -> list[float]:
        """What each column would like: its head and its longest text."""
        heads = [self._text_width(head) for head in self.paper.heads]
        for texts in self._texts():
            for at, text in texts:
                heads[at] = max(heads[at], self._text_width(text))
        return [width + 2 * _PADDING for width in heads]

    def _texts(self) -> Iterator[list[tuple[int, str]]]:
        measure = self.keys
        for line in self.paper.total():
            yield _figures(line.count, line.amounts, measure)
            yield [(measure, line.measure)]
        for block in self.paper.blocks():
            yield list(enumerate(block.keys))
            if block.status:
                yield [(measure + 7, block.status)]
            for line in block.lines:
                yield _figures(line.count, line.amounts, measure)


def _figures(count: int, amounts: tuple[int, ...], measure: int) -> list[tuple[int, str]]:
    return [(measure + 1, f"{count:,}"), *((measure + 2 + at, yuan(fen)) for at, fen in enumerate(amounts))]


def _shared_out(wanted: list[float], least: list[float], width: float) -> list[float]:
    """The width in columns: what is over goes to all alike, what is short is taken from those that can give."""
    over = width - sum(wanted)
    if over >= 0:
        return [each + over / len(wanted) for each in wanted]
    give = sum(wanted) - sum(least)
    part = -over / give if give else 0.0
    return [want - (want - little) * part for want, little in zip(wanted, least, strict=True)]
