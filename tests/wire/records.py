"""Any record that a schema allows: what the properties of the wire are held to."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

import schemas
from topics import BUNDLE_LINES

INT = st.integers(-(2**31), 2**31 - 1)
LONG = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=12)
VALUES: dict[str, st.SearchStrategy[Any]] = {"string": TEXT, "int": INT, "long": LONG, "boolean": st.booleans()}


def of_kind(kind: Any, lines: int) -> st.SearchStrategy[Any]:
    match kind:
        case {"type": "array", "items": items}:
            return st.lists(of_kind(items, lines), min_size=lines, max_size=lines)
        case {"logicalType": "date"}:
            return st.dates(date(1970, 1, 1), date(9999, 12, 31))
        case ["null", other]:
            return st.none() | of_kind(other, lines)
    return VALUES[kind]


@st.composite
def records(draw: st.DrawFn, name: str, most: int = 4) -> dict[str, Any]:
    """A record of this name, its columns equally long."""
    lines = draw(st.integers(0, min(most, BUNDLE_LINES)))
    return {field["name"]: draw(of_kind(field["type"], lines)) for field in schemas.load(name).source["fields"]}
