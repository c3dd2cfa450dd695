"""Pictures of any bit depth, window and gamma in the form that the network takes."""

from __future__ import annotations

import numpy as np

from .smoothing import smooth

WINDOW = (1.0, 99.0)
"""Percentiles of the field that become -1 and 1."""
BEYOND = 1.5
"""Where brighter and darker pixels are cut off."""
BINS = 4096
"""Steps of grey that ranks tell apart."""
DETAILS = (1 / 64, 3 / 64)
"""Standard deviations of the blurs from which details are told, in parts of the longer side."""
SURROUNDINGS = 2
"""Standard deviation of the surroundings whose contrast becomes even, in those of the detail's blur."""
FAINTEST = 0.004
"""Contrast that is not raised any further: half a step of 8 bits."""
CHANNELS = 3 + len(DETAILS)
"""Of what the network takes."""


def channels(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """(CHANNELS, rows, columns) float32: grey, rank, details and field of a picture, all from about -1 to 1.

    picture: (rows, columns). field: (rows, columns) bool, which becomes 1, and -1 outside it, as all channels do there.
    Grey is linear between two percentiles of the field. Rank is each pixel's place among the pixels of the field by
    brightness, which is the same for any window without clipping and any gamma or logarithm. Details are differences
    from a blur, of the same contrast everywhere: bone in the thick of a body changes the grey by hundredths. A negative
    of the picture has the negative grey, rank and details.
    """
    inside = picture[field]
    if inside.size == 0:
        return np.full((CHANNELS, *picture.shape), -1, np.float32)
    picture = np.where(field, picture, inside[0])
    low, high = np.percentile(inside, WINDOW)
    if not high > low:
        low, high = float(inside.min()), float(inside.max())
    span = (high - low) or 1.0
    grey = np.clip((2 * picture - (high + low)) / span, -BEYOND, BEYOND)
    details = [_detail(grey, field, part * max(picture.shape)) for part in DETAILS]
    result = np.stack([grey, _rank(picture, field), *details, np.ones_like(grey)])
    return np.where(field, result, -1).astype(np.float32)


def _detail(grey: np.ndarray, field: np.ndarray, scale: float) -> np.ndarray:
    """The difference from a blur, over three times its standard deviation in the surroundings."""
    detail = np.where(field, grey - smooth(grey, field, scale), 0)
    contrast = np.sqrt(np.maximum(smooth(detail**2, field, SURROUNDINGS * scale), 0))  # a running mean may end below 0
    return np.clip(detail / (3 * np.maximum(contrast, FAINTEST)), -1, 1)


def _rank(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """From -1 for the darkest of the field to 1 for the brightest; equals are in the middle of their lot."""
    inside = picture[field]
    low, high = float(inside.min()), float(inside.max())
    scale = (BINS - 1) / ((high - low) or 1.0)
    place = np.rint(np.clip((picture - low) * scale, 0, BINS - 1)).astype(np.int64)
    counts = np.bincount(place[field], minlength=BINS)
    above = np.cumsum(counts)
    return ((2 * above - counts) / inside.size - 1)[place]
