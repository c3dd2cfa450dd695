"""The report's pictures: slices, bone, X-rays against renders, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from ..geometry import View
from ..geometry.coverage import views_per_point, visible_fraction
from ..geometry.rigid import Array
from ..volume import Volume
from ..xray import XRay
from ..xray.windowing import grey_window
from .bone_picture import bone_picture, smoothed
from .gantry import gantry_text
from .metrics import ViewMetrics
from .page import figure
from .pictures import (
    DIVERGING,
    NOT_MEASURED,
    colour_bar,
    coloured,
    framed,
    grey,
    shrunk,
    tinted,
    with_scale_bar,
)
from .planes import SLICES, VIEWING_DIRECTIONS, cut, edge_letters, slice_grid

MAX_XRAY_PIXELS = 384
"""Largest number of pixels along the longer side of an X-ray in the report."""
UNSEEN = np.array([233, 99, 36])
"""The colour of points that no view sees."""


def window(volume: Volume) -> tuple[float, float]:
    """The attenuations in 1/mm that are shown as black and as white: from air to dense bone."""
    return 0.0, max(0.04, float(np.percentile(volume.values, 99.9)))


def slices(volume: Volume, point: Array, levels: tuple[float, float], name: str) -> str:
    """Axial, coronal and sagittal slices through a point (3,) LPS mm, with letters and scale bars."""
    figures = []
    for plane in SLICES:
        grid = slice_grid(volume.grid, plane, point)
        size = float(grid.size[0]), float(grid.size[1])
        picture = grey(cut(volume, grid), *levels)
        svg = framed(picture, size, f"{name}, {plane.name}", edge_letters(plane.right, plane.down))
        axis = int(np.argmax(np.abs(plane.direction[:, 2])))
        place = f"{'LPS'[axis]} = {point[axis]:.0f} mm"
        figures.append(figure(with_scale_bar(svg, size), f"{plane.name}, {place}"))
    return f'<div class="row">{"".join(figures)}</div>'


def bones(volume: Volume, name: str, threshold: float) -> str:
    """Shaded bone from three sides, or a sentence where there is none."""
    if volume.values.max() <= threshold:
        return f"<p>{escape(name)}: no voxel reaches {threshold:g} 1/mm.</p>"
    soft, figures = smoothed(volume), []
    for plane in VIEWING_DIRECTIONS:
        picture, grid = bone_picture(soft, plane, threshold)
        size = float(grid.size[0]), float(grid.size[1])
        svg = framed(picture, size, f"{name}, bone {plane.name}", edge_letters(plane.right, plane.down))
        figures.append(figure(with_scale_bar(svg, size), plane.name))
    return f'<div class="row">{"".join(figures)}</div>'


def comparisons(
    xrays: Sequence[XRay], renders: Sequence[np.ndarray], held_out: Sequence[str], metrics: ViewMetrics
) -> str:
    """One card per view: the X-ray, its render in the same grey window, and their difference; held-out views first."""
    limit = difference_limit(xrays, renders)
    cards = [
        (xray.view.id not in held_out, _card(xray, render, xray.view.id in held_out, quality, limit))
        for xray, render, quality in zip(xrays, renders, metrics.psnr, strict=True)
    ]
    legend = colour_bar(DIVERGING, f"render lower by {limit:.2g}", "equal", f"render higher by {limit:.2g}")
    ordered = "".join(card for _, card in sorted(cards, key=lambda item: item[0]))
    return f'{legend}<div class="cards">{ordered}</div>'


def difference_limit(xrays: Sequence[XRay], renders: Sequence[np.ndarray]) -> float:
    """The difference in line integrals at the ends of the colour scale, the same for all views so that they compare."""
    limits = [
        float(np.percentile(np.abs(render - xray.image)[xray.mask], 99))
        for xray, render in zip(xrays, renders, strict=True)
        if xray.mask.any()
    ]
    return max([*limits, 1e-6])


def coverage(views: Sequence[View], volume: Volume, point: Array, levels: tuple[float, float]) -> str:
    """The three slices, coloured more strongly where fewer views see a point."""
    figures = []
    for plane in SLICES:
        grid = slice_grid(volume.grid, plane, point)
        points = grid.points()[0]
        unseen = 1 - views_per_point(views, points) / len(views)
        inside = volume.grid.contains(points)
        picture = tinted(grey(cut(volume, grid), *levels), np.where(inside, 0.85 * unseen, 0), UNSEEN)
        size = float(grid.size[0]), float(grid.size[1])
        svg = framed(picture, size, f"Coverage, {plane.name}", edge_letters(plane.right, plane.down))
        figures.append(figure(with_scale_bar(svg, size), plane.name))
    legend = colour_bar(np.array([[20, 20, 20], 0.85 * UNSEEN + 3]), f"seen by all {len(views)} views", "", "by none")
    return f'{legend}<div class="row">{"".join(figures)}</div>'


def view_rows(xrays: Sequence[XRay], volume: Volume, held_out: Sequence[str], metrics: ViewMetrics) -> list[list[str]]:
    """One row per view: name, use, angles, fractions of the region seen and of pixels measured, PSNR, SSIM."""
    rows = []
    for xray, quality, similarity in zip(xrays, metrics.psnr, metrics.ssim, strict=True):
        use = "held out" if xray.view.id in held_out else "used"
        seen, measured = visible_fraction(xray.view, volume.grid), float(xray.mask.mean())
        numbers = [f"{100 * seen:.0f} %", f"{100 * measured:.1f} %", decibels(quality), f"{similarity:.3f}"]
        rows.append([xray.view.id, use, gantry_text(xray.view), *numbers])
    return rows


def decibels(value: float) -> str:
    """A PSNR as text; nan and infinity as a dash and a word."""
    return "–" if np.isnan(value) else "equal" if np.isinf(value) else f"{value:.1f} dB"


def _card(xray: XRay, render: np.ndarray, held: bool, quality: float, limit: float) -> str:
    low, high = grey_window(xray.image, xray.mask)
    masked = shrunk(~xray.mask, MAX_XRAY_PIXELS) > 0.5
    pictures = {
        "X-ray": grey(shrunk(np.where(xray.mask, xray.image, low), MAX_XRAY_PIXELS), low, high),
        "Render": grey(shrunk(render, MAX_XRAY_PIXELS), low, high),
        "Difference": coloured(
            shrunk(np.where(xray.mask, render - xray.image, 0), MAX_XRAY_PIXELS), -limit, limit, DIVERGING
        ),
    }
    rotation = xray.view.world_from_camera[:3, :3]
    edges = edge_letters(rotation[:, 0], rotation[:, 1])
    size = float(xray.view.size[0]), float(xray.view.size[1])
    figures = []
    for name, picture in pictures.items():
        if name != "Render":
            picture[masked] = NOT_MEASURED
        svg = framed(picture, size, f"{name} of view {xray.view.id}", edges if name == "X-ray" else (), 0.075)
        figures.append(figure(svg, name))
    tag = '<span class="tag">held out</span>' if held else ""
    return (
        f'<article class="card"><header><b>{escape(xray.view.id)}</b>{tag}<span class="soft">'
        f'{escape(gantry_text(xray.view))}</span><span class="end">{decibels(quality)}</span></header>'
        f'<div class="row">{"".join(figures)}</div></article>'
    )
