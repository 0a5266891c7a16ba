"""``hub demo``: a simulated month. The simulators are outsiders, so they are started as a program of their own."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import typer

from hub.app.cli import output

ARGPARSE_REFUSED: Final = 2
"""How a program that reads its words with argparse ends when they are wrong."""

app = typer.Typer()


@app.command()
def demo(
    ctx: typer.Context,
    home: Path = typer.Option(Path(".demo"), "--home", help="Where the demo's data goes; old data is set aside."),
    seed: int = typer.Option(7, "--seed", help="Another seed, another month."),
    units: int = typer.Option(3000, "--units", min=60, help="Paying units."),
    port: int | None = typer.Option(None, "--port", help="Of the desk; 8600, or a free one if that is taken."),
    profile: list[str] = typer.Option(
        [],
        "--profile",
        metavar="BANK=NAME",
        help="Form of a bank's files, such as CCB=iso20022; else as in its hub.toml.",
    ),
    stop: bool = typer.Option(False, "--stop", help="Stop what a demo left running; the data stays."),
) -> int:
    """Three agencies, four banks, one month from the bills to the arrears; the hub then keeps running for a look."""
    words = ["--home", str(home), "--seed", str(seed), "--units", str(units)]
    words += ["--port", str(port)] if port is not None else []
    words += [f"--profile={pair}" for pair in profile]
    words += ["--stop"] if stop else []
    words += ["--json"] if output.of(ctx).json else []
    process = subprocess.Popen([sys.executable, "-m", "simulators.demo", *words])
    while True:
        try:
            code = process.wait()
            return output.WRONG_USAGE if code == ARGPARSE_REFUSED else code
        except KeyboardInterrupt:  # the demo hears it too, stops what it started, and then ends
            continue
