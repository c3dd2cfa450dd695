"""The unattenuated intensity (I0) of the views of a series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import IXGSWarning
from .radiograph import XRay

PLATEAU_RATIO = 0.9
"""Fraction of the 99.5th percentile above which intensities belong to the brightest plateau."""
MIN_OPEN_SHARE = 0.02
"""Smallest share of the field that the plateau fills when part of the beam misses the patient."""
MAX_OPEN_SPREAD = 0.12
"""Largest relative spread of the plateau that noise and vignetting explain."""


@dataclass(frozen=True)
class Plateau:
    """The brightest plateau of a view: its level, and whether it is open field rather than patient."""

    level: float
    is_open: bool


def brightest_plateau(intensity: np.ndarray, field: np.ndarray) -> Plateau:
    """The brightest plateau of an image (rows, columns) within its field, robust against a few hot pixels.

    Where every ray passes through the patient, the brightest pixels are a small and irregular part of the field.
    """
    values = intensity[field]
    plateau = values[values >= PLATEAU_RATIO * np.percentile(values, 99.5)]
    level = float(np.median(plateau))
    share = np.mean(np.abs(values - level) <= MAX_OPEN_SPREAD * abs(level))
    below = np.mean(np.abs(values - level * (1 - 2 * MAX_OPEN_SPREAD)) <= MAX_OPEN_SPREAD * abs(level))
    return Plateau(level, bool(share >= MIN_OPEN_SHARE and share > below))


def on_common_scale(xrays: Sequence[XRay], plateaus: Sequence[Plateau]) -> list[XRay]:
    """The X-rays of a series, with those that show no open field converted to the I0 of the others.

    plateaus: for each X-ray the level that its line integrals refer to; open if that is I0, either stated or seen
    beside the patient. Exposures differ, so views with an I0 keep it. The others get the median of those or, if no view
    has an I0, the brightest level of all. Either causes a warning.
    """
    known = [plateau.level for plateau in plateaus if plateau.is_open]
    if len(known) == len(plateaus) or not plateaus:
        return list(xrays)
    common = float(np.median(known)) if known else max(plateau.level for plateau in plateaus)
    blind = [xray.view.id for xray, plateau in zip(xrays, plateaus, strict=True) if not plateau.is_open]
    source = "the median of the other views" if known else "the brightest level of all views"
    warnings.warn(
        f"no open field and no i0 in view {', '.join(blind)}: I0 is taken as {common:.5g}, {source}, as if exposures "
        'were equal; state "i0" for each view',
        IXGSWarning,
        stacklevel=2,
    )
    return [
        xray if plateau.is_open else _brighter(xray, common / plateau.level)
        for xray, plateau in zip(xrays, plateaus, strict=True)
    ]


def _brighter(xray: XRay, factor: float) -> XRay:
    """The X-ray as if its I0 had been larger by a factor."""
    image = np.where(xray.mask, xray.image + np.log(factor), 0)
    return XRay(xray.view, image, xray.mask, xray.values)
