"""``hub export tieout``: the daily tie-out (日终核对) as JSON, CSV or a table."""

import csv
import io
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from connectors.formats.grammar import DATE_GRAMMAR, parse_date
from hub.app.cli import output
from hub.app.cli.output import Context
from hub.domain.periods import PERIOD_GRAMMAR, Period

if TYPE_CHECKING:
    from rich.table import Table

    from hub.ledger.tie_out.sheet import Day

NAME: Final = "tieout"
FORMATS: Final = ("json", "csv")


def days_asked(day: str | None, period: str | None) -> tuple[date, date] | None:
    """The first and last day that are asked for; None: the day that it is. Wrong usage when neither can be read."""
    if day is not None and period is not None:
        raise typer.BadParameter("--date and --period exclude each other")
    if day is not None:
        found = parse_date(day)
        if found is None:
            raise typer.BadParameter(f"--date {day!r} is not {DATE_GRAMMAR}")
        return found, found
    if period is None:
        return None
    month = Period.parse(period)
    if month is None:
        raise typer.BadParameter(f"--period {period!r} is not {PERIOD_GRAMMAR}")
    return month.first_day, month.last_day


def export_tie_out(
    context: Context, *, day: str | None, period: str | None, agency: str | None, bank: str | None, kind: str | None,
    out: Path | None,
) -> int:  # fmt: skip
    """Prints or writes the tie-out of a day, or of the days of a month; exit 1 when a cell is red."""
    from hub.ledger import clock
    from hub.ledger.database import one_snapshot
    from hub.ledger.tie_out import sheet

    asked = days_asked(day, period)
    if kind is not None and kind not in FORMATS:
        raise typer.BadParameter(f"{NAME} comes as {', '.join(FORMATS)} or as a table, not as {kind}")
    engine = context.engine("hub_read")
    try:
        with one_snapshot(engine) as conn:
            now = clock.now(conn)
            first, last = asked or (now.date(), now.date())
            found = sheet.read(conn, first, last, now, agency, bank)
    finally:
        engine.dispose()
    if kind is None:
        from hub.app.cli.export import print_whole

        print_whole(context, as_table(found))
    else:
        one_day = first.isoformat() if first == last else None
        document = sheet.envelope(found, date=one_day, period=period)
        said = as_csv(found) if kind == "csv" else output.as_json(document) + "\n"
        if out is None:
            sys.stdout.write(said)
            sys.stdout.flush()
        else:
            _write(out, said)
            context.say(f"{out}: {len(document['rows'])} rows")
    red = [
        each for each in found if each.certificate is not None and not each.ok
    ]  # of an open day money may be under way
    return output.FAILED if red else output.DONE


def _write(out: Path, said: str) -> None:
    try:
        out.write_text(said, encoding="utf-8", newline="")
    except OSError as refused:
        raise typer.BadParameter(f"cannot write {out}: {refused.strerror}") from refused


def as_csv(found: "list[Day]") -> str:
    """A line a cell; amounts are fen, and what a stage does not say is empty."""
    from hub.app.cli.sheets import harmless
    from hub.domain.tie_out import CELL_FIELDS
    from hub.ledger.tie_out.sheet import in_order

    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(["date", "agency", "bank", "movement", "stage", *CELL_FIELDS, "colour"])
    for day in found:
        for row in day.rows:
            keys = [day.date.isoformat(), row["agency"], harmless(row["bank"]), row["movement"]]
            for stage, cell in in_order(row).items():
                writer.writerow([*keys, stage, *cell.values(), "red" if stage in row["red"] else "green"])
    return made.getvalue()


def as_table(found: "list[Day]") -> "Table":
    """A line a movement that ties out; of one that does not, a line a stage, and the lines behind the red ones."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from hub.domain.money import Fen, yuan
    from hub.ledger.tie_out.sheet import TITLE, in_order

    table = Table(title=f"{TITLE} · yuan", box=box.SIMPLE_HEAD)
    for name in ("day", "agency", "bank", "movement", "stage"):
        table.add_column(name)
    for name in ("n", "total"):
        table.add_column(name, justify="right")
    table.add_column("", overflow="fold")
    green, red = Text("ties", style="green"), "bold red"
    for day in found:
        state = (
            f"open: {day.why}" if day.certificate is None else f"{day.certificate.number} {day.certificate.sha256[:16]}"
        )
        table.add_row(
            day.date.isoformat(), "", "", "", "", "", "", f"certificate {state}" if day.certificate else state
        )
        for row in day.rows:
            keys = ("", row["agency"], row["bank"] or "–", row["movement"])
            stages = in_order(row)
            if not row["red"]:
                last = list(reversed(stages.values()))
                counted = next((f"{cell['count']:,}" for cell in last if cell["count"] is not None), "")
                money = next(yuan(Fen(cell["total"])) for cell in last if cell["total"] is not None)
                table.add_row(*keys, f"{len(stages)} stages", counted, money, green)
                continue
            for stage, cell in stages.items():
                counted = "" if cell["count"] is None else f"{cell['count']:,}"
                money = "" if cell["total"] is None else yuan(Fen(cell["total"]))
                table.add_row(*keys, stage, counted, money, Text("RED", style=red) if stage in row["red"] else "")
        for line in day.lines:
            where = " ".join(str(each) for each in (line["file"], line["line"]) if each)
            said = f"{where}: expected {line['expected']}, found {line['found']} (fen)"
            table.add_row("", line["agency"], line["bank"] or "–", line["movement"], line["stage"], "", "",
                          Text(f"{line['table']} {line['instruction'] or line['bill']} {said}", style=red))  # fmt: skip
    return table
