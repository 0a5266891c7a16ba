"""``hub verify``: recomputes invariants 1 to 4 of the rules from books and files (contract section 6)."""

from typing import TYPE_CHECKING

import typer

from hub.app.cli import output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from hub.app.wiring import Hub
    from hub.ledger.verification import Evidence, Outcome

app = typer.Typer()


@app.command()
def verify(ctx: typer.Context) -> int:
    """Recompute the invariants from books and files; the culprits are named."""
    from hub.ledger.database import ROLE_APP
    from hub.ledger.verification import verify as carry_out

    context = output.of(ctx)
    evidence = evidence_of(context.hub)
    engine = context.engine(ROLE_APP)  # it reads only, and who members are as well, which the desk's role may not
    try:
        with context.working("holding books and files against each other"):
            outcomes = list(carry_out(engine, evidence))
    finally:
        engine.dispose()
    ok = all(outcome.ok for outcome in outcomes)
    answer = {"ok": ok, "checks": [outcome.as_json() for outcome in outcomes]}
    output.emit(context, answer, as_table(outcomes, ok=ok))
    return output.DONE if ok else output.FAILED


def evidence_of(hub: "Hub") -> "Evidence":
    """The archive, and the formats that can read it."""
    from connectors.formats.dues import parse_dues
    from connectors.formats.incomes import parse_incomes
    from connectors.formats.members import parse_members
    from connectors.formats.receipts import parse_receipts
    from connectors.formats.returns import parse_returns
    from connectors.formats.subsidies import parse_subsidies
    from hub.ledger.verification import Evidence

    return Evidence(
        archive=hub.archive, read_dues=parse_dues, read_receipts=parse_receipts, read_returns=parse_returns,
        read_incomes=parse_incomes, read_members=parse_members, read_subsidies=parse_subsidies, format_of=hub.formats.get,
    )  # fmt: skip


def as_table(outcomes: "Sequence[Outcome]", *, ok: bool) -> "Table":
    """One line a check; what is wrong stands in full."""
    from rich import box
    from rich.table import Column, Table
    from rich.text import Text

    verdict = "books and files agree" if ok else "books and files do not agree"
    columns = [Column(name, overflow="fold") for name in ("", "check", "what was compared")]
    table = Table(*columns, box=box.SIMPLE_HEAD, title=verdict, title_justify="left")
    for outcome in outcomes:
        mark = Text("ok", style="green") if outcome.ok else Text("WRONG", style="bold red")
        table.add_row(mark, outcome.name, Text(outcome.detail))
    return table
