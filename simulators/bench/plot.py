"""The plot of the record: bills a second and the ratio by size, as SVG.

python -m simulators.bench.plot tests/bench/results.jsonl tests/bench/growth.svg
"""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from simulators.bench.growth import newest, records

WIDTH: Final = 380
HEIGHT: Final = 240
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 36, 40
COLOURS: Final = ("#8a8f98", "#1f6feb", "#2da44e", "#bf8700")
_STYLE: Final = "font-family:sans-serif;font-size:11px;fill:#57606a"

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: what it shows of a record, and the highest value it must hold."""

    title: str
    measure: str
    top: float
    sizes: tuple[int, ...]

    def x(self, size: int) -> float:
        """Sizes stand on a logarithmic axis."""
        first, last = math.log10(self.sizes[0]), math.log10(self.sizes[-1])
        share = 0.5 if first == last else (math.log10(size) - first) / (last - first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)

    def drawn(self, series: Mapping[str, Sequence[Record]]) -> Iterator[str]:
        yield f'<text x="{LEFT}" y="18" style="{_STYLE};font-size:13px;fill:#24292f">{self.title}</text>'
        for step in range(5):
            value = self.top * step / 4
            y = self.y(value)
            yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>'
            yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" style="{_STYLE}">{value:,.6g}</text>'
        for size in self.sizes:
            x = self.x(size)
            yield f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle" style="{_STYLE}">{_short(size)}</text>'
        for colour, (label, found) in zip(COLOURS, series.items(), strict=False):
            points = [(self.x(one["units"]), self.y(one[self.measure])) for one in found]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            for (x, y), one in zip(points, found, strict=True):
                told = f"<title>{label}: {one[self.measure]}</title>"
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">{told}</circle>'


def _short(size: int) -> str:
    for unit, letter in ((1_000_000, "M"), (1000, "k")):
        if size >= unit:
            return f"{size / unit:g}{letter}"
    return str(size)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 8 or 10 times a power of ten, so that a quarter of it can be read."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-9)))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)


def plot(found: Sequence[Record]) -> str:
    """The whole picture, a line for each label."""
    labels = list(dict.fromkeys(one["label"] for one in found))
    series = {label: rows for label in labels if (rows := newest(found, label))}
    shown = [one for rows in series.values() for one in rows]
    if not shown:
        raise ValueError("nothing to plot: no run of a whole month is recorded")
    sizes = tuple(sorted({one["units"] for one in shown}))
    panels = [
        Panel(title, measure, _round_up(max(one[measure] for one in shown)), sizes)
        for title, measure in (
            ("bills a second, dues file → posted arrival", "bills_per_second"),
            ("ratio: wall / sum of floors", "ratio"),
        )
    ]
    parts = [
        f'<g transform="translate({place * WIDTH},0)">{"".join(panel.drawn(series))}</g>'
        for place, panel in enumerate(panels)
    ]
    for place, (colour, label) in enumerate(zip(COLOURS, series, strict=False)):
        x = LEFT + place * 110
        parts.append(f'<circle cx="{x}" cy="{HEIGHT - 8}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{x + 8}" y="{HEIGHT - 4}" style="{_STYLE}">{label}</text>')
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" viewBox="0 0 {2 * WIDTH} {HEIGHT}"'
    ground = f'<rect width="{2 * WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{ground}{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(plot(records(Path(sys.argv[1]))), encoding="utf-8")
