"""On which line of a TOML document each key stands. The library that reads TOML does not tell, and a fault must."""

import re
from typing import Final

Place = tuple[str | int, ...]
"""A key's way from the top: ``("banks", 0, "port")``."""

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_BLANK: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_INLINE_BLANK: Final = re.compile(r"[ \t]*")
_SCALAR: Final = re.compile(r"[^,\]}\n#]*")
_STRING: Final = re.compile(r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL)


def lines_of(document: str) -> dict[Place, int]:
    """Line numbers, from 1, of every table, key and array element. The document must be valid TOML."""
    return _Walk(document).through()


class _Walk:
    """One pass over a document that is known to be valid, so it only has to find its way, not to judge."""

    def __init__(self, document: str) -> None:
        self.text = document
        self.at = 0
        self.lines: dict[Place, int] = {}
        self.repeated: dict[Place, int] = {}  # [[tables]] → index of the last one

    def through(self) -> dict[Place, int]:
        table: Place = ()
        while self._skip(_BLANK) and self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.lines

    def _skip(self, pattern: "re.Pattern[str]") -> bool:
        found = pattern.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return True

    def _note(self, place: Place) -> None:
        self.lines.setdefault(place, self.text.count("\n", 0, self.at) + 1)

    def _header(self) -> Place:
        start, repeats = self.at, self.text.startswith("[[", self.at)
        self.at += 2 if repeats else 1
        keys = self._keys()
        place: Place = ()
        for n, key in enumerate(keys):
            place = (*place, key)
            if repeats and n == len(keys) - 1:
                self.repeated[place] = self.repeated.get(place, -1) + 1
            if place in self.repeated:
                place = (*place, self.repeated[place])
        after = self.text.index("]", self.at) + (2 if repeats else 1)
        self.at = start
        for length in range(1, len(place) + 1):
            self._note(place[:length])
        self.at = after
        return place

    def _pair(self, table: Place) -> None:
        start = self.at
        keys = self._keys()
        after, self.at = self.at, start
        place = table
        for key in keys:
            place = (*place, key)
            self._note(place)
        self.at = self.text.index("=", after) + 1
        self._value(place)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._skip(_INLINE_BLANK)
            quoted = self.text[self.at] in "\"'"
            found = (_STRING if quoted else _BARE).match(self.text, self.at)
            assert found is not None
            keys.append(found[0][1:-1] if quoted else found[0])
            self.at = found.end()
            self._skip(_INLINE_BLANK)
            if self.text[self.at] != ".":
                return keys
            self.at += 1

    def _value(self, place: Place) -> None:
        self._skip(_INLINE_BLANK)
        first = self.text[self.at]
        if first == "[":
            self._array(place)
        elif first == "{":
            self._inline_table(place)
        elif found := _STRING.match(self.text, self.at):
            self.at = found.end()
        else:
            self._skip(_SCALAR)

    def _array(self, place: Place) -> None:
        self.at += 1
        index = 0
        while self._skip(_BLANK) and self.text[self.at] != "]":
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._note((*place, index))
            self._value((*place, index))
            index += 1
        self.at += 1

    def _inline_table(self, place: Place) -> None:
        self.at += 1
        while self._skip(_BLANK) and self.text[self.at] != "}":
            if self.text[self.at] == ",":
                self.at += 1
            else:
                self._pair(place)
        self.at += 1
