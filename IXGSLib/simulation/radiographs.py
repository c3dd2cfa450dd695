"""Noise and quantisation of line integrals in a detector."""

from __future__ import annotations

import numpy as np

LINE_INTEGRAL_STEP = 2.0**-12
"""Line integrals are rounded to multiples of this so that files compress: 1/60 of the noise of 50 000 photons."""


def noisy(line_integrals: np.ndarray, photons: float, generator: np.random.Generator) -> np.ndarray:
    """Line integrals measured with a monochromatic beam of `photons` per pixel in the open field.

    Counts are Poisson distributed with mean photons exp(-L), and at least one, so that every value is finite.
    """
    counts = generator.poisson(photons * np.exp(-line_integrals.astype(np.float64)))
    return -np.log(np.maximum(counts, 1) / photons)


def stored(line_integrals: np.ndarray) -> np.ndarray:
    """The float32 image (height, width), rounded to multiples of LINE_INTEGRAL_STEP."""
    return (np.rint(line_integrals / LINE_INTEGRAL_STEP) * LINE_INTEGRAL_STEP).astype(np.float32)
