"""What was asked for on the command line, as the hub knows it; or wrong usage that says what there is."""

import typer

from hub.app.cli.output import Context
from hub.domain.ids import UNIT
from hub.domain.periods import PERIOD_GRAMMAR, Period


def period(said: str) -> Period:
    """The month of ``--period``."""
    found = Period.parse(said)
    if found is None:
        raise typer.BadParameter(f"{said!r} is not {PERIOD_GRAMMAR}")
    return found


def agency(context: Context, said: str) -> str:
    """An agency of ``hub.toml``."""
    known = [each.code for each in context.settings.agencies]
    if said not in known:
        raise typer.BadParameter(f"{said!r} is not an agency in hub.toml; there are {', '.join(known)}")
    return said


def unit(said: str) -> str:
    """A unit's number."""
    if UNIT.fullmatch(said) is None:
        raise typer.BadParameter(f"{said!r} is not the 12 digits of a unit")
    return said
