"""``hub up``, ``hub down``, ``hub status`` (contract section 6)."""

import signal
import threading
import time
from typing import TYPE_CHECKING, Final

import typer

from hub.app.cli import output
from hub.app.cli.output import Context
from hub.domain.circuit import CLOSED
from hub.domain.errors import HubError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from hub.app.services import View

up_app = typer.Typer()
down_app = typer.Typer()
status_app = typer.Typer()

_LOOK_SECONDS: Final = 1.0
_PATIENCE: Final = 5
"""So often in a row a dead part is restored before a person has to look."""
_CALM_SECONDS: Final = 60.0


@up_app.command()
def up(
    ctx: typer.Context,
    *,
    detach: bool = typer.Option(False, "--detach", "-d", help="Return when all is healthy; the hub goes on."),
) -> None:
    """Start what is not running: database, Kafka, processors, connector, desk. Restores a part that has died.

    Without --detach it stays, restores what dies, and stops the hub on Ctrl-C or SIGTERM.
    """
    from hub.app import services

    context = output.of(ctx)
    settings = context.settings
    assert context.hub.formats, "a hub has banks; their profiles are read and checked before anything starts"
    _warn_of_missing_keys(context)
    if detach:
        with context.working("starting the hub"):
            services.up(settings, context.say)
        _show(context)
        return
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _end(ended))
    try:
        services.up(settings, context.say)
        _show(context)
        context.say(f"The desk: http://{settings.web.host}:{settings.web.port}/   Stop with Ctrl-C.")
        _stay(context, ended)
    except KeyboardInterrupt:
        context.say("stopping the hub")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut the stopping short
        services.down(settings, context.say)


def _end(ended: threading.Event) -> None:
    ended.set()
    raise KeyboardInterrupt


def _stay(context: Context, ended: threading.Event) -> None:
    """Restores what dies until a signal comes or somebody says ``hub down``; gives up on what keeps dying."""
    from hub.app import services

    restored, since = 0, time.monotonic()
    while not ended.wait(_LOOK_SECONDS) and services.is_wanted(context.settings.home):
        if time.monotonic() - since > _CALM_SECONDS:
            restored, since = 0, time.monotonic()
        dead = services.dead_parts(context.settings)
        if not dead or not services.is_wanted(context.settings.home):
            continue
        if restored == _PATIENCE:
            raise HubError(f"{', '.join(dead)} keeps dying.", advice=f"Read the logs in {context.settings.home}/log.")
        restored += 1
        context.say(f"restoring {', '.join(dead)}")
        services.up(context.settings, context.say)


@down_app.command()
def down(ctx: typer.Context) -> None:
    """Stop everything cleanly, embedded services too; the data stays. May be repeated."""
    from hub.app import services

    context = output.of(ctx)
    with context.working("stopping the hub"):
        stopped = services.down(context.settings, context.say)
    told = f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running."
    output.emit(context, {"stopped": stopped}, told)


@status_app.command()
def status(ctx: typer.Context) -> None:
    """What runs, business time, what is in flight, what waits for a person."""
    _show(output.of(ctx))


def _show(context: Context) -> None:
    from hub.app.services import look

    view = look(context.settings)
    data = {
        "clock": view.clock,
        "database_url": view.database_url,
        "bootstrap_servers": view.bootstrap_servers,
        "services": view.services,
        "pipeline": {"in_flight": view.in_flight},
        "worklist": {"open": view.worklist_open},
        "banks": [
            {
                "bank": bank.code,
                "mode": "shadow" if bank.shadow else "live",
                "circuit": None if view.circuits is None else view.circuits.get(bank.code, CLOSED).state,
            }
            for bank in context.settings.banks
        ],
    }
    output.emit(context, data, None if context.json else _table(context, view))


def _in_words(context: Context, view: "View") -> "Text":
    """Whether it runs, in one sentence, with what to do when it does not."""
    from rich.text import Text

    from hub.app.services import is_wanted

    down = [name for name, state in view.services.items() if state == "down"]
    if not is_wanted(context.settings.home):
        return Text("not started; hub up starts it", style="yellow")
    if down:
        return Text(f"broken, {', '.join(down)} down; hub up restores, hub doctor looks for causes", style="bold red")
    starting = [name for name, state in view.services.items() if state != "up"]
    return Text(f"starting: {', '.join(starting)}", style="yellow") if starting else Text("running", style="green")


def _table(context: Context, view: "View") -> "Table":
    from rich.table import Table
    from rich.text import Text

    colours = {"up": "green", "starting": "yellow", "down": "red"}
    table = Table(title="Settlement hub", show_header=False)
    table.add_row("hub", _in_words(context, view))
    for name, state in view.services.items():
        table.add_row(name, Text(state, style=colours[state]))
    table.add_section()
    mode = context.settings.clock.mode
    table.add_row("business time", f"{view.clock or 'unknown'} ({mode} clock)")
    table.add_row("in flight", "unknown" if view.in_flight is None else str(view.in_flight))
    table.add_row("waiting for a person", "unknown" if view.worklist_open is None else str(view.worklist_open))
    for bank in context.settings.banks:
        circuit = CLOSED if view.circuits is None else view.circuits.get(bank.code, CLOSED)
        told = ["in shadow: nothing is booked or sent"] if bank.shadow else []
        if circuit.until is not None:
            told.append(f"circuit {circuit.state} until {circuit.until:%H:%M:%S}")
        if told:
            table.add_row(bank.code, ", ".join(told))
    table.add_row("home", str(context.settings.home))
    return table


def _warn_of_missing_keys(context: Context) -> None:
    for bank in context.settings.banks:
        if not bank.private_key.is_file():
            context.say(f"bank {bank.code}: there is no private key {bank.private_key} yet", style="yellow")
