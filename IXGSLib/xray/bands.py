"""An X-ray as a sum of frequency bands, whose limits are widths in the patient."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import fft, ndimage

BLUR_WIDTHS_MM = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Standard deviations, in the patient, of the blurs that separate the bands."""
BLUR_REACH_SIGMAS = 2.5
"""Width of the padding around an image, in standard deviations of the widest blur."""


def bands(image: np.ndarray, mask: np.ndarray, pixel: float) -> np.ndarray:
    """(7, rows, columns) float32: the image minus its mean, as a sum of bands from fine to coarse.

    Each band is the difference of two blurs of neighbouring widths; the last band is the widest blur itself.
    mask: bool, measured pixels; the others are ignored and are 0 in every band. pixel: pixel size in the patient, mm.
    A blur is a normalised convolution: a weighted mean over measured pixels (Knutsson and Westin, CVPR 1993).
    """
    mean = float(image[mask].mean()) if mask.any() else 0.0
    centred = np.where(mask, image - mean, 0).astype(np.float32)
    levels = [centred, *_blurs(centred, mask, [width / pixel for width in BLUR_WIDTHS_MM]), np.zeros_like(centred)]
    return np.stack([np.where(mask, finer - coarser, 0) for finer, coarser in pairwise(levels)])


def _blurs(values: np.ndarray, mask: np.ndarray, sigmas: list[float]) -> list[np.ndarray]:
    """Gaussian-weighted means of the measured pixels, for each standard deviation in pixels."""
    margin = min(int(np.ceil(BLUR_REACH_SIGMAS * max(sigmas))), max(values.shape))
    shape = [fft.next_fast_len(side + margin, real=True) for side in values.shape]
    spectra = [fft.rfft2(part.astype(np.float32), shape) for part in (values, mask)]
    window = tuple(slice(side) for side in values.shape)

    def blurred(spectrum: np.ndarray, sigma: float) -> np.ndarray:
        filtered = ndimage.fourier_gaussian(spectrum, sigma, n=shape[1])
        return fft.irfft2(filtered, shape)[window]

    return [blurred(spectra[0], sigma) / np.maximum(blurred(spectra[1], sigma), 1e-3) for sigma in sigmas]
