"""The demonstration: three agencies, four banks, 3,000 units, December 2026, from the bills to the arrears.

    python -m simulators.demo            the same as `hub demo`
    python -m simulators.demo --stop     stop what a demo left running

Data lie in ``.demo``; a second demo stops the first and sets its data aside. Every bank keeps the ``profile`` that
``.demo/hub.toml`` names, so that one edited there is what the next demo runs with.
"""

import argparse
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from simulators import stop
from simulators.amounts import FUNDS
from simulators.bank import BankServerError, free_port, port_is_free
from simulators.bank_work import UnusableRequestError
from simulators.hub_command import HubAnswerError
from simulators.month import Month
from simulators.plan import Plan
from simulators.population import BANKS, DISTRICTS
from simulators.scene import (
    DESK_PORT,
    PROFILES,
    Scene,
    SceneError,
    add_profile_argument,
    profiles_of,
    set_scene,
    strike,
)
from simulators.tie_out import Closing, close

PERIOD: Final = "2026-12"
PAGE_COLUMNS: Final = 110
"""Width of the last page where no terminal says one."""
CHINESE: Final = dict(zip((*FUNDS, "total"), ("养老", "失业", "工伤", "生育", "合计"), strict=True))


@dataclass(frozen=True, slots=True)
class Result:
    """How the demonstration ended. ``checks`` are those of ``hub verify``; seconds without the start of services."""

    scene: Scene
    month: Month
    closing: Closing
    checks: list[dict[str, Any]]
    seconds: float

    @property
    def holds(self) -> bool:
        return (
            all(row.holds for row in self.closing.funds)
            and all(tie.holds for tie in self.closing.tie_outs)
            and all(check["ok"] for check in self.checks)
            and not self.month.outcome.differences
        )

    def as_json(self) -> dict[str, Any]:
        """Amounts in fen."""
        return {
            "ok": self.holds,
            "desk": self.scene.desk,
            "home": str(self.scene.home),
            "seed": self.month.plan.seed,
            "units": self.month.plan.units,
            "seconds": round(self.seconds, 1),
            "funds": [row._asdict() for row in self.closing.funds],
            "tie_outs": [{"name": tie.name, "chain": tie.chain, "ok": tie.holds} for tie in self.closing.tie_outs],
            "verify": self.checks,
            "compared": self.month.outcome.compared,
            "differences": self.month.outcome.differences,
        }


def check_home(home: Path, profiles: Mapping[str, str]) -> None:
    """SceneError unless the demo may have this folder, and its banks can answer in these forms: before anything is moved."""
    is_a_demos = home.is_dir() and ((home / "banks").is_dir() or not any(home.iterdir()))
    if home.exists() and not is_a_demos:
        raise SceneError(f"{home} holds something that no demo has made; name another folder with --home.")
    strange = [f"{bank} = {name}" for bank, name in profiles.items() if name not in PROFILES]
    if strange:
        raise SceneError(
            f"{home / 'hub.toml'}: {', '.join(strange)}; a simulated bank answers in {', '.join(PROFILES)}."
        )


UNITS_LEAST = 60
"""With fewer, some agency may have nobody, and a case of the month nobody to show it."""


def set_aside(home: Path) -> Path | None:
    """Stop what runs in ``home`` and rename it by its time; None when there was nothing."""
    if not home.exists():
        return None
    strike(home)
    aside = home.with_name(f"{home.name}.{datetime.now(UTC).astimezone():%Y%m%d-%H%M%S}")
    home.rename(aside)
    return aside


@contextmanager
def waiting(console: Console, text: str) -> Iterator[None]:
    """Shows that something goes on, and how long it took."""
    began = time.monotonic()
    with console.status(text):
        yield
    console.print(f"{text}: {time.monotonic() - began:.0f} s", highlight=False)


def run_month(console: Console, month: Month) -> float:
    """The month under a progress bar; answers the seconds it took."""
    began = time.monotonic()
    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.completed}/{task.total} {task.description}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task("", total=None)

        def tell(title: str, number: int, of: int) -> None:
            progress.update(task, completed=number - 1, total=of, description=escape(title))
            if not console.is_terminal:
                console.print(f"{number:3d}/{of} {title}", highlight=False)

        month.tell = tell
        month.run()
        progress.update(task, completed=progress.tasks[task].total, description="the month is closed")
    return time.monotonic() - began


def demonstrate(console: Console, home: Path, plan: Plan, port: int) -> Result:
    """Set the scene, live through the month, close it. The hub keeps running."""
    scene = set_scene(home, plan.seed, plan.start, plan.agencies, plan.banks, port, profiles=plan.profiles)
    with waiting(console, f"starting {len(plan.banks)} banks, Kafka, PostgreSQL and the hub"):
        scene.open()
    console.print(f"the desk is at [bold]{scene.desk}[/]", highlight=False)
    month = Month(scene, plan)
    seconds = run_month(console, month)
    with waiting(console, "adding up"):
        return Result(scene, month, close(month, PERIOD), scene.hub.verify(), seconds)


def show(console: Console, result: Result) -> None:
    """The end, for people: the funds, the tie-outs, what to try next."""
    console.print(fund_table(result.closing), tie_out_table(result), sep="\n\n")
    outcome = result.month.outcome
    console.print(f"\n{result.month.plan.units:,} units in {result.seconds:.0f} s;", end=" ", highlight=False)
    console.print(f"{outcome.compared} exports held against books of our own, {len(outcome.differences)} differences")
    for difference in outcome.differences[:20]:
        console.print(f"  {difference}", style="red", markup=False)
    console.print(what_next(result))


