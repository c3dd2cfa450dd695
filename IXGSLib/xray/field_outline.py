"""The outline of a collimated field: the closed curve across which intensity falls to the level of a shadow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from .circle import MAX_CIRCLE_DISTANCE, Array, fitted

RAYS = 240
"""Rays from the middle of the field on which its edge is sought."""
REACHES = (3, 6, 10)
"""Pixels to either side of an edge between which intensity falls: sharp edges and ever wider penumbras."""
MIN_RELATIVE_INTENSITY = 1e-3
"""Fraction of the brightest intensities below which intensities count as equally dark."""
MIN_RADIUS = 24
"""Distance from the middle, in pixels, within which no edge is sought."""
EVIDENCE_PER_FALL = 1.4
"""Evidence per unit by which the logarithm of intensity over the shadow falls; it saturates at one."""
MIN_CROSSING_EVIDENCE = 0.25
"""Smallest evidence of a ray that crosses an edge."""
MIN_EVIDENCE = 0.3
"""Evidence above which an edge on a ray is better than none up to the border of the image."""
BORDER_GAIN = 0.1
"""Gain of an edge at the border over one in the middle: there is no edge beyond the true one."""
MAX_RADIUS_STEP = 8
"""Largest change of the radius from one ray to the next, pixels."""
MAX_SHADOW_LEVEL, MIN_LIT_LEVEL = 3.0, 8.0
"""Level beyond an edge, relative to the darkest one: certainly a shadow below the first, none above the second."""
DEEP_FALL_RANGE = 2.0, 3.0
"""Logarithmic fall from which even a brighter level beyond an edge begins to count as a shadow, and counts fully."""
MAX_FALL_BEYOND = 0.4
"""Largest fall beyond an edge, as a fraction of that across it, of a level that counts as flat."""
MIN_SEEN_SHARE = 0.85
"""Smallest share of the rays across an edge on which intensity must fall."""
MIN_MEAN_EVIDENCE, MIN_MEAN_EVIDENCE_BESIDE = 0.7, 0.55
"""Smallest mean evidence of one edge in the image, and of the others beside it."""
MAX_DENT_SHARE = 0.25
"""Largest share of a shadow that may dent the field: anatomy and metal at the border do so with their whole area."""
MIN_EDGE_LENGTH = 20
"""Shortest edge that is masked, pixels."""
MIN_SHADOW_SHARE = 0.0015
"""Smallest share of the image in shadow that is masked."""


@dataclass(frozen=True, eq=False)
class Rays:
    """An image along rays from the middle of its field.

    center: (row, column). directions: (rays, 2) unit vectors (row, column).
    signal: (rays, radii) smoothed intensity over the brightest, in steps of one pixel.
    ends: (rays,) the number of radii inside the image.
    """

    center: Array
    directions: Array
    signal: Array
    ends: Array

    def points(self, radii: Array) -> Array:
        """(rays, 2) the points (row, column) at one radius on each ray."""
        return self.center + radii[:, None] * self.directions


def rays(intensity: Array, border: Array | None = None) -> Rays:
    """The rays of a small image (rows, columns) of intensities, up to its edge or to a border (rows, columns) bool."""
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
    if border is not None:
        met = ndimage.map_coordinates(border.astype(np.float32), places, order=0, mode="nearest") > 0
        inside &= ~np.logical_or.accumulate(met & (radii > MIN_RADIUS), axis=1)
    values = ndimage.map_coordinates(signal, places, order=1, mode="nearest")
    return Rays(center, directions, values, inside.sum(axis=1))


def outline(found: Rays) -> Array | None:
    """(rays,) radius of the field's edge on each ray, infinite where the field runs out of the image; None without."""
    strength = evidence(found)
    radii = _closed_curve(np.where(strength > 0, strength - MIN_EVIDENCE, -MIN_EVIDENCE), found.ends)
    points, seen = found.points(radii.astype(float)), radii < found.ends
    good = np.flatnonzero(seen & (strength[np.arange(RAYS), radii] > MIN_CROSSING_EVIDENCE))
    circle = _round_field(points, good, found)
    if circle is not None:
        return circle
    edge = np.full(RAYS, np.inf)
    shadows = [run for run in runs(seen) if _is_shadow(run, radii, strength, found)]
    means = [strength[run, radii[run]].mean() for run in shadows]
    for run, mean in zip(shadows, means, strict=True):
        if max(means) >= MIN_MEAN_EVIDENCE and mean >= MIN_MEAN_EVIDENCE_BESIDE:
            edge[run] = _hull(points[run], found)[run]
    return edge if np.isfinite(edge).any() else None


def _round_field(points: Array, good: Array, found: Rays) -> Array | None:
    """(rays,) the radii of a round field on whose circle most of the good points of an edge lie; None without.

    Where good points lie on a straight line within the circle, a blade covers it.
    """
    circle = fitted(points[good]) if len(good) >= RAYS // 6 else None
    if circle is None or np.hypot(*(circle.center - found.center)) > 0.5 * circle.radius:
        return None
    reach = circle.reach(found.center, found.directions)
    hull, radii = _hull(points[good], found), np.linalg.norm(points - found.center, axis=1)
    blade = np.zeros(RAYS, bool)
    blade[good] = (hull - radii < MAX_CIRCLE_DISTANCE + 1)[good] & (hull < reach - MAX_CIRCLE_DISTANCE)[good]
    return np.where(blade, hull, reach)


