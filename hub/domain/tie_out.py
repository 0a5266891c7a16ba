"""The daily tie-out (日终核对): what every hand-over of a business day says must be the same, to the fen (rules 12, 2).

A row is one movement of money of one agency at one bank; its cells are what each stage of the way says of it. A cell that
says something else than most of its row is red. A certificate holds a day's rows and the hash of the certificate before it.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final, NamedTuple, Self

from hub.domain.funds import FUND_NAMES

FIRST: Final = "0" * 64
"""What the first certificate of all holds as the hash of the one before."""


class Movement(StrEnum):
    """What moved. Late answers are those released after their session's posting step."""

    REQUESTS = "requests"  # 扣款请求, on the day of the city batch
    ANSWERS = "answers"  # 银行回盘 against what was asked, on the day of posting
    LATE_ANSWERS = "late-answers"
    ARRIVALS = "arrivals"  # 到账: the money of those answers
    LATE_ARRIVALS = "late-arrivals"
    RECEIPTS = "receipts"  # 零星缴费, on acceptance
    RETURNS = "returns"  # 退票; negative
    CHANGES = "changes"  # 更正: what is taken back and what takes its place, net
    INCOMES = "incomes"  # 其他项目收入, late fees among them, on acceptance
    SUBSIDIES = "subsidies"  # 补贴划转: what the expenditure account (支出户) paid or got back, either way counted
    SUBSIDISED_FUNDS = "subsidised-funds"  # what those do to the four funds, net
    CITY_BALANCES = "city-balances"  # 基金余额 at the end of the day, in the city's books
    BALANCES = "balances"  # the same in the agency's books


class Stage(StrEnum):
    """Who says so, in the order of the way."""

    BROUGHT_FORWARD = "brought_forward"  # 昨日余额, as it was certified
    CONTRIBUTIONS = "contributions"  # the day's money on bills and in suspense
    SUBSIDIES = "subsidies"  # slips of subsidies, incomes of funds less expenditures
    REVERSALS = "reversals"  # 退票 and 更正: what went back, less what took its place
    CARRIED = "carried"  # 余额: yesterday's and the day's sources
    REQUESTED = "requested"  # the agency's instructions
    DECLARED = "declared"  # 财表六
    AT_CITY = "at_city"  # lines as the city received them
    IN_FILES = "in_files"  # bank files, as their bytes were written; agencies' files, their own totals
    ANSWERED = "answered"  # result lines
    LATE_FEES = "late_fees"  # slips of late fees (滞纳金)
    OTHER_INCOMES = "other_incomes"  # slips of the other items of C15
    RECEIVED = "received"  # lines of receipts and returns, of incomes and subsidies
    FUNDS = "funds"  # the four fund balances: money on bills and in suspense
    CITY_ACCOUNT = "city_account"  # journal, city: 收入户存款
    CITY_INCOME = "city_income"  # journal, city: 保险费收入 and 暂收款
    NOTIFIED = "notified"  # 表二十七
    ACCOUNTED = "accounted"  # 表二十七, arrived and unarrived added up
    AGENCY_ACCOUNT = "agency_account"  # journal, agency: 与市中心往来, or 收入户存款
    AGENCY_INCOME = "agency_income"  # journal, agency: 保险费收入 and 暂收款, or 其他项目收入
    AGENCY_EXPENDITURE = "agency_expenditure"  # journal, agency: 补贴支出


class Cell(NamedTuple):
    """Bills counted, fen per fund in statutory order, and their total. None: this stage does not say."""

    counted: int | None
    pension: int | None
    unemployment: int | None
    injury: int | None
    maternity: int | None
    total: int | None

    def as_json(self) -> dict[str, int | None]:
        return dict(zip(CELL_FIELDS, self, strict=True))

    def plus(self, other: "Cell") -> "Cell":
        """Both added up; what one of them does not say, the sum does not say."""
        parts = zip(self, other, strict=True)
        return Cell(*(None if mine is None or theirs is None else mine + theirs for mine, theirs in parts))


CELL_FIELDS: Final = ("count", *FUND_NAMES, "total")

