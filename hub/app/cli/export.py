"""``hub export FORM``: forms of the regulation and books (contract sections 6 and 7)."""

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import typer

from connectors.formats.grammar import DATE_GRAMMAR, parse_date
from hub.app.cli import output, tie_out
from hub.app.cli.output import Context
from hub.domain.ids import UNIT
from hub.domain.periods import PERIOD_GRAMMAR, Period
from hub.ledger.forms import FORMS, Form, Question, Sheet, fill

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer()

PAPERS: Final = ("xlsx", "pdf")
FORMATS: Final = ("json", "csv", *PAPERS)


@app.command()
def export(
    ctx: typer.Context,
    form: str = typer.Argument(help=f"One of {', '.join(FORMS)}, {tie_out.NAME}."),
    *,
    date: str | None = typer.Option(None, help="Of tieout: the business day, YYYY-MM-DD; else --period, else today."),
    period: str | None = typer.Option(None, help="The month, YYYY-MM."),
    round_: int | None = typer.Option(None, "--round", min=1, max=2, help="The deduction session; else both, added."),
    agency: str | None = typer.Option(None, help="Only this agency."),
    bank: str | None = typer.Option(None, help="Only this bank."),
    unit: str | None = typer.Option(None, help="Only this unit, 12 digits."),
    as_of: str | None = typer.Option(None, "--as-of", help="Of late-fees: as of this day, YYYY-MM-DD; else today."),
    format_: str | None = typer.Option(
        None, "--format", help="json, csv, xlsx or pdf; else what FILE ends in, or a table in yuan."
    ),
    out: Path | None = typer.Option(None, "-o", "--output", metavar="FILE", help="Write there instead of the screen."),
) -> int:
    """A form filled in from the books. Amounts in JSON and CSV are whole fen; XLSX and PDF are papers, in yuan."""
    context = output.of(ctx)
    if form == tie_out.NAME:
        if (round_, unit) != (None, None):
            raise typer.BadParameter(f"{tie_out.NAME} is by day, agency and bank: leave --round and --unit out")
        check_parties(context, agency, bank)
        kind = known_format(format_, out, as_json=context.json)
        return tie_out.export_tie_out(
            context, day=date, period=period, agency=agency, bank=bank, kind=kind, out=out
        )  # fmt: skip
    if date is not None:
        raise typer.BadParameter(f"--date is for {tie_out.NAME}; form {form} is asked by --period")
    wanted = known_form(form)
    kind = known_format(format_, out, as_json=context.json)
    question = Question(period=period, round=round_, agency=agency, bank=bank, unit=unit, as_of=as_of)
    check(context, wanted, question)
    engine = context.engine("hub_read")
    try:
        with engine.connect() as conn:
            sheet = fill(conn, wanted, question)
    finally:
        engine.dispose()
    if kind in PAPERS:
        hand_out(context, sheet, question, kind, out)
    else:
        answer(context, sheet, kind, out)
    return output.DONE


def known_form(name: str) -> Form:
    """The form of a name, or wrong usage."""
    if name not in FORMS:
        raise typer.BadParameter(f"{name!r} is no form; there are {', '.join(FORMS)}, {tie_out.NAME}")
    return FORMS[name]


def known_format(name: str | None, out: Path | None, *, as_json: bool) -> str | None:
    """json, csv, or None for a table. A file without ``--format`` is what its ending says, JSON without an ending.

    With ``--format`` the file may be called anything (contract section 6).
    """
    ending = "" if out is None else out.suffix.lower().removeprefix(".")
    there_are = f"there are {', '.join(FORMATS)}"
    if name is not None and name not in FORMATS:
        raise typer.BadParameter(f"{name!r} is no format; {there_are}")
    if name is None and not as_json and ending and ending not in FORMATS:
        raise typer.BadParameter(f".{ending} is no format of ours; name one with --format, {there_are}")
    if name is None and (as_json or out is not None):
        name = "json" if not ending or (as_json and ending not in PAPERS) else ending
        if ending in FORMATS and name != ending:
            raise typer.BadParameter(f"{out} would hold {name}; give it another ending, or say --format {ending}")
    if name in PAPERS and out is None and sys.stdout.isatty():
        raise typer.BadParameter(f"{name} is not for a screen: name a file with -o FILE, or redirect the output")
    return name


