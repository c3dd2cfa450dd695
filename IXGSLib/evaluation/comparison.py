"""The detail that a standardisation added to an X-ray or removed from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ..xray.bands import bands

DETAIL = slice(1, 4)
"""The bands that are compared, from 1 to 8 mm: coarser ones are soft tissue and scatter, finer ones noise."""
WINDOW_SIGMA = 25.0
"""Standard deviation in mm of the window in which an X-ray is fitted to its standardisation."""
GLOBAL_WEIGHT = 0.3
"""Weight of the global fit in each local one, so that a structure that fills its window is not fitted away."""


@dataclass(frozen=True, eq=False)
class Change:
    """The detail in which a standardised view and its X-ray differ.

    difference: (rows, columns) float32, line integrals; positive where detail was added. added, removed: (rows,
    columns) bool, where the difference exceeds the limit.
    """

    difference: np.ndarray
    added: np.ndarray
    removed: np.ndarray


def changes(raw: np.ndarray, standardized: np.ndarray, mask: np.ndarray, pixel: float, limit: float) -> Change:
    """Where a standardised view differs from its X-ray after matching; both (rows, columns) line integrals.

    mask: bool, the pixels to compare. pixel: side of a pixel in the patient, mm. limit: the smallest difference that
    counts, in line integrals of the standardised view.
    The detail of the X-ray is scaled to that of the standardised view by least squares in a wide window, regularised by
    the fit to the whole view; the residual is the change. Removed soft tissue counts too.
    """
    before, after = (bands(image, mask, pixel)[DETAIL].sum(axis=0) for image in (raw, standardized))
    shared, power = before * after, before * before
    inside = mask if mask.any() else ~mask
    numerator = _local(shared, mask, pixel) + GLOBAL_WEIGHT * shared[inside].mean()
    denominator = _local(power, mask, pixel) + GLOBAL_WEIGHT * power[inside].mean()
    slope = np.maximum(numerator, 0) / np.maximum(denominator, 1e-12)
    difference = np.where(mask, after - slope * before, 0).astype(np.float32)
    return Change(difference, difference > limit, difference < -limit)


def _local(values: np.ndarray, mask: np.ndarray, pixel: float) -> np.ndarray:
    """The mean of the measured pixels in a window around each pixel, computed on a coarser grid for speed."""
    step = max(1, int(WINDOW_SIGMA / 6 / pixel))
    height, width = values.shape
    pads = ((0, -height % step), (0, -width % step))
    sums = []
    for part in (np.where(mask, values, 0), mask.astype(np.float32)):
        blocks = np.pad(part, pads).reshape((height + pads[0][1]) // step, step, -1, step).mean(axis=(1, 3))
        sums.append(ndimage.gaussian_filter(blocks, WINDOW_SIGMA / pixel / step, mode="constant"))
    means = sums[0] / np.maximum(sums[1], 1e-6)
    return ndimage.zoom(means, step, order=1, mode="nearest", grid_mode=True)[:height, :width]
