"""The course of the spine in a body."""

from __future__ import annotations

import numpy as np

from ..geometry.rigid import Array, apply
from .body import Body

HALF_COLUMN_WIDTH_MM = 35.0
"""Half the width of the column in which the spine is searched for."""
CURVE_DEGREE = 3
"""Degree of the polynomial that is fitted along the spine."""


def spine(body: Body) -> Array:
    """(points, 3) LPS mm along the spine, ordered upwards: a smooth curve through the bone in the middle of the body.

    The curve is fitted to the median position of enhanced bone in each slice, from left to right and from front to
    back, within `HALF_COLUMN_WIDTH_MM` of the median of all bone from left to right. The outer tenths of the body's
    length and slices without bone are ignored.
    """
    bone = body.values[..., 3]
    column = int(np.searchsorted(np.cumsum(bone.sum(axis=(0, 1), dtype=np.float64)), bone.sum(dtype=np.float64) / 2))
    reach = int(np.ceil(HALF_COLUMN_WIDTH_MM / body.grid.spacing[0]))
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
    degree = min(CURVE_DEGREE, len(rows) - 1)
    curve = [np.polynomial.Polynomial.fit(rows, indices[:, n], degree)(rows) for n in (0, 1)]
    points = apply(body.grid.world_from_index, np.column_stack([*curve, rows]))
    return points[np.argsort(points[:, 2])]


def _median(mass: Array) -> int:
    summed = np.cumsum(mass)
    return int(np.searchsorted(summed, summed[-1] / 2))
