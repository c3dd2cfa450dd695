"""Whether dense tissue is bright or dark in an image that does not state its polarity."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from scipy import ndimage

from .fitting import Fit
from .normalization import channels
from .smoothing import smooth

ANALYSIS_SIZE_PX = 128
"""Pixels along the longer side to which an image is resampled."""
BLUR_SIGMAS_PX = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Standard deviations of the blurs whose differences are the detail bands."""
FEATURE_WEIGHTS = (
    *(0.2759, 0.1817, -0.3465, -0.4736, -1.532, 1.963, -1.521, -0.7408, -3.019),
    *(0.04667, 0.7113, 0.3572, 0.4574, -0.2804, 1.13, -1.416, -2.367, -2.233),
    *(-0.8857, -2.17),
)
"""Weights of `features`, fitted by `Testing/standardization/make_polarity.py`."""


def polarity(picture: np.ndarray, field: np.ndarray | None = None) -> float:
    """Positive when dense tissue is bright in an image (rows, columns), negative when it is dark.

    field: (rows, columns) bool, the pixels that were measured; by default all. The value is the log odds of a logistic
    regression on simulated radiographs, and changes its sign when the image is inverted. On 400 images of each of four
    CTs, weights fitted to the other three are right for 97, 84, 97 and 95 %, and beyond log odds of 2 wrong for at most
    3 %. All of nine real radiographs of chest and abdomen are recognised; knees and wrists are not.
    """
    field = np.ones(picture.shape, bool) if field is None else field
    return float(features(picture, field) @ np.array(FEATURE_WEIGHTS))


def features(picture: np.ndarray, field: np.ndarray) -> np.ndarray:
    """(features,) numbers that change their sign when the image is inverted, from its grey values and its ranks.

    They are the skewness of each detail band, since bone and metal are denser than their background; the correlation of
    noise with brightness, since few quanta pass dense tissue; and the correlation of brightness with the distance from
    the edge of the field and from the middle of the image, since there is air beside a patient.
    """
    values, inside = Fit(picture.shape[0], picture.shape[1], ANALYSIS_SIZE_PX).square(picture, field)
    grey, rank = channels(values, inside)[:2]
    distance = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    core = distance > 3 if (distance > 3).any() else inside
    if not core.any():
        return np.zeros(2 * len(BLUR_SIGMAS_PX) + 8)
    from_middle = np.abs(np.arange(ANALYSIS_SIZE_PX) - (ANALYSIS_SIZE_PX - 1) / 2) + np.zeros((ANALYSIS_SIZE_PX, 1))
    parts = []
    for image in (grey, rank):
        levels = [smooth(image, inside, scale) for scale in BLUR_SIGMAS_PX]
        details = [finer - coarser for finer, coarser in pairwise(levels)]
        amplitudes = [np.maximum(smooth(details[n] ** 2, inside, scale), 0) ** 0.5 for n, scale in ((0, 4.0), (2, 8.0))]
        parts += [_skewness(detail[core]) for detail in details]
        parts += [_correlation(amplitude[core], levels[3][core]) for amplitude in amplitudes]
        parts += [_correlation(position[core], image[core]) for position in (distance, from_middle)]
    return np.array([*parts, _skewness(grey[core]), float(grey[core].mean())])


def _skewness(values: np.ndarray) -> float:
    """The third standardised moment, compressed logarithmically."""
    centred = values - values.mean()
    moment = float((centred**3).mean() / max(float((centred**2).mean()) ** 1.5, 1e-12))
    return float(np.sign(moment) * np.log1p(abs(moment)))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    return float((one * other).mean() / max(float(one.std() * other.std()), 1e-12))
