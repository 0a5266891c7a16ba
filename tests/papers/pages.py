"""A PDF read back as a person sees it: its text, where each piece of it stands, and its picture."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium

MM = 25.4 / 72


class Box(NamedTuple):
    """What stands in a rectangle, in millimetres from the upper left corner of the page."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box", by: float = 0.05) -> bool:
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return across > by and down > by


@dataclass(frozen=True, slots=True)
class Page:
    text: str
    pieces: tuple[Box, ...]
    lines: tuple[Box, ...]
    width: float
    height: float
    raw: Any

    def picture(self) -> Any:
        """Grey, 4 pixels a millimetre."""
        return self.raw.render(scale=4 * MM).to_pil().convert("L")

    def find(self, text: str) -> Box:
        (found,) = (piece for piece in self.pieces if piece.text == text)
        return found


@contextmanager
def read(content: bytes) -> Iterator[list[Page]]:
    """The pages of a document."""
    document = pypdfium2.PdfDocument(content)
    try:
        yield [_page(document[at]) for at in range(len(document))]
    finally:
        document.close()


def _page(page: Any) -> Page:
    height = page.get_height()
    text = page.get_textpage()
    pieces, lines = [], []
    for piece in page.get_objects():
        left, bottom, right, top = piece.get_bounds()
        words = text.get_text_bounded(left, bottom, right, top) if piece.type == pdfium.FPDF_PAGEOBJ_TEXT else ""
        box = Box(words.strip(), left * MM, (height - top) * MM, right * MM, (height - bottom) * MM)
        (pieces if piece.type == pdfium.FPDF_PAGEOBJ_TEXT else lines).append(box)
    return Page(text.get_text_range(), tuple(pieces), tuple(lines), page.get_width() * MM, height * MM, page)
