"""``hub bench``: the measurements. What runs them is ``simulators.bench``; here are its options and its exit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from hub.app.cli import output
from hub.domain.errors import HubError

app = typer.Typer()

FORMS = ("pipe-gb18030", "iso20022")
"""Forms of files that the measured banks read and answer."""
SMALLEST = 100
"""Units of a month with something of everything."""


@app.command()
def bench(
    ctx: typer.Context,
    units: int = typer.Option(100_000, "--units", min=SMALLEST, help="Paying units, a bill each."),
    agencies: int = typer.Option(5, "--agencies", min=1, max=5),
    banks: int | None = typer.Option(None, "--banks", min=1, max=4, help="4; one large one with --latency."),
    seed: int = typer.Option(11, "--seed", help="Another seed, another month."),
    stage: str | None = typer.Option(None, "--stage", metavar="delivery", help="Only as far as the files' delivery."),
    form: str | None = typer.Option(
        None,
        "--form",
        metavar="PROFILE",
        help="The profile of the banks' files: pipe-gb18030 (when left out) or iso20022.",
    ),
    *,
    whole: bool = typer.Option(False, "--whole", help="One file a bank and round, however large."),
    latency: bool = typer.Option(False, "--latency", help="Instead: how long files of 1,000 lines wait."),
    sizes: str | None = typer.Option(None, "--sizes", metavar="N,N,…", help="Several sizes, one after another."),
    record: Path | None = typer.Option(
        None, "--record", metavar="FILE", help="Add the figures there, a JSON line a run."
    ),
    label: str = typer.Option("now", "--label", help="What the record calls the run."),
    apart: bool = typer.Option(False, "--apart", help="Every hour of the month a command of its own."),
    verify: bool = typer.Option(False, "--verify", help="hub verify at the end."),
    keep: bool = typer.Option(False, "--keep", help="Leave the run's folder."),
    code: Path | None = typer.Option(None, "--code", metavar="DIR", help="Measure the hub whose code is there."),
    profile: Path | None = typer.Option(None, "--profile", metavar="DIR", help="py-spy's stacks go there."),
) -> int:
    """Measure a month, dues to arrears, on this machine. No figure is printed when the books are not the bench's own."""
    context = output.of(ctx)
    _check(stage, sizes, record, code, profile, form, latency=latency)
    told = {
        "--units": units, "--agencies": agencies, "--banks": banks, "--seed": seed, "--stage": stage, "--sizes": sizes,
        "--form": form, "--record": record, "--label": label, "--code": code, "--profile": profile,
    }  # fmt: skip
    flags = {
        "--whole": whole,
        "--latency": latency,
        "--apart": apart,
        "--verify": verify,
        "--keep": keep,
        "--json": context.json,
    }
    words = [word for option, value in told.items() if value is not None for word in (option, str(value))]
    words += [flag for flag, wanted in flags.items() if wanted]
    run = subprocess.run([sys.executable, "-m", "simulators.bench", *words], stdout=subprocess.PIPE, check=False)
    said = run.stdout.decode()
    if run.returncode != 0:
        why = json.loads(said)["error"] if context.json and said else "see above"
        raise HubError(f"no figure: {why}", advice="hub bench --keep leaves the run's folder, with its logs.")
    sys.stdout.write(said)
    return output.DONE


def _check(
    stage: str | None,
    sizes: str | None,
    record: Path | None,
    code: Path | None,
    profile: Path | None,
    form: str | None,
    *,
    latency: bool,
) -> None:
    """What would only show after a whole month."""
    if stage not in (None, "delivery"):
        raise typer.BadParameter("delivery is the one stage that is measured alone", param_hint="--stage")
    if sum((latency, stage is not None, sizes is not None)) > 1:
        raise typer.BadParameter("--latency, --stage and --sizes are measurements of their own; name one")
    for size in sizes.split(",") if sizes is not None else ():
        if not size.isascii() or not size.isdigit() or int(size) < SMALLEST:
            raise typer.BadParameter(
                f"whole numbers from {SMALLEST}, split by commas; found {size!r}", param_hint="--sizes"
            )
    if form not in (None, *FORMS):
        raise typer.BadParameter(f"{form} is none of {', '.join(FORMS)}", param_hint="--form")
    if record is not None and not record.parent.is_dir():
        raise typer.BadParameter(f"there is no folder {record.parent}", param_hint="--record")
    if code is not None and not (code / "hub").is_dir():
        raise typer.BadParameter(f"{code} holds no hub's code", param_hint="--code")
    if (
        profile is not None
        and shutil.which(
            "py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        )
        is None
    ):
        raise typer.BadParameter("py-spy is not on this machine: pip install py-spy", param_hint="--profile")
