"""The positions of markers from two views with approximate poses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from ...geometry import View
from ...geometry.rigid import Array

PAIR_ANGLES_DEG = (12.0, 110.0)
"""Smallest and largest angle between two views from which positions are computed."""
BEST_ANGLE_DEG = 45.0
SAME_PLANE = 0.004
"""Difference of two epipolar planes' angles, rad, within which they count as one once their offset is known."""
FARTHEST_MM = 250.0
"""Largest distance of a marker from the point where the principal rays meet."""


@dataclass(frozen=True, eq=False)
class Structure:
    """Markers that two views share: their shadows' numbers in either (n,) and positions (n, 3) mm."""

    views: tuple[int, int]
    first: np.ndarray
    second: np.ndarray
    positions: Array


def structures(views: Sequence[View], pixels: Sequence[Array], middle: Array, reach: float) -> Iterator[Structure]:
    """The markers of pairs of views, those with the most likely angles between them first.

    pixels: (n, 2) of the shadows of each view. middle: (3,) LPS mm, near the markers. reach: mm by which approximate
    poses may be shifted.
    """
    for first, second in _pairs(views, pixels):
        yield _matched((first, second), views, pixels, middle, reach)


def _pairs(views: Sequence[View], pixels: Sequence[Array]) -> list[tuple[int, int]]:
    low, high = PAIR_ANGLES_DEG
    found = []
    for n, one in enumerate(views):
        for m in range(n):
            angle = float(np.rad2deg(np.arccos(np.clip(one.axis @ views[m].axis, -1, 1))))
            if low <= angle <= high:
                shared = min(len(pixels[n]), len(pixels[m]))
                found.append((-shared, abs(angle - BEST_ANGLE_DEG), (m, n)))
    return [pair for *_, pair in sorted(found)]


def _matched(
    pair: tuple[int, int], views: Sequence[View], pixels: Sequence[Array], middle: Array, reach: float
) -> Structure:
    """The largest set of matches whose epipolar planes differ by one angle, the shift of the approximate poses.

    The planes through both sources are numbered by their angle about the line that joins these. A translation of a
    view changes all angles by nearly the same amount.
    """
    one, two = (views[n] for n in pair)
    rays = [view.ray(pixels[n])[1] for view, n in ((one, pair[0]), (two, pair[1]))]
    angles = _plane_angles(one, two, rays, middle)
    apart = angles[1][None] - angles[0][:, None]
    points = _triangulated(one.source, rays[0][:, None], two.source, rays[1][None])
    possible = np.linalg.norm(points - middle, axis=-1) <= FARTHEST_MM
    limit = 3 * reach / float(np.linalg.norm(middle - one.source))
    best: tuple[np.ndarray, np.ndarray] = (np.empty(0, int), np.empty(0, int))
    score = -np.inf
    for offset in apart[possible & (np.abs(apart) <= limit)]:
        cost = np.where(possible, np.abs(apart - offset), 1.0)
        rows, columns = linear_sum_assignment(np.minimum(cost, SAME_PLANE))
        good = cost[rows, columns] < SAME_PLANE
        value = good.sum() - cost[rows[good], columns[good]].sum() / SAME_PLANE / (len(rows) + 1)
        if value > score:
            score, best = float(value), (rows[good], columns[good])
    return Structure(pair, best[0], best[1], points[best[0], best[1]])


def _plane_angles(one: View, two: View, rays: Sequence[Array], middle: Array) -> list[Array]:
    """(n,) for each of two views: angles of the planes through both sources and each ray, 0 through `middle`."""
    along = two.source - one.source
    along = along / np.linalg.norm(along)
    towards = middle - one.source
    towards = towards - (towards @ along) * along
    towards = towards / np.linalg.norm(towards)
    aside = np.cross(along, towards)
    return [np.arctan2(each @ aside, each @ towards) for each in rays]


def _triangulated(first: Array, one: Array, second: Array, two: Array) -> Array:
    """(..., 3) the points midway between two rays where they are nearest, from sources (3,) and directions (..., 3)."""
    between = second - first
    cosine = (one * two).sum(axis=-1)
    a, b = one @ between, two @ between
    scale = np.maximum(1 - cosine**2, 1e-9)
    s, t = (a - cosine * b) / scale, (cosine * a - b) / scale
    return (first + s[..., None] * one + second + t[..., None] * two) / 2
