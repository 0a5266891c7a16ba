"""Balances of the four funds (基金余额) on the daily tie-out: yesterday's and what every source brought is what the journal holds.

At the city these are the funds' money as banks sent it; at an agency its share of that, and what it took in itself.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from hub.domain.tie_out import SOURCES, STAGES, Cell, Movement, Row, Stage

NIL: Final = Cell(None, 0, 0, 0, 0, 0)
"""A balance of nothing."""
_BANKS: Final = {
    Stage.CONTRIBUTIONS: ((Movement.ARRIVALS, Stage.FUNDS), (Movement.LATE_ARRIVALS, Stage.FUNDS)),
    Stage.REVERSALS: ((Movement.CHANGES, Stage.FUNDS),),
}  # fmt: skip
BROUGHT_BY: Final[Mapping[Movement, Mapping[Stage, tuple[tuple[Movement, Stage], ...]]]] = {
    Movement.CITY_BALANCES: _BANKS,
    Movement.BALANCES: {
        Stage.CONTRIBUTIONS: (*_BANKS[Stage.CONTRIBUTIONS], (Movement.RECEIPTS, Stage.FUNDS)),
        Stage.LATE_FEES: ((Movement.INCOMES, Stage.LATE_FEES),),
        Stage.OTHER_INCOMES: ((Movement.INCOMES, Stage.OTHER_INCOMES),),
        Stage.SUBSIDIES: ((Movement.SUBSIDISED_FUNDS, Stage.RECEIVED),),
        Stage.REVERSALS: (*_BANKS[Stage.REVERSALS], (Movement.RETURNS, Stage.FUNDS)),
    },
}  # fmt: skip
"""The cells of a day's other rows that each source of a balance adds up."""

assert all(source in SOURCES for sources in BROUGHT_BY.values() for source in sources)
assert all(stage in STAGES[row] for each in BROUGHT_BY.values() for cells in each.values() for row, stage in cells)


class Booked(NamedTuple):
    """What the journal holds of an agency's funds at the end of a day: where the money stands, and what it is."""

    account: Cell
    income: Cell


Balance = tuple[Movement, str]
"""Whose balance: the level as its movement, and the agency."""


def balances(
    moved: Iterable[Row], brought_forward: Mapping[Balance, Cell], booked: Mapping[Balance, Booked]
) -> list[Row]:
    """A row for each balance that is not nothing through and through; ``moved`` are all the other rows of the day."""
    rows = list(moved)
    agencies = {row.agency for row in rows} | {agency for _, agency in (*brought_forward, *booked)}
    found = (_balance(level, agency, rows, brought_forward, booked) for level in BROUGHT_BY for agency in agencies)
    return [row for row in found if any(any(cell) for cell in row.cells.values())]


def _balance(
    level: Movement, agency: str, rows: list[Row], before: Mapping[Balance, Cell], booked: Mapping[Balance, Booked]
) -> Row:
    said = {Stage.BROUGHT_FORWARD: before.get((level, agency), NIL)}
    for source, cells in BROUGHT_BY[level].items():
        said[source] = _added(
            row.cells[stage]
            for movement, stage in cells
            for row in rows
            if (row.agency, row.movement) == (agency, movement)
        )
    said[Stage.CARRIED] = _added(said.values())
    account, income = (stage for stage in STAGES[level] if stage not in said)
    said[account], said[income] = booked.get((level, agency), Booked(NIL, NIL))
    return Row.of(agency, "", level, said)


def _added(cells: Iterable[Cell]) -> Cell:
    total = NIL
    for cell in cells:
        total = total.plus(cell)
    return total
