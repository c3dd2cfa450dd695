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
    if not len(points):
        return None
    third = len(points) // 3
    centers, radii = _closest(np.stack([np.roll(points, -shift, axis=0) for shift in (0, third, 2 * third)], axis=1))
    away = np.hypot(*np.moveaxis(points - centers[:, None], -1, 0)) - radii[:, None]
    near = np.abs(away) < MAX_CIRCLE_DISTANCE
    best = near[near.sum(axis=1).argmax()]
    if best.sum() < max(MIN_POINT_SHARE * len(points), 1):
        return None
    model = _through(points[best])
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
    """The circle closest to points (n, 2)."""
    centers, radii = _closest(points[None])
    return Circle(centers[0], float(radii[0]))


def _closest(points: Array) -> tuple[Array, Array]:
    """Centres (sets, 2) and radii (sets,) of the circles closest to sets of points (sets, n, 2).

    By linear least squares (I. Kasa, IEEE Trans. Instrum. Meas. 25, 8, 1976).
    """
    middles = points.mean(axis=1)
    offsets = points - middles[:, None]
    design = np.concatenate([2 * offsets, np.ones((*points.shape[:2], 1))], axis=2)
    inverse = np.linalg.pinv(design, rcond=max(design.shape[1:]) * np.finfo(float).eps)
    shifts = (inverse @ (offsets**2).sum(axis=2)[:, :, None])[:, :, 0]
    squares = shifts[:, 2] + (shifts[:, :2] ** 2).sum(axis=1)
    return middles + shifts[:, :2], np.sqrt(np.maximum(squares, 0))
