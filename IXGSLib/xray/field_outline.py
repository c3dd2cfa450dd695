"""The outline of a collimated field: the closed curve across which intensity falls to the level of a shadow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

RAYS = 240
"""Rays from the middle of the field on which its edge is sought."""
REACHES = (3, 6, 10)
"""Pixels to either side of an edge between which intensity falls: sharp edges and ever wider penumbras."""
FLOOR = 1e-3
"""Part of the brightest intensities below which intensities count as equally dark."""
NEAREST = 24
"""Pixels from the middle within which no edge is sought."""
FALL = 0.25
"""Logarithm of intensity that counts as a fall."""
GAIN = 0.3
"""Evidence that an edge needs on a ray; without it the ray is better left to run to the border."""
BEND = 8
"""Pixels by which the edge may move from one ray to the next."""
SHADOW_SPREAD = 2.0
"""Factor over the darkest level within which a shadow may lie; from its square on, nothing is a shadow."""
FLAT = 0.4
"""Fall beyond an edge, as a part of that across it, at which the level beyond is no longer flat."""
SEEN, MEAN = 0.85, 0.7
"""Part of the rays across an edge that must see a fall, and the evidence that they must have on average."""
DENT = 0.25
"""Part of a shadow that may dent the field: anatomy and metal at the border dent it with all of their area."""
ROUND = 2.5
"""Pixels from a circle within which an edge is round."""
OUTSIDE = 0.05
"""Part of the edge that may lie outside of the circle; corners of blades do."""
SHORTEST = 20
"""Pixels of edge, and LEAST_AREA the part of the image in shadow, below which nothing is masked."""
LEAST_AREA = 0.0015


@dataclass(frozen=True, eq=False)
class Rays:
    """An image along rays from the middle of its field.

    center: (row, column). directions: (rays, 2) unit vectors (row, column). signal: (rays, radii) smoothed intensity
    over the brightest, in steps of one pixel. ends: (rays,) radii inside the image.
    """

    center: np.ndarray
    directions: np.ndarray
    signal: np.ndarray
    ends: np.ndarray

    def points(self, radii: np.ndarray) -> np.ndarray:
        """(rays, 2) the points (row, column) at one radius on each ray."""
        return self.center + radii[:, None] * self.directions


def rays(intensity: np.ndarray) -> Rays:
    """The rays of a small image (rows, columns) of intensities."""
    height, width = intensity.shape
    bright = max(float(np.percentile(intensity, 99)), 1e-30)
    smooth = ndimage.gaussian_filter(ndimage.median_filter(intensity, 3), 1.0)
    signal = np.maximum(smooth / bright, 0).astype(np.float32)
    center = np.array(ndimage.center_of_mass(np.clip(intensity, 0, 0.2 * bright) + 1e-6 * bright))
    angles = np.arange(RAYS) * (2 * np.pi / RAYS)
    directions = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    radii = np.arange(int(np.ceil(np.hypot(*np.maximum(center, np.array(intensity.shape) - 1 - center)))) + 2)
    places = center[:, None, None] + directions.T[:, :, None] * radii
    inside = ((places >= 0) & (places <= np.array([height - 1, width - 1])[:, None, None])).all(axis=0)
    values = ndimage.map_coordinates(signal, places, order=1, mode="nearest")
    return Rays(center, directions, values, inside.sum(axis=1))


def outline(found: Rays) -> np.ndarray | None:
    """(rays,) radius of the field's edge on each ray, infinite where the field runs out of the image; None without."""
    strength = evidence(found)
    radii = _closed_curve(np.where(strength > 0, strength - GAIN, -GAIN), found.ends)
    edge = np.full(RAYS, np.inf)
    circle = _circle(found.points(radii.astype(float)), radii < found.ends, strength, found)
    if circle is not None:
        return circle
    for run in runs(radii < found.ends):
        if _is_shadow(run, radii, strength, found):
            edge[run] = _hull(found.points(radii.astype(float))[run], found)[run]
    return edge if np.isfinite(edge).any() else None