_WHOLE: Final = Cell(0, 0, 0, 0, 0, 0)
_FUNDS: Final = Cell(None, 0, 0, 0, 0, 0)
_TOTAL: Final = Cell(0, None, None, None, None, 0)
_COUNT: Final = Cell(0, None, None, None, None, None)
_SUM: Final = Cell(None, None, None, None, None, 0)
_ASKED: Final = {
    Stage.REQUESTED: _WHOLE, Stage.IN_FILES: _WHOLE, Stage.ANSWERED: _COUNT, Stage.NOTIFIED: _WHOLE,
    Stage.ACCOUNTED: _WHOLE,
}  # fmt: skip
_ARRIVED: Final = {
    Stage.ANSWERED: _WHOLE, Stage.FUNDS: _WHOLE, Stage.CITY_ACCOUNT: _FUNDS, Stage.CITY_INCOME: _FUNDS,
    Stage.NOTIFIED: _FUNDS, Stage.AGENCY_ACCOUNT: _FUNDS, Stage.AGENCY_INCOME: _FUNDS,
}  # fmt: skip
_COUNTER: Final = {
    Stage.IN_FILES: _TOTAL, Stage.RECEIVED: _TOTAL, Stage.FUNDS: _WHOLE, Stage.AGENCY_ACCOUNT: _FUNDS,
    Stage.AGENCY_INCOME: _FUNDS,
}  # fmt: skip
STAGES: Final[Mapping[Movement, Mapping[Stage, Cell]]] = {
    Movement.REQUESTS: dict.fromkeys((Stage.REQUESTED, Stage.DECLARED, Stage.AT_CITY, Stage.IN_FILES), _WHOLE),
    Movement.ANSWERS: _ASKED,
    Movement.LATE_ANSWERS: _ASKED,
    Movement.ARRIVALS: _ARRIVED,
    Movement.LATE_ARRIVALS: _ARRIVED,
    Movement.RECEIPTS: _COUNTER,
    Movement.RETURNS: _COUNTER,
    Movement.CHANGES: {
        Stage.ANSWERED: _TOTAL, Stage.FUNDS: _WHOLE, Stage.CITY_ACCOUNT: _FUNDS, Stage.CITY_INCOME: _FUNDS,
        Stage.AGENCY_ACCOUNT: _FUNDS, Stage.AGENCY_INCOME: _FUNDS,
    },
    Movement.INCOMES: {
        Stage.IN_FILES: _TOTAL, Stage.LATE_FEES: _WHOLE, Stage.OTHER_INCOMES: _WHOLE, Stage.RECEIVED: _WHOLE,
        Stage.AGENCY_ACCOUNT: _FUNDS, Stage.AGENCY_INCOME: _FUNDS,
    },
    Movement.SUBSIDIES: {
        Stage.IN_FILES: _TOTAL, Stage.RECEIVED: _TOTAL, Stage.AGENCY_ACCOUNT: _SUM, Stage.AGENCY_EXPENDITURE: _SUM,
    },
    Movement.SUBSIDISED_FUNDS: dict.fromkeys((Stage.RECEIVED, Stage.AGENCY_ACCOUNT, Stage.AGENCY_INCOME), _FUNDS),
    Movement.CITY_BALANCES: dict.fromkeys(
        (
            Stage.BROUGHT_FORWARD, Stage.CONTRIBUTIONS, Stage.REVERSALS, Stage.CARRIED, Stage.CITY_ACCOUNT,
            Stage.CITY_INCOME,
        ), _FUNDS,
    ),
    Movement.BALANCES: dict.fromkeys(
        (
            Stage.BROUGHT_FORWARD, Stage.CONTRIBUTIONS, Stage.LATE_FEES, Stage.OTHER_INCOMES, Stage.SUBSIDIES,
            Stage.REVERSALS, Stage.CARRIED, Stage.AGENCY_ACCOUNT, Stage.AGENCY_INCOME,
        ), _FUNDS,
    ),
}  # fmt: skip
"""The stages that each movement passes, in order, and what a stage without any rows says: nothing moved."""
SOURCES: Final = (
    Stage.CONTRIBUTIONS, Stage.LATE_FEES, Stage.OTHER_INCOMES, Stage.SUBSIDIES, Stage.REVERSALS,
)  # fmt: skip
"""Where a fund's money of a day comes from."""
PARTS: Final = frozenset({Stage.BROUGHT_FORWARD, *SOURCES})
"""Columns that are added up by one beside them: they stand for themselves and are held against no other."""


