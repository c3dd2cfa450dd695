"""A picture of the X-rays of a calibration with the fiducials that were found and where they should be."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import EllipseCollection
from matplotlib.figure import Figure

from ..calibration.fiducials.result import FiducialCalibration, ViewFinding
from ..messages import RESEARCH_ONLY, visible
from ..xray import XRay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT = "#1c2126", "#8a949d"
FOUND, EXPECTED, UNMATCHED, WRONG = "#19a974", "#ff9f1c", "#7aa6d8", "#c4211d"
MAX_VIEWS, PER_ROW, SIDE = 40, 4, 3.7
"""Number of X-rays that are shown, in a row, and the width of each in inches."""
LONGEST_SIDE = 700
"""Pixels along the longer side of an X-ray in the picture."""
WRAPPED = 52
"""Letters in a line of a title."""


def picture(name: str, xrays: Sequence[XRay], calibration: FiducialCalibration) -> bytes:
    """The PNG: circles around shadows that were found, crosses where fiducials should be, small rings around others."""
    pairs = list(zip(xrays, calibration.findings, strict=True))[:MAX_VIEWS]
    columns = min(PER_ROW, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(SIDE * columns, (SIDE + 0.1) * rows + 0.7), facecolor="white", layout="constrained")
    calibrated = len(calibration.views)
    title = visible(name) + f": {calibrated} of {len(calibration.findings)} views calibrated"
    if calibrated:
        title += f", residuals {calibration.rms:.2f} px"
    figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK, parse_math=False)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    for axes, (xray, finding) in zip(panels, pairs, strict=False):
        _panel(axes, xray, finding)
    key = "circle: found   cross: expected   thin circle: other round shadow   red: not found or not used"
    figure.supxlabel(f"{key}      {RESEARCH_ONLY}", x=0.01, ha="left", fontsize=8, color=SOFT)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=100)
    return data.getvalue()


def _panel(axes: Axes, xray: XRay, finding: ViewFinding) -> None:
    step = max(1, -(-max(xray.view.size) // LONGEST_SIDE))
    image = np.where(xray.mask, xray.image, np.nan)
    measured = image[np.isfinite(image)]
    low, high = np.percentile(measured, (1, 99.7)) if measured.size else (0, 1)
    width, height = xray.view.size
    edges = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(image[::step, ::step], cmap="gray", vmin=low, vmax=high, extent=edges, interpolation="nearest")
    for one in finding.fiducials:
        missing = one.found is None or not one.used
        axes.plot(*one.expected, "+", ms=7, mew=0.9, color=WRONG if missing else EXPECTED)
    found = [one for one in finding.fiducials if one.found is not None]
    _circles(axes, [one.found for one in found], [3 * one.radius + 6 for one in found], FOUND, 1.0)
    others = finding.unmatched
    _circles(axes, others, np.full(len(others), 0.012 * max(xray.view.size)), UNMATCHED, 0.5)
    for one in found:
        x, y = one.found or one.expected
        axes.text(
            x + 2 * one.radius, y - 2 * one.radius, visible(one.label), fontsize=5.5, color=FOUND, parse_math=False
        )
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    text, colour = _title(finding)
    axes.set_title(visible(text), fontsize=8, color=colour, parse_math=False, loc="left")


def _circles(axes: Axes, places: Sequence[object] | np.ndarray, sizes: object, colour: str, width: float) -> None:
    if len(places):
        sizes = np.asarray(sizes, dtype=float)
        offsets = np.asarray(places, dtype=float)
        rings = EllipseCollection(
            sizes, sizes, np.zeros(len(sizes)), units="xy", offsets=offsets, transOffset=axes.transData
        )
        rings.set(facecolor="none", edgecolor=colour, linewidth=width)
        axes.add_collection(rings)


def _title(finding: ViewFinding) -> tuple[str, str]:
    from textwrap import fill

    if finding.calibrated:
        return f"{finding.id}: {finding.used} of {len(finding.fiducials)} fiducials, {finding.rms:.2f} px", INK
    return fill(f"{finding.id}: {finding.state}", WRAPPED), WRONG
