"""An X-ray in bands of detail, told apart by their width in the patient."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import fft, ndimage

WIDTHS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Standard deviations of the blurs between which the bands lie, mm in the patient."""
REACH = 2.5
"""Standard deviations of a blur beyond which nothing counts."""


def bands(image: np.ndarray, mask: np.ndarray, pixel: float) -> np.ndarray:
    """(7, rows, columns) float32: the image without its mean as a sum of bands, finest first.

    Each band is the difference between two blurs, of the widths above; the last is what the widest leaves.
    mask: bool, measured pixels; the others count for nothing and are 0 in each band. pixel: its side in the patient,
    mm. A blur is a normalised convolution: weighted means over measured pixels (Knutsson and Westin, CVPR 1993).
    """
    mean = float(image[mask].mean()) if mask.any() else 0.0
    centred = np.where(mask, image - mean, 0).astype(np.float32)
    levels = [centred, *_blurs(centred, mask, [width / pixel for width in WIDTHS]), np.zeros_like(centred)]
    return np.stack([np.where(mask, finer - wider, 0) for finer, wider in pairwise(levels)])


def _blurs(values: np.ndarray, mask: np.ndarray, sigmas: list[float]) -> list[np.ndarray]:
    """Means of the measured pixels under a Gaussian of each of the standard deviations, in pixels."""
    margin = min(int(np.ceil(REACH * max(sigmas))), max(values.shape))
    shape = [fft.next_fast_len(side + margin, real=True) for side in values.shape]
    spectra = [fft.rfft2(part.astype(np.float32), shape) for part in (values, mask)]
    window = tuple(slice(side) for side in values.shape)

    def blurred(spectrum: np.ndarray, sigma: float) -> np.ndarray:
        narrowed = ndimage.fourier_gaussian(spectrum, sigma, n=shape[1])
        return fft.irfft2(narrowed, shape)[window]

    return [blurred(spectra[0], sigma) / np.maximum(blurred(spectra[1], sigma), 1e-3) for sigma in sigmas]