def evidence(found: Rays) -> Array:
    """(rays, radii) from 0 to 1: how much intensity falls outwards to a flat, dark level from which it never rises."""
    ends, radii = found.ends, np.arange(found.signal.shape[1])
    past = radii >= ends[:, None]
    last = np.take_along_axis(found.signal, ends[:, None] - 1, axis=1)
    dark = max(_darkest(found), MIN_RELATIVE_INTENSITY)
    level, last = np.log(found.signal / dark + 1), np.log(last / dark + 1)
    beyond = np.where(past, last, np.maximum.accumulate(np.where(past, -np.inf, level)[:, ::-1], axis=1)[:, ::-1])
    best = np.zeros_like(level)
    for rank, reach in enumerate(REACHES):
        outer = _shifted(beyond, reach)
        fall = _shifted(level, -reach) - outer
        flat = outer - _shifted(beyond, 4 * reach) < MAX_FALL_BEYOND * fall
        shaded = np.log((MIN_LIT_LEVEL + 1) / (MAX_SHADOW_LEVEL + 1))
        shaded = np.maximum(
            (np.log(MIN_LIT_LEVEL + 1) - outer) / shaded,
            (fall - DEEP_FALL_RANGE[0]) / (DEEP_FALL_RANGE[1] - DEEP_FALL_RANGE[0]),
        )
        visible = (radii >= MIN_RADIUS) & (radii + (reach if rank == 0 else 2 * reach) < ends[:, None])
        best = np.maximum(
            best, (flat & visible) * np.clip(shaded, 0, 1) * np.clip(EVIDENCE_PER_FALL * fall, 0, 1) * (1 - 0.08 * rank)
        )
    steep = np.clip(_shifted(level, -1) - _shifted(level, 1), 0, 1)
    return best * (0.85 + 0.15 * steep)


def _darkest(found: Rays) -> float:
    """The signal at the darkest twentieth of the border, of means that noise does not lower."""
    near = np.clip(found.ends[:, None] - np.arange(1, 7), 0, None)
    border = ndimage.uniform_filter1d(np.take_along_axis(found.signal, near, axis=1).mean(axis=1), 9, mode="wrap")
    return float(np.mean(np.sort(border)[: RAYS // 20]))


def _shifted(values: Array, by: int) -> Array:
    """Each row read `by` columns further on, its ends repeated."""
    return values[:, np.clip(np.arange(values.shape[1]) + by, 0, values.shape[1] - 1)]


def _closed_curve(gain: Array, ends: Array) -> Array:
    """(rays,) the radii of the closed curve with the largest sum of gain; nothing is gained or lost past the ends.

    Dynamic programming, twice around so that the curve closes.
    """
    count, width = gain.shape
    radii = np.arange(width)
    gain = gain + BORDER_GAIN * radii / ends[:, None]
    gain = np.where(radii >= ends[:, None], 0, np.where(radii < MIN_RADIUS, -9.0, gain))
    cost = 0.02 * np.abs(np.arange(-MAX_RADIUS_STEP, MAX_RADIUS_STEP + 1))
    padded = np.pad(np.zeros(width), MAX_RADIUS_STEP, constant_values=-1e9)
    score, reached = padded[MAX_RADIUS_STEP:-MAX_RADIUS_STEP], sliding_window_view(padded, len(cost))
    origins = np.zeros((2 * count, width), np.int32)
    for step in range(2 * count):
        window = reached - cost
        choice = window.argmax(axis=1)
        origins[step] = radii + choice - MAX_RADIUS_STEP
        score[:] = window[radii, choice] + gain[step % count]
    path, place = np.zeros(2 * count, int), int(score.argmax())
    for step in range(2 * count - 1, -1, -1):
        path[step] = place
        place = int(origins[step, place])
    return np.roll(path[count // 2 : count // 2 + count], count // 2)


def runs(chosen: Array) -> list[Array]:
    """The indices of each run of True around a circle."""
    if chosen.all():
        return [np.arange(len(chosen))]
    start = int(np.argmin(chosen))
    turned = np.roll(chosen, -start)
    labels, count = ndimage.label(turned)
    return [(np.flatnonzero(labels == n) + start) % len(chosen) for n in range(1, count + 1)]


def _is_shadow(run: Array, radii: Array, strength: Array, found: Rays) -> bool:
    """Whether intensity falls all along the edge on a run of rays, and the field is convex there."""
    seen = strength[run, radii[run]]
    inner, outer = found.points(radii.astype(float))[run], found.points(found.ends.astype(float))[run]
    length = float(np.linalg.norm(np.diff(inner, axis=0), axis=1).sum())
    area = _area(np.concatenate([inner, outer[::-1]])) if len(run) < RAYS else _area(outer) - _area(inner)
    image = _area(found.points(found.ends.astype(float)))
    if length < MIN_EDGE_LENGTH or area < MIN_SHADOW_SHARE * image:
        return False
    return bool(
        np.mean(seen > MIN_CROSSING_EVIDENCE) >= MIN_SEEN_SHARE
        and _dent(inner, len(run) == RAYS) < MAX_DENT_SHARE * area
    )


def _hull(edge: Array, found: Rays) -> Array:
    """(rays,) the radius at which each ray leaves the convex hull of some points of an edge."""
    try:
        facets = ConvexHull(edge).equations
    except QhullError:  # points on a straight line
        return np.linalg.norm(edge - found.center, axis=1).mean() * np.ones(RAYS)
    along = found.directions @ facets[:, :2].T
    distance = -(facets[:, :2] @ found.center + facets[:, 2])
    return np.where(along > 1e-9, distance / np.maximum(along, 1e-9), np.inf).min(axis=1)


def _dent(edge: Array, closed: bool) -> float:
    """The area between an edge (points, 2), open or closed, and its convex hull on the side away from the middle."""
    try:
        hull = ConvexHull(edge)
    except QhullError:
        return 0.0
    return float(hull.volume - _area(edge))


def _area(points: Array) -> float:
    """Of the polygon through points (n, 2)."""
    y, x = points.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
