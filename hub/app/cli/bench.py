"""``hub bench``: a simulated month of any size, timed, with books that must equal the oracle's."""

import json
import subprocess
import sys

import typer

from hub.app.cli import output
from hub.domain.errors import HubError

app = typer.Typer()
WORK = ("agency submit", "clock advance", "bank poll")
"""The commands that carry a month; exports and ``verify`` are looks at it and are shown apart."""


@app.command()
def bench(
    ctx: typer.Context,
    units: int = typer.Option(100_000, "--units", min=10, help="Paying units, a bill each."),
    agencies: int = typer.Option(5, "--agencies", min=1, max=5),
    banks: int = typer.Option(4, "--banks", min=1, max=5),
    seed: int = typer.Option(11, "--seed", help="Another seed, another month."),
) -> int:
    """Measure a month, dues to arrears, on this machine. No figure is printed when the books are not the oracle's."""
    context = output.of(ctx)
    words = ["--units", str(units), "--agencies", str(agencies), "--banks", str(banks), "--seed", str(seed)]
    run = subprocess.run(
        [sys.executable, "-m", "simulators.month", "--periods", "2026-12..2026-12", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL if context.json else None,
        check=False,
    )
    found = json.loads(run.stdout or b"{}")
    if run.returncode != 0 or found.get("differences") != []:
        raise HubError(
            f"the month did not end as the oracle's: {(found.get('differences') or ['it broke off'])[0]}",
            advice=f"python -m simulators.month --seed {seed} --units {units} shows it all",
        )
    spent = found["hub_seconds"]
    seconds = sum(spent.get(command, 0.0) for command in WORK)
    document = {
        "units": units,
        "bills": found["met"]["bills"],
        "seconds": round(seconds, 1),
        "bills_per_second": round(found["met"]["bills"] / seconds),
        "stages": found["seconds"],
        "commands": spent,
        "exports_compared": found["compared"],
    }
    output.emit(context, document, None if context.json else _said(document))
    return output.DONE


def _said(document: dict[str, object]) -> str:
    stages, commands = document["stages"], document["commands"]
    assert isinstance(stages, dict) and isinstance(commands, dict)
    lines = [f"  {seconds:8.1f} s  {stage}" for stage, seconds in stages.items()]
    lines += [
        "",
        "of which in the hub's commands:",
        *(f"  {seconds:8.1f} s  hub {name}" for name, seconds in commands.items()),
    ]
    bills, seconds, rate = document["bills"], document["seconds"], document["bills_per_second"]
    lines += ["", f"{bills} bills, dues to arrears, in {seconds} s of the hub's work: {rate} bills/s"]
    lines += [f"{document['exports_compared']} exports equal the oracle's"]
    return "\n".join(lines)
