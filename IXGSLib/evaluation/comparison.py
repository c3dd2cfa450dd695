"""What a standardisation added to an X-ray or removed from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..xray.bands import bands

DETAIL = slice(1, 4)
"""Bands that are compared, from 1 to 8 mm: wider is soft tissue and scatter, finer is noise."""
NEIGHBOURHOOD = 25.0
"""Standard deviation in mm of the window in which an X-ray is fitted to its standardisation."""
OVERALL = 0.3
"""Weight of the fit to all of the view in each local one, so that nothing vanishes with all that is around it."""


@dataclass(frozen=True, eq=False)
class Change:
    """The part of a standardised view that its X-ray does not explain.

    difference: (rows, columns) float32, line integrals; positive where detail was added. added, removed: bool, beyond
    the limit.
    """

    difference: np.ndarray
    added: np.ndarray
    removed: np.ndarray


def changes(raw: np.ndarray, standardized: np.ndarray, mask: np.ndarray, pixel: float, limit: float) -> Change:
    """Where a standardised view differs from its X-ray, both line integrals (rows, columns), after matching.

    mask: bool, pixels to compare. pixel: its side in the patient, mm. limit: in line integrals of the standardised.
    The detail of the X-ray is scaled to that of the standardised view by least squares in a wide window, leaning on the
    fit to the whole view; what is left is a change. Soft tissue that was removed counts too.
    """
    before, after = (bands(image, mask, pixel)[DETAIL].sum(axis=0) for image in (raw, standardized))
    shared, power = before * after, before * before
    inside = mask if mask.any() else ~mask
    numerator = _local(shared, mask, pixel) + OVERALL * shared[inside].mean()
    denominator = _local(power, mask, pixel) + OVERALL * power[inside].mean()
    slope = np.maximum(numerator, 0) / np.maximum(denominator, 1e-12)
    difference = np.where(mask, after - slope * before, 0).astype(np.float32)
    return Change(difference, difference > limit, difference < -limit)


def _local(values: np.ndarray, mask: np.ndarray, pixel: float) -> np.ndarray:
    """Means of the measured pixels in the neighbourhood of each; the window is so wide that every fourth mm serves."""
    step = max(1, int(NEIGHBOURHOOD / 6 / pixel))
    height, width = values.shape
    pads = ((0, -height % step), (0, -width % step))
    sums = []
    for part in (np.where(mask, values, 0), mask.astype(np.float32)):
        blocks = np.pad(part, pads).reshape((height + pads[0][1]) // step, step, -1, step).mean(axis=(1, 3))
        sums.append(ndimage.gaussian_filter(blocks, NEIGHBOURHOOD / pixel / step, mode="constant"))
    means = sums[0] / np.maximum(sums[1], 1e-6)
    return ndimage.zoom(means, step, order=1, mode="nearest", grid_mode=True)[:height, :width]
