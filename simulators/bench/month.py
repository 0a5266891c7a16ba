"""One measured month: the agencies file, the hub works, the banks answer between, and the books are compared at the end."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from typing import Final

from simulators.agency import Paper
from simulators.bench import papers
from simulators.bench.bank_forms import FORMS
from simulators.bench.books import Books
from simulators.bench.commands import MeasuredHub, Ran
from simulators.bench.crowd import PERIOD, Crowd
from simulators.bench.desk import Answer, Asked, Desk
from simulators.bench.profile import Profiler
from simulators.forms import held_against
from simulators.scene import Scene, set_scene
from simulators.sessions import Dates, dates_of

SMALL_LINES: Final = 1000
"""Of a request file, and so of an answer, of a crowd's small bank."""
EXPORTS_AT_ONCE: Final = 2
START: Final = datetime.fromisoformat("2026-11-28T08:00")
Tell = Callable[[str], object]


@dataclass(slots=True)
class Month:
    """A month under way. ``asked`` and ``answers`` are the banks' files so far, by round."""

    scene: Scene
    books: Books
    hub: MeasuredHub
    dates: Dates
    desks: dict[str, Desk]
    tell: Tell
    apart: bool = False
    asked: list[Asked] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    dues_files: list[Path] = field(default_factory=list)

    # -- the parts of the month; each answers the commands it took ------------------------------------------------------

    def dues(self) -> list[Ran]:
        """Every agency hands in its bills."""
        made = [papers.dues(code, START.date(), self.books.bills(code)) for code in self.books.crowd.agencies]
        self.dues_files = self._filed(made)
        del made
        self.tell("take in dues")
        return self._timed(lambda: self._accepted(self.dues_files))

    def request_and_deliver(self, number: int) -> list[Ran]:
        """The upload closes, the city batch is made, the files lie at the banks."""
        session = self.dates.session(number)
        self.tell(f"round {number}: request, aggregate, write, deliver")
        hours = [session.upload, session.batch] if self.apart else [session.batch]
        return self._timed(lambda: self._advance(*hours))

    def banks_take(self, number: int) -> None:
        """The banks read and check what they are asked."""
        self.tell(f"round {number}: the banks take and check their files")
        for desk in self.desks.values():
            self.asked += desk.receive(number, self.dates.session(number).batch.date())

    def print_answers(self, number: int, banks: Sequence[str] = ()) -> list[Answer]:
        """The answers of the banks named, or of all, ready to be laid down."""
        self.tell(f"round {number}: the banks answer")
        wanted = [one for one in self.asked if one.round == number and (not banks or one.bank in banks)]
        made = [self.desks[one.bank].answer(one, self.answer_day(number)) for one in wanted]
        self.answers += made
        return made

    def answer_day(self, number: int) -> date:
        return self.dates.session(number).results.date()

    def check_and_post(self, number: int) -> list[Ran]:
        """Every bank lays its answers down; the hub fetches, checks, splits, posts, notifies."""
        answers = self.print_answers(number)
        for answer in answers:
            answer.lay_down()
        os.sync()
        session = self.dates.session(number)
        self.tell(f"round {number}: fetch, check, split, post, notify")
        hours = [session.results, session.posting] if self.apart else [session.posting]

        def work() -> None:
            for answer in answers:
                answer.seal()
            self._advance(*hours)

        return self._timed(work)

    def second_chances(self) -> list[Ran]:
        """Agencies name who is asked again; others pay at the counter."""
        day, pay_on = date(2026, 12, 13), self.dates.second.batch.date()
        agencies = self.books.crowd.agencies
        named = {code: self.books.asked_again(code) for code in agencies}
        paid = {code: self.books.at_counter(code) for code in agencies}
        again = self._filed([papers.again(code, day, pay_on, units) for code, units in named.items() if units.height])
        taken = self._filed([papers.receipts(code, day, 1, bills) for code, bills in paid.items() if bills.height])
        self.tell("second collection and receipts")

        def hand_in() -> None:
            self.hub.advance(self.dates.day(13, 10))
            if again:
                self._accepted(again)
            if taken:
                self._accepted(taken)

        return self._timed(hand_in)

    def close(self) -> list[Ran]:
        """Month end."""
        self.tell("month close")
        self.hub.advance(self.dates.finance_close)
        return self._timed(lambda: self.hub.advance(self.dates.month_close))

    # -- the end --------------------------------------------------------------------------------------------------------

    def differences(self) -> list[str]:
        """Where the hub's exports differ from the books; empty when they are equal to the fen."""
        files = [asked.added_up for asked in self.asked]
        exports = self.books.exports()
        self.tell(f"compare {len(exports)} exports")
        with ThreadPoolExecutor(EXPORTS_AT_ONCE) as pool:
            answers = pool.map(self.hub.export, exports)
            pairs = zip(exports, answers, strict=True)
            return [
                difference
                for export, answer in pairs
                for difference in held_against(self.books.expected(export, files), export, answer)
            ]

    # -- doing ----------------------------------------------------------------------------------------------------------

    def _advance(self, *hours: datetime) -> None:
        for hour in hours:
            self.hub.advance(hour)

    def _filed(self, made: Sequence[Paper]) -> list[Path]:
        files = [self.scene.file(paper) for paper in made]
        os.sync()  # what the parties wrote is not the hub's to wait for
        return files

    def _accepted(self, files: Sequence[Path]) -> None:
        refused = [answer for answer in self.hub.submit(files) if not answer["accepted"]]
        if refused:
            raise ValueError(f"refused: {str(refused[0])[:500]}")

    def _timed(self, act: Callable[[], object]) -> list[Ran]:
        before = len(self.hub.ran)
        act()
        return self.hub.ran[before:]


def month_of(
    home: Path,
    crowd: Crowd,
    tell: Tell,
    *,
    apart: bool = False,
    form: str = "pipe-gb18030",
    whole: bool = False,
    code: Path | None = None,
    profiler: Profiler | None = None,
) -> Month:
    """Bills, books and a scene under ``home``; nothing is started. ``apart``: every hour is a command of its own.

    With a small bank, and when ``whole``, each of the others gets one file, however large; with a small bank nobody is asked
    twice. ``form``: the profile of the banks' files.
    """
    latency = bool(crowd.small_bank)
    max_lines = dict.fromkeys(crowd.banks, crowd.units) if latency or whole else {}
    if latency:
        max_lines[crowd.small_bank] = SMALL_LINES
    profiles = dict.fromkeys(crowd.all_banks, form)
    scene = set_scene(home, crowd.seed, START, crowd.agencies, crowd.all_banks, max_lines=max_lines, profiles=profiles)
    hub = MeasuredHub(scene.hub.configuration, code=code, profiler=profiler)
    tell("draw the bills")
    books = Books(crowd, scene.no_parts, once=latency)
    desks = {server.code: Desk(server.code, server.directory, books, FORMS[form]) for server in scene.servers}
    return Month(replace(scene, hub=hub), books, hub, dates_of(PERIOD), desks, tell, apart)
