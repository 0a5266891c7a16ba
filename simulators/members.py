"""Members of supplements (表四) and what unemployment finance adds for subsidised workers: the agency's files of both."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from simulators.agency import Paper, money, sealed
from simulators.amounts import Four, add, yuan

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


class Member(NamedTuple):
    """A line: citizen's number, name, first and last month paid for. ``unit``: pension and unemployment, of 表四-1."""

    no: str
    name: str
    first: str
    last: str
    due: Four
    unit: tuple[int, int] | None = None


class Told(NamedTuple):
    """A bill's members. ``medical``: personal part and subsidy, of 表五-1."""

    bill: str
    members: Sequence[Member]
    medical: tuple[int, int] | None = None
    approval: str = ""
    explanation: str = ""


class Moved(NamedTuple):
    """A movement that unemployment finance booked: UNIT, MEDICAL, or either with -BACK. ``amounts``: p, u, medical."""

    no: str
    bill: str
    movement: str
    amounts: tuple[int, int, int]
    booked_on: date


def citizen_no(birthday: date, number: int, area: str = "110105") -> str:
    """A citizen's number with its check digit, of the ``number``-th person born that day there."""
    digits = f"{area}{birthday:%Y%m%d}{number % 1000:03d}"
    place = sum(int(digit) * weight for digit, weight in zip(digits, _WEIGHTS, strict=True)) % 11
    return digits + "10X98765432"[place]


def members(agency: str, period: str, no: int, day: date, told: Sequence[Told], variant: str = "") -> Paper:
    """``MEMB_…``: the members of some supplements of one variant of 表四."""
    lines = [f"H|MEMBERS|1|{agency}|{period}|{no:04d}|{day}|{variant}"]
    number = 0
    for bill in told:
        for one in bill.members:
            number += 1
            who = f"{bill.bill}|{one.no}|{one.name}|{one.first}|{one.last}"
            lines.append(f"D|{number}|{who}|{money(one.due)}|{_fields(one.unit)}")
    total = 0
    for bill in told:
        due, unit = sums(bill)
        total += sum(due)
        parts = f"{_fields(unit)}|{_fields(bill.medical)}|{bill.approval}|{bill.explanation}"
        lines.append(f"C|{bill.bill}|{len(bill.members)}|{money(due)}|{parts}")
    return Paper(f"MEMB_{agency}_{period}_{no:04d}.txt", sealed(lines, number, yuan(total)))


def sums(bill: Told) -> tuple[Four, tuple[int, int] | None]:
    """What the members of a bill come to: the bill, and the unit parts of a 表四-1."""
    due: Four = (0, 0, 0, 0)
    for one in bill.members:
        due = add(due, one.due)
    units = [one.unit for one in bill.members if one.unit is not None]
    return due, (sum(unit[0] for unit in units), sum(unit[1] for unit in units)) if units else None


def _fields(pair: tuple[int, int] | None) -> str:
    return "|" if pair is None else f"{yuan(pair[0])}|{yuan(pair[1])}"


def subsidies(agency: str, day: date, no: int, moved: Sequence[Moved]) -> Paper:
    """``SUBS_…``: what unemployment finance booked, or brought back."""
    lines = [f"H|SUBSIDIES|1|{agency}|{day}|{no:04d}"]
    lines += [
        f"D|{number}|{one.no}|{one.bill}|{one.movement}|{'|'.join(map(yuan, (*one.amounts, sum(one.amounts))))}|{one.booked_on}"
        for number, one in enumerate(moved, 1)
    ]
    total = sum(sum(one.amounts) for one in moved)
    return Paper(f"SUBS_{agency}_{day:%Y%m%d}_{no:04d}.txt", sealed(lines, len(moved), yuan(total)))