def fund_table(closing: Closing) -> Table:
    """Due, and how it came in, per fund."""
    table = Table(title=f"{PERIOD}, yuan", title_justify="left")
    table.add_column("fund")
    for name in ("due 应收", "first 第一次", "second 第二次", "sporadic 零星", "arrears 欠缴"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("")
    for row in closing.funds:
        if row.fund == "total":
            table.add_section()
        table.add_row(f"{row.fund} {CHINESE[row.fund]}", *map(grouped, row[1:]), tick(row.holds))
    return table


def tie_out_table(result: Result) -> Table:
    """Every control total beside its neighbour's."""
    table = Table(title="Tie-out of the control totals", title_justify="left")
    for name in ("what", "bills", "yuan", "must be the same", ""):
        table.add_column(name, justify="right" if name in {"bills", "yuan"} else "left", overflow="fold")
    for tie in result.closing.tie_outs:
        bills, amounts = tie.figures[0].bills, tie.figures[0].amounts
        table.add_row(
            tie.name, "" if bills is None else f"{bills:,}", grouped(sum(amounts)), tie.chain, tick(tie.holds)
        )
    table.add_section()
    failed = [str(check["name"]) for check in result.checks if not check["ok"]]
    verified = f"{len(result.checks)} checks of books and files" + "".join(f"; failed: {name}" for name in failed)
    table.add_row("hub verify", "", "", escape(verified), tick(not failed))
    return table


def grouped(fen: int) -> str:
    """Yuan for people: 1234567 fen is ``12,345.67``."""
    whole, cents = divmod(fen, 100)
    return f"{whole:,}.{cents:02d}"


def tick(holds: bool) -> str:
    return "[green]✓[/]" if holds else "[bold red]✗[/]"


def what_next(result: Result) -> Table:
    """Commands that show something in just this month."""
    oracle = result.month.oracle
    in_arrears = [bill for bill in oracle.bills.values() if bill.in_arrears and not bill.covered]
    telling = next((bill for bill in in_arrears if sum(bill.arrived)), next(iter(oracle.bills.values())))
    configuration = shlex.quote(os.path.relpath(result.scene.hub.configuration))
    beside = shlex.quote(str(Path(sys.executable).parent))
    tries = [
        (f"open {result.scene.desk}", "the desk: the month as it went, what waits, the books"),
        (f"export HUB_CONFIG={configuration} PATH={beside}:$PATH", "so that `hub` means this one"),
        (f"hub trace {telling.no}", "a bill paid in part: the whole journey of its money"),
        (f"hub export unit --unit {telling.unit}", "what that unit owes and paid"),
        (f"hub export f1 --period {PERIOD}", "财表一; also t8 f6 t26 f7 f8 t27 balances arrears"),
        ("hub worklist list", "what waits for a person: a bank's file that was wrong"),
        (f"hub bank check {result.month.plan.banks[0]}", "connection, host key, directories"),
        ("make stop", "or: hub demo --stop; all of it ends, the data stays"),
    ]
    table = Table(title="What to try next", title_justify="left", box=None, show_header=False)
    for command, says in tries:
        table.add_row(command, says)
    return table


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!r} is no port")
    return int(text)


def _units(text: str) -> int:
    if not text.isdecimal() or int(text) < UNITS_LEAST:
        raise argparse.ArgumentTypeError(f"a month of every case takes {UNITS_LEAST} units, found {text!r}")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="hub demo", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=7, help="another seed, another month (default 7)")
    parser.add_argument("--units", type=_units, default=3000, help="paying units, 60 or more (default 3000)")
    parser.add_argument("--home", type=Path, default=Path(".demo"), help="where the data goes (default .demo)")
    parser.add_argument("--port", type=_port, help=f"of the desk (default {DESK_PORT}, or a free one if that is taken)")
    add_profile_argument(parser)
    parser.add_argument("--stop", action="store_true", help="stop what a demo left running")
    parser.add_argument("--json", action="store_true", help="the result as one JSON document")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when the month closed and everything ties; 1 otherwise."""
    wanted = _parser().parse_args(arguments)
    home: Path = wanted.home
    if wanted.stop:
        return stop.main(["--home", str(home)])
    console = Console(stderr=True, quiet=wanted.json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a demonstration told to end strikes its scene
    try:
        profiles = {**profiles_of(home), **dict(wanted.profile)}
        check_home(home, profiles)
    except SceneError as failure:
        console.print(str(failure), style="red", markup=False)
        return 1
    plan = Plan(
        seed=wanted.seed,
        periods=(PERIOD,),
        units=wanted.units,
        agencies=tuple(DISTRICTS)[:3],
        banks=tuple(BANKS)[:4],
        profiles=profiles,
        quiet=True,
    )
    try:
        aside = set_aside(home)
        if aside is not None:
            console.print(f"what was in {home} is now in {aside}", highlight=False)
        port = wanted.port or (DESK_PORT if port_is_free(DESK_PORT) else free_port())
        result = demonstrate(console, home, plan, port)
    except (HubAnswerError, BankServerError, UnusableRequestError) as failure:
        console.print(f"the demonstration stopped: {failure}", style="red", markup=False)
        console.print(
            f"logs are in {home / 'hub' / 'log'}; `hub demo --stop --home {home}` stops what still runs",
            highlight=False,
        )
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; stopping the hub and the banks", highlight=False)
        strike(home)
        return 130
    if wanted.json:
        print(json.dumps(result.as_json(), ensure_ascii=False))
    else:
        screen = Console()
        show(screen if screen.is_terminal else Console(width=PAGE_COLUMNS), result)
    return 0 if result.holds else 1


if __name__ == "__main__":
    raise SystemExit(main())
