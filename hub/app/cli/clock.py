"""``hub clock``: business time (contract section 6)."""

from datetime import datetime, timedelta
from typing import Final

import typer

from hub.app.cli import output

app = typer.Typer(no_args_is_help=True, help="Business time.")

LONGEST: Final = timedelta(days=366)
"""A mistyped year must not close a hundred months."""


@app.command()
def show(ctx: typer.Context) -> None:
    """Business time, its mode, and the next step that is due."""
    from hub.app import schedule
    from hub.ledger import clock

    context = output.of(ctx)
    hub = context.hub
    with hub.engine.connect() as conn:
        now, mode = clock.now(conn), "manual" if clock.is_manual(conn) else "system"
        following = schedule.next_step(conn, hub, now)
    upcoming = None if following is None else {
        "period": str(following.period), "step": following.step.value, "round": following.round or None,
        "bank": following.bank or None, "due_at": following.due_at,
    }  # fmt: skip
    said = f"{now:%Y-%m-%d %H:%M} ({mode} clock)"
    if following is not None and following.due_at is not None:
        said += f"\nnext: {following.due_at:%Y-%m-%d %H:%M}  {following.period} {following.step.value} {following.bank}"
    output.emit(context, {"clock": now, "mode": mode, "next": upcoming}, said)


@app.command()
def advance(
    ctx: typer.Context,
    to: datetime = typer.Argument(
        formats=["%Y-%m-%dT%H:%M"], metavar="YYYY-MM-DDTHH:MM", help="Business time to move to."
    ),
) -> None:
    """Move the manual clock: carries out, in order, every step due up to then, and returns when nothing is in flight."""
    from contextlib import closing

    from hub.app import schedule
    from hub.domain.errors import ConfigurationError, HubError
    from hub.domain.timetable import TZ
    from hub.ledger import clock

    context = output.of(ctx)
    hub = context.hub
    target = to.replace(tzinfo=TZ)
    with hub.engine.connect() as conn:
        manual, now = clock.is_manual(conn), clock.now(conn)
    if not manual:
        raise ConfigurationError("The clock is the system's; it advances by itself.", advice='[clock] mode = "manual"')
    if target < now:
        raise HubError(f"Business time is {now:%Y-%m-%d %H:%M} already and never goes back.", advice="hub clock show")
    if target > now + LONGEST:
        raise HubError(
            f"{target:%Y-%m-%d} is more than a year after {now:%Y-%m-%d}; months that are closed on the way stay closed.",
            advice="If it is meant, advance by a year at most at a time.",
        )
    schedule.require_running(hub)
    with context.working(f"Advancing to {target:%Y-%m-%d %H:%M}"), closing(schedule.Banks(hub)) as banks:
        done = schedule.advance(hub, target, context.say, banks=banks)
    for period in done.blocked:
        context.say(f"{period} waits for the working-day calendar: hub calendar import FILE")
    output.emit(
        context,
        {"clock": done.clock, "steps": done.steps, "files": done.files, "blocked": done.blocked, "unread": done.unread},
        f"{done.clock:%Y-%m-%d %H:%M}: {len(done.steps)} steps carried out, {len(done.files)} bank files read",
    )
