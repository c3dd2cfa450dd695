"""Plots of a reader study as SVG, in the look of the reports."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from .resampling import Estimate

ROW, LEFT, WIDTH, AXIS = 24.0, 190.0, 560.0, 34.0
"""Height of a row, width of the names, width and height of the axis in the plot of intervals."""
SIZE, EDGE = 300.0, 44.0
"""Side of a scatter plot and the width of its axes."""
TICKS = (-1.0, -0.5, 0.0, 0.5, 1.0)


def intervals(names: Sequence[str], estimates: Sequence[Estimate], title: str) -> str:
    """Correlations from -1 to 1 with their intervals, one row each."""
    height = AXIS + ROW * len(names) + 10

    def at(value: float) -> float:
        return LEFT + (np.clip(value, -1, 1) + 1) / 2 * (WIDTH - LEFT - 20)

    parts = [
        f'<line x1="{at(tick):.1f}" y1="10" x2="{at(tick):.1f}" y2="{height - AXIS:.1f}"/>'
        f'<text x="{at(tick):.1f}" y="{height - AXIS + 16:.1f}" text-anchor="middle" font-size="12">{tick:g}</text>'
        for tick in TICKS
    ]
    for row, (name, estimate) in enumerate(zip(names, estimates, strict=True)):
        y = 10 + ROW * (row + 0.5)
        parts.append(
            f'<text x="{LEFT - 10:.1f}" y="{y + 4:.1f}" text-anchor="end" font-size="12.5">{escape(name)}</text>'
        )
        if np.isfinite([estimate.low, estimate.high]).all():
            ends = f'x1="{at(estimate.low):.1f}" x2="{at(estimate.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"'
            parts.append(f'<line {ends} style="stroke: var(--accent); stroke-width: 2"/>')
        parts.append(f'<circle cx="{at(estimate.value):.1f}" cy="{y:.1f}" r="4"/>')
    parts.append(
        f'<text x="{at(0):.1f}" y="{height - 3:.1f}" text-anchor="middle" font-size="12.5">{escape(title)}</text>'
    )
    return _svg((WIDTH, height), title, parts)


def scatter(x: Sequence[float], y: Sequence[float], axis: str, title: str) -> str:
    """Mean ratings, 1 to 5, against a metric, one point for each run."""
    low, high = float(np.min(x)), float(np.max(x))
    span = high - low or 1.0

    def place(value: float, rating: float) -> tuple[float, float]:
        across = EDGE + (value - low) / span * (SIZE - EDGE - 16)
        return across, 12 + (5 - rating) / 4 * (SIZE - EDGE - 16)

    parts = []
    for rating in range(1, 6):
        height = place(low, rating)[1]
        parts.append(f'<line x1="{EDGE}" x2="{SIZE - 8}" y1="{height:.1f}" y2="{height:.1f}"/>')
        parts.append(f'<text x="{EDGE - 8}" y="{height + 4:.1f}" text-anchor="end" font-size="12">{rating}</text>')
    for value, anchor in ((low, "start"), (high, "end")):
        spot = f'x="{place(value, 1)[0]:.1f}" y="{SIZE - EDGE + 12:.1f}"'
        parts.append(f'<text {spot} text-anchor="{anchor}" font-size="12">{value:.3g}</text>')
    parts += [
        f'<circle cx="{place(a, b)[0]:.1f}" cy="{place(a, b)[1]:.1f}" r="3.5"/>' for a, b in zip(x, y, strict=True)
    ]
    parts.append(f'<text x="{SIZE / 2:.1f}" y="{SIZE - 8}" text-anchor="middle" font-size="12.5">{escape(axis)}</text>')
    return _svg((SIZE, SIZE), title, parts)


def _svg(size: tuple[float, float], label: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {size[0]:.0f} {size[1]:.0f}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
