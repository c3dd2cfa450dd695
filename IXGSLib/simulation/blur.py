"""Blur by modulation transfer functions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

Transfer = Callable[[np.ndarray], np.ndarray]
"""Modulation transfer function of the radial frequency in 1/mm."""


def gaussian(sigma: float) -> Transfer:
    """The transfer function of a Gaussian of standard deviation `sigma` mm."""
    return lambda frequency: np.exp(-2 * (np.pi * sigma * frequency) ** 2)


def lorentzian(half: float) -> Transfer:
    """A transfer function of one half at the frequency `half` in 1/mm, with the long tail of scintillator screens."""
    return lambda frequency: 1 / (1 + (frequency / half) ** 2)


def veiling_glare(part: float, width: float) -> Transfer:
    """The point spread (1 - part) delta(r) + part exp(-r / width) / (2 pi width r), width in mm.

    Seibert, Nalcioglu and Roeck, Med. Phys. 11, 172 (1984), for image intensifiers.
    """
    return lambda frequency: (1 - part) + part / np.sqrt(1 + (2 * np.pi * width * frequency) ** 2)


def blurred(image: np.ndarray, pixel: float, transfer: Transfer, reach: float, beyond: str = "edge") -> np.ndarray:
    """The image (height, width) float32 filtered by a transfer function.

    pixel: pixel size, mm. reach: width of the padding, mm. beyond: "edge" pads with the border values, "constant" with
    zeros.
    """
    margin = min(int(np.ceil(reach / pixel)) + 1, max(image.shape))
    shape = [fft.next_fast_len(n + 2 * margin, real=True) for n in image.shape]
    pads = [(margin, n - m - margin) for m, n in zip(image.shape, shape, strict=True)]
    padded = np.pad(image.astype(np.float32), pads, mode=beyond)  # type: ignore[call-overload]
    y, x = np.fft.fftfreq(shape[0], pixel)[:, None], np.fft.rfftfreq(shape[1], pixel)
    response = transfer(np.hypot(y, x)).astype(np.float32)
    result = fft.irfft2(fft.rfft2(padded) * response, shape)
    return np.ascontiguousarray(result[margin : margin + image.shape[0], margin : margin + image.shape[1]])
