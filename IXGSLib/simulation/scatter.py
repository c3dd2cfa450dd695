"""Scattered radiation, estimated by convolution."""

from __future__ import annotations

import numpy as np

from .blur import blurred, gaussian
from .imaging_settings import ImagingSettings

REFERENCE_LINE_INTEGRAL = 3.84
"""Line integral of 20 cm of water at 70 keV."""
NARROW_WIDTH_RATIO = 0.25
"""Width of the kernel's narrow part relative to its wide part."""


def scattered(primary: np.ndarray, line_integrals: np.ndarray, settings: ImagingSettings, pixel: float) -> np.ndarray:
    """The scatter (height, width) of a primary image with pixels of `pixel` mm.

    Its source is the primary times its line integral (Ohnesorge, Flohr and Klingenbeck-Regn, Eur. Radiol. 9, 563
    (1999)), spread by the sum of a wide and a narrow Gaussian (the shape of Sun and Star-Lack, Phys. Med. Biol. 55,
    6695 (2010), with one width for all thicknesses). The scatter-to-primary ratio therefore grows with thickness and
    field.
    """
    source = primary * np.maximum(line_integrals, 0) * np.float32(settings.scatter / REFERENCE_LINE_INTEGRAL)
    wide, narrow = gaussian(settings.scatter_width), gaussian(NARROW_WIDTH_RATIO * settings.scatter_width)
    kernel = lambda frequency: 0.7 * wide(frequency) + 0.3 * narrow(frequency)  # noqa: E731
    return np.maximum(blurred(source, pixel, kernel, 3 * settings.scatter_width, "constant"), 0)
