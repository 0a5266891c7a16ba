"""The exports of the contract, section 7, out of the oracle's books."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from simulators.amounts import FUNDS, NIL, Four, less
from simulators.oracle import Bill, Line, Oracle

Row = dict[str, Any]
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """One export: its row keys and its measures, as the contract lists them."""

    keys: tuple[str, ...]
    measures: tuple[str, ...]


SESSION: Final = ("requested", "arrived", "unarrived", "unanswered")
FORMS: Final = {
    "t8": Form(("agency", "kind", "mode", "bank"), ("due",)),
    "t9": Form(("agency",), ("due",)),
    "f6": Form(("agency", "bank", "kind"), ("requested",)),
    "t26": Form(("agency", "bank"), ("requested",)),
    "f7": Form(("bank", "file"), ("requested",)),
    "f8": Form(("agency", "bank", "kind"), SESSION),
    "t27": Form(("agency", "bank"), SESSION),
    "f1": Form(("agency",), ("due", "arrived", "arrears")),
    "f2": Form(("agency",), ("filed", "arrived", "cancelled", "pending")),
    "f3": Form(("agency",), ("filed", "arrived", "cancelled", "pending")),
    "f4": Form(("agency", "item"), ("booked",)),
    "balances": Form(("agency",), ("collected",)),
    "arrears": Form(("agency", "unit", "period"), ("outstanding",)),
    "unit": Form(("period", "kind", "bill"), ("due", "arrived", "unarrived")),
}


def measure(count: int, amounts: Four) -> dict[str, int]:
    """The contract's M: a count, four amounts, their total."""
    return {"count": count, **dict(zip(FUNDS, amounts, strict=True)), "total": sum(amounts)}


def nothing() -> dict[str, int]:
    return measure(0, NIL)


def add_up(rows: Iterable[Row], measures: Iterable[str]) -> dict[str, dict[str, int]]:
    """The ``total`` of an export: every measure added over the rows."""
    total = {name: nothing() for name in measures}
    for row in rows:
        for name, sums in total.items():
            for column in sums:
                sums[column] += row[name][column]
    return total


class Sums:
    """Rows being added up under their keys."""

    def __init__(self, form: str) -> None:
        self.form = FORMS[form]
        self._rows: dict[Key, Row] = {}

    def add(self, key: Key, name: str, count: int, amounts: Four) -> None:
        row = self._rows.get(key)
        if row is None:
            row = {**dict(zip(self.form.keys, key, strict=True)), **{name: nothing() for name in self.form.measures}}
            self._rows[key] = row
        for column, value in measure(count, amounts).items():
            row[name][column] += value

    def rows(self) -> list[Row]:
        """In ascending order of their keys, those left out that hold nothing."""
        found = [row for _, row in sorted(self._rows.items())]
        return [row for row in found if any(any(row[name].values()) for name in self.form.measures)]


class Export(NamedTuple):
    """What an export is asked for. ``period`` None covers everything to date, where the form allows it."""

    form: str
    period: str | None = None
    round: int | None = None
    unit: str = ""

    def __str__(self) -> str:
        return " ".join(str(part) for part in self if part)


def expected(oracle: Oracle, export: Export) -> list[Row]:
    """The rows the hub must show."""
    form, period, number, unit = export
    if form == "unit":
        return _unit(oracle, unit, period)
    sums = Sums(form)
    if form in {"balances", "arrears"}:
        SPANNING[form](oracle, sums, period)
    elif period is not None:
        if number is not None:
            BY_ROUND[form](oracle, sums, period, number)
        else:
            BY_PERIOD[form](oracle, sums, period)
    return sums.rows()


def _t8(oracle: Oracle, sums: Sums, period: str) -> None:
    for bill in oracle.bills.values():
        if bill.period == period:
            sums.add((bill.agency, bill.kind, bill.mode, bill.bank), "due", 1, bill.due)


def _t9(oracle: Oracle, sums: Sums, period: str) -> None:
    """表八 of monthly bills, added up for the city whatever their payment mode (C8)."""
    for bill in oracle.bills.values():
        if bill.period == period and bill.monthly:
            sums.add((bill.agency,), "due", 1, bill.due)


def _f1(oracle: Oracle, sums: Sums, period: str) -> None:
    for shut in oracle.shut.get(period, []):
        bill, key = shut.bill, (shut.bill.agency,)
        covered = shut.arrived == bill.due
        sums.add(key, "due", 1, bill.due)
        sums.add(key, "arrived", int(covered), shut.arrived)
        if not covered:
            sums.add(key, "arrears", 1, less(bill.due, shut.arrived))


def _finances(kind: str) -> Callable[[Oracle, Sums, str], None]:
    def fill(oracle: Oracle, sums: Sums, period: str) -> None:
        for fate in oracle.fates.get(period, []):
            if fate.bill.kind == kind:
                sums.add((fate.bill.agency,), "filed", 1, fate.bill.due)
                sums.add((fate.bill.agency,), fate.became, 1, fate.bill.due)

    return fill


def _f4(oracle: Oracle, sums: Sums, period: str) -> None:
    for key, (count, amounts) in oracle.incomes.closes.get(period, {}).items():
        sums.add(key, "booked", count, amounts)


