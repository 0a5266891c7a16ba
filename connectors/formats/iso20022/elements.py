"""What a message of ISO 20022 may hold: a tree of elements in the order of its schema, the leaves with a grammar each.

The trees of this profile are narrower than the schemas: an element that we would not read is refused rather than passed
over, since it could change the meaning of those that we do read.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from connectors.formats.grammar import Column
from hub.domain.faults import Fault

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:"
CURRENCY: Final = "CNY"

Grammar = Callable[[str], Column]
"""Makes the column of a leaf, named after the leaf's path."""


class Element(NamedTuple):
    """An element, once or ``most`` times: a group of others, or a leaf with the grammar of its text.

    ``money``: the leaf bears the attribute ``Ccy`` with our currency.
    """

    name: str
    children: tuple["Element", ...] = ()
    grammar: Grammar | None = None
    money: bool = False
    optional: bool = False
    most: int = 1


def group(name: str, *children: Element, optional: bool = False, most: int = 1) -> Element:
    return Element(name, children, optional=optional, most=most)


def nest(path: str, *children: Element) -> Element:
    """Groups of which each holds only the next, such as ``FinInstnId/Othr``."""
    first, _, rest = path.partition("/")
    return group(first, nest(rest, *children)) if rest else group(first, *children)


def leaf(name: str, grammar: Grammar, *, optional: bool = False) -> Element:
    return Element(name, grammar=grammar, optional=optional)


def money(name: str, grammar: Grammar) -> Element:
    return Element(name, grammar=grammar, money=True)


class Place:
    """An element where it stands: its path, by which faults name it, and what may stand in it, by qualified name."""

    __slots__ = (
        "_matches",
        "children",
        "column",
        "is_record",
        "most",
        "name",
        "order",
        "path",
        "required",
        "takes_money",
    )

    def __init__(self, element: Element, path: str, order: int, message: "Message") -> None:
        self.name, self.path, self.order, self.most = element.name, path, order, element.most
        self.takes_money = element.money
        self.is_record = element.name == message.record
        self.column = None if element.grammar is None else element.grammar(path)
        self._matches = re.compile("" if self.column is None else self.column.pattern, re.ASCII).fullmatch
        above = "" if element is message.element else f"{path}/"
        inner = [
            Place(child, child.name if child.name == message.record else f"{above}{child.name}", place, message)
            for place, child in enumerate(element.children)
        ]
        self.children: Mapping[str, Place] = {f"{message.namespace} {child.name}": child for child in inner}
        self.required = [
            place
            for place, child in zip(inner, element.children, strict=True)
            if not (child.optional or place.is_record)
        ]

    def fault(self, line: int, text: str) -> Fault | None:
        """What is wrong with the text of a leaf, or None: as ``Column.fault``, which is asked when there is a doubt."""
        column = self.column
        assert column is not None, f"{self.path} is a group"
        if self._matches(text) and (column.value is None or column.value(text) is not None):
            return None
        return column.fault(line, text)


class Message:
    """A kind of message: its name, such as ``pain.002.001.10``, the element that holds all of it, and its record.

    Paths begin below that element, those of the record's own elements at the record.
    """

    def __init__(self, name: str, element: Element, record: str) -> None:
        self.name = name
        self.namespace = NAMESPACE + name
        self.element = element
        self.record = record
        self.root = Place(group("Document", element), "Document", 0, self)
