"""The outline of a collimated field: the closed curve across which intensity drops to the level of a shadow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from .circle import MAX_CIRCLE_DISTANCE, Array, fit_circle

RAYS = 240
"""Number of rays from the centre of the field along which its edge is searched for."""
EDGE_REACHES = (3, 6, 10)
"""Pixels to either side of an edge between which intensity falls, for sharp edges and for wider penumbras."""
DARKNESS_FLOOR = 1e-3
"""Fraction of the brightest intensities below which intensities count as equally dark."""
MIN_EDGE_RADIUS = 24
"""Distance in pixels from the centre within which no edge is searched for."""
EVIDENCE_PER_FALL = 1.4
"""Evidence per unit of logarithmic fall of the intensity relative to the shadow; evidence is at most one."""
MIN_EDGE_EVIDENCE = 0.25
"""Evidence from which a ray counts as crossing an edge."""
EVIDENCE_COST = 0.3
"""Evidence that an edge needs on a ray; with less, it is better to let the ray run to the border."""
OUTER_EDGE_BONUS = 0.1
"""Gain by which an edge at the border is preferred to one at the centre: there is none beyond the true edge."""
MAX_RADIUS_STEP = 8
"""Largest change in pixels of the edge radius from one ray to the next."""
MAX_SHADOW_LEVEL, MIN_OPEN_LEVEL = 3.0, 8.0
"""Levels beyond an edge, relative to the darkest: up to the first it is a shadow, from the second it is not."""
DARK_FALL_RANGE = 2.0, 3.0
"""Range of the logarithmic fall over which a brighter level beyond an edge comes to count as a shadow as well."""
MAX_RELATIVE_SLOPE = 0.4
"""Fall beyond an edge, as a fraction of that across it, from which the level beyond is not flat."""
MIN_SEEN_SHARE, MIN_MEAN_EVIDENCE = 0.85, 0.7
"""Share of the rays across an edge that must show a fall, and their smallest mean evidence."""
MAX_DENT_SHARE = 0.25
"""Largest share of a shadow that may dent the field; anatomy and metal at the border dent it with all of their area."""
MIN_EDGE_LENGTH = 20
"""Length of the edge in pixels below which nothing is masked."""
MIN_SHADOW_SHARE = 0.0015
"""Share of the image in shadow below which nothing is masked."""


@dataclass(frozen=True, eq=False)
class Rays:
    """An image sampled along rays from the centre of its field.

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


def rays(intensity: Array) -> Rays:
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


def outline(fan: Rays) -> Array | None:
    """(rays,) radius of the edge on each ray, infinite where the field leaves the image; None without an edge."""
    strength = evidence(fan)
    radii = _closed_curve(np.where(strength > 0, strength - EVIDENCE_COST, -EVIDENCE_COST), fan.ends)
    points, seen = fan.points(radii.astype(float)), radii < fan.ends
    good = np.flatnonzero(seen & (strength[np.arange(RAYS), radii] > MIN_EDGE_EVIDENCE))
    circle = _round_field(points, good, fan)
    if circle is not None:
        return circle
    edge = np.full(RAYS, np.inf)
    for run in runs(seen):
        if _is_shadow(run, radii, strength, fan):
            edge[run] = _hull(points[run], fan)[run]
    return edge if np.isfinite(edge).any() else None


def _round_field(points: Array, good: Array, fan: Rays) -> Array | None:
    """(rays,) the radii of a round field, on whose circle most of the good points lie; None if there is none.

    Where good points lie on a straight line inside the circle, a blade covers it.
    """
    circle = fit_circle(points[good]) if len(good) >= RAYS // 6 else None
    if circle is None or np.hypot(*(circle.center - fan.center)) > 0.5 * circle.radius:
        return None
    reach = circle.reach(fan.center, fan.directions)
    hull, radii = _hull(points[good], fan), np.linalg.norm(points - fan.center, axis=1)
    blade = np.zeros(RAYS, bool)
    blade[good] = (hull - radii < MAX_CIRCLE_DISTANCE + 1)[good] & (hull < reach - MAX_CIRCLE_DISTANCE)[good]
    return np.where(blade, hull, reach)


