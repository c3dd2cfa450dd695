"""Blurs to which only the pixels of a field count."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

BOXES = 3
"""Means over boxes that make one wide blur."""
WIDE = 6.0
"""Standard deviation in pixels from which boxes take the place of a Gaussian."""


def smooth(image: np.ndarray, inside: np.ndarray, scale: float) -> np.ndarray:
    """The weighted mean of an image (rows, columns) around each pixel, float32, of what is `inside` (bool) alone.

    The weights are a Gaussian of the standard deviation `scale` in pixels; a wide one is made of three boxes, which is
    as wide, lower in the middle by a seventh, and costs no more the wider it is (W. M. Wells, IEEE PAMI 1986). Where
    nothing is near the result is 0.
    """
    if scale == 0:
        return np.where(inside, image, 0).astype(np.float32)
    blur = _boxes if scale >= WIDE else _gaussian
    total, weight = (blur(np.where(inside, values, 0).astype(np.float32), scale) for values in (image, 1))
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 1e-3)


def _gaussian(values: np.ndarray, scale: float) -> np.ndarray:
    return ndimage.gaussian_filter(values, scale, mode="constant", truncate=3)


def _boxes(values: np.ndarray, scale: float) -> np.ndarray:
    for side in _sides(scale):
        values = ndimage.uniform_filter(values, side, mode="constant")
    return values


def _sides(scale: float) -> list[int]:
    """Odd sides of the boxes, whose variances add up to nearly that of the Gaussian."""
    narrow = int(np.sqrt(12 * scale**2 / BOXES + 1))
    narrow -= 1 - narrow % 2
    wanted = 12 * scale**2 - BOXES * (narrow**2 - 1)
    wider = int(np.clip(round(wanted / (4 * narrow + 4)), 0, BOXES))
    return [narrow] * (BOXES - wider) + [narrow + 2] * wider
