"""How a command gets its settings and answers: tables for people, JSON for programs (contract section 6).

A command takes ``ctx: typer.Context`` and starts with ``context = output.of(ctx)``. What only commands with a database
need is imported when it is used, so that looking stays quick.
"""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import typer

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from sqlalchemy import Engine

    from hub.app.settings import Settings
    from hub.app.wiring import Hub

DONE: Final = 0
FAILED: Final = 1
REFUSED: Final = 2
WAITS_FOR_APPROVAL: Final = 3
WRONG_USAGE: Final = 64
INTERRUPTED: Final = 130


@dataclass
class Context:
    """What the global options said, and what follows from them."""

    config: Path | None = None
    json: bool = False

    @cached_property
    def settings(self) -> "Settings":
        """The checked configuration; ConfigurationError with every fault."""
        from hub.app.settings import load

        return load(self.config)

    @cached_property
    def database_url(self) -> str:
        """URL of the database's owner; NotRunningError when the embedded one is not up."""
        from hub.app.endpoints import database_url

        return database_url(self.settings)

    @cached_property
    def bootstrap_servers(self) -> str:
        """Where Kafka listens; NotRunningError when the embedded one is not up."""
        from hub.app.endpoints import bootstrap_servers

        return bootstrap_servers(self.settings)

    @cached_property
    def hub(self) -> "Hub":
        """The configured hub: engine, archive, bank doors, profiles."""
        import logging

        from hub.app import logs
        from hub.app.wiring import Hub
        from hub.runtime.work_log import keep_work_log

        logs.to_standard_error(logging.ERROR)
        keep_work_log(self.settings.home)
        return Hub(self.settings)

    def engine(self, role: str | None = "hub_app") -> "Engine":
        """An engine on the hub's database: ``hub_app`` for what posts, ``hub_read`` for what only looks."""
        from hub.ledger.database import engine

        return engine(self.database_url, role)

    @cached_property
    def screen(self) -> "Console":
        """Standard output for people. Rich keeps to NO_COLOR by itself; what files hold is never markup nor an emoji's name."""
        from rich.console import Console

        return Console(soft_wrap=False, markup=False, emoji=False)

    @cached_property
    def remarks(self) -> "Console":
        """Standard error: progress and hints, never part of an answer."""
        from rich.console import Console

        return Console(stderr=True, markup=False, emoji=False)

    def say(self, text: str, style: str | None = None) -> None:
        """A remark for a person who watches; nothing with ``--json``."""
        if not self.json:
            self.remarks.print(text, highlight=False, style=style)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Shows that something goes on while the block runs: a spinner on a terminal, nothing elsewhere."""
        if self.json or not self.remarks.is_terminal:
            yield
            return
        with self.remarks.status(text):
            yield


def of(ctx: typer.Context) -> Context:
    """The hub's context of a command."""
    found = ctx.find_root().obj
    assert isinstance(found, Context)
    return found


def plain_file(path: Path) -> Path:
    """A file to be read, as a callback of an argument; wrong usage for what is none: a pipe would be waited on for ever."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise typer.BadParameter(f"{str(path)!r} is no regular file")
        path.open("rb").close()
    except OSError as error:
        raise typer.BadParameter(f"{str(path)!r} cannot be read: {error.strerror}") from error
    return path


def plain_files(paths: list[Path]) -> list[Path]:
    """As ``plain_file``, for an argument or option that may be repeated."""
    return [plain_file(path) for path in paths]


def emit(context: Context, data: object, table: "RenderableType | None" = None) -> None:
    """The answer of a command: ``data`` as one JSON document with ``--json``, else ``table`` (or ``data``, if none)."""
    if context.json or table is None:
        sys.stdout.write(as_json(data) + "\n")
        sys.stdout.flush()
    else:
        context.screen.print(table)


def as_json(data: object) -> str:
    """JSON on one line, Chinese as it is. Money is whole fen; a float or an unknown type is a mistake of ours."""
    return json.dumps(data, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    if isinstance(value, (Path, UUID)):
        return str(value)
    if hasattr(value, "_asdict"):
        return value._asdict()
    raise TypeError(f"{type(value).__name__} has no place in an answer")
