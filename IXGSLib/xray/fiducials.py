"""Metal fiducials in X-rays, recognised by their round shadows and by their equal size and contrast."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy import ndimage

from .fiducial_fit import BallFit, fit_ball

SCALE_COUNT = 6
"""Number of radii at which blobs are detected."""
MAX_BLOBS = 250
"""Largest number of blobs of a view to examine, the strongest first."""
MIN_BLOB_RESPONSE = 0.02
"""Weakest response of the blob detector, in line integrals."""
RADIUS_FACTORS = (0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3)
"""Radii that are fitted to a blob, as multiples of the radius at which it was detected."""
MIN_BLOB_CORRELATION = 0.55
"""Correlation with a ball's shadow on whole pixels from which a shadow is fitted to a blob."""
MAX_SHIFT = 0.7
"""Largest distance of a fitted centre from its blob, in radii."""
MIN_SIGNAL_TO_NOISE = 6.0
"""Norm of a fitted shadow over the noise of a pixel from which it is more than noise."""
MIN_CERTAIN_CORRELATION = 0.9
"""Correlation from which a fiducial is accepted on its own."""
MIN_CANDIDATE_CORRELATION = 0.75
"""Correlation from which a fiducial is accepted when certain ones of the same size and contrast are found."""
MIN_CERTAIN_CONTRAST = 0.15
"""Contrast from which a fiducial is accepted on its own, in line integrals."""
MAX_RADIUS_RATIO, MAX_CONTRAST_RATIO = 1.25, 3.0
"""Ratios within which the fiducials of one device agree."""
MIN_COUNT = 3
"""Fewest fiducials that a device has and shows in all views together; it also shows one per view on average."""
MIN_RADIUS_PX = 1.6
"""Smallest radius of a fiducial that can be distinguished from noise."""
WINDOW_RADII = 4.0
"""Half width of the window in which a fiducial is looked for at an expected place, in radii."""
MASKED_RADIUS_RATIO = 1.35
"""Radius of the masked disc around a fiducial over the fiducial's own, which blur and glare widen."""


@dataclass(frozen=True)
class Fiducial:
    """A fiducial in one view: centre (x, y) and radius in pixels, contrast in line integrals.

    correlation: with the fitted shadow of a metal ball, as it would be without noise; at most one.
    """

    x: float
    y: float
    radius: float
    contrast: float
    correlation: float