def check(context: Context, form: Form, question: Question) -> None:
    """Wrong usage with all that is wrong: malformed values, unknown parties, questions the form cannot answer."""
    wrong = form.faults(question)
    if question.period is not None and Period.parse(question.period) is None:
        wrong.append(f"--period {question.period!r} is not {PERIOD_GRAMMAR}")
    if question.unit is not None and UNIT.fullmatch(question.unit) is None:
        wrong.append(f"--unit {question.unit!r} is not 12 digits")
    if question.as_of is not None and parse_date(question.as_of) is None:
        wrong.append(f"--as-of {question.as_of!r} is not {DATE_GRAMMAR}")
    wrong += unknown_parties(context, question.agency, question.bank)
    if wrong:
        raise typer.BadParameter("; ".join(wrong))


def check_parties(context: Context, agency: str | None, bank: str | None) -> None:
    """Wrong usage when an agency or a bank is not of this hub."""
    if wrong := unknown_parties(context, agency, bank):
        raise typer.BadParameter("; ".join(wrong))


def unknown_parties(context: Context, agency: str | None, bank: str | None) -> list[str]:
    """What is wrong with an agency or a bank that was named."""
    wrong = []
    agencies = [each.code for each in context.settings.agencies]
    if agency is not None and agency not in agencies:
        wrong.append(f"--agency {agency!r} is not in hub.toml; there are {', '.join(agencies)}")
    banks = [each.code for each in context.settings.banks]
    if bank is not None and bank not in ("", *banks):  # "" is the bank of mode S
        wrong.append(f"--bank {bank!r} is not in hub.toml; there are {', '.join(banks)}")
    return wrong


def print_whole(context: Context, table: "Table") -> None:
    """Prints a table as wide as it is: an amount that is cut short is a wrong amount."""
    from rich.measure import Measurement

    screen = context.screen
    needed = Measurement.get(screen, screen.options.update(width=10_000), table).maximum
    screen.width = max(screen.width, needed)
    screen.print(table)


def answer(context: Context, sheet: Sheet, kind: str | None, out: Path | None) -> None:
    """To the screen or into the file."""
    from hub.app.cli.sheets import as_csv, as_table

    if kind is None:
        print_whole(context, as_table(sheet))
        return
    parts = [as_csv(sheet)] if kind == "csv" else sheet.json_text()
    if out is None:
        sys.stdout.writelines(parts)
        sys.stdout.flush()
        return
    with _written(out) as file:
        file.writelines(part.encode() for part in parts)
    context.say(f"{out}: {len(sheet.rows)} rows")


def hand_out(context: Context, sheet: Sheet, question: Question, kind: str, out: Path | None) -> None:
    """The form as a workbook, or as pages: one paper, or one an agency with all its copies."""
    from hub.app.papers.layout import Names, papers, whole
    from hub.app.papers.pdf import write_pdf
    from hub.app.papers.xlsx import write_xlsx

    parties = context.settings
    names = Names(
        agencies={each.code: each.name for each in parties.agencies},
        banks={each.code: each.name for each in parties.banks},
    )
    content = io.BytesIO()
    if kind == "pdf":
        content.write(write_pdf(papers(sheet, question, names)))
    else:
        write_xlsx(whole(sheet, question, names), content)
    if out is None:
        sys.stdout.buffer.write(content.getvalue())
        sys.stdout.flush()
        return
    with _written(out) as file:
        file.write(content.getvalue())
    context.say(f"{out}: {len(sheet.rows)} rows")


@contextmanager
def _written(out: Path) -> Iterator[BinaryIO]:
    """The file to write to; wrong usage when it cannot be."""
    try:
        with out.open("wb") as file:
            yield file
    except OSError as refused:
        raise typer.BadParameter(f"cannot write {out}: {refused.strerror}") from refused