class Row(NamedTuple):
    """One movement of an agency at a bank on a day, stage by stage in order. ``bank`` is '' for the agency's counter."""

    agency: str
    bank: str
    movement: Movement
    cells: Mapping[Stage, Cell]

    @classmethod
    def of(cls, agency: str, bank: str, movement: Movement, said: Mapping[Stage, Cell]) -> Self:
        """A row with every stage of its movement; one that has nothing says zero."""
        cells = {stage: said.get(stage, nothing) for stage, nothing in STAGES[movement].items()}
        return cls(agency, bank, movement, cells)

    @property
    def red(self) -> tuple[Stage, ...]:
        """The stages that say something else than most do; where as many say the one as the other, the later ones."""
        wrong = set[Stage]()
        for part in range(len(CELL_FIELDS)):
            said = {
                stage: cell[part] for stage, cell in self.cells.items() if cell[part] is not None and stage not in PARTS
            }
            if len(set(said.values())) > 1:
                [(usual, _)] = Counter(said.values()).most_common(1)  # of equals, the one met first
                wrong |= {stage for stage, value in said.items() if value != usual}
        return tuple(stage for stage in self.cells if stage in wrong)

    @property
    def usual(self) -> Cell:
        """What the stages say that are not red."""
        return usual(self.cells, self.red)

    def as_json(self) -> dict[str, Any]:
        cells = {stage.value: cell.as_json() for stage, cell in self.cells.items()}
        return {
            "agency": self.agency, "bank": self.bank, "movement": self.movement.value, "cells": cells,
            "red": [stage.value for stage in self.red],
        }  # fmt: skip


def usual(cells: Mapping[Stage, Cell], red: Collection[Stage]) -> Cell:
    """The first of a row's cells that is not red and is held against the others."""
    return next(cell for stage, cell in cells.items() if stage not in red and stage not in PARTS)


class Culprit(NamedTuple):
    """A line behind a red cell: what the stage holds (found) where another stage says otherwise (expected); fen or counts."""

    agency: str
    bank: str
    movement: Movement
    stage: Stage
    table: str
    bill: str
    instruction: str
    file: str
    line: int | None
    expected: str
    found: str

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


class Certificate(NamedTuple):
    """A day tied out, as it is kept. ``sha256`` is over the canonical JSON of all the rest."""

    number: int
    day: date
    content: Mapping[str, Any]
    previous: str
    sha256: str

    @property
    def holds(self) -> bool:
        """Whether nothing of it was changed since it was drawn."""
        stated = (self.content.get("number"), self.content.get("date"), self.content.get("previous"))
        return stated == (self.number, self.day.isoformat(), self.previous) and self.sha256 == digest(self.content)

    @property
    def ok(self) -> bool:
        return bool(self.content["ok"])


def certify(number: int, day: date, rows: Sequence[Row], lines: Sequence[Culprit], previous: str) -> Certificate:
    """Draws the certificate of a day behind the one whose hash is ``previous``."""
    content = {
        "number": number, "date": day.isoformat(), "previous": previous, "ok": not any(row.red for row in rows),
        "rows": [row.as_json() for row in rows], "lines": [line.as_json() for line in lines],
    }  # fmt: skip
    return Certificate(number, day, content, previous, digest(content))


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256, hex, of canonical JSON: keys sorted, no spaces, UTF-8, whole numbers only."""
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(canonical.encode()).hexdigest()


def standing(agency: str, bank: str, movement: Movement) -> tuple[bool, str, str, int]:
    """Where a row stands: rows by agency, bank, and the movements in their own order; behind them all, the balances."""
    return movement in _BALANCES, agency, bank, _PLACES[movement]


_BALANCES: Final = (Movement.CITY_BALANCES, Movement.BALANCES)
_PLACES: Final = {movement: at for at, movement in enumerate(Movement)}


def in_order(rows: Iterable[Row]) -> list[Row]:
    """Rows as they stand on a certificate."""
    return sorted(rows, key=lambda row: standing(row.agency, row.bank, row.movement))
