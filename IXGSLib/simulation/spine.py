"""Where the spine runs in a body."""

from __future__ import annotations

import numpy as np

from ..geometry.rigid import Array, apply
from .body import Body

REACH = 35.0
"""Half the width of the column in which a spine is sought, mm."""
BEND = 3
"""Degree of the curve along it."""


def spine(body: Body) -> Array:
    """(points, 3) LPS mm along the spine, rising: a smooth curve through where bone is in the middle of the body.

    Per slice the median places of enhanced bone, from left to right and from front to back, within `REACH` of the
    median of all bone from left to right; the outer tenths of the body's length are left out. Slices without bone there
    do not count.
    """
    bone = body.values[..., 3]
    column = int(np.searchsorted(np.cumsum(bone.sum(axis=(0, 1), dtype=np.float64)), bone.sum(dtype=np.float64) / 2))
    reach = int(np.ceil(REACH / body.grid.spacing[0]))
    left = max(0, column - reach)
    part = bone[:, :, left : column + reach + 1]
    slices = len(part)
    outer = slices // 10
    mass = part.sum(axis=(1, 2), dtype=np.float64)
    rows = np.array([k for k in range(outer, slices - outer) if mass[k] > 0.1 * mass.sum() / slices])
    if len(rows) == 0:
        return apply(body.grid.world_from_index, np.array([(column, bone.shape[1] // 2, slices // 2)]))
    medians = [[_median(part[k].sum(axis=axis, dtype=np.float64)) for axis in (0, 1)] for k in rows]
    indices = np.column_stack([np.array(medians) + (left, 0), rows])
    degree = min(BEND, len(rows) - 1)
    curve = [np.polynomial.Polynomial.fit(rows, indices[:, n], degree)(rows) for n in (0, 1)]
    points = apply(body.grid.world_from_index, np.column_stack([*curve, rows]))
    return points[np.argsort(points[:, 2])]


def _median(mass: Array) -> int:
    summed = np.cumsum(mass)
    return int(np.searchsorted(summed, summed[-1] / 2))