def _requested(step: str, key: Callable[[Line], Key]) -> Callable[[Oracle, Sums, str, int], None]:
    def fill(oracle: Oracle, sums: Sums, period: str, number: int) -> None:
        if (step, period, number) in oracle.done:
            for line in oracle.lines[period, number]:
                sums.add(key(line), "requested", 1, line.wanted)

    return fill


def _session(key: Callable[[Line], Key]) -> Callable[[Oracle, Sums, str, int], None]:
    def fill(oracle: Oracle, sums: Sums, period: str, number: int) -> None:
        if ("posting", period, number) not in oracle.done:
            return
        for line in oracle.lines[period, number]:
            of = key(line)
            sums.add(of, "requested", 1, line.wanted)
            if line.came is None or not line.told:
                sums.add(of, "unanswered", 1, line.wanted)
                continue
            short = line.came != line.wanted
            sums.add(of, "arrived", int(not short), line.came)
            sums.add(of, "unarrived", int(short), less(line.wanted, line.came))

    return fill


def _by_kind(line: Line) -> Key:
    return (line.bill.agency, line.bill.bank, line.bill.kind)


def _by_bank(line: Line) -> Key:
    return (line.bill.agency, line.bill.bank)


def _by_file(line: Line) -> Key:
    return (line.bill.bank, line.file)


BY_PERIOD: Final = {"t8": _t8, "t9": _t9, "f1": _f1, "f2": _finances("A"), "f3": _finances("S"), "f4": _f4}
BY_ROUND: Final = {
    "f6": _requested("upload", _by_kind),
    "t26": _requested("batch", _by_bank),
    "f7": _requested("batch", _by_file),
    "f8": _session(_by_kind),
    "t27": _session(_by_bank),
}


def _balances(oracle: Oracle, sums: Sums, period: str | None) -> None:
    for bill in oracle.bills.values():
        amounts = bill.arrived if period is None else bill.booked.get(period, NIL)
        if amounts != NIL:
            sums.add((bill.agency,), "collected", int(sum(amounts) > 0), amounts)


def _arrears(oracle: Oracle, sums: Sums, period: str | None) -> None:
    for bill in oracle.bills.values():
        if bill.in_arrears and bill.outstanding != NIL and period in (None, bill.period):
            sums.add((bill.agency, bill.unit, bill.period), "outstanding", 1, bill.outstanding)


SPANNING: Final = {"balances": _balances, "arrears": _arrears}


def status_of(bill: Bill) -> str:
    if bill.cancelled_at is not None:
        return "cancelled"
    if bill.outstanding == NIL:
        return "arrived"
    if bill.in_arrears:
        return "arrears"
    return "part" if sum(bill.arrived) else "open"


def _unit(oracle: Oracle, unit: str, period: str | None) -> list[Row]:
    found = sorted(
        (bill for bill in oracle.bills.values() if bill.unit == unit and period in (None, bill.period)),
        key=lambda bill: (bill.period, bill.kind, bill.no),
    )
    return [
        {
            "period": bill.period,
            "kind": bill.kind,
            "bill": bill.no,
            "due": measure(1, bill.due),
            "arrived": measure(int(bill.covered), bill.arrived),
            "unarrived": measure(int(not bill.covered), bill.missing),
            "status": status_of(bill),
        }
        for bill in found
    ]


def differences(oracle: Oracle, export: Export, answer: dict[str, Any]) -> list[str]:
    """Every place where the hub's answer and the oracle's books differ, to the fen: envelope, rows, order, total."""
    return held_against(expected(oracle, export), export, answer)


def held_against(rows: list[Row], export: Export, answer: dict[str, Any]) -> list[str]:
    """The same for rows that are known: what ``differences`` finds between ``rows`` and the hub's answer."""
    where = str(export)
    shape = FORMS[export.form]
    found = []
    envelope = {"form": export.form, "period": export.period, "round": export.round, "unit": "fen"}
    for name, value in envelope.items():
        if answer.get(name) != value:
            found.append(f"{where}: {name} expected {value!r}, found {answer.get(name)!r}")
    theirs = [row for row in answer["rows"] if any(any(row[name].values()) for name in shape.measures)]
    order = [tuple(row[key] for key in shape.keys) for row in theirs]
    if order != sorted(order):
        found.append(f"{where}: the rows are not in the order of their keys")
    by_key = dict(zip(order, theirs, strict=True))
    mine = {tuple(row[key] for key in shape.keys): row for row in rows}
    for key in sorted(mine.keys() | by_key.keys()):
        found += _row_differences(f"{where} {'/'.join(key)}", mine.get(key), by_key.get(key))
    total = add_up(rows, shape.measures)
    found += _row_differences(f"{where} total", total, answer.get("total"))
    return found


def _row_differences(where: str, mine: Row | None, theirs: Row | None) -> list[str]:
    if mine is None or theirs is None:
        return [f"{where}: expected {mine}, found {theirs}"]
    return [
        f"{where} {name}: expected {value}, found {theirs.get(name)}"
        for name, value in mine.items()
        if theirs.get(name) != value
    ]
