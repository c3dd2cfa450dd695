"""The circle on which most of some points lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_CIRCLE_DISTANCE = 2.5
"""Distance from a circle within which a point lies on it, pixels."""
MIN_POINT_SHARE = 0.6
"""Smallest share of the points that must lie on the circle."""
MAX_OUTSIDE_SHARE = 0.05
"""Largest share of the points that may lie outside it, as the corners of blades do."""
MAX_GAP_RADIANS = 1.2 * np.pi
"""Largest angle without a point; with a larger gap the arc is too short to define a circle."""


@dataclass(frozen=True, eq=False)
class Circle:
    """center: (row, column) and radius, pixels."""

    center: Array
    radius: float

    def distance(self, points: Array) -> Array:
        """(n,) how far points (n, 2) lie outside the circle, negative inside."""
        return np.hypot(*(points - self.center).T) - self.radius

    def reach(self, start: Array, directions: Array) -> Array:
        """(n,) how far it is from a point inside to the circle in directions (n, 2)."""
        offset = start - self.center
        along = directions @ offset
        return -along + np.sqrt(np.maximum(along**2 - offset @ offset + self.radius**2, 0))


def fitted(points: Array) -> Circle | None:
    """The circle of most of the points (n, 2), which are in the order of their angle; None without.

    Three points a third of the way around from each other make a candidate (RANSAC, with all such triples).
    """
    best, model = 0, None
    third = len(points) // 3
    for start in range(len(points)):
        triple = points[(start + np.array([0, third, 2 * third])) % len(points)]
        near = np.abs(_through(triple).distance(points)) < MAX_CIRCLE_DISTANCE
        if near.sum() > best:
            best, model = int(near.sum()), _through(points[near])
    if model is None or best < MIN_POINT_SHARE * len(points):
        return None
    distance = model.distance(points)
    if np.mean(distance > MAX_CIRCLE_DISTANCE) > MAX_OUTSIDE_SHARE:
        return None
    return model if _widest_gap(points[np.abs(distance) < MAX_CIRCLE_DISTANCE], model) < MAX_GAP_RADIANS else None


def _widest_gap(points: Array, circle: Circle) -> float:
    """The widest angle around a circle without any of the points."""
    if len(points) < 3:
        return 2 * np.pi
    angles = np.sort(np.arctan2(*(points - circle.center).T))
    return float(np.max(np.diff(np.append(angles, angles[0] + 2 * np.pi))))


def _through(points: Array) -> Circle:
    """The circle closest to points (n, 2) by linear least squares (I. Kasa, IEEE Trans. Instrum. Meas. 25, 8, 1976)."""
    middle = points.mean(axis=0)
    offset = points - middle
    design = np.column_stack([2 * offset, np.ones(len(points))])
    row, column, rest = np.linalg.lstsq(design, (offset**2).sum(axis=1), rcond=None)[0]
    return Circle(middle + (row, column), float(np.sqrt(max(rest + row**2 + column**2, 0))))
