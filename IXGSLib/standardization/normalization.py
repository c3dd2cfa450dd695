"""Images of any bit depth, window and gamma, normalised to the input channels of the network."""

from __future__ import annotations

import numpy as np

from .smoothing import smooth

GREY_PERCENTILES = (1.0, 99.0)
"""Percentiles of the field that are mapped to -1 and 1."""
MAX_ABS_GREY = 1.5
"""Absolute value at which brighter and darker pixels are clipped."""
RANK_BINS = 4096
"""Grey levels that ranks distinguish."""
DETAIL_BLUR_FRACTIONS = (1 / 64, 3 / 64)
"""Blur widths of the detail channels, as fractions of the longer side."""
CONTRAST_BLUR_RATIO = 2
"""Blur width over which the local contrast is averaged, as a multiple of the detail channel's own."""
MIN_CONTRAST = 0.004
"""Local contrast below which detail is not amplified any further: half a grey level of 8 bits."""
CHANNELS = 3 + len(DETAIL_BLUR_FRACTIONS)
"""Number of input channels of the network."""


def channels(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """(CHANNELS, rows, columns) float32: grey, rank, details and field of an image, all from about -1 to 1.

    picture: (rows, columns). field: (rows, columns) bool; its channel is 1 inside, and all channels are -1 outside it.
    Grey is linear between two percentiles of the field. Rank is each pixel's rank by brightness within the field, which
    no gamma, logarithm or unclipped window changes. Details are differences from a blurred image, normalised to the
    local contrast, since bone behind thick tissue changes the grey by hundredths only. Inverting the image inverts
    grey, rank and details.
    """
    inside = picture[field]
    if inside.size == 0:
        return np.full((CHANNELS, *picture.shape), -1, np.float32)
    picture = np.where(field, picture, inside[0])
    low, high = np.percentile(inside, GREY_PERCENTILES)
    if not high > low:
        low, high = float(inside.min()), float(inside.max())
    span = (high - low) or 1.0
    grey = np.clip((2 * picture - (high + low)) / span, -MAX_ABS_GREY, MAX_ABS_GREY)
    details = [_detail(grey, field, part * max(picture.shape)) for part in DETAIL_BLUR_FRACTIONS]
    result = np.stack([grey, _rank(picture, field), *details, np.ones_like(grey)])
    return np.where(field, result, -1).astype(np.float32)


def _detail(grey: np.ndarray, field: np.ndarray, scale: float) -> np.ndarray:
    """The difference from a blurred image, divided by three times its local standard deviation."""
    detail = np.where(field, grey - smooth(grey, field, scale), 0)
    variance = smooth(detail**2, field, CONTRAST_BLUR_RATIO * scale)
    contrast = np.sqrt(np.maximum(variance, 0))  # a running mean may round below 0
    return np.clip(detail / (3 * np.maximum(contrast, MIN_CONTRAST)), -1, 1)


def _rank(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """From -1 for the darkest pixel of the field to 1 for the brightest; ties take the mean of their ranks."""
    inside = picture[field]
    low, high = float(inside.min()), float(inside.max())
    scale = (RANK_BINS - 1) / ((high - low) or 1.0)
    bins = np.rint(np.clip((picture - low) * scale, 0, RANK_BINS - 1)).astype(np.int64)
    counts = np.bincount(bins[field], minlength=RANK_BINS)
    cumulative = np.cumsum(counts)
    return ((2 * cumulative - counts) / inside.size - 1)[bins]
