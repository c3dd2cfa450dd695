"""Line integrals from logarithmic pixels."""

from __future__ import annotations

import warnings

import numpy as np

from ..errors import FormatError, IXGSWarning
from .pixels import Pixels


def from_logarithm(pixels: Pixels, trusted: np.ndarray, name: str) -> np.ndarray:
    """(height, width) line integrals of logarithmic pixels, zero in the open field.

    Without a table of intensities the gain is unknown; the usual one is assumed, a curve that maps the range of the
    pixels onto itself, L = top ln(I) / ln(top + 1). Shapes are right in any case, attenuation up to a common factor.
    Raises FormatError for a constant image; warns of the assumption.
    """
    values = pixels.values.astype(np.float64)
    low, high = values[trusted].min(), values[trusted].max()
    if low == high:
        raise FormatError(f"{name}: every pixel is {low:g}, expected an X-ray; export the image again")
    rising = values if pixels.sign != -1 else -values
    top = (pixels.limits[1] - pixels.limits[0]) if pixels.limits is not None else high - low
    open_field = np.percentile(rising[trusted], 99.5)
    warnings.warn(
        f"{name}: logarithmic pixels without a table of intensities; they are line integrals up to a gain, for which a "
        f"logarithm over the range of 0 to {top:g} is assumed; attenuation may be off by a common factor",
        IXGSWarning,
        stacklevel=4,
    )
    return (open_field - rising) * np.log(top + 1) / top