def _circle(points: np.ndarray, seen: np.ndarray, strength: np.ndarray, found: Rays) -> np.ndarray | None:
    """(rays,) the radii of the circle on which most of the points with evidence lie, if there is one."""
    radii = np.linalg.norm(points - found.center, axis=1)
    good = np.flatnonzero(seen & (strength[np.arange(RAYS), np.rint(radii).astype(int)] > FALL))
    if len(good) < RAYS // 6:
        return None
    best, model = 0, None
    for shift in range(len(good)):
        three = good[(shift + np.array([0, len(good) // 3, 2 * len(good) // 3])) % len(good)]
        fitted = _through(points[three])
        near = np.abs(np.hypot(*(points[good] - fitted[:2]).T) - fitted[2]) < ROUND
        if near.sum() > best:
            best, model = near.sum(), _through(points[good[near]])
    if model is None or not _plausible_circle(model, best / len(good), points[good], found):
        return None
    if np.mean(np.hypot(*(points[good] - model[:2]).T) > model[2] + ROUND) > OUTSIDE:
        return None
    offset = found.center - model[:2]
    along = found.directions @ offset
    reach = -along + np.sqrt(np.maximum(along**2 - offset @ offset + model[2] ** 2, 0))
    hull = _hull(points[good], found)
    straight = np.zeros(RAYS, bool)
    straight[good] = (hull - radii < ROUND + 1)[good] & (hull < reach - ROUND)[good]
    return np.where(straight, hull, reach)


def _plausible_circle(model: np.ndarray, share: float, points: np.ndarray, found: Rays) -> bool:
    """Whether enough of the points lie on a circle around the middle of the field, on enough of its visible part."""
    if not np.isfinite(model).all() or np.hypot(*(model[:2] - found.center)) > 0.5 * model[2]:
        return False
    near = points[np.abs(np.hypot(*(points - model[:2]).T) - model[2]) < ROUND]
    angles = np.sort(np.arctan2(*(near - model[:2]).T))
    widest = np.max(np.diff(np.append(angles, angles[0] + 2 * np.pi)))
    return bool(share > 0.6 and len(near) > RAYS // 6 and widest < 1.2 * np.pi)


def _through(points: np.ndarray) -> np.ndarray:
    """(row, column, radius) of the circle closest to points, by Kasa's linear least squares."""
    middle = points.mean(axis=0)
    offset = points - middle
    design = np.column_stack([2 * offset, np.ones(len(points))])
    row, column, rest = np.linalg.lstsq(design, (offset**2).sum(axis=1), rcond=None)[0]
    return np.array([middle[0] + row, middle[1] + column, np.sqrt(max(rest + row**2 + column**2, 0))])


def evidence(found: Rays) -> np.ndarray:
    """(rays, radii) from 0 to 1: how much intensity falls outwards to a flat, dark level from which it never rises."""
    ends, radii = found.ends, np.arange(found.signal.shape[1])
    past = radii >= ends[:, None]
    last = np.take_along_axis(found.signal, ends[:, None] - 1, axis=1)
    dark = max(_darkest(found), FLOOR)
    level, last = np.log(found.signal / dark + 1), np.log(last / dark + 1)
    beyond = np.where(past, last, np.maximum.accumulate(np.where(past, -np.inf, level)[:, ::-1], axis=1)[:, ::-1])
    best = np.zeros_like(level)
    for rank, reach in enumerate(REACHES):
        outer = _shifted(beyond, reach)
        fall = _shifted(level, -reach) - outer
        flat = outer - _shifted(beyond, 4 * reach) < FLAT * fall
        shaded = np.clip(np.maximum((np.log(9) - outer) / np.log(9 / 5), fall - 2), 0, 1)
        visible = (radii >= NEAREST) & (radii + (reach if rank == 0 else 2 * reach) < ends[:, None])
        best = np.maximum(best, (flat & visible) * shaded * np.clip(1.4 * fall, 0, 1) * (1 - 0.08 * rank))
    steep = np.clip(_shifted(level, -1) - _shifted(level, 1), 0, 1)
    return best * (0.85 + 0.15 * steep)


def _darkest(found: Rays) -> float:
    """The signal at the darkest twentieth of the border, of means that noise does not lower."""
    near = np.clip(found.ends[:, None] - np.arange(1, 7), 0, None)
    border = ndimage.uniform_filter1d(np.take_along_axis(found.signal, near, axis=1).mean(axis=1), 9, mode="wrap")
    return float(np.mean(np.sort(border)[: RAYS // 20]))


def _shifted(values: np.ndarray, by: int) -> np.ndarray:
    """Each row read `by` columns further on, its ends repeated."""
    return values[:, np.clip(np.arange(values.shape[1]) + by, 0, values.shape[1] - 1)]


def _closed_curve(gain: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(rays,) the radii of the closed curve with the largest sum of gain; nothing is gained or lost past the ends.

    Dynamic programming, twice around so that the curve closes.
    """
    count, width = gain.shape
    radii = np.arange(width)
    gain = np.where(radii >= ends[:, None], 0, np.where(radii < NEAREST, -9.0, gain))
    cost = 0.02 * np.abs(np.arange(-BEND, BEND + 1))
    score, origins = np.zeros(width), np.zeros((2 * count, width), np.int32)
    for step in range(2 * count):
        window = (
            np.lib.stride_tricks.sliding_window_view(np.pad(score, BEND, constant_values=-1e9), 2 * BEND + 1) - cost
        )
        choice = window.argmax(axis=1)
        origins[step] = radii + choice - BEND
        score = window[radii, choice] + gain[step % count]
    path, place = np.zeros(2 * count, int), int(score.argmax())
    for step in range(2 * count - 1, -1, -1):
        path[step] = place
        place = int(origins[step, place])
    return np.roll(path[count // 2 : count // 2 + count], count // 2)


def runs(chosen: np.ndarray) -> list[np.ndarray]:
    """The indices of each run of True around a circle."""
    if chosen.all():
        return [np.arange(len(chosen))]
    start = int(np.argmin(chosen))
    turned = np.roll(chosen, -start)
    labels, count = ndimage.label(turned)
    return [(np.flatnonzero(labels == n) + start) % len(chosen) for n in range(1, count + 1)]


def _is_shadow(run: np.ndarray, radii: np.ndarray, strength: np.ndarray, found: Rays) -> bool:
    """Whether intensity falls all along the edge on a run of rays, and the field is convex there."""
    seen = strength[run, radii[run]]
    inner, outer = found.points(radii.astype(float))[run], found.points(found.ends.astype(float))[run]
    length = float(np.linalg.norm(np.diff(inner, axis=0), axis=1).sum())
    area = _area(np.concatenate([inner, outer[::-1]])) if len(run) < RAYS else _area(outer) - _area(inner)
    image = _area(found.points(found.ends.astype(float)))
    if length < SHORTEST or area < LEAST_AREA * image:
        return False
    return bool(np.mean(seen > FALL) >= SEEN and seen.mean() >= MEAN and _dent(inner, len(run) == RAYS) < DENT * area)


def _hull(edge: np.ndarray, found: Rays) -> np.ndarray:
    """(rays,) the radius at which each ray leaves the convex hull of some points of an edge."""
    from scipy.spatial import ConvexHull

    facets = ConvexHull(edge).equations
    along = found.directions @ facets[:, :2].T
    distance = -(facets[:, :2] @ found.center + facets[:, 2])
    return np.where(along > 1e-9, distance / np.maximum(along, 1e-9), np.inf).min(axis=1)


def _dent(edge: np.ndarray, closed: bool) -> float:
    """The area between an edge (points, 2), open or closed, and its convex hull on the side away from the middle."""
    from scipy.spatial import ConvexHull, QhullError

    try:
        hull = ConvexHull(edge)
    except QhullError:
        return 0.0
    return float(hull.volume - _area(edge))


def _area(points: np.ndarray) -> float:
    """Of the polygon through points (n, 2)."""
    y, x = points.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
