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
MAX_GAIN_RATIO = 1.5
"""Largest factor between the ratios of I0 to stated exposure of two views up to which the exposures are used."""
MIN_EXPOSURE_RATIO = 1.02
"""Smallest ratio between two stated exposures that counts as a difference."""


@dataclass(frozen=True)
class Exposure:
    """How a view was exposed.

    load: tube current times time, mAs. voltage: kVp. distance: from the source to the detector, mm. The latter two are
    None where they are not stated.
    """

    load: float
    voltage: float | None = None
    distance: float | None = None


@dataclass(frozen=True)
class Plateau:
    """The brightest plateau of a view: its level, whether it is open field rather than patient, and the exposure."""

    level: float
    is_open: bool
    exposure: Exposure | None = None


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
    beside the patient. Views with an I0 keep it. The others get the median of those or, if no view has an I0, the
    brightest level of all, in proportion to the exposures where all views state them. Either causes a warning.
    """
    if all(plateau.is_open for plateau in plateaus):
        return list(xrays)
    weights, how = _weights(plateaus)
    gains = [plateau.level / weight for plateau, weight in zip(plateaus, weights, strict=True)]
    known = [gain for gain, plateau in zip(gains, plateaus, strict=True) if plateau.is_open]
    common = float(np.median(known)) if known else max(gains)
    blind = [n for n, plateau in enumerate(plateaus) if not plateau.is_open]
    source = "the median of the other views" if known else "the brightest level of all views"
    ends = sorted({f"{common * weights[n]:.5g}" for n in blind}, key=float)
    warnings.warn(
        f"no open field and no i0 in view {', '.join(xrays[n].view.id for n in blind)}: I0 is taken as "
        f'{" to ".join(ends[:: max(1, len(ends) - 1)])}, {source}, {how}; state "i0" for each view',
        IXGSWarning,
        stacklevel=2,
    )
    return [
        xray if plateau.is_open else _brighter(xray, common / gain)
        for xray, plateau, gain in zip(xrays, plateaus, gains, strict=True)
    ]


def _weights(plateaus: Sequence[Plateau]) -> tuple[np.ndarray, str]:
    """The intensity at the detector without a patient, (n,) up to a common factor, and what it is based on."""
    exposures = [plateau.exposure for plateau in plateaus]
    relative = _relative_intensities([exposure for exposure in exposures if exposure is not None])
    equal = np.ones(len(plateaus))
    if relative is None or len(relative) < len(plateaus):
        return equal, "as if exposures were equal"
    if relative.max() < MIN_EXPOSURE_RATIO * relative.min():
        return equal, "as the stated exposures are equal"
    gains = [plateau.level / weight for plateau, weight in zip(plateaus, relative, strict=True) if plateau.is_open]
    if gains and max(gains) > MAX_GAIN_RATIO * min(gains):
        return equal, "as if exposures were equal, since the stated ones do not explain the other views"
    return relative, "in proportion to the stated exposures (mAs, kVp and distance)"


def _relative_intensities(exposures: Sequence[Exposure]) -> np.ndarray | None:
    """Proportional to tube load, to the square of the voltage, which the output of a tube follows about, and to the
    inverse square of the distance; None where some exposures state voltage or distance and others do not."""
    voltages, distances = [e.voltage for e in exposures], [e.distance for e in exposures]
    result = np.array([e.load for e in exposures], dtype=np.float64)
    for column, power in ((voltages, 2.0), (distances, -2.0)):
        stated = [value for value in column if value is not None]
        if not stated:
            continue
        if len(stated) < len(column):
            return None
        result = result * np.array(stated) ** power
    return result if len(result) else None


def _brighter(xray: XRay, factor: float) -> XRay:
    """The X-ray as if its I0 had been larger by a factor."""
    image = np.where(xray.mask, xray.image + np.log(factor), 0)
    return XRay(xray.view, image, xray.mask, xray.values)
