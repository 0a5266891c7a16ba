"""``hub dunning``: units not paid in full after the first posting, and what is done about them (C8, C9, C11)."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from hub.app.cli import asked, output
from hub.domain.dues import Mode
from hub.domain.excerpts import visible
from hub.domain.hand_over import Desk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.domain.faults import Fault
    from hub.domain.funds import FundAmounts
    from hub.domain.hand_over import HandOver

app = typer.Typer(
    no_args_is_help=True, help="Units not paid in full: list, second-collection file, declarations, hand-overs."
)
_AGENCY: Final = typer.Option(None, "--agency", metavar="CODE", help="Only this agency.")
_PERIOD: Final = typer.Option(None, "--period", metavar="YYYY-MM", help="The month; else the one that is open.")
_DAY: Final = ["%Y-%m-%d"]
FAULTS_SHOWN: Final = 50
"""Faults on the screen; ``--json`` lists every one."""


@app.command("list")
def list_units(
    ctx: typer.Context,
    agency: str | None = _AGENCY,
    period: str | None = _PERIOD,
    format_: str | None = typer.Option(None, "--format", help="json or csv, in fen and whole; else a table in yuan."),
) -> None:
    """Units not paid in full, once a bank's first posting is done: due, arrived, missing, the bank's reason, named or not.

    Unanswered ones are not dunned. Of a closed month it is what was missing at its end; what is left of that now, is in
    hub export arrears.
    """
    from hub.app.cli import dunning_list
    from hub.ledger import clock, dunning, steps
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    if format_ not in (None, "json", "csv"):
        raise typer.BadParameter(f"{format_!r} is no format; there are json, csv")
    if context.json and format_ == "csv":
        raise typer.BadParameter("--json and --format csv exclude each other")
    of_agency = None if agency is None else asked.agency(context, agency)
    engine = context.engine(ROLE_READ)
    try:
        with engine.connect() as conn:
            month = asked.period(period) if period is not None else steps.open_period(conn, clock.now(conn))
            posted = dunning.posted_banks(conn, month)
            found = dunning.listed(conn, month, of_agency)
            if format_ == "csv":
                sys.stdout.writelines(dunning_list.as_csv(found))
            elif context.json or format_ == "json":
                sys.stdout.writelines(dunning_list.as_json(month, posted, found))
            else:
                dunning_list.show(context, month, posted, found)
            sys.stdout.flush()
    finally:
        engine.dispose()


@app.command("file")
def make_file(
    ctx: typer.Context,
    agency: str = typer.Option(..., "--agency", metavar="CODE"),
    mode: Mode = typer.Option(
        ..., "--mode", help="B: the bank is asked once more; S: bank requests end for the month."
    ),
    pay_on: datetime = typer.Option(..., "--pay-on", formats=_DAY, metavar="DATE", help="The new date; information."),
    period: str | None = _PERIOD,
    units: list[str] = typer.Option(
        [], "--unit", metavar="UNIT", help="Only these; else everybody who is to be dunned."
    ),
    codes: list[str] = typer.Option([], "--code", metavar="CODE", help="Of these, only whom the bank refused so."),
    into: Path = typer.Option(Path(), "--into", exists=True, file_okay=False, help="The folder to write to."),
) -> int:
    """Write a second-collection file, AGAIN_…, with the next free number; hand it in with hub agency submit."""
    from hub.app import dunning
    from hub.ledger import clock, steps

    context = output.of(ctx)
    hub = context.hub
    if units and codes:
        raise typer.BadParameter("name units, or codes to choose them by")
    with hub.engine.connect() as conn:
        month = asked.period(period) if period is not None else steps.open_period(conn, clock.now(conn))
    made = dunning.make_file(
        hub, agency=asked.agency(context, agency), period=month, mode=mode, pay_on=pay_on.date(),
        units=list(map(asked.unit, units)), codes=codes, into=into,
    )  # fmt: skip
    if made.path is None:
        refusal = {"accepted": False, "file": None, "faults": [fault.as_json() for fault in made.faults]}
        output.emit(context, refusal, _refused("no file was written", made.faults))
        return output.REFUSED
    document = {"accepted": True, "file": made.path, "units": made.units}
    output.emit(context, document, f"{made.path}: {made.units} units\n  hub agency submit {made.path}")
    return output.DONE


@app.command("must-declare")
def must_declare(
    ctx: typer.Context,
    agency: str | None = _AGENCY,
    period: str | None = typer.Option(
        None, "--period", metavar="YYYY-MM", help="Up to this closed month; else the last."
    ),
) -> None:
    """Units for which nothing arrived for two closed months running or more: they may be required to declare themselves.

    Until a unit declares itself, no report is made for it (C8). A month that a bank has not answered does not count.
    """
    from rich.table import Column, Table

    from hub.app.cli.export import print_whole
    from hub.domain.money import yuan
    from hub.ledger import dunning
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    of_agency = None if agency is None else asked.agency(context, agency)
    wanted = None if period is None else asked.period(period)
    engine = context.engine(ROLE_READ)
    try:
        with engine.connect() as conn:
            last = dunning.last_closed(conn)
            month = last if wanted is None or last is None else min(wanted, last)
            found = [] if month is None else dunning.undeclared(conn, month, of_agency)
    finally:
        engine.dispose()
    rows = [
        {"agency": each.agency, "unit": each.unit, "months": each.months, "outstanding": _amounts(each.owes)}
        for each in found
    ]
    if context.json or not found:
        output.emit(context, {"period": month, "unit": "fen", "rows": rows}, "no unit has to declare itself")
        return
    table = Table(
        "agency", "unit", "since", "months", Column("outstanding", justify="right"), title=f"To declare, {month}"
    )
    for each in found:
        table.add_row(each.agency, each.unit, each.months[0], str(len(each.months)), yuan(each.owes.total))
    print_whole(context, table)


@app.command("hand-over")
def hand_over(
    ctx: typer.Context,
    unit: str = typer.Option(..., "--unit", metavar="UNIT"),
    to: Desk = typer.Option(
        ..., "--to", help="inspection; from there labour; withdrawn, once the arrears are settled."
    ),
    on: datetime = typer.Option(..., "--on", formats=_DAY, metavar="DATE", help="The day it was handed over."),
    by: str = typer.Option(..., "--by", metavar="NAME", help="Who hands it over; it is kept."),
    note: str = typer.Option("", "--note", help="Why; it is kept."),
    agency: str | None = typer.Option(None, "--agency", metavar="CODE", help="Where several have billed the unit."),
) -> int:
    """Record that a unit in arrears was handed over to inspection, from there to the labour administration, or withdrawn."""
    from hub.app import hand_overs

    context = output.of(ctx)
    done = hand_overs.hand_over(
        context.hub, unit=asked.unit(unit), agency=None if agency is None else asked.agency(context, agency),
        to=to, on=on.date(), by=by, note=note,
    )  # fmt: skip
    if done.made is None:
        document = {"accepted": False, "unit": unit, "faults": [fault.as_json() for fault in done.faults]}
        output.emit(context, document, _refused(f"{unit}: nothing was recorded", done.faults))
        return output.REFUSED
    said = "was recorded before" if done.repeat else "is recorded"
    told = f"{unit}: {done.made.from_desk.value} → {done.made.to_desk.value} on {done.made.on} {said}"
    output.emit(context, {"accepted": True, "repeat": done.repeat, **_hand_over(done.made)}, told)
    return output.DONE


@app.command("handed-over")
def handed_over(ctx: typer.Context, agency: str | None = _AGENCY) -> None:
    """Units that are with inspection or the labour administration, and what they owe by now; settled ones are to be withdrawn."""
    from rich.table import Column, Table

    from hub.app.cli.export import print_whole
    from hub.domain.money import yuan
    from hub.ledger import hand_overs
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    of_agency = None if agency is None else asked.agency(context, agency)
    engine = context.engine(ROLE_READ)
    try:
        with engine.connect() as conn:
            found = hand_overs.cases(conn, of_agency, (Desk.INSPECTION, Desk.LABOUR))
    finally:
        engine.dispose()
    rows = [{**_hand_over(each.last), "owes": each.owes, "settled": not each.owes} for each in found]
    if context.json or not found:
        output.emit(context, {"unit": "fen", "rows": rows}, "no unit is handed over")
        return
    table = Table("agency", "unit", "with", "since", "by", Column("owes", justify="right"), title="Handed over")
    for each in found:
        owes = yuan(each.owes) if each.owes else "settled: withdraw"
        table.add_row(each.last.agency, each.last.unit, each.last.to_desk.value, str(each.last.on), each.last.by, owes)
    print_whole(context, table)


def _hand_over(made: "HandOver") -> dict[str, object]:
    return {
        "agency": made.agency, "unit": made.unit, "step": made.step, "from": made.from_desk, "to": made.to_desk,
        "on": made.on, "by": made.by, "note": made.note, "outstanding": made.outstanding, "recorded_at": made.recorded_at,
    }  # fmt: skip


def _amounts(amounts: "FundAmounts") -> dict[str, int]:
    return {**amounts._asdict(), "total": amounts.total}


def _refused(what: str, faults: "Sequence[Fault]") -> str:
    return "\n".join([f"{what}:", *(f"  {visible(fault.message)}" for fault in faults[:FAULTS_SHOWN])])
