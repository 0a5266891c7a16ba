"""The block "why" under what was traced: a table of where the money is, and for each piece its rule, step and evidence."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType


def where(account: Mapping[str, Mapping[str, int]]) -> str:
    """A bill in a line: what is due, and where it is."""
    from hub.domain.explanations import Place
    from hub.domain.money import yuan

    def sum_of(held: Mapping[str, int]) -> int:
        return held["total"] if "total" in held else sum(held.values())

    parts = [f"{place} {yuan(sum_of(held))}" for place, held in account.items() if place != "due" and sum_of(held)]
    beyond = [part for part in parts if part.startswith(Place.SUSPENSE)]
    of_due = " + ".join(part for part in parts if part not in beyond)
    return f"why: due {yuan(sum_of(account['due']))} = {of_due or '0.00'}" + "".join(
        f" · beyond: {part}" for part in beyond
    )


def block(facts: Mapping[str, Any]) -> "Iterator[RenderableType]":
    """The explanations of a stop, for people; nothing where it has none."""
    from hub.domain.excerpts import visible

    pieces = facts.get("why", ())
    if not pieces:
        return
    yield _table(pieces, facts.get("account", {}).get("due"))
    for number, piece in enumerate(pieces, start=1):
        yield "\n".join(map(visible, _words(number, piece)))
    if (behind := facts.get("bills_behind")) is not None:
        yield "\n".join(map(visible, _behind(behind)))


def _table(pieces: Sequence[Mapping[str, Any]], due: Mapping[str, int] | None) -> "RenderableType":
    from rich.table import Table

    from hub.domain.money import yuan

    columns = list(pieces[0]["amounts"])
    table = Table(title="why", title_justify="left", show_footer=due is not None, highlight=False)
    table.add_column("", justify="right")
    table.add_column("where", footer="due" if due else "")
    for column in columns:
        table.add_column(column, justify="right", footer=yuan(due[column]) if due else "", no_wrap=True)
    table.add_column("rule", overflow="fold")
    for number, piece in enumerate(pieces, start=1):
        place = piece["place"] if "place" in piece else f"{piece['side']} {piece['account']}"
        if piece.get("part_of_due") is False:
            place = f"({place})"
        money = (yuan(piece["amounts"][column]) for column in columns)
        table.add_row(str(number), place, *money, f"{piece['rule']} v{piece['version']}")
    return table


def _words(number: int, piece: Mapping[str, Any]) -> Iterator[str]:
    """What a piece is, by which rule, step and evidence; a split fund by fund; the reasons of what is missing."""
    from hub.domain.money import yuan

    yield f"[{number}] {piece['zh']}"
    yield f"    {piece['en']}"
    yield f"    {_rule(piece)}"
    if "behind" in piece:
        yield f"    the bills behind it: {yuan(sum(_funds(piece['behind'])))}" + (
            "" if piece["agrees"] else "  DIFFERS"
        )
    if "processor" in piece:
        yield f"    {_step(piece)}"
        yield f"    {_evidence(piece['evidence'])}"
    for turn in piece.get("split", ()):
        short = f", short by {yuan(turn['short'])}" if turn["short"] else ""
        yield f"      {turn['fund']}: asked {yuan(turn['asked'])}, left {yuan(turn['left'])}, got {yuan(turn['got'])}{short}"
    for reason in piece.get("because", ()):
        yield f"      because: {reason['zh']} · {reason['en']} ({_rule(reason)})"


def _funds(amounts: Mapping[str, int]) -> list[int]:
    return [amount for name, amount in amounts.items() if name != "total"]


def _rule(said: Mapping[str, Any]) -> str:
    stands_on = [*said["articles"], *(["our reading"] if said["our_reading"] else [])]
    return f"{said['rule']} v{said['version']} from {said['in_force_from']}: {', '.join(stands_on)}"


def _step(piece: Mapping[str, Any]) -> str:
    words = [piece["processor"]]
    if piece["step"] is not None:
        words.append(piece["step"] + (f" of round {piece['round']}" if piece["round"] else ""))
    words += [piece["at"]] if piece["at"] else []
    words += [f"business day {piece['business_date']}"]
    words += [f"books of {piece['booking_period']}"] if piece["booking_period"] else []
    return " · ".join(words)


def _evidence(evidence: Mapping[str, Any]) -> str:
    words = [f"{name} {value}" for name, value in evidence.items() if name != "entries" and value is not None]
    words += [f"entry {entry}" for entry in evidence.get("entries", ())]
    return " · ".join(words)


def _behind(behind: Mapping[str, Any]) -> list[str]:
    from hub.domain.money import yuan

    lines = [f"bills behind it: {behind['count']}"]
    lines += [f"    {bill['bill']}  {yuan(sum(_funds(bill['amounts'])))}" for bill in behind["bills"]]
    more = behind["count"] - len(behind["bills"])
    return [*lines, f"    and {more} more"] if more else lines
