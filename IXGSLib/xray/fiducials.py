"""Metal balls in X-rays, told from anatomy by their shape and by being alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

SCALES = 6
"""Blurs at which blobs are sought."""
MOST = 250
"""Blobs of one view that are looked at, strongest first."""
FAINTEST = 0.02
"""Least response of a blob, line integrals."""
FITTED = (0.6, 0.7, 0.8, 0.9, 1.0, 1.15, 1.3)
"""Radii that are tried, as parts of a blob's."""
CERTAIN, LIKELY = 0.75, 0.62
"""Likeness to a ball from which one is believed by itself, and where like ones are about."""
DISTINCT = 0.15
"""Least contrast of a ball that is believed by itself, line integrals."""
SAME_RADIUS, SAME_CONTRAST = 1.3, 2.0
"""Factors within which the balls of one device agree."""
FEWEST = 3
"""Balls that a device has at least; over all views it shows as many, and one a view in the mean."""
SMALLEST = 1.6
"""Least radius of a ball in pixels; smaller ones cannot be told from noise."""
MARGIN = 1.35
"""Radius around a ball that is no longer trusted, as a part of the ball's; blur and glare widen it."""


@dataclass(frozen=True)
class Ball:
    """A ball in one view: centre (x, y) and radius in pixels, contrast in line integrals, likeness at most one."""

    x: float
    y: float
    radius: float
    contrast: float
    likeness: float


def find_balls(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray], pixels: Sequence[float], diameters: tuple[float, float]
) -> list[list[Ball]]:
    """The metal balls in each of the views of one case.

    images: line integrals (rows, columns). masks: bool, measured pixels. pixels: their side in the patient, mm.
    diameters: of the smallest and the largest ball, mm. First, blobs are sought in scale space (Lindeberg, IJCV 30, 79
    (1998)) and compared with the shadow of a ball. Then balls of one radius and contrast must be there several times:
    a device has more than one, whereas blobs of anatomy differ.
    """
    found = [
        candidates(image, mask, pixel, diameters) for image, mask, pixel in zip(images, masks, pixels, strict=True)
    ]
    return alike(found, pixels)


def alike(found: Sequence[list[Ball]], pixels: Sequence[float]) -> list[list[Ball]]:
    """Of the candidates of each view those that agree with the largest group of certain ones.

    The more views, the more blobs of anatomy look alike by chance, and the more often a device is seen.
    """
    fewest = max(FEWEST, len(found))
    sizes = [
        np.log([(ball.radius * pixel, ball.contrast) for ball in view])
        for view, pixel in zip(found, pixels, strict=True)
    ]
    certain = [
        size
        for view, places in zip(found, sizes, strict=True)
        for ball, size in zip(view, places, strict=True)
        if ball.likeness >= CERTAIN and ball.contrast >= DISTINCT
    ]
    if len(certain) < fewest:
        return [[] for _ in found]
    tolerance = np.log([SAME_RADIUS, SAME_CONTRAST])
    places = np.array(certain)
    near = (np.abs(places[:, None] - places) <= tolerance).all(axis=-1)
    if near.sum(axis=1).max() < fewest:
        return [[] for _ in found]
    middle = np.median(places[near[near.sum(axis=1).argmax()]], axis=0)
    return [
        _apart([ball for ball, size in zip(view, places, strict=True) if (np.abs(size - middle) <= tolerance).all()])
        for view, places in zip(found, sizes, strict=True)
    ]


def candidates(image: np.ndarray, mask: np.ndarray, pixel: float, diameters: tuple[float, float]) -> list[Ball]:
    """What looks at all like a ball in one view."""
    low, high = (max(SMALLEST, diameter / 2 / pixel) for diameter in diameters)
    high = max(high, 1.2 * low)
    values = _continued(image, mask)
    rows, columns, radii = _blobs(values, low, high)
    balls = []
    for radius in np.unique(radii):
        chosen = radii == radius
        balls += _fitted(values, rows[chosen], columns[chosen], radius, (low, high))
    return balls


def covered(balls: Sequence[Ball], shape: tuple[int, int]) -> np.ndarray:
    """(rows, columns) bool: pixels that some ball hides."""
    hidden = np.zeros(shape, bool)
    for ball in balls:
        reach = MARGIN * ball.radius + 1
        window = tuple(slice(max(0, int(c - reach)), int(c + reach) + 2) for c in (ball.y, ball.x))
        y, x = np.ogrid[window]
        hidden[window] |= np.hypot(x - ball.x, y - ball.y) <= reach
    return hidden


def _continued(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The image whose unmeasured pixels repeat the nearest measured one; behind metal, that is its dense rim."""
    if mask.all() or not mask.any():
        return image
    nearest = ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)
    return image[tuple(nearest)]


def _blobs(values: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and radii of dense blobs: maxima of the Laplacian over place and scale."""
    radii = np.geomspace(low, high, SCALES)
    # A ball's shadow answers most to a Laplacian of its radius over 1.6.
    stack = np.stack([-((r / 1.6) ** 2) * ndimage.gaussian_laplace(values, r / 1.6) for r in radii])
    scale, rows, columns = np.nonzero((stack == ndimage.maximum_filter(stack, 3)) & (stack > FAINTEST))
    order = np.argsort(-stack[scale, rows, columns])[:MOST]
    return rows[order], columns[order], radii[scale[order]]


def _fitted(
    values: np.ndarray, rows: np.ndarray, columns: np.ndarray, radius: float, limits: tuple[float, float]
) -> list[Ball]:
    """The best fitting ball near each blob of about one radius, those left out that none fits likely."""
    tried = np.unique(np.round(4 * np.clip(radius * np.array(FITTED), *limits)) / 4)
    best = np.zeros((len(rows), 5))
    for size in tried:
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                likeness, contrast = _compared(values, rows + dy, columns + dx, float(size))
                better = likeness > best[:, 4]
                state = np.stack([columns + dx, rows + dy, np.full(len(rows), size), contrast, likeness], axis=1)
                best[better] = state[better]
    return [Ball(*map(float, row)) for row in best if row[4] >= LIKELY]


def _compared(
    values: np.ndarray, rows: np.ndarray, columns: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Likeness and contrast of places to a ball's shadow, both beside a background that is a quadratic surface."""
    offsets, shadows, background = _template(radius)
    height, width = values.shape
    y = np.clip(rows[:, None] + offsets[:, 0], 0, height - 1)
    x = np.clip(columns[:, None] + offsets[:, 1], 0, width - 1)
    patches = values[y, x].astype(np.float64)
    patches -= (patches @ background) @ background.T
    energy = np.sqrt((patches**2).sum(axis=1))
    lengths = np.sqrt((shadows**2).sum(axis=0))
    along = patches @ (shadows / lengths)
    best = along.argmax(axis=1)
    strength = np.take_along_axis(along, best[:, None], axis=1)[:, 0]
    return strength / np.maximum(energy, 1e-12), strength / lengths[best]


@lru_cache(maxsize=512)
def _template(radius: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Offsets (n, 2) around a ball, its shadows (n, 2) beside the background, whose orthonormal basis is (n, 6).

    The shadow of a ball that lets X-rays pass is a dome; that of one that lets none pass is a disc.
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


def _apart(balls: list[Ball]) -> list[Ball]:
    """The balls without those whose centre lies in a likelier one."""
    kept: list[Ball] = []
    for ball in sorted(balls, key=lambda ball: -ball.likeness):
        if all(np.hypot(ball.x - other.x, ball.y - other.y) > max(ball.radius, other.radius) for other in kept):
            kept.append(ball)
    return kept
