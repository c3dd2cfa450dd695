"""The gantry angles of views, in words and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from ..geometry import View
from ..geometry.rigid import Array
from ..geometry.trajectory import angles

WIDTH, HEIGHT, MARGIN = 560.0, 250.0, 42.0
"""Width, height and margin of the plot, in the units of its SVG."""
TICK = 30
"""Degrees between two grid lines of the plot."""


def gantry_text(view: View) -> str:
    """The angles as clinicians write them, such as 'LAO 35°, CRA 10°'."""
    orbital, angular = (round(angle) for angle in angles(view))
    return f"{'LAO' if orbital >= 0 else 'RAO'} {abs(orbital)}°, {'CRA' if angular >= 0 else 'CAU'} {abs(angular)}°"


def gantry_plot(views: Sequence[View], held_out: Sequence[str]) -> str:
    """An SVG of the gantry angles: orbital to the right, angular upwards; held-out views are hollow."""
    degrees = np.array([angles(view) for view in views])
    axes = _Axes(
        np.minimum(np.floor(degrees.min(axis=0) / TICK) * TICK, -TICK),
        np.maximum(np.ceil(degrees.max(axis=0) / TICK) * TICK, TICK),
    )
    circles = [_circle(view.id, axes.place(*at), view.id in held_out) for view, at in zip(views, degrees, strict=True)]
    titles = (
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle" font-size="11.5">RAO – LAO</text>'
        f'<text x="11" y="{HEIGHT / 2}" text-anchor="middle" font-size="11.5" '
        f'transform="rotate(-90 11 {HEIGHT / 2})">CAU – CRA</text>'
    )
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="Gantry angles">'
        f"{axes.vertical_lines()}{axes.horizontal_lines()}{''.join(circles)}{titles}</svg>"
    )


@dataclass(frozen=True, eq=False)
class _Axes:
    """The range of the plot: the lowest and the highest (orbital, angular) angle in degrees."""

    low: Array
    high: Array

    def place(self, orbital: float, angular: float) -> tuple[float, float]:
        """The point at which a pair of angles is drawn."""
        x, y = (np.array([orbital, angular]) - self.low) / (self.high - self.low)
        return MARGIN + x * (WIDTH - 1.5 * MARGIN), HEIGHT - MARGIN - y * (HEIGHT - 1.5 * MARGIN)

    def vertical_lines(self) -> str:
        wide = self.high[0] - self.low[0] > 8 * TICK
        parts = []
        for orbital in np.arange(self.low[0], self.high[0] + 1, 2 * TICK if wide else TICK):
            x, y = self.place(orbital, self.low[1])
            top = self.place(orbital, self.high[1])[1]
            parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{x:.1f}" y2="{top:.1f}"/>')
            parts.append(
                f'<text x="{x:.1f}" y="{y + 15:.1f}" text-anchor="middle" font-size="11">{orbital:.0f}°</text>'
            )
        return "".join(parts)

    def horizontal_lines(self) -> str:
        parts = []
        for angular in np.arange(self.low[1], self.high[1] + 1, TICK):
            x, y = self.place(self.low[0], angular)
            right = self.place(self.high[0], angular)[0]
            parts.append(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{right:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text x="{x - 6:.1f}" y="{y + 4:.1f}" text-anchor="end" font-size="11">{angular:.0f}°</text>'
            )
        return "".join(parts)


def _tick_label(x: float, y: float, anchor: str, degrees: float) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11">{degrees:.0f}°</text>'


def _circle(id: str, at: tuple[float, float], held_out: bool) -> str:
    kind = ' class="held"' if held_out else ""
    return f'<circle{kind} cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4.5"><title>{escape(id)}</title></circle>'
