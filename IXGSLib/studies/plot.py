"""Curves with confidence intervals as SVG, in the look of the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from .statistics import Mean

WIDTH, HEIGHT = 560.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 14.0, 16.0, 46.0
COLOURS = ("#2f86c1", "#d9822b", "#2e9e6b", "#b5529c", "#7b8794", "#a8942a", "#c0504d", "#5c6bc0")
"""Colours that can be told apart on white and on black."""


@dataclass(frozen=True)
class Line:
    """A curve: the places of its points along the axis, their means, and its name."""

    name: str
    places: Sequence[float]
    means: Sequence[Mean]


@dataclass(frozen=True)
class Axis:
    """The horizontal axis: its title, and each tick with its place and text."""

    title: str
    ticks: Sequence[tuple[float, str]]


def plot(lines: Sequence[Line], axis: Axis, title: str, knees: Sequence[float | None] = ()) -> str:
    """An SVG of curves with their intervals; knees: for each curve the place to mark, if any."""
    frame = _Frame.around(lines, axis)
    parts = [frame.grid(axis)]
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        spread = (number - (len(lines) - 1) / 2) * 3  # so that intervals at one place do not hide each other
        parts.append(_curve(frame, line, colour, spread))
        if number < len(knees) and knees[number] is not None:
            parts.append(_knee(frame, line, knees[number], colour, spread))  # type: ignore[arg-type]
    parts += _titles(axis, title)
    label = escape(f"{title} against {axis.title}")
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def legend(names: Sequence[str]) -> str:
    """The names of the curves beside their colours."""
    items = "".join(
        f'<span style="margin-right:16px;white-space:nowrap"><span class="swatch" style="background:'
        f'{COLOURS[number % len(COLOURS)]}"></span> {escape(name)}</span>'
        for number, name in enumerate(names)
    )
    return f'<p class="soft" style="max-width:none">{items}</p>' if any(names) else ""


@dataclass(frozen=True)
class _Frame:
    low: tuple[float, float]
    high: tuple[float, float]
    steps: tuple[float, ...]

    @classmethod
    def around(cls, lines: Sequence[Line], axis: Axis) -> _Frame:
        ends = [v for line in lines for m in line.means for v in (m.mean, m.low, m.high) if np.isfinite(v)]
        low, high = min(ends), max(ends)
        pad = max((high - low) * 0.08, abs(high) * 1e-3, 1e-6)
        steps = _ticks(low - pad, high + pad)
        places = [place for place, _ in axis.ticks]
        side = max((max(places) - min(places)) * 0.06, 1e-3)
        bottom, top = min(low - pad, steps[0]), max(high + pad, steps[-1])
        return cls((min(places) - side, bottom), (max(places) + side, top), steps)

    def at(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.low[0]) / (self.high[0] - self.low[0])
        up = (y - self.low[1]) / (self.high[1] - self.low[1])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)

    def grid(self, axis: Axis) -> str:
        parts = []
        for value in self.steps:
            _, y = self.at(self.low[0], value)
            parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
            parts.append(
                f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end" font-size="11.5">{_number(value)}</text>'
            )
        for place, text in axis.ticks:
            x, _ = self.at(place, self.low[1])
            parts.append(
                f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle" font-size="11.5">{escape(text)}'
                "</text>"
            )
        return "".join(parts)


def _curve(frame: _Frame, line: Line, colour: str, spread: float) -> str:
    points = [frame.at(place, mean.mean) for place, mean in zip(line.places, line.means, strict=True)]
    path = " ".join(f"{x + spread:.1f},{y:.1f}" for x, y in points)
    parts = [f'<polyline points="{path}" style="fill:none;stroke:{colour};stroke-width:2"/>']
    for (x, y), place, mean in zip(points, line.places, line.means, strict=True):
        if mean.has_interval:
            (_, low), (_, high) = frame.at(place, mean.low), frame.at(place, mean.high)
            parts.append(
                f'<line x1="{x + spread:.1f}" y1="{low:.1f}" x2="{x + spread:.1f}" y2="{high:.1f}" '
                f'style="stroke:{colour};stroke-width:1.6"/>'
            )
        words = escape(f"{line.name}: {_number(mean.mean)}".removeprefix(": "))
        parts.append(
            f'<circle cx="{x + spread:.1f}" cy="{y:.1f}" r="3.4" style="fill:{colour};stroke:{colour}">'
            f"<title>{words}</title></circle>"
        )
    return "".join(parts)


def _knee(frame: _Frame, line: Line, place: float, colour: str, spread: float) -> str:
    """A ring around the knee of a curve."""
    mean = line.means[list(line.places).index(place)]
    x, y = frame.at(place, mean.mean)
    return f'<circle cx="{x + spread:.1f}" cy="{y:.1f}" r="8" style="fill:none;stroke:{colour};stroke-width:1.6"/>'


def _titles(axis: Axis, title: str) -> list[str]:
    middle = TOP + (HEIGHT - TOP - BOTTOM) / 2
    return [
        f'<text x="{LEFT + (WIDTH - LEFT - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle" font-size="12">'
        f"{escape(axis.title)}</text>",
        f'<text x="13" y="{middle}" text-anchor="middle" font-size="12" transform="rotate(-90 13 {middle})">'
        f"{escape(title)}</text>",
    ]


def _ticks(low: float, high: float) -> tuple[float, ...]:
    """Four to eight round numbers from `low` to `high`."""
    rough = (high - low) / 5
    power = 10 ** np.floor(np.log10(rough))
    step = float(power * min((1, 2, 2.5, 5, 10), key=lambda factor: abs(factor * power - rough)))
    first = np.ceil(low / step)
    return tuple(float(n * step) for n in np.arange(first, np.floor(high / step) + 1))


def _number(value: float) -> str:
    return f"{value:.4g}".replace("-", "−")
