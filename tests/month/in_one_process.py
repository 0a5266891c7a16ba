"""A stage in one process for simulated months: the whole hub on real PostgreSQL, its banks' directories in memory.

What ``simulators.month`` plays on a hub of its own processes it plays here as well, some twenty times as fast. The
doors are those of the command line, the schedule and the rules are the hub's; Kafka is the pump of ``tests.processors``.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import text

from hub.app import schedule
from hub.app.cli.verify import evidence_of
from hub.ledger import calendars, work_items
from hub.ledger.database import engine, migrate
from hub.ledger.forms import FORMS, Question
from hub.ledger.verification import verify
from simulators.agency import Paper
from simulators.bank_program import decide, next_number, print_result, read_request
from simulators.bank_work import Request, refuse_unless
from simulators.chance import dice
from simulators.forms import Export
from simulators.hub_command import HubAnswerError
from simulators.plan import Plan
from simulators.sessions import dates_of
from tests.fakes import FakeBankServer
from tests.processors.city import City, open_city


def prepare(server: str, name: str) -> str:
    """A template at the PostgreSQL server of this URL: the schema and the calendar, nothing else. Answers its name."""
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(f"create database {name}")
    url = f"{server.rpartition('/')[0]}/{name}"
    migrate(url)
    made = engine(url, role=None)
    with made.begin() as conn:
        calendars.seed(conn)
    made.dispose()
    return name


@contextmanager
def set_stage(server: str, template: str, folder: Path, plan: Plan) -> Iterator["StageInOneProcess"]:
    """The stage of one run, in a database of its own, which is gone afterwards. One at a time in a process."""
    name = f"seed_{plan.seed}"
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(f"drop database if exists {name} with (force)")
        owner.execute(f"create database {name} template {template}")
    no_parts = plan.banks[-1:] if len(plan.banks) > 1 else ()
    try:
        city = open_city(
            f"{server.rpartition('/')[0]}/{name}", folder, banks=plan.banks, no_parts=no_parts, agencies=plan.agencies,
            start=f"{plan.start:%Y-%m-%dT%H:%M}", days_of_our_own=False,
        )  # fmt: skip
        try:
            _forget_other_days(city, plan)

            def drain(_hub: object) -> None:
                city.pump.drain()

            with patch.object(schedule, "drain", drain), patch.object(schedule, "settle", drain):
                programs = {code: BankInMemory(code, plan.seed, city.servers[code]) for code in plan.banks}
                yield StageInOneProcess(folder, DoorsInOneProcess(city), programs, frozenset(no_parts))
        finally:
            city.close()
    finally:
        with psycopg.connect(server, autocommit=True) as owner:
            owner.execute(f"drop database {name} with (force)")


def _forget_other_days(city: City, plan: Plan) -> None:
    """The calendar is read many times a run: only the days from the first month to two months after the last are kept."""
    last = dates_of(plan.periods[-1]).month_close.date()
    days = {"first": plan.start.date().replace(day=1), "last": last + timedelta(days=62)}
    owner = engine(city.hub.settings.database.url, role=None)
    with owner.begin() as conn:
        conn.execute(text("delete from calendar_day where day not between :first and :last"), days)
    owner.dispose()


@dataclass(frozen=True, slots=True)
class BankInMemory:
    """``simulators.stage.Bank`` without a disk: the bank's server is in memory, so are its desk and what it has sent."""

    code: str
    seed: int
    server: FakeBankServer
    desk: dict[str, Request] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    def receive(self) -> list[Request]:
        """As ``BankProgram``."""
        taken = []
        for seal in sorted(name for name in self.server.outbound if name.endswith(".ok")):
            name = seal.removesuffix(".ok")
            request = read_request(name, self.server.outbound.pop(name), self.server.outbound.pop(seal))
            refuse_unless(request.bank == self.code, name, f"meant for {request.bank}, not for {self.code}")
            self.desk[name] = request
            taken.append(request)
        return taken

    def on_desk(self) -> list[Request]:
        """As ``BankProgram``."""
        return [request for _, request in sorted(self.desk.items())]

    def result(self, request: Request, day: date) -> Paper:
        """As ``BankProgram``."""
        given = [decide(self.seed, asked) for asked in request.lines]
        dice(self.seed, "order", request.name).shuffle(given)
        return print_result(request, given, day, self.next_number(day))

    def next_number(self, day: date, begins: str = "") -> int:
        """As ``BankProgram``."""
        return next_number(set(self.sent), self.code, day, begins)

    def deliver(self, paper: Paper) -> None:
        """As ``BankProgram``."""
        self.sent.append(paper.name)
        self.server.put(paper.name, paper.data)
        self.server.put(f"{paper.name}.ok", f"{sha256(paper.data).hexdigest()} {len(paper.data)}\n".encode())

    def answer(self, request: Request, day: date) -> Paper:
        """As ``BankProgram``."""
        paper = self.result(request, day)
        self.deliver(paper)
        self.desk.pop(request.name, None)
        return paper


