"""The month added up for people: what came in per fund, and every control total held against its neighbour's."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from simulators.agency import Paper
from simulators.amounts import FUNDS, NIL, Four, add, four_of
from simulators.bank_program import fields_of
from simulators.bank_work import Request
from simulators.forms import Export
from simulators.month import Month
from simulators.oracle import ROUNDS


class Figure(NamedTuple):
    """One party's figure: whose it is, how many bills, fen per fund. ``bills`` None where other things are counted."""

    whose: str
    bills: int | None
    amounts: Four


@dataclass(frozen=True, slots=True)
class TieOut:
    """Figures that must be one and the same."""

    name: str
    figures: tuple[Figure, ...]

    @property
    def holds(self) -> bool:
        counts = {figure.bills for figure in self.figures if figure.bills is not None}
        return len(counts) <= 1 and len({figure.amounts for figure in self.figures}) == 1

    @property
    def chain(self) -> str:
        return " = ".join(figure.whose for figure in self.figures)


class FundMonth(NamedTuple):
    """One fund's month in fen. Due = first + second + sporadic + arrears."""

    fund: str
    due: int
    first: int
    second: int
    sporadic: int
    arrears: int

    @property
    def holds(self) -> bool:
        return self.due == self.first + self.second + self.sporadic + self.arrears


@dataclass(frozen=True, slots=True)
class Closing:
    """A closed period, added up."""

    funds: tuple[FundMonth, ...]
    tie_outs: tuple[TieOut, ...]


PAPER: Final = {
    "t8": "表八",
    "f6": "财表六",
    "t26": "表二十六",
    "f7": "财表七",
    "f8": "财表八",
    "t27": "表二十七",
    "f1": "财表一",
    "f2": "财表二",
    "f3": "财表三",
    "balances": "books",
    "arrears": "arrears by unit",
}


class Totals:
    """The totals of a period's exports, as they stood when they were compared last."""

    def __init__(self, seen: Mapping[Export, dict[str, Any]], period: str) -> None:
        self._seen = seen
        self._period = period

    def of(self, form: str, measure: str, number: int | None = None) -> Figure:
        total = self._seen[Export(form, self._period, number)]["total"][measure]
        pension, unemployment, injury, maternity = (int(total[fund]) for fund in FUNDS)
        return Figure(f"{PAPER[form]} {measure}", int(total["count"]), (pension, unemployment, injury, maternity))

    def monthly(self, number: int) -> Four:
        """What arrived of monthly bills in a deduction (财表八)."""
        rows = self._seen[Export("f8", self._period, number)]["rows"]
        found = NIL
        for row in (row for row in rows if row["kind"] == "M"):
            pension, unemployment, injury, maternity = (int(row["arrived"][fund]) for fund in FUNDS)
            found = add(found, (pension, unemployment, injury, maternity))
        return found


def of_requests(requests: Iterable[Request]) -> Figure:
    """What the banks add up out of the request files they read."""
    lines = [line for request in requests for line in request.lines]
    wanted = NIL
    for line in lines:
        wanted = add(wanted, line.wanted)
    return Figure("the banks' request files", len(lines), wanted)


def of_results(papers: Iterable[Paper]) -> Figure:
    """What the banks say they deducted, from the last lines of their result files."""
    full, came = 0, NIL
    for paper in papers:
        fields = fields_of(paper.data)[-1]
        full += int(fields[2])
        came = add(came, four_of(fields[5:9]))
    return Figure("the banks' result files", full, came)


def close(month: Month, period: str) -> Closing:
    """Hold the hub's forms of a period just closed against each other and against the parties' own files."""
    totals = Totals(month.seen, period)
    sporadic = month.oracle.sporadic(period)
    ties = [
        *(tie for number in ROUNDS for tie in _session_ties(month, totals, period, number)),
        *_month_ties(totals, sporadic),
    ]
    columns = [
        totals.of("f1", "due").amounts,
        *(totals.monthly(number) for number in ROUNDS),
        sporadic,
        totals.of("f1", "arrears").amounts,
    ]
    funds = [FundMonth(fund, *parts) for fund, *parts in zip(FUNDS, *columns, strict=True)]
    return Closing((*funds, FundMonth("total", *(sum(column) for column in columns))), tuple(ties))


def _session_ties(month: Month, totals: Totals, period: str, number: int) -> list[TieOut]:
    """One deduction: what was asked, hand to hand, and what came."""
    name = "first" if number == 1 else "second"
    forms = [totals.of(form, "requested", number) for form in ("f6", "t26", "f7", "f8", "t27")]
    arrived = [totals.of(form, "arrived", number) for form in ("f8", "t27")]
    return [
        TieOut(f"{name} deduction, asked", (*forms, of_requests(month.requests[period, number]))),
        TieOut(f"{name} deduction, came in", (*arrived, of_results(month.answers[period, number]))),
    ]


def _month_ties(totals: Totals, sporadic: Four) -> list[TieOut]:
    """The month as a whole: dues, what became of them, and the books."""
    due, came, short = (totals.of("f1", measure) for measure in ("due", "arrived", "arrears"))
    settled = Figure(
        "财表一 arrived + arrears", (came.bills or 0) + (short.bills or 0), add(came.amounts, short.amounts)
    )
    by_way = sporadic
    for number in ROUNDS:
        by_way = add(by_way, totals.monthly(number))
    books = totals.of("balances", "collected").amounts
    others = [totals.of(form, "arrived").amounts for form in ("f2", "f3")]
    on_forms = add(came.amounts, add(*others))
    return [
        TieOut("dues", (due, settled)),
        TieOut(
            "money in",
            (
                Figure("first + second + sporadic", None, by_way),
                came._replace(bills=None),
            ),
        ),
        TieOut("all kinds", (Figure("财表一 + 二 + 三 arrived", None, on_forms), Figure("books", None, books))),
        TieOut("arrears", (short, totals.of("arrears", "outstanding"))),
    ]
