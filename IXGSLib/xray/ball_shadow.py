"""The centre of a ball's shadow, to a small fraction of a pixel."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import ndimage
from scipy.optimize import least_squares

from ..geometry.rigid import Array
from .fiducials import Fiducial

BLUR = 0.2
"""Standard deviation of the blur of a shadow, as a fraction of its radius."""
WINDOW_RADII = 2.2
"""Half width of the window that is fitted, in radii of the shadow."""
MIN_PIXELS = 20
"""Fewest measured pixels in a window."""
MAX_SHIFT_RADII = 0.6
"""Largest distance in radii between the centre that is given and the one that is fitted."""
RADIUS_RATIOS = (0.6, 1.7)
"""Smallest and largest ratio of the fitted radius to the given one."""
OUTLIER_SD = 2.5
"""Residual, in standard deviations, from which a pixel counts less: wires, edges and noise beside the ball."""
TABLE_STEPS = 256


def fitted_shadow(image: np.ndarray, mask: np.ndarray, start: Fiducial) -> Fiducial | None:
    """The shadow with its centre, radius, contrast and correlation fitted to the image; None where nothing fits.

    image: line integrals (rows, columns). mask: bool, measured pixels. start: a shadow within a pixel or two.
    The model is a blurred dome (a ball that X-rays penetrate) plus a blurred disc (an opaque one) on a quadratic
    background. Being symmetric about the centre, it has no bias where the shadow is saturated.
    """
    window = _window(image, mask, start)
    if window is None:
        return None
    pixels, values = window
    weights = np.ones(len(values))
    place = np.array([start.x, start.y, np.log(start.radius)])
    for _ in range(2):
        place = least_squares(_residuals, place, args=(pixels, values, weights), method="lm", max_nfev=60).x
        left = _residuals(place, pixels, values, np.ones(len(values)))
        spread = 1.4826 * float(np.median(np.abs(left))) + 1e-9
        weights = 1 / np.sqrt(np.maximum(1, np.abs(left) / (OUTLIER_SD * spread)))
    return _checked(place, pixels, values, weights, start)


def _window(image: np.ndarray, mask: np.ndarray, start: Fiducial) -> tuple[Array, Array] | None:
    """The (x, y) (n, 2) and values (n,) of the measured pixels around a shadow."""
    half = WINDOW_RADII * start.radius + 1
    height, width = image.shape
    top, bottom = max(0, int(start.y - half)), min(height, int(start.y + half) + 2)
    left, right = max(0, int(start.x - half)), min(width, int(start.x + half) + 2)
    if bottom <= top or right <= left:
        return None
    y, x = np.mgrid[top:bottom, left:right]
    used = (np.hypot(x - start.x, y - start.y) <= half) & mask[top:bottom, left:right]
    if used.sum() < MIN_PIXELS:
        return None
    return np.stack([x[used], y[used]], axis=1).astype(np.float64), image[top:bottom, left:right][used].astype(float)


def _design(place: Array, pixels: Array) -> Array:
    """(n, 8): dome, disc and the quadratic background at each pixel."""
    radius = np.exp(np.clip(place[2], -3, 6))
    offset = (pixels - place[:2]) / radius
    x, y = offset.T
    distance = np.hypot(x, y) * TABLE_STEPS
    dome, disc = (np.interp(distance, np.arange(len(table)), table) for table in _tables())
    return np.stack([dome, disc, np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)


def _residuals(place: Array, pixels: Array, values: Array, weights: Array) -> Array:
    design = _design(place, pixels)
    amplitudes = np.linalg.lstsq(weights[:, None] * design, weights * values, rcond=None)[0]
    return weights * (design @ amplitudes - values)


def _checked(place: Array, pixels: Array, values: Array, weights: Array, start: Fiducial) -> Fiducial | None:
    radius = float(np.exp(place[2]))
    shift = float(np.hypot(*(place[:2] - (start.x, start.y))))
    low, high = RADIUS_RATIOS
    if shift > 1 + MAX_SHIFT_RADII * start.radius or not low * start.radius <= radius <= high * start.radius:
        return None
    design = _design(place, pixels)
    amplitudes = np.linalg.lstsq(weights[:, None] * design, weights * values, rcond=None)[0]
    shadow, rest = design[:, :2] @ amplitudes[:2], values - design[:, 2:] @ amplitudes[2:]
    contrast = float(design[:, :2].max(axis=0) @ amplitudes[:2])
    scale = float(np.sqrt((shadow**2).sum() * (rest**2).sum()))
    if contrast <= 0 or scale == 0:
        return None
    return Fiducial(float(place[0]), float(place[1]), radius, contrast, float((shadow * rest).sum()) / scale)


@lru_cache(maxsize=1)
def _tables() -> tuple[Array, Array]:
    """The blurred dome and disc by the distance from the centre, in steps of 1 / TABLE_STEPS radii."""
    scale = 64
    half = 4 * scale
    y, x = np.mgrid[-half : half + 1, -half : half + 1] / scale
    depth = np.maximum(0, 1 - x * x - y * y)
    steps = np.arange(3 * TABLE_STEPS) * scale / TABLE_STEPS
    tables = []
    for shape in (np.sqrt(depth), np.sign(depth)):
        middle = ndimage.gaussian_filter(shape, BLUR * scale)[half, half:]
        tables.append(np.interp(steps, np.arange(len(middle)), middle))
    return tables[0], tables[1]
