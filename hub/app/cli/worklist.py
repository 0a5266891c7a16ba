"""``hub worklist``: what waits for a person (contract section 6)."""

import typer

from hub.app.cli import output

app = typer.Typer()
_SHOWN = ("id", "queue", "agency", "bank", "file", "line", "field", "summary", "opened_at", "state")


@app.callback(invoke_without_command=True)
def worklist(ctx: typer.Context) -> None:
    """What waits for a person; alone, the open items."""
    if ctx.invoked_subcommand is None:
        list_items(ctx, everything=False)


@app.command("list")
def list_items(ctx: typer.Context, everything: bool = typer.Option(False, "--all", help="Resolved items too.")) -> None:
    """Open work items, oldest first."""
    from rich.table import Column, Table

    from hub.ledger import work_items

    context = output.of(ctx)
    hub = context.hub
    with hub.engine.connect() as conn:
        rows = work_items.rows(conn, everything=everything)
    columns = [Column(name, overflow="fold") for name in ("id", "queue", "since", "bank", "file", "summary")]
    table = Table(*columns, title="Work items", title_justify="left")
    for row in rows:
        since = f"{row['opened_at']:%Y-%m-%d %H:%M}"
        table.add_row(str(row["id"]), row["queue"], since, row["bank"], row["file"], row["summary"])
    output.emit(
        context, {"rows": [{name: row[name] for name in _SHOWN} for row in rows]}, table if rows else "nothing open"
    )


@app.command()
def show(ctx: typer.Context, item: int = typer.Argument(metavar="ID")) -> int:
    """One item with everything known about it."""
    from hub.ledger import work_items

    context = output.of(ctx)
    hub = context.hub
    with hub.engine.connect() as conn:
        rows = work_items.rows(conn, item=item)
    if not rows:
        return _unknown(context, item)
    row = rows[0]
    lines = [f"{name:10} {row[name]}" for name in (*_SHOWN, "resolution") if row[name] not in (None, "")]
    lines += [f"  {fault['message']}" for fault in row["detail"].get("faults", ())]
    if "quarantined_as" in row["detail"]:
        lines.append(f"hub bank quarantine show {row['detail']['quarantined_as']}")
    output.emit(context, row, "\n".join(lines))
    return output.DONE


@app.command()
def resolve(
    ctx: typer.Context,
    item: int = typer.Argument(metavar="ID"),
    note: str = typer.Option(..., "--note", help="What was found and done; it is kept."),
    retry: bool = typer.Option(
        False, "--retry", help="Dead letters: try the parked event again, its cause being mended."
    ),
) -> int:
    """Close an item that a person has dealt with."""
    from hub.domain.errors import HubError
    from hub.ledger import clock, dead_letters, work_items

    if not note.strip():
        raise typer.BadParameter("say what was found and done", param_hint="--note")
    context = output.of(ctx)
    hub = context.hub
    owner = context.engine(role=None)
    with owner.begin() if retry else hub.engine.begin() as conn:
        if retry and not dead_letters.retry(conn, item):
            raise HubError(f"item {item} holds no parked event", advice=f"hub worklist show {item}")
        done = work_items.resolve(conn, item, note, clock.now(conn))
    if not done:
        return _unknown(context, item)
    output.emit(context, {"id": item, "state": "resolved"}, f"item {item} is resolved")
    return output.DONE


def _unknown(context: output.Context, item: int) -> int:
    message = f"there is no open item {item}"
    output.emit(
        context, {"error": message, "advice": "hub worklist list"}, f"{message}; hub worklist list shows what is open"
    )
    return output.REFUSED
