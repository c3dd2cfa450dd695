"""Robust fit of a circle to points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MAX_CIRCLE_DISTANCE = 2.5
"""Largest distance in pixels at which a point counts as lying on the circle."""
MIN_CIRCLE_SHARE = 0.6
"""Smallest share of the points that must lie on the circle."""
MAX_OUTSIDE_SHARE = 0.05
"""Largest share of the points that may lie outside the circle, as the corners of blades do."""
MAX_GAP_ANGLE = 1.2 * np.pi
"""Angle without points from which the arc is too short to determine its circle."""


@dataclass(frozen=True, eq=False)
class Circle:
    """center: (row, column) and radius, pixels."""

    center: Array
    radius: float

    def distance(self, points: Array) -> Array:
        """(n,) distance of points (n, 2) from the circle, negative inside."""
        return np.hypot(*(points - self.center).T) - self.radius

    def reach(self, start: Array, directions: Array) -> Array:
        """(n,) distance from a point inside to the circle along unit directions (n, 2)."""
        offset = start - self.center
        along = directions @ offset
        return -along + np.sqrt(np.maximum(along**2 - offset @ offset + self.radius**2, 0))


def fit_circle(points: Array) -> Circle | None:
    """The circle through most of the points (n, 2), which are ordered by angle; None if there is no such circle.

    Every triple of points that are a third of the way around from each other gives a candidate (as in RANSAC).
    """
    best, model = 0, None
    third = len(points) // 3
    for start in range(len(points)):
        triple = points[(start + np.array([0, third, 2 * third])) % len(points)]
        near = np.abs(_through(triple).distance(points)) < MAX_CIRCLE_DISTANCE
        if near.sum() > best:
            best, model = int(near.sum()), _through(points[near])
    if (
        model is None
        or best < MIN_CIRCLE_SHARE * len(points)
        or np.mean(model.distance(points) > MAX_CIRCLE_DISTANCE) > MAX_OUTSIDE_SHARE
    ):
        return None
    return (
        model
        if _widest_gap(points[np.abs(model.distance(points)) < MAX_CIRCLE_DISTANCE], model) < MAX_GAP_ANGLE
        else None
    )


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