def find_fiducials(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray], pixels: Sequence[float], diameters: tuple[float, float]
) -> list[list[Fiducial]]:
    """The fiducials in each view of one case.

    images: line integrals (rows, columns). masks: bool, measured pixels. pixels: pixel sizes in the patient, mm.
    diameters: of the smallest and the largest fiducial, mm. Blobs are detected in scale space (Lindeberg, IJCV 30, 79
    (1998)), and the shadow of a ball is fitted to them between the pixels. Fiducials of the same radius and contrast
    must then occur several times, since a device has more than one, whereas blobs of anatomy differ.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # the filters release the interpreter lock
        views = [(*view, diameters) for view in zip(images, masks, pixels, strict=True)]
        found = list(pool.map(lambda view: candidates(*view), views))
    return consistent(found, pixels)


def consistent(found: Sequence[list[Fiducial]], pixels: Sequence[float]) -> list[list[Fiducial]]:
    """The candidates of each view that agree in size and contrast with the largest group of certain ones.

    With more views, more blobs of anatomy agree by chance, but a device is also seen more often. So the group must
    have at least one member per view on average.
    """
    sizes = [
        np.log([(candidate.radius * pixel, candidate.contrast) for candidate in view])
        for view, pixel in zip(found, pixels, strict=True)
    ]
    certain = [
        size
        for view, view_sizes in zip(found, sizes, strict=True)
        for candidate, size in zip(view, view_sizes, strict=True)
        if candidate.correlation >= MIN_CERTAIN_CORRELATION and candidate.contrast >= MIN_CERTAIN_CONTRAST
    ]
    tolerance = np.log([MAX_RADIUS_RATIO, MAX_CONTRAST_RATIO])
    center = _largest_group(certain, tolerance, max(MIN_COUNT, len(found)))
    if center is None:
        return [[] for _ in found]
    return [
        _without_overlaps(
            [each for each, size in zip(view, view_sizes, strict=True) if (np.abs(size - center) <= tolerance).all()]
        )
        for view, view_sizes in zip(found, sizes, strict=True)
    ]


def _largest_group(sizes: list[np.ndarray], tolerance: np.ndarray, min_count: int) -> np.ndarray | None:
    """The median (2,) of the largest group of log sizes (2,) within a tolerance of one of them; None if too few."""
    if len(sizes) < min_count:
        return None
    values = np.array(sizes)
    near = (np.abs(values[:, None] - values) <= tolerance).all(axis=-1)
    counts = near.sum(axis=1)
    return None if counts.max() < min_count else np.median(values[near[counts.argmax()]], axis=0)


def candidates(
    image: np.ndarray,
    mask: np.ndarray,
    pixel: float,
    diameters: tuple[float, float],
    noise: float | None = None,
) -> list[Fiducial]:
    """The candidates for fiducials in one view; arguments as for `find_fiducials`.

    noise: standard deviation of a pixel in line integrals, by default that of white noise.
    """
    low, high = (max(MIN_RADIUS_PX, diameter / 2 / pixel) for diameter in diameters)
    high = max(high, 1.2 * low)
    values = _extrapolated(image, mask)
    rows, columns, radii = _blobs(values, low, high)
    noise = noise_level(image, mask) if noise is None else noise
    found = []
    for radius in np.unique(radii):
        chosen = radii == radius
        for x, y, size in _matched(values, (rows[chosen], columns[chosen], radius), (low, high)):
            fit = fit_ball(values, x, y, size)
            if fit is not None and np.hypot(fit.x - x, fit.y - y) <= MAX_SHIFT * size:
                found.append(_fiducial(fit, noise))
    return [each for each in found if each is not None and each.correlation >= MIN_CANDIDATE_CORRELATION]


def fiducial_at(
    image: np.ndarray, mask: np.ndarray, place: tuple[float, float], radius: float, noise: float
) -> Fiducial | None:
    """The fiducial whose shadow of about `radius` px is expected at a place (x, y); None where there is none.

    image: line integrals (rows, columns). mask: bool, measured pixels. noise: standard deviation of a pixel.
    """
    half = int(np.ceil(WINDOW_RADII * radius)) + 2
    top, left = max(0, round(place[1]) - half), max(0, round(place[0]) - half)
    window = (slice(top, max(0, round(place[1]) + half + 1)), slice(left, max(0, round(place[0]) + half + 1)))
    if not mask[window].any():
        return None
    fit = fit_ball(_extrapolated(image[window], mask[window]), place[0] - left, place[1] - top, radius)
    found = None if fit is None else _fiducial(fit, noise)
    if found is None or found.correlation < MIN_CANDIDATE_CORRELATION:
        return None
    return replace(found, x=found.x + left, y=found.y + top)


def noise_level(image: np.ndarray, mask: np.ndarray, step: int = 1) -> float:
    """Standard deviation of white noise in the measured pixels, in line integrals; zero without measured pixels.

    step: distance in pixels of those that are compared; beyond the blur of the image, blurred noise looks white.
    The response to a mask that no quadratic surface excites (Immerkaer, CVIU 64, 300 (1996)), by its median.
    """
    side = 2 * step + 1
    differences = np.zeros(side)
    differences[[0, step, 2 * step]] = (1, -2, 1)
    response = ndimage.convolve(image.astype(np.float64), np.outer(differences, differences))
    inner = ndimage.binary_erosion(mask, np.ones((side, side), bool))
    return float(np.median(np.abs(response[inner]))) / (6 * 0.6745) if inner.any() else 0.0


def _fiducial(fit: BallFit, noise: float) -> Fiducial | None:
    """The fiducial of a fit; None where its shadow may be noise."""
    if np.sqrt(fit.energy) < MIN_SIGNAL_TO_NOISE * noise:
        return None
    unexplained = max(0.0, fit.residual - fit.freedom * noise**2)
    correlation = np.sqrt(fit.energy / (fit.energy + unexplained))
    return Fiducial(fit.x, fit.y, fit.radius, fit.contrast, float(correlation))


def fiducial_mask(fiducials: Sequence[Fiducial], shape: tuple[int, int]) -> np.ndarray:
    """(rows, columns) bool: the pixels that fiducials cover."""
    covered = np.zeros(shape, bool)
    for each in fiducials:
        radius = MASKED_RADIUS_RATIO * each.radius + 1
        top, left = (max(0, int(c - radius)) for c in (each.y, each.x))
        window = covered[top : int(each.y + radius) + 2, left : int(each.x + radius) + 2]
        y, x = np.ogrid[top : top + window.shape[0], left : left + window.shape[1]]
        window |= np.hypot(x - each.x, y - each.y) <= radius
    return covered


def _extrapolated(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image with unmeasured pixels set to the nearest measured one; behind metal, that is its dense rim."""
    if mask.all() or not mask.any():
        return image
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


