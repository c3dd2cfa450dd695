"""The outlines of registered vertebrae over each X-ray."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from ..geometry import View
from ..messages import RESEARCH_ONLY, visible
from ..rendering.joseph import project_volume
from ..xray import XRay
from ..xray.windowing import grey_window
from .moved import in_world, vertebra_mask
from .result import Registration, VertebraPose
from .views import colour_of

MIN_PATH_MM = 2.0
"""Path through a vertebra from which a pixel lies in its shadow."""
HEIGHT_INCHES, DPI = 5.2, 110
Outlines = Mapping[str, Sequence[np.ndarray]]
"""By vertebra, its outlines (n, 2) in a view, in pixels (x, y)."""


def outlines(registration: Registration, vertebra: VertebraPose, view: View) -> list[np.ndarray]:
    """The outlines (n, 2) of a vertebra in a view, in pixels (x, y)."""
    from skimage.measure import find_contours  # slow to import

    mask, grid = vertebra_mask(registration.anatomy, vertebra)
    paths = project_volume(mask.astype(np.float32), in_world(grid, vertebra.world_from_ct), view)
    return [contour[:, ::-1] for contour in find_contours(paths, MIN_PATH_MM)]


def all_outlines(registration: Registration) -> dict[str, Outlines]:
    """The outlines of every vertebra in every view, by its id."""
    return {
        xray.view.id: {each.name: outlines(registration, each, xray.view) for each in registration.vertebrae}
        for xray in registration.case.xrays
    }


def overlay(registration: Registration, xray: XRay, picture: np.ndarray, drawn: Outlines) -> bytes:
    """The PNG of one view: the X-ray alone, and the picture that was compared with the outlines of the vertebrae."""
    width, height = xray.view.size
    figure = Figure(figsize=(2 * HEIGHT_INCHES * width / height + 0.1, HEIGHT_INCHES + 0.5), facecolor="white")
    axes = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.005, right=0.995, bottom=0.045, top=0.93, wspace=0.01)
    for each, image in zip(axes, (xray.image, picture), strict=True):
        low, high = grey_window(image, xray.mask)
        each.imshow(np.where(xray.mask, image, low), cmap="gray", vmin=low, vmax=high, interpolation="nearest")
        each.set_axis_off()
    for n, vertebra in enumerate(registration.vertebrae):
        colour = colour_of(n)
        style = "-" if vertebra.verified else ":"
        contours = drawn[vertebra.name]
        for contour in contours:
            axes[1].plot(*contour.T, style, color=colour, linewidth=1.3)
        _name(axes[1], contours, vertebra, colour, xray.view)
    axes[1].set_xlim(-0.5, width - 0.5)
    axes[1].set_ylim(height - 0.5, -0.5)
    title = f"view {xray.view.id}    outlines: solid where verified, dotted where not"
    figure.suptitle(visible(title), x=0.01, ha="left", fontsize=9, parse_math=False)
    figure.supxlabel(RESEARCH_ONLY, x=0.99, ha="right", fontsize=7, color="#8a949d")
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()


def _name(axes, contours: Sequence[np.ndarray], vertebra: VertebraPose, colour: str, view: View) -> None:
    """The name of a vertebra beside its outline, inside the picture."""
    if not contours:
        return
    longest = max(contours, key=len)
    x, y = longest[longest[:, 0].argmax()]
    width, height = view.size
    axes.text(
        float(np.clip(x + 0.01 * width, 0, 0.93 * width)),
        float(np.clip(y, 0.03 * height, 0.97 * height)),
        vertebra.name, color=colour, fontsize=9, va="center", parse_math=False,
    )  # fmt: skip


def overlays(
    registration: Registration, pictures: Mapping[str, np.ndarray], drawn: Mapping[str, Outlines]
) -> dict[str, bytes]:
    """The PNG of every view by its id.

    pictures: (height, width) that the CT was compared with, by view id. drawn: as `all_outlines` returns them.
    """
    return {
        xray.view.id: overlay(registration, xray, pictures[xray.view.id], drawn[xray.view.id])
        for xray in registration.case.xrays
    }
