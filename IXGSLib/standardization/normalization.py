"""Pictures of any bit depth, window and gamma in the form that the network takes."""

from __future__ import annotations

import numpy as np

WINDOW = (1.0, 99.0)
"""Percentiles of the field that become -1 and 1."""
BEYOND = 1.5
"""Where brighter and darker pixels are cut off."""
BINS = 4096
"""Steps of grey that ranks tell apart."""


def channels(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """(3, rows, columns) float32: grey, rank and field of a picture (rows, columns), all from about -1 to 1.

    Grey is linear between two percentiles of the field. Rank is each pixel's place among the pixels of the field by
    brightness, which is the same for any window without clipping and any gamma or logarithm. Outside the field
    (rows, columns) bool all three are -1. A negative of the picture has the negative grey and rank.
    """
    inside = picture[field]
    if inside.size == 0:
        return np.full((3, *picture.shape), -1, np.float32)
    picture = np.where(field, picture, inside[0])
    low, high = np.percentile(inside, WINDOW)
    if not high > low:
        low, high = float(inside.min()), float(inside.max())
    span = (high - low) or 1.0
    grey = np.clip((2 * picture - (high + low)) / span, -BEYOND, BEYOND)
    result = np.stack([grey, _rank(picture, field), np.ones_like(grey)])
    return np.where(field, result, -1).astype(np.float32)


def _rank(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """From -1 for the darkest of the field to 1 for the brightest; equals are in the middle of their lot."""
    inside = picture[field]
    low, high = float(inside.min()), float(inside.max())
    scale = (BINS - 1) / ((high - low) or 1.0)
    place = np.rint(np.clip((picture - low) * scale, 0, BINS - 1)).astype(np.int64)
    counts = np.bincount(place[field], minlength=BINS)
    above = np.cumsum(counts)
    return ((2 * above - counts) / inside.size - 1)[place]
