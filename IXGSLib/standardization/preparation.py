"""X-rays made ready to be standardised: dense tissue bright, fiducials inpainted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..formats import Case
from ..xray import XRay
from ..xray.fiducials import Fiducial, fiducial_mask, find_fiducials
from .inpainting import inpainted
from .polarity import polarity
from .settings import StandardizationSettings

MAX_INVERTED_LOG_ODDS = -1.0
"""Mean log odds of dense tissue being bright, over all views, up to which line integrals count as inverted."""


@dataclass(frozen=True, eq=False)
class PreparedView:
    """A view ready to be standardised.

    image: line integrals (rows, columns) with the fiducials inpainted. field: bool, pixels that are measured or
    inpainted. pixel: pixel size in the patient, mm.
    """

    xray: XRay
    image: np.ndarray
    field: np.ndarray
    pixel: float
    fiducials: list[Fiducial]

    @property
    def mask(self) -> np.ndarray:
        """(rows, columns) bool: the measured pixels that no fiducial covers."""
        return self.xray.mask & ~fiducial_mask(self.fiducials, self.image.shape)


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """The views of a case; inverted: whether the intensities were stored as negatives."""

    views: list[PreparedView]
    inverted: bool


def prepare(case: Case, settings: StandardizationSettings) -> PreparedCase:
    """The views of a case, inverted where dense tissue is dark, their fiducials inpainted if the settings say so."""
    inverted = _is_inverted(case)
    images = [-xray.image if inverted else xray.image for xray in case.xrays]
    pixels = [xray.view.pixel_size(case.grid.center) for xray in case.xrays]
    fiducials: list[list[Fiducial]] = [[] for _ in case.xrays]
    if settings.fiducials:
        masks = [xray.mask for xray in case.xrays]
        fiducials = find_fiducials(images, masks, pixels, settings.fiducial_diameter_mm)
    views = []
    for xray, image, pixel, found in zip(case.xrays, images, pixels, fiducials, strict=True):
        covered = fiducial_mask(found, image.shape)
        filled = inpainted(image, covered, xray.mask) if found else image
        views.append(PreparedView(xray, filled, xray.mask | covered, pixel, found))
    return PreparedCase(views, inverted)


def _is_inverted(case: Case) -> bool:
    """Whether dense tissue is dark in the line integrals, because the intensities were stored as negatives."""
    if any(xray.values == "line_integral" for xray in case.xrays):
        return False
    log_odds = [polarity(xray.image, xray.mask) for xray in case.xrays if xray.mask.any()]
    return bool(np.mean(log_odds or [0.0]) <= MAX_INVERTED_LOG_ODDS)
