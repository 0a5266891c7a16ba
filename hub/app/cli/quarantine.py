"""``hub bank quarantine``: look at answers of banks that do not fit, and decide about them."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from hub.app.cli import output

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hub.app.quarantine import Ruling, ShownFault
    from hub.app.wiring import Hub
    from hub.domain.bank_results import RequestedLine
    from hub.ledger.quarantine import Held

app = typer.Typer(no_args_is_help=True, help="Banks' answers that do not fit: list, show, refuse, release, correct.")
FAULTS_SHOWN: Final = 50
"""Faults on the screen; ``--json`` lists every one."""

BY: Final = typer.Option(..., "--by", metavar="NAME", help="Who decides; it is kept.")
NOTE: Final = typer.Option("", "--note", help="Why; it is kept.")
APPROVE: Final = typer.Option(
    False, "--approve", help="As the second person: approve what was proposed, for the very same content."
)
ID: Final = typer.Argument(metavar="ID", help="Number of a quarantined file: hub bank quarantine list.")


@app.command("list")
def list_held(
    ctx: typer.Context,
    bank: str | None = typer.Option(None, help="Only this bank."),
    everything: bool = typer.Option(False, "--all", help="Settled files too."),
) -> None:
    """Quarantined files that wait for a decision, oldest first."""
    from rich.table import Table
    from rich.text import Text

    from hub.domain.excerpts import visible
    from hub.ledger import quarantine

    context = output.of(ctx)
    code = None if bank is None else context.hub.bank(bank).code
    with context.hub.engine.connect() as conn:
        found = quarantine.held(conn, code, everything=everything)
    table = Table("id", "bank", "file", "since", "state", "faults", "first fault", title="Quarantine")
    for held in found:
        since = f"{held.received_at:%Y-%m-%d %H:%M}"
        first = held.faults[0].message if held.faults else ""
        cells = (str(held.id), held.bank, visible(held.name), since, held.state.value, str(len(held.faults)))
        table.add_row(*map(Text, cells), Text(visible(first)))
    output.emit(context, {"rows": [_summary(held) for held in found]}, table if found else "nothing in quarantine")


@app.command()
def show(ctx: typer.Context, file_id: int = ID) -> int:
    """Every fault of a file with its line as it stands, its bytes, and the request's line beside it."""
    from hub.app import quarantine as bench
    from hub.ledger import quarantine

    context = output.of(ctx)
    hub = context.hub
    with context.working("Reading the file"), hub.engine.connect() as conn:
        held = quarantine.one(conn, file_id)
        faults = [] if held is None else bench.show(hub, conn, held)
    if held is None:
        return _unknown(context, file_id)
    document = {
        **_summary(held),
        "fault_count": len(faults),
        "size": held.size,
        "may_be_released": all(fault.harmless is not None for fault in faults),
        "faults": [_fault_as_json(fault) for fault in faults],
        "decisions": [
            {"act": each.act, "file": each.file, "sha256": each.sha256, "by": each.by, "note": each.note, "at": each.at}
            for each in held.decisions
        ],
    }
    output.emit(context, document, None if context.json else _page(held, faults))
    return output.DONE


@app.command()
def refuse(ctx: typer.Context, file_id: int = ID, by: str = BY, note: str = NOTE) -> int:
    """Settle a file as refused: the bank has to send another."""
    from hub.app import quarantine as bench

    return _decide(ctx, file_id, lambda hub, held: bench.refuse(hub, held, by, note))


@app.command()
def release(ctx: typer.Context, file_id: int = ID, by: str = BY, note: str = NOTE, approve: bool = APPROVE) -> int:
    """Take a file in as it stands, when its faults are harmless: one person proposes, another approves."""
    from hub.app import quarantine as bench

    act = bench.release if approve else bench.propose_release
    return _decide(ctx, file_id, lambda hub, held: act(hub, held, by, note))


@app.command()
def correct(
    ctx: typer.Context,
    file_id: int = ID,
    file: Path = typer.Argument(metavar="FILE", callback=output.plain_file, help="The bank's corrected file."),
    by: str = BY,
    note: str = NOTE,
    approve: bool = APPROVE,
) -> int:
    """Take in a corrected file that came by other means: one person proposes it, another approves the same content."""
    from hub.app import quarantine as bench

    act = bench.correct if approve else bench.propose_correction
    return _decide(ctx, file_id, lambda hub, held: act(hub, held, file, by, note))


