"""The unattenuated intensity of the views of one series."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import IXGSWarning
from .radiograph import XRay

PLATEAU = 0.9
"""Part of the 99.5th percentile from which intensities belong to the brightest plateau."""
OPEN_SHARE = 0.02
"""Part of the field that the plateau fills where the beam passes beside the patient."""
OPEN_SPREAD = 0.12
"""Spread of the plateau, as a part of its level, up to which noise and vignetting explain it."""


@dataclass(frozen=True)
class Brightest:
    """The brightest plateau of a view: its level, and whether it is open field and not the patient."""

    level: float
    is_open: bool


def brightest(intensity: np.ndarray, field: np.ndarray) -> Brightest:
    """The brightest plateau of an image (rows, columns) within its field; a few hot pixels do not move it.

    Where no ray misses the patient, the brightest tenth is a small and ragged part of the field.
    """
    values = intensity[field]
    plateau = values[values >= PLATEAU * np.percentile(values, 99.5)]
    level = float(np.median(plateau))
    share = np.mean(np.abs(values - level) <= OPEN_SPREAD * abs(level))
    below = np.mean(np.abs(values - level * (1 - 2 * OPEN_SPREAD)) <= OPEN_SPREAD * abs(level))
    return Brightest(level, bool(share >= OPEN_SHARE and share > below))


def on_one_scale(xrays: Sequence[XRay], plateaus: Sequence[Brightest]) -> list[XRay]:
    """The X-rays of a series, those without open field brought to the I0 of the others.

    plateaus: for each X-ray the level that its line integrals were taken with, open where it is I0: stated, or seen
    beside the patient. Views differ in exposure, and each keeps its own I0 where it has one. The others take the median
    of those; where no view has one, the brightest level of all. Either is warned of.
    """
    known = [plateau.level for plateau in plateaus if plateau.is_open]
    if len(known) == len(plateaus) or not plateaus:
        return list(xrays)
    common = float(np.median(known)) if known else max(plateau.level for plateau in plateaus)
    blind = [xray.view.id for xray, plateau in zip(xrays, plateaus, strict=True) if not plateau.is_open]
    source = "the median of the other views" if known else "the brightest level of all views"
    warnings.warn(
        f"no open field and no i0 in view {', '.join(blind)}: I0 is taken as {common:.5g}, {source}, as if all had one "
        'exposure; state "i0" for each view',
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
