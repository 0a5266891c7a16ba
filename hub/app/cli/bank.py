"""``hub bank``: the board of the banks, fetch results now, try a connection, pin a host key by two people (contract section 6);
check an answer without a hub.

The quarantine bench has a file of its own.
"""

import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from hub.app.cli import delivery, output, quarantine, shadow
from hub.domain.signatures import Scheme

if TYPE_CHECKING:
    from hub.app.bank_trust import PinAnswer, Standing
    from hub.app.wiring import Hub

FAULTS_SHOWN: Final = 200
"""More are not read on a screen."""

app = typer.Typer(no_args_is_help=True, help="The banks' door.")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(shadow.app, name="shadow")
app.command("delivery")(delivery.delivery)


@app.command()
def poll(
    ctx: typer.Context,
    bank: str | None = typer.Argument(None, metavar="[BANK]", help="One bank; else every bank."),
    every: float | None = typer.Option(
        None, "--every", min=0.1, metavar="SECONDS", help="Only fetch and check, over and over, until interrupted."
    ),
) -> int:
    """Send what is ready, fetch and check what is there; results whose posting hour has passed are posted at once."""
    from contextlib import closing

    from hub.app import bank_door, schedule
    from hub.domain.errors import HubError

    context = output.of(ctx)
    hub = context.hub
    codes = [hub.bank(bank).code] if bank is not None else list(hub.parties.banks)
    if every is not None:
        return _over_and_over(hub, codes, every)
    files: list[bank_door.Polled] = []
    unread: list[dict[str, str]] = []
    for code in codes:
        with context.working(f"Reading {code}"), closing(hub.door(code)) as door:
            try:
                bank_door.deliver(hub, code, door)
                files += bank_door.poll(hub, code, door)
            except HubError as failure:
                unread.append({"bank": code, "error": str(failure), "advice": failure.advice})
                context.say(f"{code}: {failure} {failure.advice}")
    if any(file.outcome == "taken" for file in files):
        try:  # what the files held is told in any case; posting goes on by itself, or with the next hub up
            schedule.require_running(hub)
            schedule.drain(hub)
        except HubError as failure:
            context.say(f"{failure} {failure.advice}")
    document: dict[str, object] = {"files": [{"file": file.file, "outcome": file.outcome} for file in files]}
    if unread:
        document["unread"] = unread
    output.emit(context, document, "\n".join(f"{file.file}  {file.outcome}" for file in files) or "nothing new")
    return output.FAILED if unread else output.DONE


@app.command("list")
def list_banks(ctx: typer.Context) -> None:
    """The board: what went to each bank and came from it last, what is due next, what is awaited, what is stuck."""
    from hub.app.cli.bank_board import as_document, as_table
    from hub.ledger import bank_board
    from hub.ledger.database import ROLE_READ

    context = output.of(ctx)
    banks = {bank.code: bank.profile for bank in context.settings.banks}
    in_shadow = {bank.code for bank in context.settings.banks if bank.shadow}
    engine = context.engine(ROLE_READ)
    try:
        board = bank_board.read(engine, banks, in_shadow)
    finally:
        engine.dispose()
    output.emit(context, as_document(board), None if context.json else as_table(board))


def _over_and_over(hub: "Hub", codes: list[str], every: float) -> int:
    import asyncio

    from hub.app.connector import visit_banks
    from hub.runtime.shutdown import stop_on_signals

    async def visits() -> None:
        await visit_banks(hub, codes, every, stop_on_signals())

    asyncio.run(visits())
    return output.DONE


@app.command()
def check(ctx: typer.Context, bank: str = typer.Argument(metavar="BANK")) -> int:
    """Try a bank's connection and show the host key met, the pins, its directories and how its clock differs."""
    from contextlib import closing
    from dataclasses import asdict

    from connectors.bank.failures import HostKeyRefusedError

    context = output.of(ctx)
    hub = context.hub
    standing = hub.trust(bank).look_without_books()
    told = {"day": standing.day, **_pins_as_json(standing)}
    try:
        with context.working(f"Trying {bank}"), closing(hub.door(bank)) as door:
            report = door.check()
    except HostKeyRefusedError as refusal:
        document = {"bank": bank, "ok": False, "host_keys_shown": list(refusal.shown), **told}
        said = f"{bank} is not trusted\n{_pins_as_text(standing)}\n{refusal}\n{refusal.advice}"
        output.emit(context, {**document, "error": str(refusal), "advice": refusal.advice}, said)
        return output.FAILED
    directories = "\n".join(f"  {role:9} {path}" for role, path in report.directories.items())
    differs = report.clock_difference_seconds
    clock = "cannot be told" if differs is None else f"{differs:+d} s"
    output.emit(
        context,
        {"bank": bank, "ok": True, **asdict(report), **told},
        f"{bank} is reached\n  host key  {report.host_key}\n{directories}\n  clock     {clock}\n{_pins_as_text(standing)}",
    )
    return output.DONE