@dataclass(frozen=True, slots=True)
class DoorsInOneProcess:
    """``simulators.stage.HubDoors``: what the commands do, without the command line."""

    city: City
    spent: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def _timed(self, command: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.spent[command] = self.spent.get(command, 0.0) + time.monotonic() - began

    def advance(self, to: datetime) -> None:
        """``hub clock advance``."""
        with self._timed("clock advance"):
            done = self.city.advance(f"{to:%Y-%m-%dT%H:%M}")
            if done.blocked or done.unread:
                raise HubAnswerError(f"the schedule stood still: {done}")

    def submit(self, files: Sequence[Path], *, refused: bool = False) -> list[dict[str, Any]]:
        """``hub agency submit``."""
        with self._timed("agency submit"):
            answers = [self.city.submit(Paper(file.name, file.read_bytes())) for file in files]
            self.city.pump.drain()
        wrong = [answer for answer in answers if answer.accepted is refused]
        if wrong:
            raise HubAnswerError(f"{'accepted' if refused else 'refused'}: {wrong}")
        return [answer.as_json() for answer in answers]

    def poll(self, bank: str = "") -> list[dict[str, Any]]:
        """``hub bank poll``."""
        with self._timed("bank poll"):
            found: list[dict[str, Any]] = []
            for code in [bank] if bank else list(self.city.servers):
                before = set(self.city.servers[code].inbound)
                outcomes = self.city.poll(code)
                found += [{"file": "", "outcome": outcome} for outcome in outcomes]
                if not outcomes and before:
                    raise HubAnswerError(f"{code} was polled, and {sorted(before)} were left where they are")
            self.city.pump.drain()
            return found

    def export(self, export: Export) -> dict[str, Any]:
        """``hub export``; two at a time here would only wait for each other."""
        with self._timed("export"):
            question = Question(period=export.period, round=export.round, unit=export.unit or None)
            if faults := FORMS[export.form].faults(question):
                raise HubAnswerError(f"{export}: {faults}")
            return self.city.form(export.form, period=export.period, round=export.round, unit=export.unit or None)

    def worklist(self) -> list[dict[str, Any]]:
        """``hub worklist list``."""
        with self.city.hub.engine.connect() as conn:
            return list(work_items.rows(conn))

    def verify(self) -> list[dict[str, Any]]:
        """``hub verify``."""
        with self._timed("verify"):
            return [outcome.as_json() for outcome in verify(self.city.hub.engine, evidence_of(self.city.hub))]


@dataclass(frozen=True, slots=True)
class StageInOneProcess:
    """``simulators.stage.Stage``."""

    home: Path
    hub: DoorsInOneProcess
    programs: dict[str, BankInMemory]
    no_parts: frozenset[str]

    def file(self, paper: Paper, folder: str = "papers") -> Path:
        """``paper`` on disk, where an agency would hand it in."""
        place = self.home / "handed-in" / folder
        place.mkdir(parents=True, exist_ok=True)
        file = place / paper.name
        file.write_bytes(paper.data)
        return file
