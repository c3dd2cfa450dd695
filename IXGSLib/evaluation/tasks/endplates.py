"""The endplates of a vertebral body: planes through its upper and lower surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import GeometryError
from ...geometry.rigid import Array
from .mask import Mask

STEP = 0.25
"""mm between samples along a ray."""
COLUMN_SPACING = 2.0
"""mm between the columns in which the surface of an endplate is found."""
MIN_COLUMNS = 12
"""Columns below which a plane is not fitted."""
MAX_HALF_HEIGHT = 30.0
MAX_HALF_WIDTH = 50.0
"""mm from the centre of the body within which its surfaces lie."""
TRIMMED = 2.5
"""Median absolute deviations beyond which a point does not count for the plane, such as one on an osteophyte."""


@dataclass(frozen=True, eq=False)
class Endplate:
    """A plane fitted to one surface of the body.

    point: (3,) its centre. normal: (3,) unit vector out of the body. surface: (n, 3) points of the label's surface.
    All LPS mm.
    """

    point: Array
    normal: Array
    surface: Array


def find_endplates(mask: Mask, center: Array, axes: Array, footprint: float) -> tuple[Endplate, Endplate]:
    """The superior and the inferior endplate of a body.

    center: (3,) inside the body, LPS mm. axes: (3, 3), columns left, posterior and superior. footprint: fraction of the
    half width and half depth of the body within which columns are taken. In each column the surface is where the label
    ends above and below the level of the centre.
    """
    columns = _columns(mask, center, axes, footprint)
    plates = []
    for sign in (1.0, -1.0):
        length, found = _exits(mask, columns, sign * axes[:, 2], MAX_HALF_HEIGHT)
        if int(found.sum()) < MIN_COLUMNS:
            raise GeometryError(
                f"{mask.name}: no endplate was found in its label, expected a vertebral body; leave it out"
            )
        surface = columns[found] + sign * length[found, None] * axes[:, 2]
        plates.append(fit_plane(surface, sign * axes[:, 2], float(np.max(mask.grid.spacing))))
    return plates[0], plates[1]


def fit_plane(surface: Array, outward: Array, tolerance: float) -> Endplate:
    """The plane through points (n, 3): least squares of the distances, twice, the second time without outliers.

    tolerance: mm from the first plane within which no point is an outlier, such as the steps between voxels.
    """
    kept = surface
    for _ in range(2):
        point = kept.mean(axis=0)
        normal = np.linalg.svd(kept - point, full_matrices=False)[2][2]
        distance = (surface - point) @ normal
        spread = float(np.median(np.abs(distance - np.median(distance))))
        kept = surface[np.abs(distance - np.median(distance)) <= max(TRIMMED * spread, tolerance)]
    return Endplate(point, normal if normal @ outward > 0 else -normal, kept)


def angle_between(first: Array, second: Array) -> float:
    """The angle between two vectors, degrees."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(first, second)), first @ second)))


def signed_angle(first: Array, second: Array, about: Array) -> float:
    """The angle in degrees that turns one vector into another as seen along an axis, within the plane across it."""
    flat = np.stack([v - (v @ about) * about for v in (first, second)])
    return float(np.degrees(np.arctan2(np.cross(flat[0], flat[1]) @ about, flat[0] @ flat[1])))


def _columns(mask: Mask, center: Array, axes: Array, footprint: float) -> Array:
    """(n, 3) points at the level of the centre, in an ellipse with the width and the depth of the body.

    The depth is twice that in front of the centre, for behind it the arch begins.
    """
    left, right, front = (
        float(_exits(mask, center[None], direction, MAX_HALF_WIDTH)[0][0])
        for direction in (axes[:, 0], -axes[:, 0], -axes[:, 1])
    )
    width, depth = (left + right) / 2, front
    middle = center + axes[:, 0] * (left - right) / 2
    reach = np.arange(0.0, footprint * max(width, depth) + COLUMN_SPACING, COLUMN_SPACING)
    offsets = np.concatenate([-reach[:0:-1], reach])
    x, y = (part.ravel() for part in np.meshgrid(offsets, offsets, indexing="ij"))
    inside = (x / max(width, 1e-9)) ** 2 + (y / max(depth, 1e-9)) ** 2 <= footprint**2
    return middle + x[inside, None] * axes[:, 0] + y[inside, None] * axes[:, 1]


def _exits(mask: Mask, starts: Array, direction: Array, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """For each start (n, 3): the distance in mm to the last end of the label in a direction, and whether it has one."""
    steps = np.arange(reach, -STEP, -STEP)
    values = mask.occupancy(starts[:, None] + steps[:, None] * direction)
    inside = values >= 0.5
    first = np.argmax(inside, axis=1)
    found = inside.any(axis=1) & (first > 0)
    rows, before = np.arange(len(starts)), np.maximum(first - 1, 0)
    high, low = values[rows, first], values[rows, before]
    share = np.where(found, (high - 0.5) / np.where(high > low, high - low, 1.0), 0.0)
    return np.maximum(steps[first] + share * STEP, 0.0), found
