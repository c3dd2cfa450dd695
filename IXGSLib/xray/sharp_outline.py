"""The outline of a round or right-angled field whose shadow is filled with scatter, found by its sharp edge."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import ndimage

MIN_RELATIVE_INTENSITY = 1e-5
"""Fraction of the brightest intensity below which intensities count as equally dark."""
WORKING_SIDE = 128
"""Pixels along the longer side at which edges are sought."""
REACH_PIXELS = 2
"""Pixels to either side of an edge between which intensity has to fall: a penumbra is narrower."""
MIN_FALL = 0.25
"""Logarithm of intensity by which it falls outwards all along an edge; scatter fills a shadow up to that."""
MIN_MEAN_FALL = 0.75
"""The same on average: where the patient is thin, the shadow is far darker."""
MIN_FALLING_SHARE = 0.9
"""Smallest share of an edge along which intensity falls; no anatomy has so straight, or so round, an outline."""
MAX_DARKER_SHARE = 0.25
"""Largest share of the field that may be darker than the median of its shadow."""
MAX_CENTER_OFFSET = 16
"""Largest distance between the centre of a round field and that of the image, pixels."""
MIN_HALF_WIDTH = 0.25
"""Half width of the smallest field, as a fraction of the longer side of the image."""
TURNS_DEGREES, FINER_TURNS_DEGREES = tuple(range(-45, 45, 3)), (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
"""Angles of the blades that are tried: coarse, and then around the best."""
MIN_EDGE_LENGTH = 48
"""Shortest edge that counts, pixels."""


def shadow_outside(level: np.ndarray, round_only: bool = False) -> np.ndarray | None:
    """(height, width) bool: pixels beyond the outline of a field; None when no outline is there.

    level: the logarithm of intensity, at most WORKING_SIDE pixels along either side. Scatter may light up the
    shadow, as long as the field falls off towards it all along its edge.
    """
    smooth = ndimage.gaussian_filter(ndimage.median_filter(level, 3), 0.7)
    shapes = (_round,) if round_only else (_round, _straight)
    shadow = max((shape(smooth) for shape in shapes), key=lambda found: found[0])[1]
    if shadow is None or not shadow.any() or shadow.all():
        return None
    return shadow if (level[~shadow] < np.median(level[shadow])).mean() < MAX_DARKER_SHARE else None


Found = tuple[float, "np.ndarray | None"]
"""How much edge was found, in pixels times its mean fall, and the shadow."""


def _round(level: np.ndarray) -> Found:
    """A circle, sought over its centre and radius."""
    height, width = level.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    radii = np.arange(int(MIN_HALF_WIDTH * max(height, width)), int(0.75 * max(height, width)))
    best: tuple[float, float, np.ndarray] = (0.0, 0.0, middle)
    for step, span in ((4.0, MAX_CENTER_OFFSET), (1.0, 3)):
        center = best[2]
        for offset in product(np.arange(-span, span + 1, step), repeat=2):
            score, radius = _circle(level, center + offset, radii)
            if score > best[0]:
                best = (score, radius, center + offset)
        if best[0] == 0:
            return 0.0, None
    y, x = np.indices(level.shape)
    return best[0], np.hypot(y - best[2][0], x - best[2][1]) > best[1]


def _circle(level: np.ndarray, center: np.ndarray, radii: np.ndarray) -> tuple[float, float]:
    """The best edge of the circles around a centre, and its radius."""
    angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    steps = np.arange(radii[0] - REACH_PIXELS, radii[-1] + REACH_PIXELS + 1)
    y, x = (c + np.outer(steps, f(angles)) for c, f in zip(center, (np.sin, np.cos), strict=True))
    values = ndimage.map_coordinates(level, [y, x], order=1, cval=np.nan)
    fall = values[: -2 * REACH_PIXELS] - values[2 * REACH_PIXELS :]
    seen = np.isfinite(fall)
    length = seen.sum(axis=1) * radii * (2 * np.pi / len(angles))
    return _best(fall, seen, length, radii)


def _straight(level: np.ndarray) -> Found:
    """One to four blades at right angles, sought over their turn and offsets."""
    best, turn = max(((_blades(level, angle), angle) for angle in TURNS_DEGREES), key=lambda pair: pair[0][0])
    if best[0] == 0:
        return best
    return max((_blades(level, turn + finer) for finer in FINER_TURNS_DEGREES), key=lambda found: found[0])


def _blades(level: np.ndarray, angle: float) -> Found:
    """The blades that are turned by an angle in degrees."""
    side = int(np.ceil(np.hypot(*level.shape))) | 1
    half = (side - 1) / 2
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    v, u = np.indices((side, side)) - half
    middle = [(n - 1) / 2 for n in level.shape]
    values = ndimage.map_coordinates(
        level, [middle[0] + sin * u + cos * v, middle[1] + cos * u - sin * v], order=1, cval=np.nan
    )
    low, high, reach = [0, 0], [side, side], REACH_PIXELS
    center = side // 2
    nearest = int(MIN_HALF_WIDTH * max(level.shape))
    total = 0.0
    for narrow in (center - nearest // 2, None):  # first by the middle of each edge, then by all of it
        total = 0.0
        for axis in (0, 1):
            image = values if axis == 0 else values.T
            first, last = (narrow, side - narrow) if narrow else (low[1 - axis] + reach, high[1 - axis] - reach)
            across = slice(first, last)
            for sign in (-1, 1):
                offset, score = _edge(image[:, across], center, nearest, sign)
                total += score
                if sign < 0:
                    low[axis] = offset if score else 0
                else:
                    high[axis] = offset if score else side
    if total == 0:
        return 0.0, None
    y, x = np.indices(level.shape)
    y, x = y - middle[0], x - middle[1]
    along = {0: half - sin * x + cos * y, 1: half + cos * x + sin * y}
    inside = np.ones(level.shape, bool)
    for axis in (0, 1):
        inside &= (along[axis] >= low[axis]) & (along[axis] < high[axis])
    return total, ~inside


def _edge(image: np.ndarray, center: int, nearest: int, sign: int) -> tuple[int, float]:
    """The row at which intensity falls along all of the row, beyond `nearest` rows from the centre; and how much."""
    reach = REACH_PIXELS
    rows = np.arange(center + nearest, len(image) - reach) if sign > 0 else np.arange(reach, center - nearest)
    fall = image[rows - sign * reach] - image[rows + sign * reach]
    seen = np.isfinite(fall)
    score, row = _best(fall, seen, seen.sum(axis=1), rows)
    return int(row), score


def _best(fall: np.ndarray, seen: np.ndarray, length: np.ndarray, places: np.ndarray) -> tuple[float, float]:
    """Of the edges, one per row, the one that falls most all along: its length times mean fall, and its place."""
    count = np.maximum(seen.sum(axis=1), 1)
    whole = np.where(seen, fall > MIN_FALL, False).sum(axis=1) >= MIN_FALLING_SHARE * count
    mean = np.where(seen, np.clip(fall, 0, 1), 0).sum(axis=1) / count
    score = np.where(whole & (mean >= MIN_MEAN_FALL) & (length >= MIN_EDGE_LENGTH), length * mean, 0)
    place = int(score.argmax())
    return float(score[place]), float(places[place])
