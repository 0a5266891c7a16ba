"""``hub period``: how far the months are, and what the month's close would write now (C9-6)."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import typer

from hub.app.cli import asked, output

if TYPE_CHECKING:
    from hub.domain.timetable import ScheduledStep
    from hub.ledger.forms.form import Measure
    from hub.ledger.period_board import PeriodPage, PeriodRow, PreviewRow

app = typer.Typer(no_args_is_help=True, help="The life of a month: open, finance-closed, closed.")
_PERIOD: Final = typer.Argument(metavar="YYYY-MM")
_LARGEST_MAX: Final = 10_000


@app.command("list")
def list_periods(ctx: typer.Context) -> None:
    """Every month of these books: its state, when it closed, and what comes next."""
    from rich.table import Table

    from hub.ledger import period_board
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    engine = context.engine(ROLE_READ)
    try:
        with engine.connect() as conn:
            found = period_board.rows(conn, period_board.known(conn), [bank.code for bank in context.settings.banks])
    finally:
        engine.dispose()
    table = Table("period", "state", "", "finances closed", "closed", "next")
    for row in found:
        booked = "takes postings" if row.is_open else ""
        closes = (_time(row.finance_closed_at), _time(row.closed_at))
        table.add_row(row.period, row.state.value, booked, *closes, _said(row.next_step))
    output.emit(context, {"rows": [_row(row) for row in found]}, table)


@app.command()
def show(ctx: typer.Context, period: str = _PERIOD) -> int:
    """One month: its state, the hour of every step, what is still open in it, and its totals."""
    from hub.ledger import period_board
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    wanted = asked.period(period)
    engine = context.engine(ROLE_READ)
    try:
        with engine.connect() as conn:
            known = period_board.known(conn)
            found = (
                period_board.page(conn, wanted, [bank.code for bank in context.settings.banks])
                if wanted in known
                else None
            )
    finally:
        engine.dispose()
    if found is None:
        return _refuse(context, f"these books have no period {wanted}", "hub period list")
    output.emit(context, _page(found), None if context.json else _shown(found))
    return output.DONE


@app.command()
def preview(
    ctx: typer.Context,
    period: str = _PERIOD,
    largest: int = typer.Option(
        20, "--largest", min=0, max=_LARGEST_MAX, help="How many of the largest units in arrears."
    ),
) -> int:
    """What the month's close would write now (财表一), beside what the month before wrote; nothing is changed by looking."""
    from hub.app.cli.export import print_whole
    from hub.domain.period_life import PeriodState
    from hub.ledger import arrears_book, period_board
    from hub.ledger.database import ROLE_READ, one_snapshot

    context = output.of(ctx)
    wanted = asked.period(period)
    engine = context.engine(ROLE_READ)
    try:
        with one_snapshot(engine) as conn:
            known = wanted in period_board.known(conn)
            closed = known and period_board.rows(conn, [wanted], [])[0].state is PeriodState.CLOSED
            found = period_board.preview(conn, wanted) if known and not closed else []
            most = arrears_book.largest(conn, wanted, largest) if known and not closed else []
    finally:
        engine.dispose()
    if not known:
        return _refuse(context, f"these books have no period {wanted}", "hub period list")
    if closed:
        return _refuse(context, f"{wanted} is closed; its 财表一 is written", f"hub export f1 --period {wanted}")
    lacking = [
        {"agency": each.agency, "unit": each.unit, "bill": each.bill_no, "in_doubt": each.in_doubt,
         "missing": {**each.missing._asdict(), "total": each.missing.total}}
        for each in most
    ]  # fmt: skip
    document = {
        "period": wanted, "unit": "fen", "before": wanted.previous() if found and found[0].before is not None else None,
        "rows": [{"agency": row.agency, **_compared(row)} for row in found], "total": _compared(period_board.added(found)),
        "largest": lacking,
    }  # fmt: skip
    if context.json:
        output.emit(context, document)
        return output.DONE
    print_whole(context, _preview_table(wanted, found))
    for each in most:
        doubt = "  in doubt" if each.in_doubt else ""
        context.screen.print(f"{each.agency}  {each.unit}  {_yuan(each.missing.total):>18}{doubt}")
    return output.DONE


