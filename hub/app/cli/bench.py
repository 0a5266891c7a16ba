"""``hub bench``: the measurements. What runs them is ``simulators.bench``; here are its options and its exit."""

import json
import subprocess
import sys

import typer

from hub.app.cli import output
from hub.domain.errors import HubError

app = typer.Typer()


@app.command()
def bench(
    ctx: typer.Context,
    units: int = typer.Option(100_000, "--units", min=100, help="Paying units, a bill each."),
    agencies: int = typer.Option(5, "--agencies", min=1, max=5),
    banks: int = typer.Option(4, "--banks", min=1, max=5),
    seed: int = typer.Option(11, "--seed", help="Another seed, another month."),
    stage: str | None = typer.Option(None, "--stage", metavar="delivery", help="Only as far as that stage."),
    *,
    apart: bool = typer.Option(False, "--apart", help="Every hour of the month a command of its own."),
    verify: bool = typer.Option(False, "--verify", help="hub verify at the end."),
    keep: bool = typer.Option(False, "--keep", help="Leave the run's folder."),
) -> int:
    """Measure a month, dues to arrears, on this machine. No figure is printed when the books are not the oracle's."""
    context = output.of(ctx)
    words = ["--units", str(units), "--agencies", str(agencies), "--banks", str(banks), "--seed", str(seed)]
    words += ["--stage", stage] if stage else []
    flags = {"--apart": apart, "--verify": verify, "--keep": keep, "--json": context.json}
    words += [flag for flag, wanted in flags.items() if wanted]
    run = subprocess.run([sys.executable, "-m", "simulators.bench", *words], stdout=subprocess.PIPE, check=False)
    said = run.stdout.decode()
    if run.returncode != 0:
        why = json.loads(said)["error"] if context.json and said else "see above"
        raise HubError(f"no figure: {why}", advice="hub bench --keep leaves the run's folder, with its logs.")
    sys.stdout.write(said)
    return output.DONE
