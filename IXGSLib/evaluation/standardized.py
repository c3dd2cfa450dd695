"""The section of the report that lets a reader check the standardisation of the X-rays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from scipy import ndimage

from ..formats.standardization import Standardization
from ..geometry.rigid import Array
from ..xray import XRay
from ..xray.windowing import grey_window
from .comparison import Change, changes
from .gantry import gantry_text
from .page import figure, table
from .pictures import DIVERGING, NOT_MEASURED, colour_bar, coloured, framed, grey, shrunk
from .planes import edge_letters
from .reprojection import disagreeing, reprojection_errors
from .sections import MAX_XRAY_PIXELS, difference_limit

ADDED, REMOVED = np.array([255, 70, 200], np.uint8), np.array([60, 170, 255], np.uint8)
"""Colours of the outlines of what standardisation added and removed; distinct for colour-blind readers too."""


@dataclass(frozen=True, eq=False)
class StandardizedView:
    """A standardised view with its original X-ray and its render.

    xray: the standardised X-ray. raw: the original; where it was not kept both it and `change` are None.
    fiducials: how many were removed. score: the in-distribution score, None for a method without one.
    out_of_distribution: whether the score is below the limit. error: re-projection error in line integrals, nan
    without measured pixels. disagrees: whether the error is much larger than those of the other views.
    """

    xray: XRay
    render: np.ndarray
    raw: XRay | None
    change: Change | None
    fiducials: int
    score: float | None
    out_of_distribution: bool
    error: float
    disagrees: bool


def standardized_views(
    standardization: Standardization, xrays: Sequence[XRay], renders: Sequence[np.ndarray], center: Array
) -> list[StandardizedView]:
    """The standardised views; center: the centre of the region, LPS mm."""
    pairs = [(x, render) for x, render in zip(xrays, renders, strict=True) if standardization.names(x.view.id)]
    errors = reprojection_errors([x for x, _ in pairs], [render for _, render in pairs])
    views = []
    for (xray, render), error, disagrees in zip(pairs, errors, disagreeing(errors), strict=True):
        id, raw = xray.view.id, standardization.raw.get(xray.view.id)
        views.append(
            StandardizedView(
                xray=xray,
                render=render,
                raw=raw,
                change=None if raw is None else _change(raw, xray, center, standardization.limit("change_limit")),
                fiducials=len(standardization.view(id).get("fiducials", ())),
                score=standardization.distribution_score(id),
                out_of_distribution=standardization.out_of_distribution(id),
                error=error,
                disagrees=disagrees,
            )
        )
    return views


def intro(standardization: Standardization) -> str:
    """The explanation above the pictures."""
    added, removed = (f'<span class="swatch" style="background: {_css(colour)}"></span>' for colour in (ADDED, REMOVED))
    return (
        '<p class="notice">Synthetic pictures: the X-rays were standardised by the method '
        f"{escape(standardization.method)} before the reconstruction, which can invent or erase bone. Compare each "
        "with its X-ray.</p><p>From left to right: the X-ray, the standardised X-ray, the render of the reconstruction "
        f"from the same position, and the difference of the last two. {added} outlines detail that standardisation "
        f"added, {removed} detail that it removed, where the two differ by more than "
        f"{standardization.limit('change_limit'):g} in line integrals after matching; removed soft tissue counts too. "
        "One volume cannot reproduce views that contradict each other; the contradiction remains as the re-projection "
        "error, the root mean square of the difference in line integrals.</p>"
        '<p><span class="swatch"></span> not measured: saturated, behind a collimator or a fiducial.</p>'
    )


def view_table(views: Sequence[StandardizedView]) -> str:
    """One row per view: in-distribution score, detail added and removed, fiducials, re-projection error, notes."""
    head = ["View", "In-distribution score", "Added", "Removed", "Fiducials", "Re-projection error", "Note"]
    rows = []
    for view in views:
        changed = ["–", "–"] if view.change is None else [f"{100 * part:.2f} %" for part in _changed_fractions(view)]
        rows.append(
            [
                view.xray.view.id,
                "–" if view.score is None else f"{view.score:.2f}",
                *changed,
                str(view.fiducials),
                "–" if np.isnan(view.error) else f"{view.error:.3f}",
                "; ".join(_notes(view)),
            ]
        )
    return table(head, rows, numbers=(1, 2, 3, 4, 5))


def comparisons(views: Sequence[StandardizedView], held_out: Sequence[str]) -> str:
    """One card per view, held-out views first: X-ray, standardised, render, difference."""
    color_limit = difference_limit([view.xray for view in views], [view.render for view in views])
    legend = colour_bar(DIVERGING, f"render lower by {color_limit:.2g}", "equal", f"render higher by {color_limit:.2g}")
    ordered = sorted(views, key=lambda view: view.xray.view.id not in held_out)
    cards = "".join(_card(view, view.xray.view.id in held_out, color_limit) for view in ordered)
    return f'{legend}<div class="cards wide">{cards}</div>'


def outlined(picture: np.ndarray, change: Change) -> np.ndarray:
    """A picture (h, w, 3) uint8 with outlines of the detail that was added and removed."""
    result = picture.copy()
    for part, colour in ((change.added, ADDED), (change.removed, REMOVED)):
        inside = shrunk(part, MAX_XRAY_PIXELS) > 0.5
        result[ndimage.binary_dilation(inside, iterations=2) & ~ndimage.binary_dilation(inside)] = colour
    return result


def _change(raw: XRay, xray: XRay, center: Array, threshold: float) -> Change:
    return changes(raw.image, xray.image, raw.mask & xray.mask, xray.view.pixel_size(center), threshold)


def _notes(view: StandardizedView) -> list[str]:
    notes = {
        "unlike the training data of the network": view.out_of_distribution,
        "disagrees with the other views": view.disagrees,
    }
    return [note for note, applies in notes.items() if applies]


def _changed_fractions(view: StandardizedView) -> list[float]:
    """The fractions of the measured pixels in which detail was added and removed."""
    assert view.change is not None
    measured = max(1, int(np.count_nonzero(view.xray.mask)))
    return [int(np.count_nonzero(part)) / measured for part in (view.change.added, view.change.removed)]


def _card(view: StandardizedView, held: bool, color_limit: float) -> str:
    xray, id = view.xray, view.xray.view.id
    low, high = grey_window(xray.image, xray.mask)
    made = _grey(xray, low, high)
    residual = np.where(xray.mask, view.render - xray.image, 0)
    difference = coloured(shrunk(residual, MAX_XRAY_PIXELS), -color_limit, color_limit, DIVERGING)
    difference[shrunk(~xray.mask, MAX_XRAY_PIXELS) > 0.5] = NOT_MEASURED
    pictures = {} if view.raw is None else {"X-ray": _grey(view.raw, *grey_window(view.raw.image, view.raw.mask))}
    pictures["Standardised"] = made if view.change is None else outlined(made, view.change)
    pictures |= {"Render": grey(shrunk(view.render, MAX_XRAY_PIXELS), low, high), "Difference": difference}
    rotation = xray.view.world_from_camera[:3, :3]
    edges = edge_letters(rotation[:, 0], rotation[:, 1])
    size = float(xray.view.size[0]), float(xray.view.size[1])
    figures = [
        figure(framed(picture, size, f"{name} of view {id}", edges if name == "X-ray" else ()), name)
        for name, picture in pictures.items()
    ]
    tags = ['<span class="tag">held out</span>'] if held else []
    tags += [f'<span class="tag warned">{text}</span>' for text in _notes(view)]
    numbers = [] if view.change is None else ["added {:.2%}, removed {:.2%}".format(*_changed_fractions(view))]
    numbers += [] if np.isnan(view.error) else [f"re-projection error {view.error:.3f}"]
    return (
        f'<article class="card"><header><b>{escape(id)}</b>{"".join(tags)}<span class="soft">'
        f'{escape(gantry_text(xray.view))}</span><span class="end">{"; ".join(numbers)}</span></header>'
        f'<div class="row four">{"".join(figures)}</div></article>'
    )


def _grey(xray: XRay, low: float, high: float) -> np.ndarray:
    picture = grey(shrunk(np.where(xray.mask, xray.image, low), MAX_XRAY_PIXELS), low, high)
    picture[shrunk(~xray.mask, MAX_XRAY_PIXELS) > 0.5] = NOT_MEASURED
    return picture


def _css(colour: np.ndarray) -> str:
    return f"rgb({', '.join(str(int(part)) for part in colour)})"