def _blobs(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and radii of dense blobs: maxima of the Laplacian over position and scale."""
    radii = np.geomspace(low, high, SCALE_COUNT)
    # The shadow of a ball responds most strongly to a Laplacian of Gaussian of its radius over 1.6.
    stack = np.stack([-((r / 1.6) ** 2) * ndimage.gaussian_laplace(values, r / 1.6) for r in radii])
    scale, rows, columns = np.nonzero((stack == _largest_around(stack)) & (stack > MIN_BLOB_RESPONSE))
    order = np.argsort(-stack[scale, rows, columns])[:MAX_BLOBS]
    return rows[order], columns[order], radii[scale[order]]


def _largest_around(stack: np.ndarray) -> np.ndarray:
    """The largest of each value and its neighbours along all axes, diagonals included."""
    for axis in range(stack.ndim):
        values = np.moveaxis(stack, axis, 0)
        largest = values.copy()
        np.maximum(largest[1:], values[:-1], out=largest[1:])
        np.maximum(largest[:-1], values[1:], out=largest[:-1])
        stack = np.moveaxis(largest, 0, axis)
    return stack


def _matched(
    values: np.ndarray, blobs: tuple[np.ndarray, np.ndarray, float], limits: tuple[float, float]
) -> list[tuple[float, float, float]]:
    """Centre (x, y) and radius of the shadow that correlates best near each blob, where it correlates well enough.

    blobs: rows (n), columns (n) and the radius at which all of them were detected.
    """
    rows, columns, radius = blobs
    tried = np.unique(np.round(4 * np.clip(radius * np.array(RADIUS_FACTORS), *limits)) / 4)
    best = np.zeros((len(rows), 4))
    for size in tried:
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                correlation = _correlation(values, rows + dy, columns + dx, float(size))
                better = correlation > best[:, 3]
                state = np.stack([columns + dx, rows + dy, np.full(len(rows), size), correlation], axis=1)
                best[better] = state[better]
    return [(float(x), float(y), float(size)) for x, y, size, c in best if c >= MIN_BLOB_CORRELATION]


def _correlation(values: np.ndarray, rows: np.ndarray, columns: np.ndarray, radius: float) -> np.ndarray:
    """Correlation with a ball's shadow at each pixel, after a quadratic background is removed from both."""
    offsets, shadows, background = _template(radius)
    height, width = values.shape
    y = np.clip(rows[:, None] + offsets[:, 0], 0, height - 1)
    x = np.clip(columns[:, None] + offsets[:, 1], 0, width - 1)
    patches = values[y, x].astype(np.float64)
    patches -= (patches @ background) @ background.T
    energy = np.sqrt((patches**2).sum(axis=1))
    along = patches @ (shadows / np.sqrt((shadows**2).sum(axis=0)))
    return along.max(axis=1) / np.maximum(energy, 1e-12)


@lru_cache(maxsize=512)
def _template(radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixel offsets (n, 2) around a ball, its shadows (n, 2) without background, and a background basis (n, 6).

    The basis is orthonormal. The shadow of a ball that X-rays penetrate is a dome, that of an opaque ball a disc.
    """
    half = int(np.ceil(2 * radius)) + 1
    y, x = np.mgrid[-half : half + 1, -half : half + 1].astype(np.float64)
    steps = (np.arange(3) - 1) / 3
    depths = [np.maximum(0, 1 - ((x + a) ** 2 + (y + b) ** 2) / radius**2) for a in steps for b in steps]
    shapes = (np.mean(np.sqrt(depths), axis=0), np.mean(np.sign(depths), axis=0))
    inside = np.hypot(x, y) <= 2 * radius + 0.5
    shadows = np.stack([ndimage.gaussian_filter(s, max(0.6, 0.15 * radius))[inside] for s in shapes], axis=1)
    x, y = x[inside], y[inside]
    background = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1))[0]
    return np.stack([y, x], axis=1).astype(int), shadows - background @ (background.T @ shadows), background


def _without_overlaps(fiducials: list[Fiducial]) -> list[Fiducial]:
    """The fiducials without those that overlap one of higher correlation."""
    kept: list[Fiducial] = []
    for each in sorted(fiducials, key=lambda fiducial: -fiducial.correlation):
        if all(np.hypot(each.x - other.x, each.y - other.y) > max(each.radius, other.radius) for other in kept):
            kept.append(each)
    return kept
