"""A filled-in form as a person reads it: words for codes, heading, columns, lines. XLSX and PDF only draw this.

A row of a form stands as a block: its keys once, then a line for each measure. So a form of four measures keeps to seven
columns of figures, however many measures there are, and fits a page.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final, NamedTuple

from hub.domain.capital_amounts import capital_rmb
from hub.domain.money import Fen, yuan
from hub.ledger.forms import on_paper
from hub.ledger.forms.form import MEASURE_FIELDS, Form, Measure, Question, Sheet

HASH_DIGITS: Final = 32
"""Hex digits of the content's SHA-256 that a paper carries."""
UNIT_OF_MONEY: Final = "单位：元"
NO_ROWS: Final = "（本表无记录）"
NO_VALUE: Final = "—"
"""Stands for a key that is empty: the bank of a unit that pays its agency."""

_ROUNDS: Final = {None: "两次扣款合计", 1: "第一次扣款", 2: "第二次扣款"}
_NUMERALS: Final = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of the parties by their codes, from the configuration."""

    agencies: Mapping[str, str]
    banks: Mapping[str, str]

    def of(self, key: str, value: str) -> str:
        """A key's value in words: the code and the name, or the word for it, or the value itself."""
        if not value:
            return NO_VALUE
        names = {"agency": self.agencies, "bank": self.banks}.get(key, {})
        if value in names:
            return f"{value} {names[value]}"
        return on_paper.KEY_VALUES.get(key, {}).get(value, value)


class Line(NamedTuple):
    """One measure of a row: its word, its count, its four funds and their total in fen."""

    measure: str
    count: int  # type: ignore[assignment]  # as in Measure
    amounts: tuple[int, ...]


class Block(NamedTuple):
    """One row of the form: its keys in words, a line a measure, and its status in words where the form has one."""

    keys: tuple[str, ...]
    lines: tuple[Line, ...]
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What one paper says around its lines. Texts are ready to be printed; an empty one is left out."""

    sheet: Sheet
    names: Names
    number: str
    title: str
    made_for: str
    made_by: str
    about: str
    """The period, the deduction session, and to what the question restricted the form."""
    copy: str
    """第一联 … where there are several."""
    hash: str

    @property
    def form(self) -> Form:
        return self.sheet.form

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads of all columns: keys, the measure, its fields, the status."""
        keys = (on_paper.KEY_HEADS[key] for key in self.form.keys)
        fields = (on_paper.FIELD_HEADS[field] for field in MEASURE_FIELDS)
        status = (on_paper.STATUS_COLUMN,) if self.form.has_status else ()
        return (*keys, on_paper.MEASURE_COLUMN, *fields, *status)

    def blocks(self) -> Iterator[Block]:
        """The rows, one after the other."""
        for row in self.sheet.rows:
            keys = (self.names.of(key, value) for key, value in zip(self.form.keys, row.keys, strict=True))
            status = on_paper.STATUS_WORDS.get(row.status, row.status) if row.status else ""
            yield Block(tuple(keys), self._lines(row.measures), status)

    def total(self) -> tuple[Line, ...]:
        """A line for each measure, all rows added up."""
        return self._lines(self.sheet.total)

    def capitals(self) -> list[tuple[str, str, str]]:
        """What stands in capital RMB: what it is, the capitals, the figures."""
        return [
            (
                f"{on_paper.MEASURE_HEADS[name]}金额合计（大写）",
                capital_rmb(Fen(measure.total)),
                f"￥{yuan(measure.total)}",
            )
            for name, measure in zip(self.form.measures, self.sheet.total, strict=True)
            if name in self.form.on_paper.capitals
        ]

    def _lines(self, measures: tuple[Measure, ...]) -> tuple[Line, ...]:
        words = (on_paper.MEASURE_HEADS[name] for name in self.form.measures)
        return tuple(
            Line(word, measure.count, (*measure.amounts, measure.total))
            for word, measure in zip(words, measures, strict=True)
        )


def papers(sheet: Sheet, question: Question, names: Names) -> Iterator[Paper]:
    """All papers of a form in the order they are handed out: each agency's, where each gets its own, in all its copies.

    A form without rows is one unmarked paper: there is nothing yet to tell anybody.
    """
    copies = [
        f"第{_NUMERALS[at]}联　{whose}" for at, whose in enumerate(sheet.form.on_paper.copies) if sheet.rows
    ] or [""]  # fmt: skip
    for one, asked in _by_agency(sheet, question):
        first = whole(one, asked, names)
        for copy in copies:
            yield replace(first, copy=copy)


def whole(sheet: Sheet, question: Question, names: Names) -> Paper:
    """The form as one paper, with the hash of this sheet's content."""
    form, said = sheet.form, sheet.form.on_paper
    addressee = names.of("agency", question.agency or "") if said.by_agency and question.agency else ""
    return Paper(
        sheet=sheet,
        names=names,
        number=form.paper,
        title=said.title or form.title,
        made_for=f"{addressee} {said.made_for}".strip(),
        made_by=said.made_by,
        about="　".join(_about(sheet, question, names, addressed=bool(addressee))),
        copy="",
        hash=sheet.content_hash()[:HASH_DIGITS],
    )


def _by_agency(sheet: Sheet, question: Question) -> Iterator[tuple[Sheet, Question]]:
    """The sheet as ``--agency`` would have answered for each agency, if its form is handed out so; rows are in order."""
    if not sheet.form.on_paper.by_agency or not sheet.rows:
        yield sheet, question
        return
    for agency, rows in groupby(sheet.rows, key=lambda row: row.keys[0]):
        yield replace(sheet, rows=tuple(rows)), replace(question, agency=agency)


def _about(sheet: Sheet, question: Question, names: Names, *, addressed: bool) -> Iterator[str]:
    if sheet.period is None:
        yield "所属期：截至目前"
    else:
        year, _, month = sheet.period.partition("-")
        yield f"所属期：{year}年{month}月"
    if sheet.form.has_round:
        yield _ROUNDS[sheet.round]
    if sheet.as_of is not None:
        yield f"计算至：{sheet.as_of}"
    for key in ("agency", "bank", "unit"):
        value = question.values()[key]
        if value is not None and not (key == "agency" and addressed):
            yield f"{on_paper.KEY_HEADS[key]}：{names.of(key, str(value))}"
