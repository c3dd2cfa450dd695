"""A picture of the geometry of a case (sources, detectors and region) above its X-rays."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.transforms import Affine2D

from ..formats import Case
from ..geometry import Grid, View
from ..geometry.rigid import Array
from ..messages import RESEARCH_ONLY, visible
from ..xray import XRay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, SOFT, ACCENT, BOX = "#1c2126", "#8a949d", "#1f5f8b", "#c4511d"
THUMBNAILS = 40
PER_ROW = 10
ASSUMED_DETECTOR = 1.6
"""Distance at which a detector is drawn when its own is unknown, as a multiple of that from source to region."""
OBLIQUE = np.array([[-0.83, 0.555, 0.0], [-0.24, -0.36, 0.90]])
NAMES = ("left", "posterior", "superior")

Directions = tuple[str, Array]
PANELS: tuple[Directions, ...] = (
    ("Overview", OBLIQUE / np.linalg.norm(OBLIQUE, axis=1, keepdims=True)),
    ("From the feet", np.array([[1.0, 0, 0], [0, -1.0, 0]])),
    ("From the patient's left", np.array([[0, 1.0, 0], [0, 0, 1.0]])),
)
"""Title, and the LPS directions that point right and up in the panel."""


def picture(case: Case) -> bytes:
    """The PNG: parallel projections of the geometry along three directions, and the X-rays below."""
    shown = _evenly(case.xrays, THUMBNAILS)
    rows = -(-len(shown) // PER_ROW)
    height = 6.0 + 1.45 * rows
    figure = Figure(figsize=(15, height), facecolor="white", layout="constrained")
    title = visible(f"{case.name}: {len(case.xrays)} views")
    figure.suptitle(title, x=0.01, ha="left", fontsize=15, fontweight="bold", color=INK, parse_math=False, va="top")
    scene, images = figure.subfigures(2, 1, squeeze=False, height_ratios=[5.5, 1.45 * rows + 0.1])[:, 0]
    levels = _levels(case.xrays)
    for axes, (name, frame) in zip(scene.subplots(1, len(PANELS)), PANELS, strict=True):
        _panel(axes, name, frame, case, levels)
    _thumbnails(images.subplots(rows, PER_ROW, squeeze=False).ravel(), shown, levels)
    note = "" if len(shown) == len(case.xrays) else f"{len(shown)} of {len(case.xrays)} X-rays are shown.  "
    figure.supxlabel(note + RESEARCH_ONLY, x=0.99, ha="right", fontsize=8, color=SOFT)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()


def _panel(axes: Axes, name: str, frame: Array, case: Case, levels: tuple[float, float]) -> None:
    """The geometry along one direction; nearer detectors cover those behind."""
    towards = np.cross(frame[0], frame[1])
    step = max(1, len(case.xrays) // 60)
    corners = [detector_corners(xray.view, case.grid) for xray in case.xrays]
    for xray, quad in list(zip(case.xrays, corners, strict=True))[::step]:
        depth = float((quad.mean(axis=0) - case.grid.center) @ towards)
        _detector(axes, xray, quad @ frame.T, depth, levels)
        _ray(axes, xray.view, quad, frame)
    _region(axes, case.grid, frame)
    points = np.concatenate([*corners, [view.source for view in case.views], case.grid.corners()]) @ frame.T
    _frame(axes, name, frame, points)


def detector_corners(view: View, grid: Grid) -> Array:
    """(4, 3) LPS mm: the corners of the image on the detector; top left, top right, bottom right, bottom left."""
    distance = view.source_detector_distance
    if distance is None:
        distance = ASSUMED_DETECTOR * float(np.linalg.norm(grid.center - view.source))
    right, bottom = view.size[0] - 0.5, view.size[1] - 0.5
    return view.backproject([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)], np.full(4, distance))


def _detector(axes: Axes, xray: XRay, quad: Array, depth: float, levels: tuple[float, float]) -> None:
    """The X-ray on its parallelogram (4, 2); parallel projection makes that an affine map of the image."""
    matrix = np.eye(3)
    matrix[:2] = np.column_stack([quad[1] - quad[0], quad[3] - quad[0], quad[0]])
    order = 2 + 1e-5 * depth
    if abs(np.linalg.det(matrix)) > 1e-3 * np.abs(matrix[:2, :2]).max() ** 2:
        image = axes.imshow(
            _small(xray.image, 96), cmap="gray_r", vmin=levels[0], vmax=levels[1], extent=(0, 1, 1, 0), alpha=0.9
        )
        image.set_transform(Affine2D(matrix) + axes.transData)
        image.set_zorder(order)
    axes.add_patch(Polygon(quad, closed=True, fill=False, edgecolor=ACCENT, linewidth=0.9, zorder=order + 1e-6))


def _ray(axes: Axes, view: View, quad: Array, frame: Array) -> None:
    """The principal ray from the source to the plane of the detector."""
    length = float((quad[0] - view.source) @ view.axis)
    ends = np.array([view.source, view.source + length * view.axis]) @ frame.T
    axes.plot(*ends.T, color=ACCENT, linewidth=0.6, alpha=0.45, zorder=1)
    axes.plot(*ends[0], "o", color=ACCENT, markersize=4.5, markeredgecolor="white", markeredgewidth=0.6, zorder=4)


def _region(axes: Axes, grid: Grid, frame: Array) -> None:
    """The twelve edges of the box."""
    corners = grid.corners()
    flat = corners @ frame.T
    local = np.rint((corners - grid.center) @ grid.direction / grid.size * 2)
    for first in range(8):
        for second in range(first + 1, 8):
            if np.count_nonzero(local[first] != local[second]) == 1:
                axes.plot(*flat[[first, second]].T, color=BOX, linewidth=1.6, zorder=5, solid_capstyle="round")


def _frame(axes: Axes, name: str, frame: Array, points: Array) -> None:
    """Equal scales, the patient's directions and a scale in mm."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, 0.56 * float((high - low).max())
    axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
    axes.set_aspect("equal")
    axes.set_title(name, fontsize=11, color=INK, loc="left")
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set_color("#d9dde1")
    arrows = 0.2 * half * frame.T
    start = middle - 0.82 * half - np.minimum(arrows.min(axis=0), 0)
    for arrow, label in zip(arrows, NAMES, strict=True):
        if np.linalg.norm(arrow) > 0.02 * half:
            _arrow(axes, start, arrow, label)
    _scale(axes, middle, half)


