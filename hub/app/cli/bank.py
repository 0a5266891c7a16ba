"""``hub bank``: the board of the banks, fetch results now, try a connection (contract section 6).

The quarantine bench has a file of its own.
"""

from typing import TYPE_CHECKING

import typer

from hub.app.cli import output, quarantine

if TYPE_CHECKING:
    from hub.app.wiring import Hub

app = typer.Typer(no_args_is_help=True, help="The banks' door.")
app.add_typer(quarantine.app, name="quarantine")


@app.command()
def poll(
    ctx: typer.Context,
    bank: str | None = typer.Argument(None, metavar="[BANK]", help="One bank; else every bank."),
    every: float | None = typer.Option(
        None, "--every", min=0.1, metavar="SECONDS", help="Only fetch and check, over and over, until interrupted."
    ),
) -> int:
    """Send what is ready, fetch and check what is there; results whose posting hour has passed are posted at once."""
    from contextlib import closing

    from hub.app import bank_door, schedule
    from hub.domain.errors import HubError

    context = output.of(ctx)
    hub = context.hub
    codes = [hub.bank(bank).code] if bank is not None else list(hub.parties.banks)
    if every is not None:
        return _over_and_over(hub, codes, every)
    files: list[bank_door.Polled] = []
    unread: list[dict[str, str]] = []
    for code in codes:
        with context.working(f"Reading {code}"), closing(hub.door(code)) as door:
            try:
                bank_door.deliver(hub, code, door)
                files += bank_door.poll(hub, code, door)
            except HubError as failure:
                unread.append({"bank": code, "error": str(failure), "advice": failure.advice})
                context.say(f"{code}: {failure} {failure.advice}")
    if any(file.outcome == "taken" for file in files):
        try:  # what the files held is told in any case; posting goes on by itself, or with the next hub up
            schedule.require_running(hub)
            schedule.drain(hub)
        except HubError as failure:
            context.say(f"{failure} {failure.advice}")
    document: dict[str, object] = {"files": [{"file": file.file, "outcome": file.outcome} for file in files]}
    if unread:
        document["unread"] = unread
    output.emit(context, document, "\n".join(f"{file.file}  {file.outcome}" for file in files) or "nothing new")
    return output.FAILED if unread else output.DONE


@app.command("list")
def list_banks(ctx: typer.Context) -> None:
    """The board: what went to each bank and came from it last, what is due next, what is awaited, what is stuck."""
    from hub.app.cli.bank_board import as_document, as_table
    from hub.ledger import bank_board
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    banks = {bank.code: bank.profile for bank in context.settings.banks}
    engine = context.engine(ROLE_READ)
    try:
        board = bank_board.read(engine, banks)
    finally:
        engine.dispose()
    output.emit(context, as_document(board), None if context.json else as_table(board))


def _over_and_over(hub: "Hub", codes: list[str], every: float) -> int:
    import asyncio

    from hub.app.connector import visit_banks
    from hub.runtime.shutdown import stop_on_signals

    async def visits() -> None:
        await visit_banks(hub, codes, every, stop_on_signals())

    asyncio.run(visits())
    return output.DONE


@app.command()
def check(ctx: typer.Context, bank: str = typer.Argument(metavar="BANK")) -> None:
    """Try a bank's connection and show its host key, its directories and how its clock differs."""
    from contextlib import closing
    from dataclasses import asdict

    context = output.of(ctx)
    hub = context.hub
    with context.working(f"Trying {bank}"), closing(hub.door(bank)) as door:
        report = door.check()
    directories = "\n".join(f"  {role:9} {path}" for role, path in report.directories.items())
    differs = report.clock_difference_seconds
    said = "cannot be told" if differs is None else f"{differs:+d} s"
    output.emit(
        context,
        {"bank": bank, "ok": True, **asdict(report)},
        f"{bank} is reached\n  host key  {report.host_key}\n{directories}\n  clock     {said}",
    )
