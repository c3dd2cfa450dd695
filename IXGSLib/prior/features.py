"""X-rays as features of pixels: what may be bone in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..geometry import View
from ..standardization.fitting import Fit
from ..standardization.network import Network
from ..standardization.normalization import channels
from ..standardization.preparation import PreparedView
from ..standardization.smoothing import smooth
from ..xray import XRay

FEATURES = ("standardized", "fine detail", "coarse detail", "contrast")
"""Line integrals of bone by the network that standardises, in LINE_INTEGRAL_UNIT; the two details of
`standardization.normalization`, which have no unit; and detail in line integrals, in CONTRAST_UNIT."""
CONTRAST = FEATURES.index("contrast")
LINE_INTEGRAL_UNIT, CONTRAST_UNIT = 0.5, 0.5
"""Line integrals that count as one; contrast is clipped there."""
CONTRAST_BLUR_FRACTION = 3 / 64
"""Blur width of the mean from which contrast is taken, as a fraction of the side."""


@dataclass(frozen=True, eq=False)
class FeatureView:
    """The features of a view, and its standardised image; both have the size for which the network standardises.

    features: (FEATURES, size, size) float32. standardized: its mask is the measured field.
    """

    features: np.ndarray
    standardized: XRay


def feature_views(views: Sequence[PreparedView], standardizer: Network) -> list[FeatureView]:
    """The features of prepared X-rays."""
    found = []
    for view in views:
        rows, columns = view.image.shape
        fit = Fit(rows, columns, standardizer.size)
        lines, field = fit.square(view.image, view.field)
        found.append(feature_view(lines.astype(np.float32), field, square_view(view.xray.view, fit), standardizer))
    return found


def feature_view(
    lines: np.ndarray, field: np.ndarray, view: View, standardizer: Network, units: bool = True
) -> FeatureView:
    """The features of line integrals (size, size) in a field (size, size) bool; without units there is no contrast."""
    standardized = XRay(view, standardizer.apply(lines, field), field, "line_integral")
    _, _, fine, coarse, _ = channels(lines, field)
    contrast = np.zeros_like(fine)
    if units:
        detail = lines - smooth(lines, field, CONTRAST_BLUR_FRACTION * len(lines))
        contrast = np.where(field, np.clip(detail / CONTRAST_UNIT, -1, 1), 0)
    features = np.stack([standardized.image / LINE_INTEGRAL_UNIT, fine, coarse, contrast])
    return FeatureView(np.where(field, features, 0).astype(np.float32), standardized)


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
