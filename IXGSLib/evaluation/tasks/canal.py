"""The spinal canal of a vertebra: the direction along which light falls through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from ...errors import GeometryError
from ...geometry.rigid import Array
from .mask import Mask

PIXEL = 1.0
"""mm of the shadow's pixels."""
COARSE_PIXEL = 2.0
"""mm of the shadow's pixels in the first search."""
DIRECTIONS = 150
"""Directions of the first search, over the upper half of the sphere: about 12 degrees apart."""
STEPS = (8.0, 4.0, 2.0, 1.0)
"""Degrees by which the direction is then varied until the hole is largest."""
MIN_HOLE_AREA = 40.0
"""mm^2 below which a hole in the shadow is no canal: a circle of 7 mm."""


@dataclass(frozen=True, eq=False)
class Canal:
    """The canal of a vertebra: its direction (3,) to the head, and a point (3,) on its centre line, LPS mm."""

    direction: Array
    center: Array


def find_canal(mask: Mask) -> Canal:
    """The canal: among all directions the one whose shadow of the vertebra has the largest hole.

    The rule turns with the vertebra; only which end is up is read from the patient's axes: up is the end nearer to the
    head. Raises GeometryError where no shadow has a hole, as without a closed arch.
    """
    points = mask.points()
    radius = 0.6 * float(np.max(mask.grid.spacing))
    best = max(_upper_half(DIRECTIONS), key=lambda direction: _hole(points, direction, radius, COARSE_PIXEL)[0])
    area = _hole(points, best, radius, PIXEL)[0]
    for step in STEPS:
        improved = True
        while improved:
            improved = False
            for candidate in _around(best, np.radians(step)):
                found = _hole(points, candidate, radius, PIXEL)[0]
                if found > area * (1 + 1e-9):
                    best, area, improved = candidate, found, True
    if area < MIN_HOLE_AREA:
        raise GeometryError(
            f"{mask.name}: no canal can be seen through its label (largest hole {area:.0f} mm^2), expected a vertebra "
            "with a closed arch; leave it out or correct its label"
        )
    best = best if best[2] > 0 else -best
    return Canal(best, _hole(points, best, radius, PIXEL)[1])


def across(direction: Array) -> Array:
    """(3, 2) two unit vectors at right angles to a unit direction and to each other."""
    first = np.cross(direction, np.eye(3)[int(np.argmin(np.abs(direction)))])
    first = first / np.linalg.norm(first)
    return np.stack([first, np.cross(direction, first)], axis=1)


def _hole(points: Array, direction: Array, radius: float, pixel: float) -> tuple[float, Array]:
    """The area in mm^2 of the largest hole in the shadow along a direction, and a point (3,) on its centre line."""
    plane = across(direction)
    flat = points @ plane
    margin = radius + 2 * pixel
    low = flat.min(axis=0) - margin
    shape = np.ceil((flat.max(axis=0) + margin - low) / pixel).astype(int) + 1
    index = np.rint((flat - low) / pixel).astype(int)
    empty = np.ones(shape, dtype=bool)
    empty[index[:, 0], index[:, 1]] = False
    clear = ndimage.distance_transform_edt(empty) * pixel > radius
    holes, count = ndimage.label(clear)
    outside = holes[0, 0]
    areas = np.bincount(holes.ravel(), minlength=count + 1).astype(np.float64)
    areas[[0, outside]] = 0
    if not areas.any():
        return 0.0, points.mean(axis=0)
    middle = np.argwhere(holes == int(np.argmax(areas))).mean(axis=0) * pixel + low
    height = float(np.mean(points @ direction))
    return float(areas.max()) * pixel**2, plane @ middle + direction * height


def _upper_half(count: int) -> list[Array]:
    """Directions spread evenly over the upper half of the sphere (a Fibonacci lattice)."""
    number = np.arange(count) + 0.5
    z = 1 - number / count
    turn = np.pi * (1 + 5**0.5) * number
    ring = np.sqrt(1 - z**2)
    return list(np.stack([ring * np.cos(turn), ring * np.sin(turn), z], axis=1))


def _around(direction: Array, angle: float) -> list[Array]:
    """Eight directions at an angle in radians from one."""
    plane = across(direction)
    turns = np.arange(8) * np.pi / 4
    rim = np.stack([np.cos(turns), np.sin(turns)], axis=1) @ plane.T
    return list(np.cos(angle) * direction + np.sin(angle) * rim)
