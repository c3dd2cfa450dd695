"""The display processing of a C-arm: from detector image to displayed picture."""

from __future__ import annotations

import numpy as np

from .blur import blurred, gaussian
from .imaging_settings import ImagingSettings

MIN_SIGNAL = 1e-5
"""Signal, as a fraction of the open field's, below which the logarithm is clipped."""


def displayed(
    signal: np.ndarray, field: np.ndarray, patient: np.ndarray, settings: ImagingSettings, pixel: float
) -> np.ndarray:
    """The picture (height, width) uint16 of `bits` bits from a signal that is one in the open field.

    field: bool, the pixels that the collimator leaves open; the others are shown black.
    patient: bool, the pixels that determine the window.
    The steps are logarithm, window, unsharp mask, inversion, gamma and quantisation.
    """
    values = np.log(np.maximum(signal, MIN_SIGNAL)) if settings.logarithmic else np.maximum(signal, 0)
    low, high = np.percentile(values[patient], settings.window)
    grey = sharpened(windowed(values, low, high), field, settings, pixel)
    grey = np.clip(1 - grey if settings.inverted else grey, 0, 1) ** settings.gamma
    return quantized(np.where(field, grey, 0), settings.bits)


def windowed(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """The values scaled so that `low` becomes 0 and `high` 1, without clipping."""
    return (values - low) / max(high - low, 1e-12)


def sharpened(grey: np.ndarray, field: np.ndarray, settings: ImagingSettings, pixel: float) -> np.ndarray:
    """The picture after a weighted unsharp mask that ignores pixels outside the field."""
    if settings.edge_amount == 0:
        return grey
    inside = np.where(field, grey, 0)
    soft, weight = (
        blurred(image, pixel, gaussian(settings.edge_width), 4 * settings.edge_width) for image in (inside, field)
    )
    return np.where(field, grey + settings.edge_amount * (grey - soft / np.maximum(weight, 1e-3)), grey)


def quantized(grey: np.ndarray, bits: int) -> np.ndarray:
    """Grey values from 0 to 1 as uint16 from 0 to 2^bits - 1."""
    return np.rint(np.clip(grey, 0, 1) * (2**bits - 1)).astype(np.uint16)
