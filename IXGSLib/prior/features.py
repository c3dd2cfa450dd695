"""X-rays as features of pixels: what may be bone in each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..errors import SettingsError
from ..formats import Case
from ..geometry import View
from ..standardization.fitting import Fit
from ..standardization.normalization import channels
from ..standardization.smoothing import smooth
from ..xray import XRay

FEATURES = ("standardized", "fine band", "fine detail", "middle band", "coarse detail")
"""Line integrals of bone by the network that standardises, in LINE_INTEGRAL_UNIT; their differences between two blurs,
in BAND_UNIT; and the two details of the X-ray itself by `standardization.normalization`, which have no unit."""
STANDARDIZED, FINE_BAND, FINE_DETAIL, MIDDLE_BAND, COARSE_DETAIL = range(len(FEATURES))
LINE_INTEGRAL_UNIT, BAND_UNIT = 0.5, 0.25
"""Line integrals that count as one."""
BAND_BLUR_MM = (2.0, 6.0)
"""Blur widths, in the patient, that separate the fine from the middle band, and the middle from the rest."""


@dataclass(frozen=True, eq=False)
class FeatureView:
    """The features of a view, its standardised image, and the X-ray itself; all have the same square size.

    features: (FEATURES, size, size) float32. standardized: its mask is the measured field. xray: line integrals of all
    tissue; None where the values of the X-ray have no unit.
    """

    features: np.ndarray
    standardized: XRay
    xray: XRay | None

    def posed(self, view: View) -> FeatureView:
        """The same with another view of the same size."""
        xray = None if self.xray is None else replace(self.xray, view=view)
        return replace(self, standardized=replace(self.standardized, view=view), xray=xray)


def feature_views(case: Case, size: int) -> list[FeatureView]:
    """The features of a standardised case, from its images and the original X-rays kept with it.

    size: pixels along each side for which the network standardises. Values of X-rays that were stored as negatives have
    no unit. Raises SettingsError for a case without the original X-rays.
    """
    record = case.standardization
    if record is None or any(xray.view.id not in record.raw for xray in case.xrays):
        raise SettingsError(
            f"case '{case.name}': no original X-rays beside the standardised ones, expected both to estimate bone from "
            "all of them together; standardise the X-rays again"
        )
    inverted = bool(record.record.get("inverted"))
    found = []
    for xray in case.xrays:
        rows, columns = xray.image.shape
        fit = Fit(rows, columns, size)
        raw = record.raw[xray.view.id].image
        lines, field = fit.square(-raw if inverted else raw, xray.mask)
        image, _ = fit.square(xray.image, xray.mask)
        view = square_view(xray.view, fit)
        pixel = view.pixel_size(case.grid.center)
        found.append(feature_view(lines.astype(np.float32), image, field, view, pixel, units=not inverted))
    return found


def feature_view(
    lines: np.ndarray, standardized: np.ndarray, field: np.ndarray, view: View, pixel: float, units: bool = True
) -> FeatureView:
    """The features of line integrals (size, size) and of what the network makes of them in a field (size, size) bool.

    pixel: pixel size in the patient, mm. units: whether the values of the X-ray are line integrals.
    """
    standardized = np.where(field, standardized, 0).astype(np.float32)
    _, _, fine, coarse, _ = channels(lines, field)
    narrow, wide = (smooth(standardized, field, blur / pixel) for blur in BAND_BLUR_MM)
    bands = (standardized - narrow) / BAND_UNIT, (narrow - wide) / BAND_UNIT
    features = np.stack([standardized / LINE_INTEGRAL_UNIT, bands[0], fine, bands[1], coarse])
    xray = XRay(view, np.where(field, lines, 0), field, "line_integral") if units else None
    return FeatureView(
        np.where(field, features, 0).astype(np.float32), XRay(view, standardized, field, "line_integral"), xray
    )


def square_view(view: View, fit: Fit) -> View:
    """The view with the pixels of the square image; `Fit` states where a pixel of the image lies in it."""
    scale = fit.size / fit.longer
    rows, columns = fit.window
    shift = [scale * (part.start + 0.5) - 0.5 for part in (columns, rows)]
    square_from_image = np.array([[scale, 0, shift[0]], [0, scale, shift[1]], [0, 0, 1]])
    spacing = None
    if view.pixel_spacing is not None:
        spacing = (view.pixel_spacing[0] / scale, view.pixel_spacing[1] / scale)
    return View(square_from_image @ view.K, view.world_from_camera, (fit.size, fit.size), view.id, spacing)
