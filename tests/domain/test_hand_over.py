"""Hand-overs to inspection and the labour administration (C11): every move, and everything that keeps one from being recorded."""

from datetime import date, datetime
from itertools import product

import pytest

from hub.domain.hand_over import MOVES, Desk, HandOver, hand_over_faults
from hub.domain.money import Fen
from hub.domain.timetable import TZ

OPENED, HANDED, TODAY = date(2026, 11, 30), date(2026, 12, 8), date(2026, 12, 10)
ALLOWED = {
    ("agency", "inspection"),
    ("inspection", "labour"),
    ("inspection", "withdrawn"),
    ("labour", "withdrawn"),
    ("withdrawn", "inspection"),
}


def last(at: Desk) -> HandOver | None:
    if at is Desk.AGENCY:
        return None
    return HandOver(
        agency="110105", unit="110105000001", step=1, from_desk=Desk.AGENCY, to_desk=at, on=HANDED, by="王芳", note="",
        outstanding=Fen(1), recorded_at=datetime(2026, 12, 8, 10, tzinfo=TZ),
    )  # fmt: skip


def told(
    at: Desk, to: Desk, *, on: date = TODAY, by: str = "李华", note: str = "", owes: int = 100
) -> list[tuple[str, str]]:
    faults = hand_over_faults(
        last(at), to=to, on=on, by=by, note=note, outstanding=Fen(owes), opened_on=OPENED if owes else None, today=TODAY
    )
    return [(fault.field, fault.code.value) for fault in faults]


@pytest.mark.parametrize(("at", "to"), list(product(Desk, Desk)))
def test_every_move(at: Desk, to: Desk) -> None:
    expected = [] if (at.value, to.value) in ALLOWED else [("to", "move")]
    assert told(at, to, owes=0 if to is Desk.WITHDRAWN else 100) == expected


def test_every_desk_has_its_moves() -> None:
    assert set(MOVES) == set(Desk)


def test_who_owes_nothing_is_not_handed_over_and_who_owes_is_not_withdrawn() -> None:
    assert told(Desk.AGENCY, Desk.INSPECTION, owes=0) == [("unit", "not-outstanding")]
    assert told(Desk.INSPECTION, Desk.WITHDRAWN, owes=1) == [("unit", "outstanding")]


@pytest.mark.parametrize(
    ("at", "on", "good"),
    [
        (Desk.AGENCY, date(2026, 11, 29), False),  # before there were arrears
        (Desk.AGENCY, OPENED, True),
        (Desk.AGENCY, TODAY, True),
        (Desk.AGENCY, date(2026, 12, 11), False),  # tomorrow
        (Desk.INSPECTION, date(2026, 12, 7), False),  # before it came to inspection
        (Desk.INSPECTION, HANDED, True),
    ],
)
def test_the_day_of_a_hand_over(at: Desk, on: date, good: bool) -> None:
    to = Desk.INSPECTION if at is Desk.AGENCY else Desk.LABOUR
    assert told(at, to, on=on) == ([] if good else [("on", "date")])


def test_every_fault_is_told() -> None:
    assert told(Desk.LABOUR, Desk.LABOUR, on=date(2027, 1, 1), by=" ", note="a\x1b[2J", owes=0) == [
        ("by", "grammar"), ("note", "grammar"), ("to", "move"), ("unit", "not-outstanding"), ("on", "date"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("note", "good"),
    [
        ("催缴无果\u3000已移交", True),
        ("a\xa0b", True),
        ("a\u202eb", False),
        ("a\nb", False),
        ("催" * 500, True),
        ("催" * 501, False),
    ],
)
def test_a_note_is_one_line_without_anything_invisible(note: str, good: bool) -> None:
    assert told(Desk.AGENCY, Desk.INSPECTION, note=note) == ([] if good else [("note", "grammar")])
