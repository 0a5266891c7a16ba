"""``hub bank shadow``: what became of a bank that runs in shadow, and two files laid side by side by hand."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from hub.app.cli import output
from hub.domain.errors import HubError
from hub.domain.excerpts import visible
from hub.domain.funds import FUND_NAMES
from hub.domain.money import Fen, print_yuan

if TYPE_CHECKING:
    from hub.app.wiring import Hub
    from hub.ledger.shadow import Finding

app = typer.Typer(no_args_is_help=True, help="Banks in shadow: nothing is booked or sent; report, compare.")
SHOWN: Final = 20
"""Differences of a file on the screen; ``--json`` lists up to a thousand."""
_BANK: Final = typer.Argument(metavar="BANK")


@app.command()
def report(
    ctx: typer.Context,
    bank: str = _BANK,
    period: str | None = typer.Option(None, metavar="YYYY-MM", help="Only this period."),
) -> int:
    """Every session of a bank in shadow: bills not asked for, our requests beside the other system's, each answer."""
    from hub.ledger import shadow
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    setting = context.settings.bank(bank)
    if setting is None:
        raise HubError(f"{bank} is not a bank of this hub.", advice="hub bank list names them.")
    engine = context.engine(ROLE_READ)
    try:
        with engine.connect() as conn:
            made = [*shadow.sessions(conn, bank, made=True), *shadow.sessions(conn, bank, made=False)]
            periods = [each for each in sorted({session.period for session in made}) if period in (None, each)]
            bills = {each: [one for one in shadow.not_asked(conn, each) if one.bank == bank] for each in periods}
            found = shadow.findings(conn, bank, period)
    finally:
        engine.dispose()
    document = {
        "bank": bank,
        "mode": "shadow" if setting.shadow else "live",
        "unit": "fen",
        "not_asked": [
            {"period": each, "bills": one.bills, "total": one.total} for each in periods for one in bills[each]
        ],
        "differences": sum(finding.differences for finding in found),
        "findings": [_as_json(finding) for finding in found],
    }
    lines = [f"{bank} is {'in shadow: nothing is booked or sent' if setting.shadow else 'live'}"]
    lines += [
        f"{each}: {one.bills} bills, {print_yuan(Fen(one.total))} yuan, are not asked for by this hub"
        for each in periods
        for one in bills[each]
    ]
    output.emit(context, document, "\n".join([*lines, *(line for each in found for line in _shown(each))]))
    return output.DONE


@app.command()
def compare(
    ctx: typer.Context,
    bank: str = _BANK,
    request: list[Path] = typer.Option(
        ..., "--request", callback=output.plain_files, help="A request as the other system sent it."
    ),
    response: list[Path] = typer.Option([], "--response", callback=output.plain_files, help="The bank's answer to it."),
) -> int:
    """Lay the other system's requests, and answers to them, beside what this hub would have sent. Exit code 2: they differ."""
    from hub.app.shadow import rehearsal, visit
    from hub.ledger.database import POLL_LOCK, session_lock

    context = output.of(ctx)
    hub = context.hub
    code = hub.bank(bank).code
    _require_shadow(hub, code)
    with context.working("Comparing"), session_lock(hub.engine, POLL_LOCK, code):
        rehearsal.make_requests(hub, code)
        found = [visit.take_request(hub, code, path) or _known(hub, code, path.name) for path in request]
        found = [*_last_of_each_session(found), *(visit.read_answer(hub, code, path) for path in response)]
    document = {
        "bank": code,
        "unit": "fen",
        "differences": sum(finding.differences for finding in found),
        "findings": [_as_json(finding) for finding in found],
    }
    output.emit(context, document, "\n".join(line for finding in found for line in _shown(finding)))
    return output.REFUSED if document["differences"] else output.DONE


def _require_shadow(hub: "Hub", code: str) -> None:
    if not hub.bank(code).shadow:
        raise HubError(
            f"{code} is live: its requests are sent, and nothing is to be compared.",
            advice=f"Set shadow = true in the [[banks]] of {code} in hub.toml, and restart the hub.",
        )


def _known(hub: "Hub", code: str, name: str) -> "Finding":
    """What was found about a request that was laid down before."""
    from hub.ledger import shadow
    from hub.ledger.shadow import Origin

    with hub.engine.connect() as conn:
        file = next(each for each in shadow.kept(conn, code, Origin.OTHER) if each.name == name)
        return next(
            each
            for each in shadow.findings(conn, code)
            if (each.file is not None and each.file.id == file.id)
            or (each.file is None and (each.period, each.round) == (file.period, file.round))
        )


def _last_of_each_session(found: Sequence["Finding"]) -> list["Finding"]:
    """Of several files of a session, the finding that knows them all."""
    last = {(each.period, each.round, None if each.file is None else each.file.name): each for each in found}
    return list(last.values())


def _as_json(finding: "Finding") -> dict[str, object]:
    return {
        "period": finding.period,
        "round": finding.round,
        "what": "requests" if finding.file is None else f"{finding.file.origin.value} file",
        "file": None if finding.file is None else finding.file.name,
        "found_at": finding.found_at,
        "differences": finding.differences,
        **finding.told,
    }


def _shown(finding: "Finding") -> Iterator[str]:
    told = finding.told
    session = "no session" if finding.period is None else f"{finding.period} round {finding.round}"
    what = "requests" if finding.file is None else visible(finding.file.name)
    verdict = "no difference" if not finding.differences else f"{finding.differences} differences"
    yield f"{session}, {what}: {verdict}"
    if "unreadable" in told:
        yield f"  cannot be read: {visible(told['unreadable'])}"
    for side, words in (("here", "this hub"), ("there", "the other system")):
        if side in told:
            yield f"  {words}: {told[side]['lines']} lines, {print_yuan(Fen(told[side]['total']))}"
    if "lines" in told:
        booked = told["would_be_booked"]
        money = "nothing would be booked" if booked is None else f"{print_yuan(Fen(booked['total']))} would be booked"
        yield f"  {told['in_full']} in full, {told['in_part']} in part, {told['nothing']} nothing; {money};"
        yield f"  held against {told['held_against']}"
    yield from _listed(told)


def _listed(told: Mapping[str, Any]) -> Iterator[str]:
    for each in told.get("listed", ())[:SHOWN]:
        place = each["here"] or each["there"]
        here, there = (_side(each["field"], each[side]) for side in ("expected", "found"))
        yield f"  unit {each['unit']}, {each['field']}: here {here}, there {there}"
        yield f"    {visible(place['file'])} line {place['line']}"
    for fault in told.get("faults", ())[:SHOWN]:
        yield f"  {visible(fault['message'])}"


def _side(field: str, said: str) -> str:
    """What one side has; sums of a line are fen in the books and yuan on the screen."""
    if not said:
        return "nothing"
    return print_yuan(Fen(int(said))) if field == "line" or field in FUND_NAMES else visible(said)