def _compared(row: "PreviewRow") -> dict[str, Any]:
    """An agency's measures, those before, and the change: in fen and in whole per mille of before."""
    from hub.domain.period_life import per_mille
    from hub.ledger.period_board import MEASURES

    before = None if row.before is None else dict(zip(MEASURES, row.before, strict=True))
    now = dict(zip(MEASURES, row.now, strict=True))
    pairs = {} if before is None else {name: (before[name].as_json(), now[name].as_json()) for name in MEASURES}
    return {
        **{name: measure.as_json() for name, measure in now.items()},
        "in_doubt": row.in_doubt.as_json(),
        "before": None if before is None else {name: measure.as_json() for name, measure in before.items()},
        "difference": {name: {key: new[key] - old[key] for key in new} for name, (old, new) in pairs.items()} or None,
        "per_mille": {name: {key: per_mille(old[key], new[key]) for key in new} for name, (old, new) in pairs.items()} or None,
    }  # fmt: skip


def _preview_table(period: str, found: "Sequence[PreviewRow]") -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Column, Table

    from hub.ledger.forms.on_paper import MEASURE_HEADS
    from hub.ledger.period_board import MEASURES, added

    heads = [
        Column(head, justify="right") for name in MEASURES for head in ("n", f"{MEASURE_HEADS[name]} {name}", "±", "‰")
    ]
    title = f"财表一 as the close would write it now, {period}, yuan; ± against the month before"
    table = Table("agency", *heads, Column("in doubt", justify="right"), box=SIMPLE_HEAD, title=title)
    for row in [*found, added(found)]:
        cells = []
        for at, now in enumerate(row.now):
            before = None if row.before is None else row.before[at].total
            change = ("", "") if before is None else (_yuan(now.total - before), _per_mille(before, now.total))
            cells += [f"{now.count:,}", _yuan(now.total), *change]
        table.add_row(row.agency, *cells, _yuan(row.in_doubt.total))
    return table


def _per_mille(before: int, now: int) -> str:
    from hub.domain.period_life import per_mille

    change = per_mille(before, now)
    return "–" if change is None else str(change)


def _row(row: "PeriodRow") -> dict[str, Any]:
    return {
        "period": row.period, "state": row.state, "takes_postings": row.is_open,
        "finance_closed_at": row.finance_closed_at, "closed_at": row.closed_at,
        "next": None if row.next_step is None else _step(row.next_step),
    }  # fmt: skip


def _step(step: "ScheduledStep") -> dict[str, Any]:
    return {"step": step.step, "round": step.round or None, "bank": step.bank or None, "due_at": step.due_at}


def _page(page: "PeriodPage") -> dict[str, Any]:
    from hub.ledger.period_board import MEASURES

    return {
        **_row(page.row),
        "steps": [{**_step(step), "done_at": done} for step, done in page.steps],
        "open": {
            "batches": [each._asdict() for each in page.batches],
            "quarantined": [{"id": each.id, "bank": each.bank, "file": each.name} for each in page.quarantined],
            "work_items": dict(page.work_items),
        },
        "unit": "fen",
        "totals": {name: measure.as_json() for name, measure in zip(MEASURES, page.totals, strict=True)},
    }


def _shown(page: "PeriodPage") -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from hub.domain.excerpts import visible
    from hub.ledger.period_board import MEASURES

    row = page.row
    booked = ", takes postings" if row.is_open else ""
    table = Table("step", "round", "bank", "due", "done")
    for step, done in page.steps:
        table.add_row(step.step.value, str(step.round or ""), step.bank, _time(step.due_at), _time(done))
    lines = [
        f"{name:<8} {measure.count:>9,}  {_yuan(measure.total):>20} yuan"
        for name, measure in _named(MEASURES, page.totals)
    ]
    lines += [f"{each.file} ({each.lines} lines, round {each.round}): {each.state.lower()}" for each in page.batches]
    lines += [
        f"{visible(each.name)} waits in quarantine: hub bank quarantine show {each.id}" for each in page.quarantined
    ]
    lines += [f"{count} open work items: {queue}" for queue, count in page.work_items.items()]
    return Group(Text(f"{row.period}: {row.state.value}{booked}", style="bold"), table, Text("\n".join(lines)))


def _named(names: Sequence[str], measures: "Sequence[Measure]") -> "zip[tuple[str, Measure]]":
    return zip(names, measures, strict=True)


def _said(step: "ScheduledStep | None") -> str:
    if step is None:
        return ""
    when = "beyond the calendar" if step.due_at is None else _time(step.due_at)
    return f"{step.step.value} {step.round or ''} {step.bank}".strip() + f", {when}"


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _yuan(fen: int) -> str:
    from hub.domain.money import yuan

    return yuan(fen)


def _refuse(context: output.Context, message: str, advice: str) -> int:
    output.emit(context, {"error": message, "advice": advice}, f"{message}: {advice}")
    return output.REFUSED
