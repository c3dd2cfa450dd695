"""A picture of how well a volume explains the X-rays with the poses before and after a refinement."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from ..messages import RESEARCH_ONLY, visible
from ..xray.windowing import grey_window
from .check_picture import INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..runs.refining import Refined

SHOWN = 6
"""Largest number of views in the picture: those whose pose changed most."""
TITLES = ("X-ray", "difference, given pose", "difference, final pose")


def picture(refined: Refined) -> bytes:
    """The PNG: for the views that changed most, the X-ray and what the volume leaves of it before and after."""
    order = _most_changed(refined)
    columns = min(len(order), SHOWN)
    figure = Figure(figsize=(2.1 * columns + 0.6, 7.2), facecolor="white", layout="constrained")
    title = visible(f"{refined.case.name}: {refined.refinement.summary}")
    figure.suptitle(title, x=0.01, ha="left", fontsize=8, color=INK, parse_math=False, wrap=True)
    axes = figure.subplots(3, columns, squeeze=False)
    for column, n in enumerate(order[:columns]):
        _column(axes[:, column], refined, n)
    for row, name in zip(axes[:, 0], TITLES, strict=True):
        row.set_ylabel(name, fontsize=8, color=SOFT)
    figure.supxlabel(RESEARCH_ONLY, x=0.99, ha="right", fontsize=7, color=SOFT)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()


def _most_changed(refined: Refined) -> list[int]:
    """Indices of the views of the case, the most changed first."""
    moves = {view.id: view.shift + view.rotation for view in refined.refinement.views}
    return sorted(range(len(refined.case.views)), key=lambda n: -moves[refined.case.views[n].id])


def _column(axes: np.ndarray, refined: Refined, n: int) -> None:
    xray = refined.case.xrays[n]
    low, high = grey_window(xray.image, xray.mask)
    _image(axes[0], np.where(xray.mask, xray.image, low), "gray", low, high)
    axes[0].set_title(visible(f"view {xray.view.id}"), fontsize=8, color=INK, parse_math=False)
    for one, render in zip(axes[1:], (refined.before[n], refined.after[n]), strict=True):
        left = np.where(xray.mask, render - xray.image, 0)
        limit = (high - low) / 3
        _image(one, left, "RdBu_r", -limit, limit)
        share = np.sqrt(np.mean(left[xray.mask] ** 2)) / max(float(xray.image[xray.mask].std()), 1e-9)
        one.set_title(f"{100 * share:.0f} % left", fontsize=8, color=INK)


def _image(axes: Axes, image: np.ndarray, colours: str, low: float, high: float) -> None:
    axes.imshow(image, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
