"""The command ``hub``: global options, the table of commands, exit codes, errors as sentences (contract section 6).

A command lives in its own file and is loaded when it is called. A file holds ``app = typer.Typer()``: with the commands
of a noun (``hub clock show``), or with the one command that has the file's name (``hub verify``).
"""

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from hub.app.cli import output
from hub.app.cli.output import Context
from hub.domain.errors import ConfigurationError, HubError

_SERVICES: Final = "Running the hub"
_WORK: Final = "Daily work"
_LOOK: Final = "Looking and proving"
_TRY: Final = "Trying it out"


@dataclass(frozen=True)
class Entry:
    """A command as ``hub --help`` lists it: file, attribute in it, whether it is a noun with commands of its own."""

    module: str
    says: str
    panel: str
    noun: bool = False
    attribute: str = "app"


COMMANDS: Final[Mapping[str, Entry]] = {
    "up": Entry(
        "services", "Start what is not running: database, Kafka, processors, desk.", _SERVICES, attribute="up_app"
    ),
    "down": Entry("services", "Stop everything cleanly; the data stays.", _SERVICES, attribute="down_app"),
    "status": Entry("services", "What runs, business time, what is in flight.", _SERVICES, attribute="status_app"),
    "doctor": Entry("doctor", "Versions, keys, calendar horizon, disk, schemas, broker, database.", _SERVICES),
    "clock": Entry("clock", "Business time: show it, and move it in manual mode.", _WORK, noun=True),
    "agency": Entry("agency", "Hand in agencies' files: dues, second collection, receipts.", _WORK, noun=True),
    "bank": Entry("bank", "The board of the banks; fetch results now; try a connection; quarantine.", _WORK, noun=True),
    "dunning": Entry(
        "dunning", "Units not paid in full: list, AGAIN file, declarations, hand-overs.", _WORK, noun=True
    ),
    "calendar": Entry("calendar", "Working days by year: show, import.", _WORK, noun=True),
    "worklist": Entry("worklist", "What waits for a person: list, show, resolve.", _WORK, noun=True),
    "period": Entry("period", "How far the months are; what the month's close would write now.", _LOOK, noun=True),
    "export": Entry("export", "Forms of the regulation and books, as JSON or CSV.", _LOOK),
    "trace": Entry("trace", "The whole journey of a bill, instruction, receipt, file or unit.", _LOOK),
    "verify": Entry("verify", "Recompute the invariants from books and files.", _LOOK),
    "demo": Entry("demo", "A simulated month with banks and agencies.", _TRY),
    "bench": Entry("bench", "Measure throughput on this machine.", _TRY),
}


class Commands(TyperGroup):
    """The top of the tree. Help needs the table only; a command's file is imported when the command is called."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in COMMANDS.items():
            listed = TyperCommand(name, help=entry.says, short_help=entry.says, rich_help_panel=entry.panel)
            self.add_command(listed)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Loads the command that is called; an unknown name is answered with the nearest known one."""
        if args[0] in COMMANDS:
            return args[0], load_command(args[0]), args[1:]
        return super().resolve_command(ctx, args)


def load_command(name: str) -> Any:
    """The command itself, out of its file."""
    entry = COMMANDS[name]
    module = f"hub.app.cli.{entry.module}"
    try:
        app = getattr(importlib.import_module(module), entry.attribute)
    except ModuleNotFoundError as missing:
        if missing.name != module:
            raise
        raise HubError(f"hub {name} is not part of this version.", advice="See `hub --help`.") from missing
    command: Any = get_group(app) if entry.noun else get_command(app)
    command.name = name
    command.help = command.help or entry.says
    command.epilog = "Everywhere: --json for one JSON document on standard output, --config FILE for another hub.toml."
    return command


app = typer.Typer(
    cls=Commands,
    add_completion=True,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def start(
    ctx: typer.Context,
    config: Path | None = typer.Option(
        None, "--config", metavar="FILE", help="hub.toml to use; else HUB_CONFIG, else HUB_HOME/hub.toml."
    ),
    json: bool = typer.Option(False, "--json", help="Answer with one JSON document."),
) -> None:
    """Bank settlement of social-insurance collection: agencies, banks, four funds, one ledger."""
    ctx.obj = Context(config, json)


def main() -> None:
    """Entry point of the command ``hub``."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and gives its exit code. Every failure is a sentence and advice, never a traceback."""
    everywhere, own = hoist(arguments)
    try:
        result = get_command(app).main([*everywhere, *own], prog_name="hub", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return output.INTERRUPTED
    except BrokenPipeError:  # the reader, say `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return output.DONE
    except Exception as failure:  # the last fence before the screen
        if os.environ.get("HUB_DEBUG") and not isinstance(failure, (HubError, typer.TyperException)):
            raise
        return _report(failure, as_json="--json" in everywhere)
    return result if isinstance(result, int) else output.DONE


def hoist(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Takes ``--json`` and ``--config FILE`` out, so that they are accepted everywhere; stops at ``--``."""
    everywhere: list[str] = []
    own: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            own += [word, *waiting]
            break
        if word == "--json" or word.startswith("--config="):
            everywhere.append(word)
        elif word == "--config" and waiting:
            everywhere += [word, waiting.pop(0)]
        else:
            own.append(word)
    return everywhere, own


def _report(failure: Exception, *, as_json: bool) -> int:
    """Says what happened and what to do next: on stderr, and as a document on stdout with ``--json``."""
    code, message, advice = _explained(failure)
    if as_json:
        document: dict[str, object] = {"error": message, "advice": advice}
        if isinstance(failure, ConfigurationError) and hasattr(failure, "faults"):
            document["faults"] = [asdict(fault) for fault in failure.faults]
        sys.stdout.write(output.as_json(document) + "\n")
        sys.stdout.flush()
    sys.stderr.write(f"hub: {message}\n")
    if advice:
        sys.stderr.write(f"  → {advice}\n")
    return code


def _explained(failure: Exception) -> tuple[int, str, str]:
    """Exit code, what happened, what to do next."""
    if isinstance(failure, HubError):
        return output.FAILED, str(failure), failure.advice
    if isinstance(failure, typer.TyperException):
        if failure.exit_code != 2:  # typer's own mark of wrong usage
            return output.FAILED, failure.format_message(), ""
        where = getattr(failure, "ctx", None)
        command = "hub" if where is None else where.command_path
        return output.WRONG_USAGE, failure.format_message() or "a command is missing", f"See `{command} --help`."
    first = (str(failure).strip() or "no message").splitlines()[0]
    kind = type(failure)
    if kind.__name__ == "OperationalError" and kind.__module__.partition(".")[0] in {"sqlalchemy", "psycopg"}:
        return output.FAILED, f"the database does not answer: {first}", "Look with `hub status`; `hub up` starts it."
    advice = "`hub doctor` looks for the usual causes; HUB_DEBUG=1 shows where it happened."
    return output.FAILED, f"{kind.__name__}: {first}", advice


if __name__ == "__main__":
    main()
