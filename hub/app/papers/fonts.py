"""The letters of our papers: Noto Serif SC out of a pinned package, so that no paper depends on the fonts of its host.

What the font has no letter for, and what is no letter at all (a control or a mark that turns the direction of writing),
is printed as its number, 〔U+20BB7〕: a name on a paper may look odd, but never loses a character unseen.
"""

from collections.abc import Iterable
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

from hub.domain.errors import HubError

FAMILY: Final = "NotoSerifSC"
FONT_SHA256: Final = "e8f396decc1f0963a016a989c3d8852e863d1350996f573860a80767c83a1cd3"

_PACKAGE: Final = "pylopdf_fonts_zh_cn"
_WIDE_SPACE: Final = "\u3000"


class FontMissingError(HubError):
    """The font that papers are written with is not there, or is not the one that was pinned."""


def font_file() -> Path:
    """The file of the font; FontMissingError when its package is not installed."""
    try:
        folder = Path(str(files(_PACKAGE)))
    except ModuleNotFoundError as missing:
        raise FontMissingError(f"The package {_PACKAGE} is missing.", advice="Install it: make setup") from missing
    return folder / f"{FAMILY}-Regular.otf"


def check() -> str:
    """The font in a sentence; FontMissingError when it is missing or its bytes are others."""
    file = font_file()
    try:
        found = sha256(file.read_bytes()).hexdigest()
    except OSError as refused:
        raise FontMissingError(
            f"{file} cannot be read: {refused.strerror}.", advice="Install it: make setup"
        ) from refused
    if found != FONT_SHA256:
        raise FontMissingError(
            f"{file} is not the pinned font (SHA-256 {found}).", advice="Install it anew: make setup"
        )
    return f"{file.name}, as pinned"


class Letters:
    """The signs that a font can print, out of the code points it has glyphs for."""

    def __init__(self, code_points: Iterable[int]) -> None:
        signs = map(chr, code_points)
        self._signs = frozenset(sign for sign in signs if sign.isprintable() or sign == _WIDE_SPACE)

    def readable(self, text: str) -> str:
        """The text with every sign that cannot be printed as its number."""
        if self._signs.issuperset(text):
            return text
        return "".join(sign if sign in self._signs else f"〔U+{ord(sign):04X}〕" for sign in text)
