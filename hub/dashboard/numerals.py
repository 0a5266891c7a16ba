"""Numbers as people read them: yuan with separators, 万元, shares, counts, lengths of time. Integers throughout."""

from datetime import timedelta
from typing import Final

FEN_PER_WAN: Final = 1_000_000
FEN_PER_MILLION: Final = 100_000_000


def count(number: int) -> str:
    """``1234567`` is ``1,234,567``."""
    return f"{number:,}"


def yuan(fen: int) -> str:
    """``123456789`` fen are ``1,234,567.89`` yuan; a negative sum keeps its sign, with a real minus."""
    sign = "−" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def _in(unit: int, fen: int) -> str:
    """Two decimals of a larger unit, rounded half up."""
    hundredths = (abs(fen) * 200 + unit) // (2 * unit)
    return yuan(-hundredths if fen < 0 else hundredths)


def wan(fen: int) -> str:
    """Ten thousands of yuan (万元), two decimals."""
    return _in(FEN_PER_WAN, fen)


def million(fen: int) -> str:
    """Millions of yuan, two decimals."""
    return _in(FEN_PER_MILLION, fen)


def permille(part: int, whole: int) -> int:
    """Thousandths, rounded down, so that 1000 means all of it; 0 to 1000, and 0 of nothing."""
    return 0 if whole <= 0 else max(0, min(1000, part * 1000 // whole))


def percent(thousandths: int) -> str:
    """``987`` thousandths are ``98.7%``."""
    return f"{thousandths // 10}.{thousandths % 10}%"


def length(span: timedelta, units: tuple[str, str, str]) -> str:
    """The two largest parts of a length of time, e.g. ``2 天 3 时``; under a minute it is ``0`` of the last unit."""
    minutes = max(0, int(span.total_seconds()) // 60)
    parts = (minutes // 1440, minutes // 60 % 24, minutes % 60)
    shown = [f"{number} {unit}" for number, unit in zip(parts, units, strict=True) if number]
    return " ".join(shown[:2]) or f"0 {units[2]}"
