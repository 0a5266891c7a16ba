"""``hub calendar``: working days by year (contract section 6)."""

from pathlib import Path

import typer

from hub.app.cli import output

app = typer.Typer()


@app.callback(invoke_without_command=True)
def calendar(ctx: typer.Context) -> None:
    """Working days by year; alone, what is known."""
    if ctx.invoked_subcommand is None:
        show(ctx)


@app.command()
def show(ctx: typer.Context) -> None:
    """Calendars and years that are known, and where the horizon is."""
    from rich.table import Table

    from hub.ledger import calendars

    context = output.of(ctx)
    hub = context.hub
    with hub.engine.connect() as conn:
        years = calendars.years(conn)
        city, _ = calendars.load(conn, ())
    table = Table("calendar", "year", "days", "working days", "holidays on weekdays", "make-up days")
    for row in years:
        table.add_row(*(str(value) for value in row.values()))
    output.emit(context, {"horizon": city.horizon, "years": years}, table)


@app.command("import")
def import_year(ctx: typer.Context, file: Path = typer.Argument(callback=output.plain_file)) -> int:
    """Take in a year's holidays and make-up days; a step that waited for them is carried out by the schedule.

    The file: H|CALENDAR|1|<year>|city or a bank's code, D|<date>|HOLIDAY or WORKDAY|<name>, T|<number of D lines>.
    Days it does not name are working days from Monday to Friday.
    """
    from connectors.formats.calendar_year import parse_calendar
    from hub.domain.faults import Fault, FaultCode
    from hub.ledger import calendars
    from hub.ports import Refused

    context = output.of(ctx)
    hub = context.hub
    with file.open("rb") as data:
        parsed = parse_calendar(file.name, data)
    faults = list(parsed.faults) if isinstance(parsed, Refused) else []
    if not isinstance(parsed, Refused) and parsed.calendar not in (calendars.CITY, *hub.parties.banks):
        faults.append(Fault(1, "calendar", FaultCode.UNKNOWN_BANK, "city or a bank of this hub", parsed.calendar))
    if faults:
        document = {"accepted": False, "file": file.name, "faults": [fault.as_json() for fault in faults]}
        output.emit(
            context, document, "\n".join([f"{file.name}: refused", *(f"  {fault.message}" for fault in faults)])
        )
        return output.REFUSED
    assert not isinstance(parsed, Refused)
    with hub.engine.begin() as conn:
        changed = calendars.changed(conn, parsed.calendar, parsed.days)
        calendars.replace(conn, parsed.calendar, parsed.days)
    document = {
        "accepted": True, "file": file.name, "calendar": parsed.calendar, "year": parsed.year, "changed": changed,
    }  # fmt: skip
    told = f"{parsed.calendar} {parsed.year}: {len(parsed.days)} days taken in"
    if changed:
        told += f"; {len(changed)} of them were known otherwise: {', '.join(map(str, changed))}"
    output.emit(context, document, told)
    return output.DONE
