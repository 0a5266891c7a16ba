"""``hub bank delivery``: say what a bank told about a file whose delivery is unknown."""

import typer

from hub.app.cli import output


def delivery(
    ctx: typer.Context,
    file: str = typer.Argument(metavar="FILE", help="The request file's name."),
    arrived: bool = typer.Option(False, "--arrived", help="The bank has it."),
    missing: bool = typer.Option(False, "--missing", help="It never came."),
    by: str = typer.Option(..., "--by", metavar="NAME", help="Who says so; two different people."),
    approves: bool = typer.Option(False, "--approve", help="Agree to what somebody else said."),
) -> int:
    """Settle a delivery that nobody can see: the bank says it has the file, or that it never came.

    Only for a file whose work item says that this is unknown. Two people agree; then the hub notes it as delivered, or
    sends it once more.
    """
    from hub.app import unknown_deliveries

    if arrived is missing:
        raise typer.BadParameter("say what the bank told, either --arrived or --missing")
    context = output.of(ctx)
    found = unknown_deliveries.settle(context.hub, file, arrived=arrived, by=by, approves=approves)
    if found.faults:
        output.emit(
            context, found.as_json(), "\n".join([f"{file}: refused", *(f"  {each.message}" for each in found.faults)])
        )
        return output.REFUSED
    if found.state == "waiting":
        command = f"hub bank delivery {file} --{found.outcome} --approve --by NAME"
        output.emit(
            context, found.as_json(), f"{file}: {found.outcome}, says {by}; somebody else approves it:\n  {command}"
        )
        return output.WAITS_FOR_APPROVAL
    goes_on = "counts as delivered" if arrived else "is sent once more"
    output.emit(context, found.as_json(), f"{file} {goes_on} with the next visit: hub bank poll")
    return output.DONE
