"""Fiducials over a picture of an X-ray: circles where they were found, crosses where they should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import qt
from slicer.i18n import tr as _

from IXGSLib.formats.fiducial_findings import FiducialFinding, ViewRecord

from .outlines import Outline, draw_outlines

FOUND, EXPECTED, UNUSED = "#1fdd96", "#ff8000", "#ff2d55"
"""Colors of a found shadow, of an expected place, and of one whose fiducial was not found or not used."""
MIN_CIRCLE, MIN_CROSS = 5.0, 3.0
"""Smallest radius of a circle and smallest half of a cross, screen pixels."""
CIRCLE_RATIO = 2.0
"""Radius of a circle, relative to that of the shadow."""

MIN_LABELLED = 400
"""Longer side of a picture from which fiducials are labelled, screen pixels."""


def scaled_picture(
    path: Path, side: int, fiducials: Sequence[FiducialFinding] = (), outlines: Sequence[Outline] = ()
) -> Any:
    """A picture file as a QPixmap whose longer side has `side` pixels, with what is drawn over it.

    fiducials, outlines: in pixels of the file. Fiducials are labelled where the picture is large enough.
    """
    picture = qt.QPixmap(str(path))
    shown = picture.scaled(side, side, qt.Qt.KeepAspectRatio, qt.Qt.SmoothTransformation)
    if fiducials:
        across, down = shown.width() / picture.width(), shown.height() / picture.height()
        placed = [
            replace(one.resized((across, down)), label=one.label if side >= MIN_LABELLED else "") for one in fiducials
        ]
        painter = qt.QPainter(shown)
        painter.setRenderHint(qt.QPainter.Antialiasing)
        for one in placed:
            _draw(painter, one)
        painter.end()
    if outlines:
        draw_outlines(shown, shown.width() / picture.width(), outlines)
    return shown


def _draw(painter: Any, one: FiducialFinding) -> None:
    """Draw a fiducial in pixels of the screen."""
    x, y = (value + 0.5 for value in one.expected)  # Qt counts from the edge of the first pixel
    half = max(MIN_CROSS, one.radius)
    painter.setPen(qt.QPen(qt.QColor(EXPECTED if one.used else UNUSED), 1.2))
    painter.drawLine(qt.QLineF(x - half, y, x + half, y))
    painter.drawLine(qt.QLineF(x, y - half, x, y + half))
    color = qt.QColor(FOUND if one.used else UNUSED)
    if one.found is not None:
        x, y = (value + 0.5 for value in one.found)
        half = max(MIN_CIRCLE, CIRCLE_RATIO * one.radius)
        painter.setPen(qt.QPen(color, 1.4))
        painter.drawEllipse(qt.QRectF(x - half, y - half, 2 * half, 2 * half))
    for shift, ink in ((1, qt.QColor(0, 0, 0)), (0, color)):  # a shadow, so that it can be read on light and dark
        painter.setPen(ink)
        painter.drawText(qt.QPointF(x + half + 2 + shift, y - half + shift), one.label)


def accuracy_text(found: ViewRecord) -> str:
    """How many fiducials a pose comes from, how well they fit and how sure the pose is."""
    parts = [_("{used} of {total} fiducials found").format(used=found.used, total=len(found.fiducials))]
    if found.rms is not None:
        parts.append(_("residual {rms:.2f} px").format(rms=found.rms))
    if found.rotation_sd is not None and found.translation_sd is not None:
        sizes = {"turn": found.rotation_sd, "shift": found.translation_sd}
        parts.append(_("pose ± {turn:.2f}° and ± {shift:.1f} mm").format(**sizes))
    return ", ".join(parts) + "."
