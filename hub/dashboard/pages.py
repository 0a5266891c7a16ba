"""Renders the page, and the same page in parts for the live stream. Everything that comes from outside is escaped."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hub.dashboard import numerals
from hub.dashboard.flow import Flow
from hub.dashboard.texts import UNITS, Language, Words
from hub.dashboard.views import Board
from hub.domain.funds import STATUTORY_ORDER
from hub.domain.periods import Period
from hub.domain.timetable import TZ
from topics import Topic

ROOM: Final = Path(__file__).parent
STATIC: Final = ROOM / "static"
PARTS: Final = (
    "notice", "header", "timeline", "figures", "banks", "agencies", "funds", "files", "flow", "work", "feed",
)  # fmt: skip
"""The parts of the page, each a template of its own and an element ``part-<name>``."""


class Party(NamedTuple):
    """An agency or a bank as it is shown."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class View:
    """What one reader asked for: a period (None: the one being collected) and a language."""

    period: Period | None
    language: Language

    def link(self, period: Period | None, language: Language) -> str:
        """The permalink of another view."""
        asked = ({} if period is None else {"period": str(period)}) | (
            {} if language is Language.CHINESE else {"lang": language.value}
        )
        return "/" + (f"?{urlencode(asked)}" if asked else "")


def _fingerprint() -> str:
    """Changes with the assets, so that a browser never mixes versions."""
    digest = hashlib.sha256()
    for each in sorted(STATIC.iterdir()):
        digest.update(each.read_bytes())
    return digest.hexdigest()[:12]


class Pages:
    """The templates with what they all need."""

    @staticmethod
    def names() -> tuple[str, ...]:
        """Every part there is."""
        return PARTS

    def __init__(self, agencies: Mapping[str, str], banks: Mapping[str, str], topics: tuple[Topic, ...]) -> None:
        self._templates = Environment(
            loader=FileSystemLoader(ROOM / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(
            n=numerals,
            funds=STATUTORY_ORDER,
            topics=topics,
            agency_names=agencies,
            bank_names=banks,
            fingerprint=_fingerprint(),
            clock_of=_clock_of,
        )

    def parts(self, view: View, board: Board | None, flow: Flow, trouble: str = "") -> dict[str, str]:
        """Every part of the page that can be told; without a board only the notice and the flow."""
        known = {"w": Words(view.language), "view": view, "board": board, "flow": flow, "trouble": trouble}
        known |= {"units": UNITS[view.language], "languages": Language}
        told = PARTS if board is not None else ("notice", "flow") if trouble != "books.unopened" else ("notice",)
        return {name: self._templates.get_template(f"{name}.html").render(known) for name in told}

    def page(self, view: View, parts: Mapping[str, str]) -> str:
        """The whole page; parts that cannot be told yet are empty and come by the stream."""
        shown = {name: Markup(parts.get(name, "")) for name in PARTS}  # noqa: S704  (rendered and escaped above)
        return self._templates.get_template("page.html").render(w=Words(view.language), view=view, parts=shown)


def _clock_of(at: datetime | None) -> str:
    """The hour on the wall of something that passed, in Beijing."""
    return "" if at is None else at.replace(tzinfo=at.tzinfo or UTC).astimezone(TZ).strftime("%H:%M:%S")