def _pins_as_json(standing: "Standing") -> dict[str, object]:
    from hub.domain.host_keys import warnings_of

    pins = [
        {"key": pin.key, "from": pin.first_day, "until": pin.last_day, "origin": pin.origin, "state": state}
        for pin, state in ((pin, pin.state_on(standing.day)) for pin in standing.pins)
    ]
    waiting = [
        {"key": each.pin.key, "from": each.pin.first_day, "until": each.pin.last_day, "proposed_by": each.proposed_by}
        for each in standing.waiting
    ]
    return {"pins": pins, "waiting": waiting, "warnings": warnings_of(standing.pins, standing.day)}


def _pins_as_text(standing: "Standing") -> str:
    from hub.domain.host_keys import warnings_of

    lines = [
        f"  pin       {pin.key}  {_days(pin.first_day, pin.last_day)}{pin.state_on(standing.day)}, {pin.origin}"
        for pin in standing.pins
    ]
    lines += [
        f"  proposed  {each.pin.key}  {_days(each.pin.first_day, each.pin.last_day)}waits for approval"
        for each in standing.waiting
    ]
    if not standing.has_books:
        lines.append("  The hub does not run: approved pins were not looked up.")
    return "\n".join([*lines, *(f"  warning   {text}" for text in warnings_of(standing.pins, standing.day))])


def _days(first: date | None, last: date | None) -> str:
    return "".join([f"from {first} " if first else "", f"until {last} " if last else ""])


@app.command()
def pin(
    ctx: typer.Context,
    bank: str = typer.Argument(metavar="BANK"),
    key: str = typer.Argument(metavar="SHA256:…", help="The fingerprint as `ssh-keygen -lf` prints it."),
    first: datetime | None = typer.Option(None, "--from", formats=["%Y-%m-%d"], help="First day on which it counts."),
    last: datetime | None = typer.Option(None, "--until", formats=["%Y-%m-%d"], help="Last day on which it counts."),
    by: str = typer.Option(..., "--by", metavar="NAME", help="Who proposes, or approves; two different people."),
    approves: bool = typer.Option(False, "--approve", help="Agree to what somebody else proposed."),
) -> int:
    """Pin a bank's host key beside those of hub.toml: one person proposes, another approves.

    The same key proposed again with other days replaces them once approved; that is how a pin is given an end.
    """
    from hub.app.bank_trust import approve, propose
    from hub.domain.host_keys import HostKeyPin, PinOrigin

    context = output.of(ctx)
    hub = context.hub
    wanted = HostKeyPin(
        key=key, first_day=first and first.date(), last_day=last and last.date(), origin=PinOrigin.APPROVED
    )
    decide = approve if approves else propose
    with hub.engine.begin() as conn:
        answer = decide(conn, hub.bank(bank), wanted, by)
    output.emit(context, answer.as_json(), _pin_answer(answer))
    if answer.faults:
        return output.REFUSED
    return output.DONE if answer.is_approved else output.WAITS_FOR_APPROVAL


def _pin_answer(answer: "PinAnswer") -> str:
    if answer.proposal is None or answer.faults:
        return "\n".join([f"{answer.bank}: not pinned", *(f"  {fault.message}" for fault in answer.faults)])
    proposal = answer.proposal
    key = f"{answer.bank}: {answer.key} {_days(proposal.pin.first_day, proposal.pin.last_day)}"
    if answer.is_approved:
        return f"{key}is pinned, proposed by {proposal.proposed_by}, approved by {proposal.approved_by}"
    days = [
        f"--{name} {day}" for name, day in (("from", proposal.pin.first_day), ("until", proposal.pin.last_day)) if day
    ]
    command = " ".join(["hub bank pin", answer.bank, answer.key, *days, "--approve --by NAME"])
    return f"{key}is proposed by {proposal.proposed_by}; somebody else approves it:\n  {command}"


