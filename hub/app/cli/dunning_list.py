"""How ``hub dunning list`` shows the units: for programs whole and as a stream, for people the first of them and sums."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from hub.app.cli.export import print_whole
from hub.app.cli.output import Context
from hub.app.cli.output import as_json as one_document
from hub.app.cli.sheets import harmless
from hub.domain.dunning import DunningState
from hub.domain.excerpts import visible
from hub.domain.funds import FundAmounts
from hub.domain.money import yuan
from hub.domain.periods import Period
from hub.ledger.dunning import Dunned
from hub.ledger.forms.form import MEASURE_FIELDS, ZERO_MEASURE, Measure

SHOWN: Final = 200
"""Units on the screen."""
_AMOUNTS: Final = MEASURE_FIELDS[1:]
_MEASURES: Final = ("due", "arrived", "missing")


class _Sums:
    """What is missing, by state, added up while the units go by."""

    def __init__(self) -> None:
        self.by_state = dict.fromkeys(DunningState, ZERO_MEASURE)

    def count(self, found: Iterable[Dunned]) -> Iterator[Dunned]:
        for each in found:
            self.by_state[each.state] = self.by_state[each.state].plus(Measure(1, *each.missing))
            yield each

    def as_document(self) -> dict[str, dict[str, int]]:
        return {state.value: measure.as_json() for state, measure in self.by_state.items()}


def as_json(period: Period, posted: Sequence[str], found: Iterable[Dunned]) -> Iterator[str]:
    """One document on one line, a unit at a time; amounts are fen. ``posted``: the banks whose first posting is done."""
    sums = _Sums()
    head = one_document({"period": period, "unit": "fen", "posted": posted})
    yield f'{head[:-1]}, "rows": ['
    for at, each in enumerate(sums.count(found)):
        yield (", " if at else "") + one_document(_row(each))
    yield f'], "total": {one_document(sums.as_document())}}}\n'


def as_csv(found: Iterable[Dunned]) -> Iterator[str]:
    """A unit a line; amounts are fen."""
    columns = [f"{measure}_{field}" for measure in _MEASURES for field in _AMOUNTS]
    head = ("agency", "unit", "unit_name", "bill", "mode", "bank", *columns, "code", "state", "named_mode", "pay_on")
    yield _line((*head, "desk", "handed_on"))
    for each in found:
        amounts = [fen for of in (each.due, each.arrived, each.missing) for fen in (*of, of.total)]
        named = ("", "") if each.named is None else (each.named.mode.value, str(each.named.pay_on))
        texts = (each.agency, each.unit, each.unit_name, each.bill_no, each.mode.value, each.bank)
        told = (each.code, each.state.value, *named, each.desk.value, str(each.handed_on or ""))
        yield _line((*map(harmless, texts), *amounts, *told))


def _line(cells: Iterable[object]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _row(each: Dunned) -> dict[str, Any]:
    return {
        "agency": each.agency, "unit": each.unit, "unit_name": each.unit_name, "bill": each.bill_no,
        "mode": each.mode, "bank": each.bank, "due": _amounts(each.due), "arrived": _amounts(each.arrived),
        "missing": _amounts(each.missing), "code": each.code or None, "state": each.state,
        "named": each.named and each.named._asdict(), "desk": each.desk, "handed_on": each.handed_on,
    }  # fmt: skip


def _amounts(amounts: FundAmounts) -> dict[str, int]:
    return {**amounts._asdict(), "total": amounts.total}


def show(context: Context, period: Period, posted: Sequence[str], found: Iterable[Dunned]) -> None:
    """The first units as a table in yuan, and under it how many there are in each state."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table
    from rich.text import Text

    if not posted:
        context.screen.print(f"{period}: no bank's first posting is done yet; dunning begins with it")
        return
    sums = _Sums()
    money = [Column(name, justify="right") for name in _MEASURES]
    table = Table("agency", "unit", "name", "bank", *money, "code", "state", "pay on", "with", box=SIMPLE_HEAD)
    for at, each in enumerate(sums.count(found)):
        if at < SHOWN:
            amounts = (yuan(of.total) for of in (each.due, each.arrived, each.missing))
            named = "" if each.named is None else f"{each.named.mode.value} {each.named.pay_on}"
            cells = (
                each.agency,
                each.unit,
                each.unit_name,
                each.bank or "–",
                *amounts,
                each.code,
                each.state.value,
                named,
            )
            table.add_row(*map(Text, map(visible, cells)), Text(f"{each.desk.value} {each.handed_on or ''}".rstrip()))
    print_whole(context, table)
    for state, missing in sums.by_state.items():
        if missing.count:
            context.screen.print(f"{state.value:<10} {missing.count:>9,} units  {yuan(missing.total):>20} yuan missing")
    counted = sum(missing.count for missing in sums.by_state.values())
    if counted > SHOWN:
        context.screen.print(f"{counted - SHOWN:,} more units: --format csv or --json holds them all")
    if not counted:
        context.screen.print(f"{period}: every unit of {', '.join(posted)} is paid in full")
