"""``hub agency``: the agencies' door (contract sections 2 and 6)."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hub.app.cli import output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hub.app.intake import Answer

app = typer.Typer(no_args_is_help=True, help="The agencies' door.")
FAULTS_SHOWN = 50
AT_ONCE = 3
"""Agencies whose files are read at one time."""


@app.callback()
def door() -> None:
    """The agencies' door: files are taken whole, or refused with every fault."""


@app.command()
def submit(
    ctx: typer.Context,
    files: list[Path] = typer.Argument(callback=output.plain_files, help="DUES_, AGAIN_, RCPT_ or RTN_ files."),
) -> int:
    """Hand in dues, second collections, receipts and returns: each file is accepted, or refused with every fault.

    An agency's files are taken in the order given, those of two agencies side by side.
    """
    from concurrent.futures import ThreadPoolExecutor

    from hub.app.intake import agency_named
    from hub.app.intake import submit as take

    context = output.of(ctx)
    hub = context.hub
    of_agency: dict[str, list[Path]] = {}
    for file in files:
        of_agency.setdefault(agency_named(file.name), []).append(file)
    taken: dict[Path, Answer] = {}

    def take_in_order(mine: list[Path]) -> None:
        for file in mine:
            taken[file] = take(hub, file)

    said = files[0].name if len(files) == 1 else f"{len(files)} files"
    with context.working(f"Reading {said}"), ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(take_in_order, of_agency.values()))
    answers = [taken[file] for file in files]
    documents = [answer.as_json() for answer in answers]
    output.emit(context, documents[0] if len(documents) == 1 else documents, None if context.json else _table(answers))
    return output.DONE if all(answer.accepted for answer in answers) else output.REFUSED


def _table(answers: "list[Answer]") -> "RenderableType":
    from rich.console import Group
    from rich.table import Column, Table

    from hub.domain.money import Fen, print_yuan

    parts: list[RenderableType] = []
    for answer in answers:
        if answer.accepted:
            said = "taken in before, nothing changed" if answer.repeat else "accepted"
            parts.append(f"{answer.file}: {said}, {answer.bills} lines, {print_yuan(Fen(answer.total))} yuan")
            continue
        columns = [Column(name, overflow="fold") for name in ("line", "field", "code", "expected", "found")]
        table = Table(*columns, title=f"{answer.file}: refused", title_justify="left")
        for fault in answer.faults[:FAULTS_SHOWN]:
            table.add_row(str(fault.line or "file"), fault.field, fault.code.value, fault.expected, fault.found)
        parts.append(table)
        if len(answer.faults) > FAULTS_SHOWN:
            parts.append(f"… and {len(answer.faults) - FAULTS_SHOWN} more; --json lists every one")
        parts.append("Nothing was booked. Correct the file and hand it in again under the same name.")
    return Group(*parts)