def _decide(ctx: typer.Context, file_id: int, act: "Callable[[Hub, Held], Ruling]") -> int:
    from hub.app import schedule
    from hub.domain.errors import HubError
    from hub.ledger import quarantine

    context = output.of(ctx)
    hub = context.hub
    with hub.engine.connect() as conn:
        held = quarantine.one(conn, file_id)
    if held is None:
        return _unknown(context, file_id)
    with context.working("Holding the file against its request"):
        ruling = act(hub, held)
    if ruling.let_in:
        try:  # the file is in either way; posting goes on by itself, or with the next hub up
            schedule.require_running(hub)
            schedule.drain(hub)
        except HubError as failure:
            context.say(f"{failure} {failure.advice}")
    document = {
        "accepted": not ruling.faults, "id": file_id, "file": ruling.file, "sha256": ruling.sha256,
        "state": ruling.state, "faults": [fault.as_json() for fault in ruling.faults],
    }  # fmt: skip
    output.emit(context, document, None if context.json else _told(ruling))
    if ruling.faults:
        return output.REFUSED
    return output.WAITS_FOR_APPROVAL if ruling.awaits_second_person else output.DONE


def _told(ruling: "Ruling") -> "RenderableType":
    from rich.text import Text

    from hub.domain.excerpts import visible

    if ruling.faults:
        lines = [visible(fault.message) for fault in ruling.faults[:FAULTS_SHOWN]]
        more = len(ruling.faults) - FAULTS_SHOWN
        lines += [f"… and {more} more; --json lists every one"] if more > 0 else []
        return Text("\n".join(["Refused; nothing was decided and nothing booked.", *lines]))
    said = f"{visible(ruling.file)}: {ruling.state.value}"
    if ruling.awaits_second_person:
        said += f"\nwaits for a second person: the same command with --approve --by OTHER\nSHA-256 {ruling.sha256}"
    return Text(said)


def _summary(held: "Held") -> dict[str, Any]:
    waiting = held.awaited
    return {
        "id": held.id, "bank": held.bank, "file": held.name, "sha256": held.sha256, "received_at": held.received_at,
        "state": held.state, "fault_count": len(held.faults), "proposed_by": None if waiting is None else waiting.by,
        "first_fault": held.faults[0].message if held.faults else "",
    }  # fmt: skip


def _fault_as_json(shown: "ShownFault") -> dict[str, Any]:
    line, asked = shown.excerpt, shown.asked
    return {
        **shown.fault.as_json(),
        "text": None if line is None else line.text,
        "bytes": None if line is None else {"offset": line.offset, "hex": line.hex},
        "request": None if asked is None else _asked_as_json(asked),
        "may_be_overridden": shown.harmless,
    }


def _asked_as_json(asked: "RequestedLine") -> dict[str, Any]:
    amounts = {**asked.amounts._asdict(), "total": asked.amounts.total}
    return {
        "line": asked.line, "instruction": asked.instruction_no, "unit": asked.unit, "amounts": amounts,
        "partial": asked.partial,
    }  # fmt: skip


def _page(held: "Held", faults: "Sequence[ShownFault]") -> "RenderableType":
    """The file for a person: each fault, its line, its bytes, and what was asked."""
    from rich.console import Group
    from rich.text import Text

    from hub.domain.excerpts import visible

    parts: list[RenderableType] = [
        Text(f"{held.id}  {held.bank}  {visible(held.name)}  {held.state.value}", style="bold"),
        Text(f"came {held.received_at:%Y-%m-%d %H:%M}, {held.size:,} bytes, SHA-256 {held.sha256}", style="dim"),
    ]
    for shown in faults[:FAULTS_SHOWN]:
        parts.append(Text(f"\n{visible(shown.fault.message)}  [{shown.fault.code.value}]", style="bold"))
        if shown.excerpt is not None:
            parts.append(Text(f"  answer   {shown.excerpt.text}"))
            parts.append(Text(f"  bytes    from {shown.excerpt.offset}: {shown.excerpt.hex}", style="dim"))
        if shown.asked is not None:
            parts.append(Text(f"  request  {_asked_in_words(shown.asked)}"))
        if shown.harmless is not None:
            parts.append(Text(f"  may be overridden: {shown.harmless}", style="dim"))
    if len(faults) > FAULTS_SHOWN:
        parts.append(Text(f"… and {len(faults) - FAULTS_SHOWN} more; --json lists every one"))
    for each in held.decisions:
        told = f"\n{each.at:%Y-%m-%d %H:%M}  {each.act.value} by {each.by}  {visible(each.file)}  {each.note}"
        parts.append(Text(told))
    return Group(*parts)


def _asked_in_words(asked: "RequestedLine") -> str:
    from hub.domain.money import yuan

    amounts = " ".join(f"{fund} {yuan(fen)}" for fund, fen in asked.amounts._asdict().items())
    part = "part allowed" if asked.partial else "all or nothing"
    return (
        f"line {asked.line}  {asked.instruction_no}  {asked.unit}  {yuan(asked.amounts.total)} yuan ({amounts})  {part}"
    )


def _unknown(context: output.Context, file_id: int) -> int:
    message = f"there is no quarantined file {file_id}"
    advice = "hub bank quarantine list --all"
    output.emit(context, {"error": message, "advice": advice}, f"{message}; {advice} shows what there is")
    return output.REFUSED
