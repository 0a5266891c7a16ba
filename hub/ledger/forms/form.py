"""What a form (表) is: key columns, measures, and the envelope of contract section 7. Amounts are whole fen.

Each form is a module beside this one that says which rows of the books it adds up. Everything they share is here:
the question asked, the sums over the four funds, the filters, and the sheet that answers.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, text

from hub.domain.funds import FUND_NAMES, FundAmounts
from hub.domain.money import Fen
from hub.ledger import clock
from hub.ledger.forms.on_paper import KEY_HEADS, MEASURE_HEADS, OnPaper

WIDTH: Final = 1 + len(FUND_NAMES)
"""Columns of one measure in a query: its count, then the four funds in statutory order."""


class Measure(NamedTuple):
    """A count and fen per fund: the contract's ``M``."""

    count: int  # type: ignore[assignment]  # the contract's name for it; tuple.count is not missed
    pension: int
    unemployment: int
    injury: int
    maternity: int

    @property
    def amounts(self) -> FundAmounts:
        return FundAmounts(Fen(self.pension), Fen(self.unemployment), Fen(self.injury), Fen(self.maternity))

    @property
    def total(self) -> int:
        return self.amounts.total

    def plus(self, other: "Measure") -> "Measure":
        return Measure(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def as_json(self) -> dict[str, int]:
        return {**self._asdict(), "total": self.total}


ZERO_MEASURE: Final = Measure(0, 0, 0, 0, 0)
MEASURE_FIELDS: Final = (*Measure._fields, "total")
"""The fields of a measure as exports name them, in order."""


class SheetRow(NamedTuple):
    """One line of a form: its keys and its measures in the form's order. ``status`` only where the form has one."""

    keys: tuple[str, ...]
    measures: tuple[Measure, ...]
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a form is asked. None means: not restricted. ``period`` is 'YYYY-MM', ``round`` 1 or 2."""

    period: str | None = None
    round: int | None = None
    agency: str | None = None
    bank: str | None = None
    unit: str | None = None
    as_of: str | None = None
    """The day a dated form is as of, 'YYYY-MM-DD'; left out it is the business day (:func:`fill`)."""

    def values(self) -> dict[str, str | int | None]:
        """The bound values of a query; every form binds them by these names."""
        return {
            "period": self.period,
            "round": self.round,
            "agency": self.agency,
            "bank": self.bank,
            "unit": self.unit,
            "as_of": self.as_of,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One form of contract section 7."""

    name: str
    paper: str
    """The paper form's number, e.g. 表八; empty where there is none."""
    title: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    has_round: bool = False
    """Its rows are facts of one deduction session; the others answer with ``round`` null."""
    to_date: bool = False
    """The period may be left out: everything to date."""
    as_of_a_day: bool = False
    """Its rows are as they stand on a day, which the envelope names (``as_of``)."""
    filters: frozenset[str] = frozenset({"agency", "bank", "unit"})
    """By what, besides period and round, its rows can be told apart."""
    needs_unit: bool = False
    has_status: bool = False
    """Its rows end with where the bill stands."""
    rows: Callable[[Connection, Question], Iterable[SheetRow]]
    on_paper: OnPaper = field(default_factory=OnPaper)
    """What XLSX and PDF show of it besides the rows."""

    def __post_init__(self) -> None:
        assert all(key in KEY_HEADS for key in self.keys), f"a key of {self.name} has no head in on_paper.py"
        assert all(each in MEASURE_HEADS for each in self.measures), f"a measure of {self.name} has no head there"
        assert set(self.on_paper.capitals) <= set(self.measures), self.on_paper.capitals
        assert not self.on_paper.by_agency or self.keys[0] == "agency", self.keys

    def faults(self, question: Question) -> list[str]:
        """Why this question is not one for this form; empty when it is."""
        found = []
        if question.period is None and not self.to_date:
            found.append(f"form {self.name} is made for one month: give --period YYYY-MM")
        if self.needs_unit and question.unit is None:
            found.append(f"form {self.name} is about one unit: give --unit with its 12 digits")
        if question.as_of is not None and not self.as_of_a_day:
            found.append(f"form {self.name} is of no day: leave --as-of out")
        for name in ("agency", "bank", "unit"):
            if question.values()[name] is not None and name not in self.filters:
                found.append(f"form {self.name} does not tell its rows apart by {name}: leave --{name} out")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A form filled in: rows ascending by their keys, rows without anything left out."""

    form: Form
    period: str | None
    round: int | None
    rows: tuple[SheetRow, ...]
    as_of: str | None = None
    """The day, of a form that is as of one."""

    @property
    def total(self) -> tuple[Measure, ...]:
        """Every measure added up over the rows."""
        sums = [ZERO_MEASURE] * len(self.form.measures)
        for row in self.rows:
            sums = [sofar.plus(more) for sofar, more in zip(sums, row.measures, strict=True)]
        return tuple(sums)

    def as_json(self) -> dict[str, Any]:
        """The envelope of contract section 7."""
        return self._envelope([self._row(row) for row in self.rows])

    def json_text(self) -> Iterator[str]:
        """The envelope as one line of JSON with its line feed, a row at a time: what ``--format json`` prints."""
        before, after = json.dumps(self._envelope([]), ensure_ascii=False).split('"rows": []')
        yield f'{before}"rows": ['
        for at, row in enumerate(self.rows):
            yield (", " if at else "") + json.dumps(self._row(row), ensure_ascii=False)
        yield f"]{after}\n"

    def content_hash(self) -> str:
        """SHA-256 of :meth:`json_text` in UTF-8, hex: papers carry its first digits, so that anybody can hold a paper
        against the books (``hub export … --format json | sha256sum``).
        """
        digest = sha256()
        for part in self.json_text():
            digest.update(part.encode())
        return digest.hexdigest()

    def _envelope(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "form": self.form.name,
            "title": f"{self.form.paper} {self.form.title}".strip(),
            "period": self.period,
            "round": self.round,
            **({"as_of": self.as_of} if self.form.as_of_a_day else {}),
            "unit": "fen",
            "rows": rows,
            "total": self._measures(self.total),
        }

    def _row(self, row: SheetRow) -> dict[str, Any]:
        status = {} if row.status is None else {"status": row.status}
        return {**dict(zip(self.form.keys, row.keys, strict=True)), **self._measures(row.measures), **status}

    def _measures(self, measures: Iterable[Measure]) -> Mapping[str, Any]:
        return {name: one.as_json() for name, one in zip(self.form.measures, measures, strict=True)}


def fill(connection: Connection, form: Form, question: Question) -> Sheet:
    """Fills the form from the books. The question must be free of :meth:`Form.faults`."""
    assert not form.faults(question), form.faults(question)
    if form.as_of_a_day and question.as_of is None:
        question = replace(question, as_of=clock.now(connection).date().isoformat())
    found = (row for row in form.rows(connection, question) if any(any(measure) for measure in row.measures))
    return Sheet(
        form=form,
        period=question.period,
        round=question.round if form.has_round else None,
        rows=tuple(sorted(found, key=lambda row: row.keys)),
        as_of=question.as_of,
    )


def sums(source: str, where: str = "") -> str:
    """The columns of one measure: rows counted and the four funds of ``source`` added up, where ``where`` holds."""
    only = f" filter (where {where})" if where else ""
    funds = (f"coalesce(sum({source}.{fund}){only}, 0)::bigint" for fund in FUND_NAMES)
    return ", ".join((f"count(*){only}", *funds))


# char columns are compared as char: against varchar PostgreSQL would cast the column and pass its index by
_CONDITIONS: Final = {
    "period": "{} = cast(:period as bpchar)",
    "round": "{} = :round",
    "agency": "{} = cast(:agency as bpchar)",
    "bank": "{} = :bank",
    "unit": "{} = cast(:unit as bpchar)",
}


def wanted(question: Question, **columns: str) -> str:
    """The condition that keeps what was asked for; ``columns`` says where each filter's value stands."""
    asked = question.values()
    kept = [_CONDITIONS[name].format(column) for name, column in columns.items() if asked[name] is not None]
    return " and ".join(kept) or "true"


def wanted_bills(question: Question, bill_id: str, *names: str) -> str:
    """The same for columns that only the bill has, without joining it when nobody asked."""
    if all(question.values()[name] is None for name in names):
        return "true"
    return f"{bill_id} in (select id from bill where {wanted(question, **{name: name for name in names})})"


def read(connection: Connection, query: str, form_keys: int, question: Question, **more: Any) -> Iterable[SheetRow]:
    """Runs a form's query: ``form_keys`` key columns, then WIDTH columns for each measure."""
    for row in connection.execute(text(query), {**question.values(), **more}):
        yield SheetRow(tuple(row[:form_keys]), measures_of(row, form_keys))


def measures_of(row: Row[Any], first: int, last: int | None = None) -> tuple[Measure, ...]:
    """The measures that stand in columns ``first`` to ``last`` of a row."""
    values = row[first:last]
    return tuple(Measure(*values[at : at + WIDTH]) for at in range(0, len(values), WIDTH))
