"""One real hub, its banks and a month: what the tests of this folder interrupt, and the oracle they compare it with.

Everything goes through the hub's command line, as people do it. The month goes on from stage to stage; a test asks for
the stage it needs and finds it reached, whichever tests ran before.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import psycopg

from simulators import agency
from simulators.agency import Again, Paper, Receipt
from simulators.bank_work import Request
from simulators.forms import Export, differences
from simulators.hub_command import hub_program
from simulators.oracle import Oracle
from simulators.population import BANKS, DISTRICTS, Population
from simulators.scene import Scene, set_scene, strike

PERIOD: Final = "2026-11"
AGENCIES: Final = tuple(DISTRICTS)[:2]
PROMPT, SLOW = tuple(BANKS)[:2]
LIMIT_SECONDS: Final = 60.0
FORMS: Final = ("f6", "t26", "f7", "f8", "t27")


def at(day: str) -> datetime:
    """MM-DDTHH:MM of 2026."""
    return datetime.fromisoformat(f"2026-{day}")


def wait_until(holds: Callable[[], bool], what: str, seconds: float = LIMIT_SECONDS) -> None:
    """Looks again and again, with a limit."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"after {seconds:.0f} s still not: {what}"


class Story:
    """The hub, the parties around it, and how far the month has come."""

    def __init__(self, home: Path, seed: int, units: int = 40) -> None:
        self.scene: Scene = set_scene(home, seed, at("10-28T08:00"), AGENCIES, (PROMPT, SLOW))
        self.hub = self.scene.hub
        self.oracle = Oracle(at("10-28T08:00"), self.scene.no_parts)
        self.answers: list[Paper] = []
        self._population = Population(seed, AGENCIES, (PROMPT, SLOW), units)
        self._seed = seed
        self._held: list[Request] = []
        self._stages: dict[str, Callable[[], None]] = {
            "dues": self._dues,
            "first files": lambda: self.advance("11-02T09:10"),
            "first answers": self._first_answers,
            "first posting": lambda: self.advance("11-04T09:05"),
            "between": self._between,
            "second posting": self._second_deduction,
            "month end": lambda: self.advance("11-30T23:30"),
        }
        self._reached: list[str] = []

    @property
    def home(self) -> Path:
        """The hub's own home."""
        return self.scene.home / "hub"

    # -- the month ------------------------------------------------------------------------------------------------

    def reach(self, stage: str, by: Callable[[], None] | None = None) -> None:
        """Goes on up to ``stage``; ``by`` is how the last step is to be gone, if not plainly."""
        names = list(self._stages)
        for name in names[: names.index(stage) + 1]:
            if name not in self._reached:
                self._reached.append(name)
                if by is not None and name == stage:
                    by()
                else:
                    self._stages[name]()

    def advance(self, to: str) -> None:
        self.hub.advance(at(to))
        self.told(to)

    def told(self, to: str) -> None:
        """The hub's clock stands at ``to``: so does the oracle's, and the banks look into their directories."""
        self.oracle.advance(at(to))
        for program in self.scene.programs.values():
            for request in program.receive():
                assert self.oracle.request(request) == []
                self._held.append(request)

    def _dues(self) -> None:
        papers = []
        for code in AGENCIES:
            bills = [agency.bill_of(self._population, unit, PERIOD) for unit in self._population.of_agency(code)]
            papers.append(agency.dues(code, PERIOD, 1, date(2026, 10, 28), bills))
        self._submit(papers, self.oracle.dues)

    def _first_answers(self) -> None:
        self.advance("11-03T19:00")
        self.bank_answers(PROMPT)

    def _between(self) -> None:
        """The slow bank is late, units are named again, others pay at the counter."""
        self.advance("11-12T10:00")
        self.bank_answers(SLOW)
        self.poll(SLOW)
        self.advance("11-13T10:00")
        papers, taken = [], []
        for code in AGENCIES:
            missing = [bill for bill in self.oracle.bills.values() if bill.agency == code and not bill.covered]
            named = [Again(bill.unit, "B", date(2026, 11, 20)) for bill in missing if bill.mode == "B"][::2]
            if named:
                papers.append(agency.again(code, PERIOD, 1, date(2026, 11, 13), named))
            paid = [
                Receipt(f"R-{code}-{number}", bill.no, "CASH", "", sum(bill.missing), date(2026, 11, 13))
                for number, bill in enumerate(missing)
                if number % 3 == 1
            ]
            if paid:
                taken.append(agency.receipts(code, date(2026, 11, 13), 1, paid))
        self._submit(papers, self.oracle.again)
        self._submit(taken, self.oracle.receipts)

    def _second_deduction(self) -> None:
        self.advance("11-20T14:10")
        for bank in (PROMPT, SLOW):
            self.bank_answers(bank)
        self.advance("11-23T09:05")

    def _submit(self, papers: Sequence[Paper], enter: Callable[[Paper], object]) -> None:
        for answer in self.hub.submit([self.scene.file(paper) for paper in papers]) if papers else []:
            assert answer["accepted"] and not answer["repeat"]
        for paper in papers:
            enter(paper)

    def bank_answers(self, bank: str) -> None:
        """Everything on a bank's desk."""
        for request in self.scene.programs[bank].on_desk():
            paper = self.scene.programs[bank].answer(request, self.oracle.now.date())
            self.answers.append(paper)
            self.oracle.deliver(bank, paper)

    def poll(self, bank: str) -> list[str]:
        found = [one["outcome"] for one in self.hub.poll(bank)]
        self.oracle.polled(bank)
        wait_until(lambda: self.in_flight() == 0, "nothing in flight")
        return found

    # -- what goes wrong ------------------------------------------------------------------------------------------

    def restart_with_failpoint(self, failpoint: str) -> None:
        """The processors anew, and this time they die where ``failpoint`` says.

        What is in flight counts no event that nobody waits for: one not yet on its topic would be the failpoint's prey
        as soon as the processors are up, and not the advance's.
        """
        wait_until(
            lambda: self.rows("select count(*) from outbox where published_at is null") == [(0,)], "all is on its topic"
        )
        self.end("processors", signal.SIGTERM)
        up = self._command("up", "--detach", HUB_FAILPOINT=failpoint)
        _, said = up.communicate(timeout=LIMIT_SECONDS)
        assert up.returncode == 0, said.decode()
        wait_until(lambda: self.pid("processors") is not None, "processors run")

    def interrupted_advance(self, to: str) -> None:
        """Advances while the processors die on the way; the hub is brought up again, and the advance goes on."""
        advancing = self._command("clock", "advance", f"{at(to):%Y-%m-%dT%H:%M}")
        try:
            wait_until(lambda: self.pid("processors") is None, "the processors have died at the failpoint")
            assert advancing.poll() is None, "the advance must not have ended without its processors"
            assert self.status()["services"]["processors"] == "down"
            self.hub.up()
            _, said = advancing.communicate(timeout=LIMIT_SECONDS)
            assert advancing.returncode == 0, said.decode()
        finally:
            if advancing.poll() is None:
                advancing.kill()
                advancing.communicate()
        self.told(to)

    def end(self, role: str, how: signal.Signals) -> None:
        """Ends a process of the hub and waits until it is gone."""
        pid = self.pid(role)
        assert pid is not None, f"{role} does not run"
        os.kill(pid, how)
        wait_until(lambda: self.pid(role) is None, f"{role} has ended")

    def pid(self, role: str) -> int | None:
        """The live process of a role, by the hub's own record."""
        with suppress(OSError, ValueError):
            pid = int(json.loads((self.home / "run" / f"{role}.json").read_text())["pid"])
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            return None if state in "ZX" else pid
        return None

    def _command(self, *words: str, **environment: str) -> "subprocess.Popen[bytes]":
        """A command of the hub that goes on beside the test."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        return subprocess.Popen(
            [*hub_program(), *words],
            env={**inherited, "HUB_CONFIG": str(self.hub.configuration), **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def advance_in_the_background(self, to: str) -> "subprocess.Popen[bytes]":
        return self._command("clock", "advance", f"{at(to):%Y-%m-%dT%H:%M}")

    # -- what is compared -----------------------------------------------------------------------------------------

    def compare(self, *forms: str, rounds: Sequence[int] = (1,)) -> None:
        """Exports against the oracle, to the fen."""
        exports = [Export(form, PERIOD, number) for form in forms if form in FORMS for number in rounds] + [
            Export(form, PERIOD) for form in forms if form not in FORMS
        ]
        found = [one for export in exports for one in differences(self.oracle, export, self.hub.export(export))]
        assert found == []

    def status(self) -> dict[str, Any]:
        return self.hub.status()

    def in_flight(self) -> int:
        return int(self.status()["pipeline"]["in_flight"])

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """What the hub's own database says, asked as its owner."""
        with psycopg.connect(self.status()["database_url"], autocommit=True) as conn:
            cursor = conn.execute(query, values)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def strike(self) -> None:
        strike(self.scene.home)