def _arrow(axes: Axes, start: Array, arrow: Array, label: str) -> None:
    style = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", tuple(start + arrow), tuple(start), arrowprops=style, zorder=7)
    side = "center" if abs(arrow[0]) < abs(arrow[1]) / 2 else "left" if arrow[0] > 0 else "right"
    rise = "center" if abs(arrow[1]) < abs(arrow[0]) / 2 else "bottom" if arrow[1] > 0 else "top"
    x, y = start + 1.12 * arrow
    axes.text(x, y, label, ha=side, va=rise, fontsize=9, color=INK, zorder=7)


def _scale(axes: Axes, middle: Array, half: float) -> None:
    """A bar of a round length in the lower right corner."""
    length = 10.0 ** np.floor(np.log10(half))
    length *= 5 if length * 5 < 0.6 * half else 2 if length * 2 < 0.6 * half else 1
    end = middle + half * np.array([0.92, -0.90])
    axes.plot([end[0] - length, end[0]], [end[1]] * 2, color=INK, linewidth=2, zorder=7)
    axes.text(end[0] - length / 2, end[1] + 0.03 * half, f"{length:g} mm", ha="center", fontsize=9, color=INK, zorder=7)


def _thumbnails(axes: np.ndarray, xrays: list[XRay], levels: tuple[float, float]) -> None:
    """The X-rays, with unmeasured pixels in yellow."""
    grey = colormaps["gray"].with_extremes(bad="#e8c37a")
    for place in axes:
        place.axis("off")
    for place, xray in zip(axes, xrays, strict=False):
        image = np.where(xray.mask, xray.image, np.nan)
        place.imshow(_small(image, 200), cmap=grey, vmin=levels[0], vmax=levels[1])
        name = visible(xray.view.id)
        name = name if len(name) <= 16 else f"{name[:15]}…"
        place.set_title(name, fontsize=8, color=INK, pad=2, parse_math=False)


def _evenly(xrays: tuple[XRay, ...], most: int) -> list[XRay]:
    count = min(len(xrays), most)
    return [xrays[n * len(xrays) // count] for n in range(count)]


def _small(image: np.ndarray, side: int) -> np.ndarray:
    step = max(1, max(image.shape) // side)
    return image[::step, ::step]


def _levels(xrays: tuple[XRay, ...]) -> tuple[float, float]:
    """One grey window for all X-rays."""
    values = np.concatenate([_small(xray.image, 64)[_small(xray.mask, 64)] for xray in xrays])
    if not values.size:
        return 0.0, 1.0
    low, high = np.percentile(values, (1, 99.5))
    return float(low), float(max(high, low + 1e-6))
