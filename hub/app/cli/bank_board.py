"""How ``hub bank list`` shows the board: for programs whole, for people on one screen of 100 columns."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from hub.domain.circuit import Circuit, CircuitState
from hub.domain.expected_files import Awaited, ExpectedFile
from hub.domain.lifecycle import DeliveryOutcome
from hub.ledger.bank_board import BankBoard, BankRow, LastRequest

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text


def as_document(board: BankBoard) -> dict[str, object]:
    """The board for programs; what does not apply is null."""
    return {"clock": board.now, "rows": [_as_row(row, board.now) for row in board.rows]}


def _as_row(row: BankRow, now: datetime) -> dict[str, object]:
    out, came, step, paused = row.last_out, row.last_in, row.next_step, row.paused
    return {
        "bank": row.bank,
        "profile": row.profile,
        "mode": "shadow" if row.in_shadow else "live",
        "circuit": circuit_as_json(row.circuit),
        "last_out": out and {"file": out.name, "at": out.at, "proven": out.proven, "outcome": out.outcome},
        "last_in": came and {"file": came.name, "at": came.at, "outcome": came.outcome},
        "next": step and {"period": str(step.period), "round": step.round, "step": step.step, "due_at": step.due_at},
        "awaited": [
            {
                "what": each.awaited, "period": each.period, "round": each.round, "batch_no": each.batch_no,
                "file": each.file_name, "since": each.since, "due_at": each.due_at, "state": each.timeliness(now),
            }
            for each in row.awaited
        ],
        "work_items": {"open": sum(row.work_items.values()), "queues": dict(row.work_items)},
        "paused": paused and {"since": paused.since, "why": paused.why},
    }  # fmt: skip


def circuit_as_json(circuit: Circuit) -> dict[str, object]:
    """A bank's circuit breaker; ``until`` is wall clock, null while it is closed."""
    return {
        "state": circuit.state, "failures": circuit.failures, "until": circuit.until, "why": circuit.why or None,
    }  # fmt: skip


def as_table(board: BankBoard) -> "RenderableType":
    """A bank in three lines or four; whatever a bank has named or said stands there as plain text."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    if not board.rows:
        return Text("no bank in hub.toml")
    title = f"Banks, {board.now:%Y-%m-%d %H:%M}"
    table = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("bank", "last file out, last file in", "next", "awaited", "open"):
        table.add_column(name, overflow="fold", justify="right" if name == "open" else "left")
    for row in board.rows:
        cells = (_bank(row), _files(row), _next(row), _awaited(row.awaited, board.now))
        opened = sum(row.work_items.values())
        table.add_row(*(Text("\n".join(lines)) for lines in cells), Text(str(opened or "")))
    return Group(table, *_pauses(board))


def _bank(row: BankRow) -> Iterator[str]:
    yield row.bank
    yield row.profile
    if row.in_shadow:
        yield "in shadow"
    if row.circuit.state is not CircuitState.CLOSED:
        yield f"circuit {row.circuit.state}"


def _files(row: BankRow) -> Iterator[str]:
    out, came = row.last_out, row.last_in
    if out is not None:
        yield f"→ {_printable(out.name)}"
        yield " ".join(filter(None, (" ", _time(out.at), "proven" if out.proven else _not_proven(out))))
    if came is not None:
        yield f"← {_printable(came.name)}"
        yield f"  {_time(came.at)} {came.outcome}"


def _not_proven(out: LastRequest) -> str:
    return "outcome unknown" if out.outcome is DeliveryOutcome.UNKNOWN else "not proven"


def _next(row: BankRow) -> Iterator[str]:
    step = row.next_step
    if step is not None:
        yield f"{step.step.value} {step.round or ''}".rstrip()
        yield _time(step.due_at)


def _awaited(files: Sequence[ExpectedFile], now: datetime) -> Iterator[str]:
    """How many files are awaited, since when and until when the one that is due first is."""
    for what in Awaited:
        of_kind = [each for each in files if each.awaited is what]
        if not of_kind:
            continue
        overdue = sum(each.is_overdue(now) for each in of_kind)
        yield f"{what.value}{'' if len(of_kind) == 1 else f' × {len(of_kind)}'}" + (
            f", {overdue} overdue" if overdue else ""
        )
        first = of_kind[0]  # the oldest
        yield f"since {_time(first.since)}"
        if first.due_at is not None:
            yield f"due   {_time(first.due_at)}"


def _pauses(board: BankBoard) -> "Iterator[Text]":
    from rich.text import Text

    for row in board.rows:
        if row.paused is not None:
            since = "" if row.paused.since is None else f" since {_time(row.paused.since)}"
            yield Text(f"{row.bank}: deliveries do not get through{since}: {_printable(row.paused.why)}")
        if row.circuit.until is not None:
            until = f"{row.circuit.until:%H:%M:%S}"
            yield Text(
                f"{row.bank}: circuit {row.circuit.state} until {until}, {row.circuit.failures} failures:"
                f" {_printable(row.circuit.why)}"
            )


def _printable(said: str) -> str:
    """What the other side has said, without anything that a terminal obeys."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in said)


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%m-%d %H:%M}"
