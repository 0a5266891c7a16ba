"""``hub up``, ``hub down``, ``hub status`` (contract section 6)."""

import typer

up_app = typer.Typer()
down_app = typer.Typer()
status_app = typer.Typer()
