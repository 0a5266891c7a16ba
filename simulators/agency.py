"""The agencies' export program: dues, second collections, sporadic receipts and returns (contract, section 2)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import NamedTuple

from simulators.amounts import Four, add, yuan
from simulators.population import Population, Unit


@dataclass(frozen=True, slots=True)
class Paper:
    """A file: its name and its bytes."""

    name: str
    data: bytes


class Bill(NamedTuple):
    """One line of dues (应收). ``mode`` B or S; bank and account are empty for S. ``refers_to``: empty for monthly dues."""

    no: str
    unit: str
    unit_name: str
    mode: str
    bank: str
    account: str
    account_name: str
    due: Four
    refers_to: str = ""


class Again(NamedTuple):
    """One unit of a second collection: ``mode`` B asks the bank once more, S ends bank requests for the month."""

    unit: str
    mode: str
    pay_on: date


class Receipt(NamedTuple):
    """Sporadic money at the counter: ``method`` CASH, CHEQUE or COLLECTION, ``amount`` in fen."""

    no: str
    bill: str
    method: str
    cheque: str
    amount: int
    received_on: date


class Returned(NamedTuple):
    """A receipt that came back unpaid: ``amount`` in fen, the whole of it."""

    no: str
    receipt: str
    amount: int
    reason: str
    returned_on: date


def bill_of(population: Population, unit: Unit, period: str) -> Bill:
    """The unit's monthly bill (月报表) of ``period``."""
    return Bill(
        f"M{period.replace('-', '')}-{unit.no}",
        unit.no,
        unit.name,
        unit.mode,
        unit.bank,
        unit.account,
        unit.account_name,
        population.due(unit, period),
    )


def sealed(lines: Iterable[str], count: int, total: str) -> bytes:
    """The lines and, under them, their ``T`` line with the digest of all bytes before it."""
    body = "".join(f"{line}\n" for line in lines).encode()
    return body + f"T|{count}|{total}|{sha256(body).hexdigest()}\n".encode()


def money(amounts: Four) -> str:
    """Four amounts and their total, as the fields of a line."""
    return "|".join(yuan(part) for part in (*amounts, sum(amounts)))


def dues(agency: str, period: str, no: int, day: date, bills: Sequence[Bill], kind: str = "M") -> Paper:
    """``DUES_…`` of bills of one kind, with one control line (``C``) per mode and bank."""
    lines = [f"H|DUES|1|{agency}|{period}|{kind}|{no:04d}|{day}"]
    counts: dict[tuple[str, str], int] = {}
    sums: dict[tuple[str, str], Four] = {}
    for number, bill in enumerate(bills, 1):
        who = f"{bill.unit}|{bill.unit_name}|{bill.mode}|{bill.bank}|{bill.account}|{bill.account_name}"
        lines.append(f"D|{number}|{bill.no}|{who}|{money(bill.due)}|{bill.refers_to}")
        key = (bill.mode, bill.bank)
        counts[key] = counts.get(key, 0) + 1
        sums[key] = add(sums.get(key, (0, 0, 0, 0)), bill.due)
    lines += [f"C|{mode}|{bank}|{counts[mode, bank]}|{money(sums[mode, bank])}" for mode, bank in sorted(sums)]
    total = sum(sum(amounts) for amounts in sums.values())
    return Paper(f"DUES_{agency}_{period}_{kind}_{no:04d}.txt", sealed(lines, len(bills), yuan(total)))


def again(agency: str, period: str, no: int, day: date, units: Sequence[Again]) -> Paper:
    """``AGAIN_…``: the units that are to be asked a second time."""
    lines = [f"H|AGAIN|1|{agency}|{period}|{no:04d}|{day}"]
    lines += [f"D|{number}|{one.unit}|{one.mode}|{one.pay_on}" for number, one in enumerate(units, 1)]
    return Paper(f"AGAIN_{agency}_{period}_{no:04d}.txt", sealed(lines, len(units), ""))


def receipts(agency: str, day: date, no: int, taken: Sequence[Receipt]) -> Paper:
    """``RCPT_…``: sporadic receipts (零星收款) of one day."""
    lines = [f"H|RECEIPTS|1|{agency}|{day}|{no:04d}"]
    lines += [
        f"D|{number}|{one.no}|{one.bill}|{one.method}|{one.cheque}|{yuan(one.amount)}|{one.received_on}"
        for number, one in enumerate(taken, 1)
    ]
    total = sum(one.amount for one in taken)
    return Paper(f"RCPT_{agency}_{day:%Y%m%d}_{no:04d}.txt", sealed(lines, len(taken), yuan(total)))


def returns(agency: str, day: date, no: int, back: Sequence[Returned]) -> Paper:
    """``RTN_…``: receipts that came back unpaid (退票), told on one day."""
    lines = [f"H|RETURNS|1|{agency}|{day}|{no:04d}"]
    lines += [
        f"D|{number}|{one.no}|{one.receipt}|{yuan(one.amount)}|{one.reason}|{one.returned_on}"
        for number, one in enumerate(back, 1)
    ]
    total = sum(one.amount for one in back)
    return Paper(f"RTN_{agency}_{day:%Y%m%d}_{no:04d}.txt", sealed(lines, len(back), yuan(total)))
