"""Small months of many seeds, each with some of everything, every export held against the oracle to the fen.

    python -m tests.month.seeds --seeds 200 [--first N] [--periods 2026-09..2026-11] [--units 12] [--jobs 2] [--json]

The hub runs in one process on a PostgreSQL of its own (``tests.month.in_one_process``). Exit 1 when a seed differs, or
when of twenty seeds or more none met something that these months are meant to try.
"""

import argparse
import json
import logging
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

import psycopg
import structlog

from hub.runtime.embedded.postgres import ensure_postgres, stop_postgres
from simulators.month import Month, Outcome
from simulators.plan import Plan, plan_of
from simulators.population import BANKS, DISTRICTS
from simulators.sessions import periods_between
from tests.month.in_one_process import prepare, set_stage

UNITS: Final = 12
AGENCIES, BANKS_OF_A_SEED = list(DISTRICTS)[:2], list(BANKS)[:3]
LIVELY: Final = 3
SHOWN: Final = 10
"""Differences of a seed that are printed."""
ENOUGH: Final = 20
"""So many seeds meet everything."""


class Server(NamedTuple):
    """A PostgreSQL server and its template of an empty hub."""

    url: str
    template: str


def small_plan(seed: int, periods: Sequence[str], units: int = UNITS) -> Plan:
    """A few units at two agencies and three banks, among whom everything happens more often than among many."""
    return replace(plan_of(seed, periods, units, AGENCIES, BANKS_OF_A_SEED), lively=LIVELY)


def play(server: Server, plan: Plan) -> Outcome:
    """The months of one seed. Whatever stops them is a difference like any other."""
    outcome = Outcome(plan.seed)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="seed-") as folder,
            set_stage(server.url, server.template, Path(folder) / "city", plan) as stage,
        ):
            month = Month(stage, plan)
            outcome = month.outcome
            month.run()
    except Exception as failure:  # noqa: BLE001  a seed that stops is what we are looking for, whatever stops it
        where = traceback.format_exception(failure)[-2].strip()
        outcome.differences.append(f"stopped: {type(failure).__name__}: {failure}\n{where}")
    return outcome


def quietly() -> None:
    """The hub's log is not what this run is read for."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


class Findings(NamedTuple):
    """What many seeds found. ``met``: how often each sort of thing happened; ``seeds_that_met``: in how many seeds."""

    seeds: int
    compared: int
    met: dict[str, int]
    seeds_that_met: dict[str, int]
    differing: list[Outcome]
    seconds: float

    @property
    def untried(self) -> list[str]:
        """What none of enough seeds met."""
        return [sort for sort, times in self.met.items() if not times] if self.seeds >= ENOUGH else []

    @property
    def holds(self) -> bool:
        return not self.differing and not self.untried


def added_up(outcomes: Iterable[Outcome], seconds: float) -> Findings:
    """The findings of all seeds together."""
    met, seeds_that_met = Counter[str](), Counter[str]()
    seeds, compared, differing = 0, 0, []
    for outcome in outcomes:
        seeds += 1
        compared += outcome.compared
        for sort, times in outcome.met.items():
            met[sort] += times
            seeds_that_met[sort] += times > 0
        if outcome.differences:
            differing.append(outcome)
    return Findings(seeds, compared, dict(met), dict(seeds_that_met), differing, seconds)


def play_all(wanted: argparse.Namespace) -> Findings:
    """All seeds, some at a time, each told as it ends."""
    began = time.monotonic()
    first, _, last = wanted.periods.partition("..")
    periods = periods_between(first, last or first)
    plans = [small_plan(seed, periods, wanted.units) for seed in range(wanted.first, wanted.first + wanted.seeds)]
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory(prefix="seeds-") as home:
        server = start_server(Path(home))
        try:
            with ProcessPoolExecutor(wanted.jobs, get_context("spawn"), initializer=quietly) as pool:
                for done in as_completed([pool.submit(play, server, plan) for plan in plans]):
                    outcomes.append(done.result())
                    tell(outcomes[-1], len(outcomes), wanted, time.monotonic() - began)
        finally:
            stop_postgres(Path(home))
    return added_up(sorted(outcomes, key=lambda outcome: outcome.seed), time.monotonic() - began)


def start_server(home: Path) -> Server:
    """A PostgreSQL for this run; what the power would lose may be lost."""
    url = ensure_postgres(home)
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("alter system set fsync = off")
        owner.execute("alter system set full_page_writes = off")
        owner.execute("select pg_reload_conf()")
    return Server(url, prepare(url, "empty_hub"))


def tell(outcome: Outcome, number: int, wanted: argparse.Namespace, seconds: float) -> None:
    """One line a seed; of one that differs the first differences, and the command that shows it again."""
    if not outcome.differences:
        said = f"{outcome.compared} exports agree"
    else:
        shown = "".join(f"\n    {one}" for one in outcome.differences[:SHOWN])
        said = f"{len(outcome.differences)} DIFFERENCES{shown}\n    again: {again(outcome.seed, wanted)}"
    print(f"{seconds:5.0f} s {number:3d}/{wanted.seeds} seed {outcome.seed}: {said}", file=sys.stderr, flush=True)


def again(seed: int, wanted: argparse.Namespace) -> str:
    """The command that plays one seed again."""
    return f"python -m tests.month.seeds --seeds 1 --first {seed} --periods {wanted.periods} --units {wanted.units}"


def parser() -> argparse.ArgumentParser:
    """The words of the command."""
    made = argparse.ArgumentParser(prog="tests.month.seeds", description=(__doc__ or "").splitlines()[0])
    made.add_argument("--seeds", type=int, default=200, help="how many (default 200)")
    made.add_argument("--first", type=int, default=1, help="the first of them (default 1)")
    made.add_argument("--periods", default="2026-09..2026-11", help="FIRST..LAST, months of 2026")
    made.add_argument("--units", type=int, default=UNITS, help=f"paying units of a seed (default {UNITS})")
    made.add_argument("--jobs", type=int, default=2, help="seeds at a time (default 2)")
    made.add_argument("--json", action="store_true")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every seed agrees and everything was met."""
    wanted = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped all the same
    findings = play_all(wanted)
    if wanted.json:
        told = {**findings._asdict(), "differing": [asdict(one) for one in findings.differing], "ok": findings.holds}
        print(json.dumps({**told, "untried": findings.untried}, ensure_ascii=False))
    else:
        print(summary(findings, wanted))
    return 0 if findings.holds else 1


def summary(findings: Findings, wanted: argparse.Namespace) -> str:
    """For people: what was met, how often and in how many seeds; what differs, and what was never met."""
    lines = [f"{sort:40} {times:7} in {findings.seeds_that_met[sort]} seeds" for sort, times in findings.met.items()]
    lines += [f"seed {one.seed} differs; again: {again(one.seed, wanted)}" for one in findings.differing]
    lines += [f"no seed met: {sort}" for sort in findings.untried]
    verdict = "all agree" if not findings.differing else f"{len(findings.differing)} differ"
    return "\n".join(
        [*lines, f"{findings.seeds} seeds, {findings.compared} exports, {findings.seconds:.0f} s: {verdict}"]
    )


if __name__ == "__main__":
    raise SystemExit(main())
