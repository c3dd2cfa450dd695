"""X-rays as grey pictures: the line integrals that are shown black and white."""

from __future__ import annotations

import numpy as np

PERCENTILES = (0.5, 99.5)
"""Percentiles of the measured pixels that are shown black and white."""


def grey_window(image: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """The values shown black and white, so that a few outliers do not use up the contrast.

    image: (rows, columns) line integrals. mask: bool, True where a pixel was measured.
    Without measured pixels the window is (0, 1).
    """
    measured = image[mask]
    low, high = np.percentile(measured, PERCENTILES) if measured.size else (0.0, 1.0)
    return float(low), float(high)


def to_grey(image: np.ndarray, low: float, high: float) -> np.ndarray:
    """(rows, columns) uint8: linear from 0 at `low` to 255 at `high`, clipped beyond."""
    level = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
    return (255 * level + 0.5).astype(np.uint8)


def grey_picture(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """(rows, columns) uint8: the X-ray in its own grey window, with masked pixels black."""
    return np.where(mask, to_grey(image, *grey_window(image, mask)), 0).astype(np.uint8)
