"""``hub trace ID``: the whole journey of a bill, instruction, receipt, file, batch, unit or entry (contract section 6), and why."""

from typing import TYPE_CHECKING, Any

import typer

from hub.app.cli import output, why

if TYPE_CHECKING:
    from rich.tree import Tree

    from hub.ledger.journey import Stop

app = typer.Typer()


@app.command()
def trace(
    ctx: typer.Context,
    name: str = typer.Argument(
        metavar="ID", help="Bill, instruction, receipt, batch or journal entry number, file name, or unit."
    ),
    fund: str = typer.Option(
        "", metavar="FUND", help="Explain this fund only: pension, unemployment, injury, maternity."
    ),
) -> int:
    """File bytes and line, topic and offset, journal entries: how it went; and why each fen is where it is."""
    from hub.domain.funds import FUND_NAMES, Fund
    from hub.ledger.database import ROLE_READ
    from hub.ledger.journey import Bytes, follow

    context = output.of(ctx)
    if fund and fund not in FUND_NAMES:
        raise typer.BadParameter(f"{fund!r} is no fund; one of {', '.join(FUND_NAMES)}", param_hint="--fund")
    formats = context.hub.formats
    files = Bytes(archive=context.hub.archive, agency_encoding="utf-8", bank_encoding="gb18030", format_of=formats.get)
    engine = context.engine(ROLE_READ)
    try:
        with engine.connect() as conn:
            found = follow(conn, name, files, Fund(fund) if fund else None) if _is_unicode(name) else ()
    finally:
        engine.dispose()
    if not found:
        message = f"the books know nothing of {name!r}"
        advice = (
            "An ID is a bill, instruction, receipt, batch or journal entry number, a file name (DUES_…, DK_…, HD_…), or a "
            "unit's 12 digits."
        )
        output.emit(context, {"error": message, "advice": advice}, f"{message}\n{advice}")
        return output.REFUSED
    for stop in found if not context.json else ():
        context.screen.print(as_tree(stop))
        for shown in why.block(stop.facts):
            context.screen.print(shown, highlight=False)
    if context.json:
        output.emit(context, {"id": name, "found": [stop.as_json() for stop in found]})
    return output.DONE


def _is_unicode(name: str) -> bool:
    """Whether these were characters: bytes of another encoding are handed on as surrogates, which no book can hold."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_tree(stop: "Stop") -> "Tree":
    """The journey as a tree for people; amounts in yuan."""
    from rich.text import Text
    from rich.tree import Tree

    from hub.domain.excerpts import visible

    def label(one: "Stop") -> Text:
        shown = Text.assemble((one.kind, "bold"), " ", visible(one.name))
        words = [f"{name} {words_of(name, value)}" for name, value in one.facts.items() if _is_short(name, value)]
        shown.append("  " + " · ".join(map(visible, words)), style="dim")
        for line in _lines(one.facts):
            shown.append("\n" + visible(line))
        return shown

    def grow(branch: Tree, one: "Stop") -> None:
        for following in one.then:
            grow(branch.add(label(following)), following)

    root = Tree(label(stop))
    grow(root, stop)
    return root


_LONG = ("text", "postings", "faults", "account", "why", "bills_behind")
_MONEY = ("amount", "total")


def _is_short(name: str, value: Any) -> bool:
    return name not in _LONG and value not in (None, "")


def words_of(name: str, value: Any) -> str:
    """A fact in words; amounts in yuan."""
    from hub.domain.money import yuan

    if isinstance(value, dict):
        parts = [f"{key} {part if key == 'count' else yuan(part)}" for key, part in value.items() if part]
        return f"({', '.join(parts)})"
    return yuan(value) if name in _MONEY else str(value)


def _lines(facts: Any) -> list[str]:
    """What deserves lines of its own: the file's line as it stands, postings, faults."""
    from hub.domain.money import yuan

    lines = [why.where(facts["account"])] if "account" in facts else []
    lines += [facts["text"]] if facts.get("text") else []
    lines += [
        f"{each['side']} {each['account']:<15} {each['fund']:<13} {yuan(each['amount_fen']):>18}"
        for each in facts.get("postings", ())
    ]
    return lines + [fault["message"] for fault in facts.get("faults", ())]