@app.command()
def conformance(
    ctx: typer.Context,
    request: Path = typer.Argument(callback=output.plain_file, help="The request file as the hub sent it."),
    response: Path = typer.Argument(callback=output.plain_file, help="The answer, its .ok beside it."),
    profile: str = typer.Option(..., "--profile", help="The profile that both are written in."),
    verify_keys: list[Path] = typer.Option(
        [],
        "--verify-key",
        metavar="FILE",
        callback=output.plain_files,
        help="A public key of the bank: the answer's .sig beside it is checked, too.",
    ),
    scheme: Scheme = typer.Option(Scheme.ED25519, "--scheme", help="How the answer is signed."),
) -> int:
    """Check a bank's answer against its request, without a hub: every fault, in Chinese and English."""
    from rich.text import Text

    from connectors.formats.grammar import shown
    from hub.app.conformance import examine, in_words, known_keys, profile_named

    context = output.of(ctx)
    form = profile_named(profile)
    faults = examine(form, request, response, known_keys(scheme, verify_keys))
    told = faults if context.json else faults[:FAULTS_SHOWN]
    words = [in_words(form, fault) for fault in told]
    document = {
        "accepted": not faults,
        "file": response.name,
        "faults": [
            {**fault.as_json(), "chinese": chinese, "english": english}
            for fault, (chinese, english) in zip(told, words, strict=True)
        ],
    }
    lines = [f"{chinese}\n  {english}" for chinese, english in words]
    if len(faults) > len(told):
        more = len(faults) - len(told)
        lines.append(f"另有 {more} 处，--json 列出全部\n  and {more} more; --json lists every one")
    verdict = f"{shown(response.name)}: {f'{len(faults)} 处不符 faults' if faults else '符合 conforms'}"
    # As text: what a bank wrote may look like markup of the screen.
    output.emit(context, document, Text("\n".join([verdict, *lines])))
    return output.REFUSED if faults else output.DONE


@app.command()
def sample(
    ctx: typer.Context,
    profile: str = typer.Option(..., "--profile", help="The profile to write in."),
    folder: Path = typer.Option(Path(), "--into", "-o", file_okay=False, help="Where the files go; else here."),
    answer: bool = typer.Option(False, "--answer", help="An answer with every outcome, too."),
    signing_key: Path | None = typer.Option(
        None, "--signing-key", metavar="FILE", help="A private key: the request gets its .sig, too."
    ),
    scheme: Scheme = typer.Option(Scheme.ED25519, "--scheme", help="How the request is signed."),
) -> int:
    """Write a request file with every kind of line, and its .ok, for a bank that builds its side."""
    from connectors.signatures import signer
    from hub.app import samples
    from hub.app.conformance import profile_named

    context = output.of(ctx)
    made = None if signing_key is None else signer(scheme, signing_key)
    written = samples.write(profile_named(profile), folder, made, answer=answer)
    says = [f"{number:3}  {line.says}" for number, line in enumerate(samples.LINES, start=1)]
    document: dict[str, object] = {**{what: str(path) for what, path in written.items()}}
    document["lines"] = [line.says for line in samples.LINES]
    output.emit(context, document, "\n".join([*map(str, written.values()), *says]))
    return output.DONE


class DocumentFormat(StrEnum):
    """How the document of a profile is written."""

    MD = "md"
    JSON = "json"


@app.command("profile")
def show_profile(
    ctx: typer.Context,
    profile: str = typer.Argument(metavar="PROFILE", help="The profile to describe."),
    form: DocumentFormat = typer.Option(DocumentFormat.MD, "--format", help="Markdown for people, JSON for programs."),
) -> int:
    """Describe a profile for the banks that use it: names, fields, codes, checks, examples, in Chinese and English."""
    from hub.app.bank_document import as_document, as_markdown
    from hub.app.conformance import profile_named

    context = output.of(ctx)
    told = profile_named(profile)
    if context.json or form is DocumentFormat.JSON:
        output.emit(context, as_document(told))
    else:
        sys.stdout.write(as_markdown(told))  # as it is: the screen would wrap its tables
    return output.DONE
