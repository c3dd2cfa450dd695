"""Residuals that follow a pattern across the image, which an undistorted image does not have."""

from __future__ import annotations

import numpy as np
from scipy.stats import f as f_distribution

from ...geometry.rigid import Array
from ...xray.distortion import powers

ORDER = 3
"""Order of the polynomial that is fitted to the residuals."""
MIN_SHARE = 0.35
"""Share of the residuals' variance that the polynomial must explain."""
MIN_PATTERN_PX = 0.15
"""Root mean square of the polynomial from which it is worth a warning."""
MAX_PROBABILITY = 1e-6
"""Probability that noise alone would be explained as well."""


def pattern(pixels: Array, residuals: Array, size: tuple[int, int]) -> float | None:
    """Root mean square in px of the pattern that residuals (n, 2) at pixels (n, 2) follow; None if they follow none."""
    design = powers(pixels, size, ORDER)
    freedom = len(pixels) - design.shape[1]
    if freedom < 2 * design.shape[1]:
        return None
    fitted = design @ np.linalg.lstsq(design, residuals, rcond=None)[0]
    explained, left = float((fitted**2).sum()), float(((residuals - fitted) ** 2).sum())
    ratio = (explained / design.shape[1]) / max(left / freedom, 1e-12)
    chance = float(f_distribution.sf(ratio, 2 * design.shape[1], 2 * freedom))
    amount = float(np.sqrt(explained / len(pixels)))
    certain = chance < MAX_PROBABILITY and explained > MIN_SHARE * (explained + left)
    return amount if certain and amount > MIN_PATTERN_PX else None
