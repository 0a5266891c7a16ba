"""Invariant 5 (rules.md section 12): the same facts with the same business times, in any order and any number of times,
give the same books.

One month is lived once by a kind transport, and then again and again by unkind ones: events shuffled, repeated, delayed
past the steps they belong to, consumers and the relay dying before and after their commits; files handed in in another
order and twice; banks polled sooner or later. ``HUB_TEST_SEED`` decides; a failure names the history's own seed.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

import topics
from hub.app import schedule
from simulators.agency import Bill, Paper
from simulators.amounts import Four
from tests.processors.city import CHAOYANG, HAIDIAN, PERIOD, City, bill, open_city, unit_of
from tests.processors.pump import Temper

HISTORIES = 30
ALTOGETHER = 5
"""Histories a test: one database at a time, so that a failure ends early."""

Books = Mapping[str, list[tuple[Any, ...]]]


def due(number: int) -> Four:
    return (10000 + 7 * number, 1000 + number, 0 if number % 3 == 0 else 400 + number, 300)


def bills(code: str, letter: str, numbers: range, banks: str = "ICBC CCB") -> list[Bill]:
    """Bills of an agency, its banks in turn; every fifth is sporadic."""
    turn = banks.split()
    return [
        bill(f"{letter}-{n}", n, due(n), bank="" if n % 5 == 0 else turn[n % len(turn)], agency_code=code)
        for n in numbers
    ]


def supplements(letter: str, numbers: range) -> list[Bill]:
    return [each._replace(refers_to="2026-08") for each in bills(CHAOYANG, letter, numbers)]


def repayments(letter: str, units: tuple[int, ...], bank: str = "ICBC") -> list[Bill]:
    """Of some fen of maternity each, so that they fit whatever the bank left of the monthly bill."""
    return [bill(f"{letter}-{n}", n, (0, 0, 0, 7), bank=bank)._replace(refers_to=PERIOD) for n in units]


class History:
    """A month, the same facts each time. ``chance`` None lives it plainly."""

    def __init__(self, city: City, chance: Random | None) -> None:
        self.city = city
        self._chance = chance

    def live(self) -> Books:
        """From the 28th of October to the 7th of December; what the books say at last."""
        city = self.city
        self._hand_in(
            city.dues(*bills(CHAOYANG, "A", range(1, 12))),
            city.dues(*bills(HAIDIAN, "B", range(1, 7)), agency_code=HAIDIAN),
            city.dues(*bills(CHAOYANG, "C", range(30, 39))),
            city.dues(*supplements("S", range(50, 56)), kind="S"),
        )
        self._advance("11-02T09:10")
        self._advance("11-03T10:00")
        self._hand_in(city.cheques(("R-1", "A-4", sum(due(4)))))  # its bank will pay as well: suspense
        self._answer("ICBC", {"A-2": 10015, "A-6": "02", "B-2": "03", "C-30": "02", "S-52": "02"})
        self._advance("11-05T09:00")
        self._hand_in(
            city.again((unit_of(2), "B"), (unit_of(6), "B"), (unit_of(4), "B")),
            city.dues(*bills(CHAOYANG, "D", range(40, 48))),
            city.cheques(("R-2", "A-5", sum(due(5))), ("R-3", "A-10", sum(due(10)))),
            city.receipts(("R-4", "B-1", sum(due(1))), agency_code=HAIDIAN),  # CCB has not answered it
            city.cheques(("P-51", "S-51", sum(due(51)))),  # nor this, whose money will be too much
            city.dues(*supplements("T", range(60, 64)), kind="S"),
        )
        self._advance("11-12T10:00")
        self._answer("CCB", {"A-1": "02", "A-3": "05", "A-7": 10015, "A-9": 10011})  # late for everyone
        self._poll("CCB")
        self._hand_in(  # right behind the answer, which may still be in flight
            city.again((unit_of(1), "B"), (unit_of(3), "S"), (unit_of(9), "B")),
            city.receipts(("R-5", "A-3", sum(due(3)))),
            city.cheques(("P-60", "T-60", sum(due(60)))),  # comes back when its finance close has called it arrived
            city.cheques(("R-7", "A-7", sum(due(7)) - 10015)),
        )
        self._advance("11-13T10:00")
        self._hand_in(  # one whose bill a bank has paid as well, one that another cheque replaces, one that is asked again
            city.returns(("T-1", "R-1", sum(due(4))), ("T-51", "P-51", sum(due(51)))),
            city.returns(("T-2", "R-2", sum(due(5))), ("T-7", "R-7", sum(due(7)) - 10015)),
            city.again((unit_of(7), "B")),
        )
        self._hand_in(city.cheques(("R-8", "A-5", sum(due(5)))))
        self._advance("11-16T10:00")
        self._change(
            "ICBC", ("A-2-1", 10015, 0, "02"), ("C-36-1", sum(due(36)), 0, "99")
        )  # a part, and what is asked again
        self._change("CCB", ("A-1-1", 0, sum(due(1)), "00"), ("B-1-1", sum(due(1)), 0, "99"))  # out of suspense
        self._hand_in(city.again((unit_of(36), "B")), city.cheques(("R-9", "B-2", sum(due(2))), agency_code=HAIDIAN))
        self._advance("11-17T10:00")
        self._change("ICBC", ("B-2-1", 0, sum(due(2)), "00"))  # beside the cheque, so into suspense
        self._change("CCB", ("A-1-1", sum(due(1)), 0, "03"))  # once more
        self._advance("11-20T14:10")
        self._answer("ICBC", {"A-2": 5})
        self._advance("11-25T10:00")
        self._hand_in(city.cheques(("R-6", "A-1", sum(due(1))), ("R-10", "D-47", sum(due(47)))))  # unanswered by CCB
        self._advance("11-30T23:30")
        self._hand_in(
            city.dues(*repayments("E", (2, 30)), period="2026-12", kind="A"),
            city.dues(*repayments("F", (41, 43)), period="2026-12", kind="A"),  # in doubt: CCB still answers
            city.dues(*repayments("G", (2,), bank=""), period="2026-12", kind="A"),
        )
        self._advance("12-03T10:00")
        self._answer("ICBC", {"E-30": "02"})
        self._hand_in(city.cheques(("Q-2", "G-2", 7)))
        self._advance("12-05T10:00")
        self._hand_in(
            city.returns(("T-10", "R-10", sum(due(47))))
        )  # before its bank's late answer: arrears that it settles
        self._advance("12-06T10:00")
        of_a_cheque, of_a_supplement, of_a_repayment = (
            city.returns(back)
            for back in (("T-8", "R-8", sum(due(5))), ("T-60", "P-60", sum(due(60))), ("T-9", "Q-2", 7))
        )
        self._in_any_order(  # of a month that has closed, one of each kind; what they are about is not the same
            self._late_answer_of_ccb,
            lambda: self._hand_in(of_a_cheque),
            lambda: self._hand_in(of_a_supplement),
            lambda: self._hand_in(of_a_repayment),
            lambda: self._change("ICBC", ("C-34-1", sum(due(34)), 0, "99")),
        )
        self._hand_in(
            city.returns(("T-6", "R-6", sum(due(1))))
        )  # behind its bank's late answer, which may be in flight
        self._advance("12-07T10:00")
        city.pump.repeat_everything()
        return city.books()

    def _late_answer_of_ccb(self) -> None:
        """After the close: arrears in doubt, and suspense."""
        self._answer("CCB", {"D-41": "02"})
        self._poll("CCB")

    def _in_any_order(self, *facts: Callable[[], None]) -> None:
        """Facts of one business time that are about different bills."""
        in_turn = list(facts)
        if self._chance is not None:
            self._chance.shuffle(in_turn)
        for fact in in_turn:
            fact()

    def _advance(self, to: str) -> None:
        self._some_turns()
        self.city.advance(to)

    def _hand_in(self, *papers: Paper) -> None:
        """Files of one business time: any order, and some twice."""
        in_turn = list(papers)
        if self._chance is not None:
            self._chance.shuffle(in_turn)
        for paper in in_turn:
            assert not self.city.accept(paper).repeat
            self._some_turns()
            if self._chance is not None and self._chance.random() < 0.3:
                assert self.city.accept(self._chance.choice(in_turn[: in_turn.index(paper) + 1])).repeat

    def _answer(self, bank: str, given: Mapping[str, int | str]) -> None:
        """The bank answers; the lines in any order, the file perhaps twice, perhaps polled at once."""
        papers = self.city.answer(bank, given)
        if self._chance is not None and self._chance.random() < 0.5:
            self._poll(bank)
            again = self._chance.choice(papers)
            self.city.put(bank, Paper(again.name.replace(again.name[-8:-4], "0099"), again.data))

    def _change(self, bank: str, *lines: tuple[str, int, int, str]) -> None:
        """The bank changes answers; each in a file, in any order, some twice, polled at once or later today."""
        papers = [self.city.change(bank, line) for line in lines]
        if self._chance is not None:
            self._chance.shuffle(papers)
        for paper in papers:
            self.city.put(bank, paper)
            if self._chance is not None and self._chance.random() < 0.5:
                self._poll(bank)
                if self._chance.random() < 0.5:
                    self.city.put(bank, Paper(paper.name.replace(".txt", "9.txt"), paper.data))
        self._poll(bank)

    def _poll(self, bank: str) -> None:
        for outcome in self.city.poll(bank):
            assert outcome in {"taken", "repeat"}
        self._some_turns()

    def _some_turns(self) -> None:
        """The pipeline goes on a little on its own, or not at all."""
        if self._chance is not None:
            for _ in range(self._chance.randrange(4)):
                self.city.pump.turn()


def unkind(number: int) -> Temper:
    """The temper of a history; the same number, the same temper."""
    chance = Random(number)
    return Temper(
        chance=chance, shuffles=True, repeats=chance.choice((0, 10, 40)), dies=chance.choice((0, 5, 25)),
        together=chance.choice((1, 3, 50)),
    )  # fmt: skip


Live = Callable[[int | None], Books]


@pytest.fixture
def live(postgres_url: str, migrated_template: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Live:
    """Lives the month in a new database; None: kindly."""
    monkeypatch.setattr(topics, "BUNDLE_LINES", 2)  # many events for few lines

    @contextmanager
    def database(name: str) -> Iterator[str]:
        with psycopg.connect(postgres_url, autocommit=True) as owner:
            owner.execute(f"drop database if exists {name} with (force)")
            owner.execute(f"create database {name} template {migrated_template}")
        try:
            yield f"{postgres_url.rpartition('/')[0]}/{name}"
        finally:
            with psycopg.connect(postgres_url, autocommit=True) as owner:
                owner.execute(f"drop database {name} with (force)")

    def month(number: int | None) -> Books:
        with database("any_order") as url:
            temper = None if number is None else unkind(number)
            city = open_city(url, tmp_path / f"history-{number}", temper, max_lines=7, no_parts=())
            for waiting in ("drain", "settle"):
                monkeypatch.setattr(schedule, waiting, lambda _hub: city.pump.drain())
            try:
                return History(city, None if temper is None else temper.chance).live()
            finally:
                city.close()

    return month


_kindly: list[Books] = []


@pytest.mark.parametrize("part", range(HISTORIES // ALTOGETHER))
def test_any_order_any_number_of_times_the_same_books(live: Live, seed: int, part: int) -> None:
    if not _kindly:
        _kindly.append(live(None))
    (expected,) = _kindly
    for number in range(seed + part * ALTOGETHER, seed + (part + 1) * ALTOGETHER):
        found = live(number)
        for name, rows in expected.items():
            assert found[name] == rows, f"history {number}: {name} differs"


def test_the_month_holds_what_it_is_meant_to_try(live: Live) -> None:
    """Suspense, late and doubtful answers, a settled arrear, several files and many events: or the property proves little."""
    books = live(None)
    assert len(books["suspense"]) >= 3
    assert {row[2] for row in books["notices"]} == {True, False}
    assert {row[-2] for row in books["arrears"]} == {True, False}
    assert any("arrears-settled" in row[0] for row in books["outbox"])
    assert any(row[3].startswith("repayment/") for row in books["outbox"])
    assert {row[1] for row in books["cancellations"]} >= {"failed", "unpaid"}
    assert {row[0] for row in books["cancellations"] if row[1] == "returned"} >= {"S-51", "T-60", "G-2"}
    late = {row[1] for row in books["reversals"] if row[1] and row[12] == "2026-12"}
    assert late == {"T-6", "T-8", "T-9", "T-10", "T-60"}
    assert books["f3 2026-11"] != [()]
    assert len(books["batches"]) >= 5
    assert {row[5] for row in books["batches"]} == {"POSTED"}
    assert len(books["outbox"]) > 50