def evidence(fan: Rays) -> Array:
    """(rays, radii) evidence from 0 to 1 that intensity falls outwards to a flat, dark level and never rises again."""
    ends, radii = fan.ends, np.arange(fan.signal.shape[1])
    past = radii >= ends[:, None]
    last = np.take_along_axis(fan.signal, ends[:, None] - 1, axis=1)
    dark = max(_darkest(fan), DARKNESS_FLOOR)
    level, last = np.log(fan.signal / dark + 1), np.log(last / dark + 1)
    beyond = np.where(past, last, np.maximum.accumulate(np.where(past, -np.inf, level)[:, ::-1], axis=1)[:, ::-1])
    best = np.zeros_like(level)
    for rank, reach in enumerate(EDGE_REACHES):
        outer = _shifted(beyond, reach)
        fall = _shifted(level, -reach) - outer
        flat = outer - _shifted(beyond, 4 * reach) < MAX_RELATIVE_SLOPE * fall
        shaded = np.log((MIN_OPEN_LEVEL + 1) / (MAX_SHADOW_LEVEL + 1))
        shaded = np.maximum(
            (np.log(MIN_OPEN_LEVEL + 1) - outer) / shaded,
            (fall - DARK_FALL_RANGE[0]) / (DARK_FALL_RANGE[1] - DARK_FALL_RANGE[0]),
        )
        visible = (radii >= MIN_EDGE_RADIUS) & (radii + (reach if rank == 0 else 2 * reach) < ends[:, None])
        best = np.maximum(
            best, (flat & visible) * np.clip(shaded, 0, 1) * np.clip(EVIDENCE_PER_FALL * fall, 0, 1) * (1 - 0.08 * rank)
        )
    steep = np.clip(_shifted(level, -1) - _shifted(level, 1), 0, 1)
    return best * (0.85 + 0.15 * steep)


def _darkest(fan: Rays) -> float:
    """The mean signal of the darkest twentieth of the border, smoothed so that noise does not lower it."""
    near = np.clip(fan.ends[:, None] - np.arange(1, 7), 0, None)
    border = ndimage.uniform_filter1d(np.take_along_axis(fan.signal, near, axis=1).mean(axis=1), 9, mode="wrap")
    return float(np.mean(np.sort(border)[: RAYS // 20]))


def _shifted(values: Array, by: int) -> Array:
    """Each row shifted by a number of columns, with its ends repeated."""
    return values[:, np.clip(np.arange(values.shape[1]) + by, 0, values.shape[1] - 1)]


def _closed_curve(gain: Array, ends: Array) -> Array:
    """(rays,) the radii of the closed curve with the largest sum of gain, which is 0 past the ends.

    Found by dynamic programming, twice around so that the curve closes.
    """
    count, width = gain.shape
    radii = np.arange(width)
    gain = gain + OUTER_EDGE_BONUS * radii / ends[:, None]
    gain = np.where(radii >= ends[:, None], 0, np.where(radii < MIN_EDGE_RADIUS, -9.0, gain))
    cost = 0.02 * np.abs(np.arange(-MAX_RADIUS_STEP, MAX_RADIUS_STEP + 1))
    score, origins = np.zeros(width), np.zeros((2 * count, width), np.int32)
    for step in range(2 * count):
        window = (
            np.lib.stride_tricks.sliding_window_view(
                np.pad(score, MAX_RADIUS_STEP, constant_values=-1e9), 2 * MAX_RADIUS_STEP + 1
            )
            - cost
        )
        choice = window.argmax(axis=1)
        origins[step] = radii + choice - MAX_RADIUS_STEP
        score = window[radii, choice] + gain[step % count]
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


def _is_shadow(run: Array, radii: Array, strength: Array, fan: Rays) -> bool:
    """Whether intensity falls all along the edge on a run of rays, and the field is convex there."""
    seen = strength[run, radii[run]]
    inner, outer = fan.points(radii.astype(float))[run], fan.points(fan.ends.astype(float))[run]
    length = float(np.linalg.norm(np.diff(inner, axis=0), axis=1).sum())
    area = _area(np.concatenate([inner, outer[::-1]])) if len(run) < RAYS else _area(outer) - _area(inner)
    image = _area(fan.points(fan.ends.astype(float)))
    if length < MIN_EDGE_LENGTH or area < MIN_SHADOW_SHARE * image:
        return False
    return bool(
        np.mean(seen > MIN_EDGE_EVIDENCE) >= MIN_SEEN_SHARE
        and seen.mean() >= MIN_MEAN_EVIDENCE
        and _dent(inner, len(run) == RAYS) < MAX_DENT_SHARE * area
    )


def _hull(edge: Array, fan: Rays) -> Array:
    """(rays,) the radius at which each ray leaves the convex hull of some points of an edge."""
    try:
        facets = ConvexHull(edge).equations
    except QhullError:  # points on a straight line
        return np.linalg.norm(edge - fan.center, axis=1).mean() * np.ones(RAYS)
    along = fan.directions @ facets[:, :2].T
    distance = -(facets[:, :2] @ fan.center + facets[:, 2])
    return np.where(along > 1e-9, distance / np.maximum(along, 1e-9), np.inf).min(axis=1)


def _dent(edge: Array, closed: bool) -> float:
    """The area between an edge (points, 2), open or closed, and its convex hull on the side away from the centre."""
    try:
        hull = ConvexHull(edge)
    except QhullError:
        return 0.0
    return float(hull.volume - _area(edge))


def _area(points: Array) -> float:
    """The area of the polygon through points (n, 2)."""
    y, x = points.T
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)
