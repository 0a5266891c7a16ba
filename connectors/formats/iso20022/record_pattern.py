"""One expression for a whole record, which a good one passes in a single step.

It takes fewer texts than the reader of elements (``document``): no prefix, no attribute but the currency, no reference by
number. What it does not take, that reader judges; what it takes, that reader would take with the same texts. Every
repetition is possessive, so that no text takes more than linear time.
"""

import re
from typing import Final, NamedTuple
from xml.sax.saxutils import unescape

from connectors.formats.iso20022.elements import CURRENCY, Message, Place

_SPACE: Final = r"[ \t\r\n]*+"
_SIGNS: Final = "[^<>&\\x00-\\x1f\ufffe\uffff]*+"
_TEXT: Final = f"({_SIGNS}(?:&(?:amp|lt|gt|quot|apos);{_SIGNS})*+)"
_QUOTES: Final = {"&quot;": '"', "&apos;": "'"}


class Match(NamedTuple):
    """A record that passed: where it ends, its texts by path and how many elements it has."""

    end: int
    texts: dict[str, list[str]]
    elements: int


class RecordPattern:
    """The records of one message, where no default namespace but the message's holds."""

    def __init__(self, message: Message) -> None:
        self._leaves: list[Place] = []
        record = _record_of(message.root)
        assert record is not None, f"{message.name} has a {message.record}"
        self._match = re.compile(_SPACE + self._expression(record)).match

    def read(self, text: str, at: int) -> Match | None:
        """The record that stands at a place of the text, but for white space; None when there is a doubt."""
        found = self._match(text, at)
        if found is None:
            return None
        texts: dict[str, list[str]] = {}
        for place, each in zip(self._leaves, found.groups(), strict=True):
            if each is None:
                continue
            plain = unescape(each, _QUOTES) if "&" in each else each
            if place.fault(0, plain) is not None:
                return None
            texts.setdefault(place.path, []).append(plain)
        return Match(found.end(), texts, text.count("</", at, found.end()))

    def _expression(self, place: Place) -> str:
        if place.column is not None:
            self._leaves.append(place)
            currency = f' Ccy="{CURRENCY}"' if place.takes_money else ""
            return f"<{place.name}{currency}>{_TEXT}</{place.name}>"
        inner = ""
        for child in place.children.values():
            each = "".join(self._expression(child) + _SPACE for _ in range(child.most))
            inner += each if child in place.required else f"(?:{each})?+"
        return f"<{place.name}>{_SPACE}{inner}</{place.name}>"


def _record_of(place: Place) -> Place | None:
    """The record's place in a tree."""
    if place.is_record:
        return place
    return next((found for child in place.children.values() if (found := _record_of(child)) is not None), None)
