"""Outlines of vertebrae over a picture of an X-ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import qt

WIDTH, CHOSEN_WIDTH = 1.3, 2.6
"""Width of a line, and of that of the chosen vertebra, screen pixels."""
LABEL_GAP = 4


@dataclass(frozen=True, eq=False)
class Outline:
    """The outline of a vertebra: lines (n, 2) in pixels of the picture, solid where verified and bold where chosen."""

    name: str
    lines: Sequence[np.ndarray]
    color: str
    verified: bool
    chosen: bool


def draw_outlines(picture: Any, scale: float, outlines: Sequence[Outline]) -> None:
    """Draw outlines with their names on a QPixmap; scale: its pixels for each of the picture that they are of."""
    painter = qt.QPainter(picture)
    painter.setRenderHint(qt.QPainter.Antialiasing)
    for outline in sorted(outlines, key=lambda each: each.chosen):
        lines = [(line + 0.5) * scale for line in outline.lines if len(line)]  # Qt counts from the edge of a pixel
        style = qt.Qt.SolidLine if outline.verified else qt.Qt.DotLine
        pen = qt.QPen(qt.QColor(outline.color), CHOSEN_WIDTH if outline.chosen else WIDTH, style)
        painter.setPen(pen)
        for line in lines:
            painter.drawPath(_path(line))
        if lines:
            _draw_name(painter, outline, max(lines, key=len), (picture.width(), picture.height()))
    painter.end()


def _path(line: np.ndarray) -> Any:
    path = qt.QPainterPath()
    path.moveTo(float(line[0, 0]), float(line[0, 1]))
    for x, y in line[1:].tolist():
        path.lineTo(x, y)
    return path


def _draw_name(painter: Any, outline: Outline, line: np.ndarray, size: tuple[int, int]) -> None:
    """Write the name of a vertebra to the right of its outline, inside the picture."""
    metrics = painter.fontMetrics()
    width, height = metrics.boundingRect(outline.name).width(), metrics.height()
    x, y = line[line[:, 0].argmax()]
    x = min(float(x) + LABEL_GAP, size[0] - width - 2.0)
    y = min(max(float(y), height), size[1] - 2.0)
    for shift, ink in ((1, qt.QColor(0, 0, 0)), (0, qt.QColor(outline.color))):  # a shadow, to be read on bright bone
        painter.setPen(ink)
        painter.drawText(qt.QPointF(x + shift, y + shift), outline.name)
